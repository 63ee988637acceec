"""The way between a node and the log that the suite can cut."""

import socket
import threading
from collections.abc import Iterator

import pytest

from conformance.target.partition import Partition


@pytest.fixture
def echo() -> Iterator[tuple[str, str]]:
    """The address of a listener that echoes what comes over its first connection."""

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            while octets := sock.recv(1024):
                sock.sendall(octets)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        host, port = listener.getsockname()
        yield host, str(port)
        thread.join()


def test_what_waits_while_it_is_cut_comes_then(echo: tuple[str, str]) -> None:
    way = Partition([echo])
    with socket.create_connection(way.listeners[0], timeout=10) as client:
        client.sendall(b"one")
        assert client.recv(1024) == b"one"
        way.cut()
        client.sendall(b"two")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1024)
        way.heal()
        client.settimeout(10)
        assert client.recv(1024) == b"two"
        way.close()
        assert client.recv(1024) == b""


def test_nobody_who_listens_is_an_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        host, port = unused.getsockname()
    way = Partition([(host, str(port))])
    with socket.create_connection(way.listeners[0], timeout=10) as client:
        assert client.recv(1024) == b""
    way.close()
