"""What goes wrong around the server: it goes on, tells the operator, and leaks nothing."""

import contextlib
import errno
import os
import resource
import socket
import threading
import time

import pytest

from reference_server import AddressError, ChatServer
from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.peer import Peer, eventually


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ECONNABORTED])
def test_an_accept_that_fails_is_told_once_a_second_and_tried_again(
    serve: Serve,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    server = serve()
    accept, refusals = socket.socket.accept, iter(range(3))

    def fail(listener: socket.socket) -> tuple[socket.socket, object]:
        if next(refusals, None) is not None:
            raise OSError(number, os.strerror(number))
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", fail)
    began = time.monotonic()
    connect(server)
    assert time.monotonic() - began > 0.25  # it waited in between
    assert 1 <= caplog.text.count(f"cannot accept on {server.addresses[0]}") <= 2


def test_descriptors_running_out_for_real(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    ann = connect(server)
    host, port = server.addresses[0].removeprefix("tcp://").split(":")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fillers: list[int] = []
    with socket.socket() as late:
        resource.setrlimit(resource.RLIMIT_NOFILE, (late.fileno() + 50, hard))
        try:
            for _ in range(5):  # an accept that is about to find nothing holds one for a moment
                with contextlib.suppress(OSError):
                    while True:
                        fillers.append(os.dup(0))
                ann.fence()
            late.connect((host, int(port)))
            late.sendall(b"late\n")
            eventually(lambda: "Too many open files" in caplog.text)
            ann.fence()
            assert b"late" not in ann.received
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for filler in fillers:
                os.close(filler)
        ann.read_until(b"late\n")


def test_a_connection_lost_before_it_is_a_member_is_no_matter(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    with monkeypatch.context() as patch:

        def fail(_: socket.socket, *__: object) -> None:
            raise OSError(errno.EINVAL, "gone")

        patch.setattr(socket.socket, "setsockopt", fail)
        bob = connect(server, member=False)
        assert bob.read_to_end() == b""
    connect(server)


def test_a_failed_start_leaves_nothing(serve: Serve) -> None:
    server = serve()
    before = len(os.listdir("/proc/self/fd"))
    other = ChatServer([server.addresses[0]])
    with pytest.raises(AddressError):
        other.start()
    other.stop()
    assert len(os.listdir("/proc/self/fd")) == before


def test_five_hundred_come_and_go_in_every_way_and_leave_nothing(
    serve: Serve, connect: Connect
) -> None:
    server = serve()
    watcher = connect(server)
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for number in range(500):
        peer = Peer(server.addresses[0])
        peer.send(b"%d\n" % number)
        match number % 5:
            case 0:
                peer.close()
            case 1:
                peer.reset()
            case 2:
                peer.send(b"quit\n")
                peer.read_to_end()
                peer.close()
            case 3:
                peer.send(b"\xff\n")
                peer.read_to_end()
                peer.reset()
            case 4:
                peer.end()
                peer.read_to_end()
                peer.close()
    eventually(lambda: len(server.members()) == 1)
    eventually(lambda: threading.active_count() == threads)
    eventually(lambda: len(os.listdir("/proc/self/fd")) == descriptors)
    watcher.fence()
    heard = [int(text) for text in watcher.texts()]
    assert {n for n in range(500) if n % 5 in (2, 3, 4)} <= set(heard)
    assert len(set(heard)) == len(heard)


def test_three_hundred_members_at_once(serve: Serve, connect: Connect) -> None:
    server = serve()
    peers = [connect(server, member=False) for _ in range(300)]
    for peer in peers:
        peer.fence()
    peers[0].send(b"hello\n")
    for peer in peers:
        peer.read_until(b"hello\n")
