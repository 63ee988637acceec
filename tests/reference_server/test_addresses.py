"""Addresses: what they look like, and what an operator is told of one that cannot be had."""

import errno
import socket
from pathlib import Path

import pytest

from chatproto.address import Tcp, Unix, parse
from reference_server import AddressError, ChatServer, addresses
from reference_server.addresses import open_listeners
from tests.reference_server.conftest import Connect, Serve


@pytest.mark.parametrize(
    ("address", "meaning"),
    [
        ("tcp://127.0.0.1:9999", Tcp("127.0.0.1", 9999)),
        ("tcp://localhost:0", Tcp("localhost", 0)),
        ("tcp://[::1]:65535", Tcp("::1", 65535)),
        ("unix:/tmp/a:b", Unix("/tmp/a:b")),  # noqa: S108
        ("unix:chat", Unix("chat")),
    ],
)
def test_addresses_are_read(address: str, meaning: Tcp | Unix) -> None:
    assert parse(address) == meaning


@pytest.mark.parametrize(
    "address",
    ["", "unix:", "9999", "127.0.0.1:9999", "tcp://:9999", "tcp://::1:9999", "tcp://a:65536"],
)
def test_other_text_is_refused_with_what_to_write(address: str) -> None:
    with pytest.raises(ValueError, match="write tcp://"):
        parse(address)
    with pytest.raises(ValueError, match="write tcp://"):
        ChatServer([address])


def test_an_address_in_use_is_named_and_nothing_stays_open(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    server = serve()
    path = tmp_path / "chat"
    with pytest.raises(AddressError, match=f"{server.addresses[0]}: .* in use; stop the server"):
        serve(f"unix:{path}", server.addresses[0])
    assert not path.exists()
    connect(server).fence()


def test_an_address_can_be_bound_again_at_once(serve: Serve, connect: Connect) -> None:
    server = serve()
    peer = connect(server)
    peer.end()
    peer.read_to_end()
    server.stop()
    connect(serve(server.addresses[0]))


def test_a_host_that_is_not_known_is_named() -> None:
    with pytest.raises(AddressError, match=r"tcp://nowhere\.invalid:1: .*; use an address of"):
        open_listeners(["tcp://nowhere.invalid:1"])


def test_an_address_of_another_host_is_named() -> None:
    with pytest.raises(AddressError, match=r"tcp://192\.0\.2\.1:1: .*; listen on another"):
        open_listeners(["tcp://192.0.2.1:1"])


def test_a_family_the_host_lacks_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0))
            for host in ("192.0.2.1", "127.0.0.1", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    (listener,) = open_listeners(["tcp://both:0"])
    listener.close()
    assert listener.address.startswith("tcp://127.0.0.1:")


def test_one_busy_address_of_a_host_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:

        def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", where)
                for where in (("127.0.0.1", 0), busy.getsockname())
            ]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(AddressError, match="tcp://both:0"):
            open_listeners(["tcp://both:0"])


def test_a_stale_socket_file_is_replaced(tmp_path: Path, serve: Serve, connect: Connect) -> None:
    path = tmp_path / "chat"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    connect(serve(f"unix:{path}"))


def test_a_live_socket_file_is_not(tmp_path: Path, serve: Serve, connect: Connect) -> None:
    server = serve(f"unix:{tmp_path}/chat")
    ann = connect(server)
    with pytest.raises(AddressError, match=rf"unix:{tmp_path}/chat: .*; stop the server"):
        serve(server.addresses[0])
    ann.fence()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "chat"
    path.write_text("mine")
    with pytest.raises(AddressError, match="remove the file"):
        open_listeners([f"unix:{path}"])
    assert path.read_text() == "mine"


def test_a_socket_file_that_another_server_made_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "chat"
    (first,) = open_listeners([f"unix:{path}"])
    path.unlink()
    (second,) = open_listeners([f"unix:{path}"])
    first.close()
    assert path.exists()
    path.unlink()
    second.close()


def test_a_path_too_long_is_named() -> None:
    with pytest.raises(AddressError, match="too long"):
        open_listeners([f"unix:/tmp/{'x' * 200}"])


def test_errors_have_the_number_looked_for() -> None:
    error = OSError(errno.EADDRINUSE, "in use")
    assert "stop the server" in str(addresses._refused("tcp://a:1", error))
