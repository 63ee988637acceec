"""What the suite asks of the system: a peer that vanishes, and what becomes of its connection."""

import errno
import socket
import sys
import time
from contextlib import suppress

import pytest

from conformance.target.system import be_deaf, in_transit, is_connected, unread

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")


@linux
@pytest.mark.parametrize("watched", [True, False])
def test_a_peer_that_vanishes_is_found_by_keepalive_alone(watched: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with client, server:
            if watched:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
                    server.setsockopt(socket.IPPROTO_TCP, option, 1)
            be_deaf(client)
            end = time.monotonic() + (30.0 if watched else 3.0)
            while is_connected(client.getsockname()) and time.monotonic() < end:
                time.sleep(0.05)
            assert is_connected(client.getsockname()) is not watched
            assert server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == (
                errno.ETIMEDOUT if watched else 0
            )


@linux
def test_a_unix_domain_socket_cannot_vanish() -> None:
    one, other = socket.socketpair()
    with one, other, pytest.raises(OSError, match="Linux"):
        be_deaf(one)


@linux
@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_what_a_peer_has_not_read_is_known(family: socket.AddressFamily, host: str) -> None:
    with socket.create_server((host, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        client.sendall(b"three")
        server, _ = listener.accept()
        with client, server:
            assert server.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL) == b"three"
            assert unread(client) == 5
            assert server.recv(5) == b"three"
            assert unread(client) == 0


@linux
def test_what_a_peers_system_holds_is_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with client, server:
            assert in_transit(client) == 0
            server.setblocking(False)
            sent = 0
            with suppress(BlockingIOError):
                while True:
                    sent += server.send(bytes(65_536))
            held = in_transit(client)
            assert held
            assert 0 < held < sent
            while sent:
                sent -= len(client.recv(sent))
            end = time.monotonic() + 30.0
            while in_transit(client) and time.monotonic() < end:
                time.sleep(0.01)
            assert in_transit(client) == 0
    assert in_transit(client) is None


@linux
def test_what_a_peer_has_not_read_is_known_on_a_unix_domain_socket() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"three")
        assert unread(one)
        assert other.recv(5) == b"three"
        assert unread(one) == 0
        assert in_transit(one) is None
