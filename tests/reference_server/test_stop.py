"""Stopping: all that is owed is delivered, orderly, and it never takes longer than 3 s."""

import contextlib
import errno
import socket
import threading
import time

import pytest

from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.test_slow import backlog, talk


def test_members_get_what_they_are_owed_a_notice_and_the_end(
    serve: Serve, connect: Connect
) -> None:
    server = serve()
    ann, bob = connect(server), connect(server)
    ann.send(b"last words\n")
    bob.read_until(b"last words\n")
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 2  # neither ends its stream: 1 s of lingering
    for peer in ann, bob:
        assert peer.read_to_end().endswith(b"last words\n!shutting-down\n")


def test_members_that_end_at_once_make_it_quick(serve: Serve, connect: Connect) -> None:
    server = serve()
    ann = connect(server)
    ann.end()
    ann.read_to_end()
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 1


def test_a_member_that_never_reads_is_given_up(serve: Serve, connect: Connect) -> None:
    server = serve()
    stalled, talker = connect(server, receive_buffer=4096), connect(server)
    while backlog(server, stalled) < 1 << 20:
        talk(talker, 8)
    began = time.monotonic()
    server.stop()
    assert 2.4 < time.monotonic() - began < 3
    assert talker.read_to_end().endswith(b"!shutting-down\n")
    with pytest.raises(ConnectionResetError):
        stalled.read_to_end()


def test_a_laggard_that_reads_gets_all_it_is_owed_after_the_stop(
    serve: Serve, connect: Connect
) -> None:
    """The kernel gets little of it: it passes it on as the laggard reads (STOP-1)."""
    server = serve()
    laggard, talker = connect(server, receive_buffer=4096), connect(server)
    laggard.forget_until(b"nonce")
    while backlog(server, laggard) < 1 << 20:
        talk(talker, 8)
    owed = server.totals().octets
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    received = laggard.read_to_end()
    laggard.close()
    stopping.join()
    assert received.endswith(b"\n!shutting-down\n")
    assert len(received) > owed - 1_000
    assert received.count(b"\n%063d\n" % 255) == received.count(b"\n%063d\n" % 0)


def test_lines_after_the_stop_are_not_accepted(serve: Serve, connect: Connect) -> None:
    server = serve()
    ann = connect(server)
    server.stop()
    said = server.totals().broadcasts
    with contextlib.suppress(OSError):
        ann.send(b"too late\n")
    assert b"too late" not in ann.read_to_end()
    assert server.totals().broadcasts == said


def test_who_waits_to_be_accepted_is_told_too(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setattr("reference_server.server.ACCEPT_PAUSE", 1000)
    accept, asked = socket.socket.accept, threading.Event()

    def refuse(_: socket.socket) -> None:
        asked.set()
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr(socket.socket, "accept", refuse)
    ann = connect(server, member=False)
    asked.wait()
    monkeypatch.setattr(socket.socket, "accept", accept)
    server.stop()
    assert ann.read_to_end() == b"!shutting-down\n"
