"""Leavers that read slowly, talk on or take nothing; writers that never read (QUIT-3, QUIT-5)."""

import contextlib
import socket
import threading
import time

import pytest

from chatproto import State
from reference_server import ChatServer, distributor
from reference_server.distributor import count_unacknowledged, keep_alive, seconds_unanswered
from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.peer import Peer, eventually
from tests.reference_server.test_slow import BLOCK, backlog, talk


def state(server: ChatServer, peer: Peer) -> State | None:
    return next((state for who, state, _ in server.members() if who == peer.sender), None)


@pytest.mark.parametrize("owed", [100_000, pytest.param(4_000_000, marks=pytest.mark.heavy)])
def test_a_leaver_that_reads_slowly_and_talks_on_receives_all_it_is_owed(
    serve: Serve, connect: Connect, owed: int
) -> None:
    """It lingers for longer than a second: its second begins when its system has it all. At 100,000
    octets a second, the most that is owed takes it 40 s of the 60 s that it may take."""
    server = serve()
    slow, talker = connect(server, receive_buffer=16_384), connect(server)
    slow.received = b""
    while backlog(server, slow) < owed:  # its sockets are full
        talk(talker, 1)
    slow.send(b"last words\nquit\n")
    began, done = time.monotonic(), threading.Event()

    def talk_on() -> None:
        while not done.is_set():
            slow.send(b"and another thing\n")
            done.wait(0.01)

    talking = threading.Thread(target=talk_on)
    talking.start()
    try:
        # When the server has given everything to its system, the system still holds 250 KB.
        while octets := slow.socket.recv(8_192):
            slow.received += octets
            time.sleep(len(octets) / 1e5)
    finally:
        done.set()
        talking.join()
    assert time.monotonic() - began > 2
    assert slow.received.endswith(b"\nlast words\n")
    assert slow.received.count(b"\nlast words\n") == 1


def test_the_linger_waits_for_the_last_octets_to_be_acknowledged(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = {"octets": 1}
    monkeypatch.setattr(distributor, "count_unacknowledged", lambda _: waits["octets"])
    server = serve()
    ann = connect(server)
    ann.send(b"quit\n")
    ann.read_to_end()
    time.sleep(1.5)
    assert state(server, ann) is State.LINGERING
    waits["octets"] = 0
    acknowledged = time.monotonic()
    eventually(lambda: not server.members())
    assert time.monotonic() - acknowledged > 0.9


def test_where_the_system_cannot_tell_the_linger_is_longer(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributor, "count_unacknowledged", lambda _: None)
    server = serve()
    ann = connect(server)
    ann.send(b"quit\n")
    ann.read_to_end()
    time.sleep(1.5)
    assert state(server, ann) is State.LINGERING
    ann.send(b"and another thing\n")  # no reset
    ann.end()
    eventually(lambda: not server.members())


def test_a_leaver_that_takes_nothing_is_given_up(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatproto.member.PATIENCE", 1.0)
    server = serve()
    stalled, talker = connect(server, receive_buffer=4096), connect(server)
    while backlog(server, stalled) < 1 << 20:
        talk(talker, 8)
    left = time.monotonic()
    stalled.send(b"quit\n")
    eventually(lambda: state(server, stalled) is State.FLUSHING)
    eventually(lambda: state(server, stalled) is None)
    assert time.monotonic() - left > 0.9
    with pytest.raises(ConnectionResetError):
        stalled.read_to_end()
    talker.fence()


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "unix:{}/chat"])
def test_all_lines_count_that_came_before_an_end_though_none_was_read(
    serve: Serve, connect: Connect, tmp_path: object, listen: str
) -> None:
    """It writes thousands of lines and closes without reading: writes to it fail early."""
    server = serve(listen.format(tmp_path))
    listener, writer = connect(server), connect(server)
    listening = threading.Thread(target=listener.read_until, args=(b"line 4999\n",))
    listening.start()
    writer.send(b"".join(b"line %d\n" % number for number in range(5_000)))
    writer.close()
    listening.join()
    heard = [text for text in listener.texts() if text.startswith(b"line")]
    assert heard == [b"line %d" % number for number in range(5_000)]
    eventually(lambda: len(server.members()) == 1)


def test_what_is_not_acknowledged_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with peer, server:
            assert count_unacknowledged(server) == 0
            server.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    server.send(BLOCK)
            assert (count_unacknowledged(server) or 0) > len(BLOCK)


def test_what_cannot_be_told_is_none() -> None:
    with socket.socket() as never_connected:
        never_connected.bind(("127.0.0.1", 0))
        never_connected.listen()
        assert count_unacknowledged(never_connected) is None


def test_hb_2_a_member_whose_system_answers_nothing_is_lost(
    serve: Serve,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    vanished: set[str] = set()

    def unanswered(sock: socket.socket) -> float:
        host, port = sock.getpeername()
        return 250.0 if f"{host}:{port}" in vanished else 0.0

    monkeypatch.setattr(distributor, "seconds_unanswered", unanswered)
    monkeypatch.setattr("reference_server.locked_room.CHECK", 0.05)
    server = serve(heartbeat=None)
    ann, bob = connect(server), connect(server)
    time.sleep(0.2)
    assert len(server.members()) == 2
    vanished.add(bob.sender)
    with pytest.raises(ConnectionResetError):
        bob.read_to_end()
    eventually(lambda: len(server.members()) == 1)
    assert f"{bob.sender} left: lost: its system has answered nothing" in caplog.text
    assert "evicted" not in caplog.text
    ann.fence()


def test_hb_2_a_peer_that_reads_nothing_answers_all_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with peer, server:
            assert seconds_unanswered(server) == 0
            server.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    server.send(BLOCK)
            time.sleep(1)
            assert 0 < seconds_unanswered(server) < 1
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.send(b"never read")
        assert seconds_unanswered(ours) == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="the system keeps its own times")
def test_hb_2_the_kernel_finds_a_silent_peer_within_five_minutes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with peer, server:
            keep_alive(server)
            assert server.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle, interval, probes = (
                server.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert idle + interval * probes < 300
    ours, theirs = socket.socketpair()
    with ours, theirs:
        keep_alive(ours)
