"""Connecting to an address that is slow to let one in."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.target.address import AS_USUAL, Side, TcpAddress, parse_address


@pytest.fixture
def full(tmp_path: Path) -> Iterator[socket.socket]:
    """A Unix-domain socket whose queue has one place, which is taken."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as taker:
        listener.bind(str(tmp_path / "chat"))
        listener.listen(0)
        taker.connect(listener.getsockname())
        yield listener


def test_a_full_queue_is_waited_for(full: socket.socket) -> None:
    accepting = threading.Timer(0.05, lambda: full.accept()[0].close())
    accepting.start()
    parse_address(f"unix:{full.getsockname()}").connect(5.0).close()
    accepting.join()


def test_but_not_for_ever(full: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        parse_address(f"unix:{full.getsockname()}").connect(0.05)


def test_several_addresses_are_one_room_and_each_client_goes_to_the_next() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        room = parse_address(
            f"tcp://127.0.0.1:{one.getsockname()[1]}  tcp://127.0.0.1:{two.getsockname()[1]}"
        )
        clients = [room.connect(5.0) for _ in range(4)]
        accepted = [[server.accept() for _ in range(2)] for server in (one, two)]
        for sock, _ in accepted[0] + accepted[1]:
            sock.close()
        sources = [[source for _, source in pair] for pair in accepted]
        assert sources == [[each.getsockname() for each in clients[at::2]] for at in (0, 1)]
        assert room.is_local
        for client in clients:
            client.close()


def test_in_a_room_of_several_addresses_no_two_clients_have_one_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        ports = [server.getsockname()[1] for server in (one, two)]
        room = parse_address(" ".join(f"tcp://127.0.0.1:{port}" for port in ports))
        first = room.connect(5.0)
        source = first.getsockname()
        connect = TcpAddress.connect
        taken = [source, None]

        def connect_again(self: TcpAddress, timeout: float, _: Side = AS_USUAL) -> socket.socket:
            return connect(self, timeout, Side(source=taken.pop(0)))

        monkeypatch.setattr(TcpAddress, "connect", connect_again)
        second = room.connect(5.0)
        assert second.getpeername()[1] == ports[1]
        assert second.getsockname() != source
        first.close()
        second.close()
