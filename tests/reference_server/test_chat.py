"""Members come, talk and go, in every order of leaving."""

import contextlib
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from chatproto import Event, Events, Limits, State
from reference_server import ChatServer
from reference_server.waker import Waker
from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.peer import Peer, eventually


def test_a_line_goes_to_every_member_its_sender_included(serve: Serve, connect: Connect) -> None:
    server = serve()
    ann, bob = connect(server), connect(server)
    ann.send(b"hello\r\n")
    bob.read_until(b"hello\n")
    ann.read_until(b"hello\n")
    header = re.search(rb"(\d{8} \d\d:\d\d:\d\d) (\S+)\nhello\n", bob.received)
    assert header is not None
    assert header[2].decode() == ann.sender
    sent = datetime.strptime(header[1].decode(), "%Y%m%d %H:%M:%S").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - sent) < timedelta(seconds=10)


def test_headers_tell_the_time_in_the_zone_asked_for(serve: Serve, connect: Connect) -> None:
    server = serve(time_zone=timezone(timedelta(hours=5, minutes=30)))
    ann = connect(server)
    told = datetime.strptime(ann.received[:17].decode(), "%Y%m%d %H:%M:%S").replace(tzinfo=UTC)
    ahead = told - datetime.now(UTC)
    assert abs(ahead - timedelta(hours=5, minutes=30)) < timedelta(seconds=10)


def test_lines_in_another_charset_go_out_as_utf_8(serve: Serve, connect: Connect) -> None:
    ann = connect(serve(charset="gbk"))
    ann.send("你好\n".encode("gbk"))
    ann.read_until("你好\n".encode())


def test_no_event_is_made_that_nobody_looks_at(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Event] = []
    make = Events._made

    def count(events: Events) -> list[Event]:
        made.extend(make(events))
        return made

    monkeypatch.setattr(Events, "_made", count)
    server = serve()
    ann, bob, cid = connect(server), connect(server), connect(server)
    for _ in range(100):
        ann.send(b"a\n\nb\n" * 10)
        ann.fence()
    bob.send(b"bye\nquit\n")
    bob.read_to_end()
    cid.send(b"bye\n\xff\n")
    cid.read_to_end()
    ann.end()
    ann.read_to_end()
    assert server.totals().broadcasts == 3 + 100 * 21 + 2
    assert made == []


def test_a_message_to_a_quiet_room_wakes_no_other_thread(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(heartbeat=None)
    ann, bob = connect(server), connect(server)
    woken: list[Waker] = []
    wake = Waker.wake

    def count(waker: Waker) -> None:
        woken.append(waker)
        wake(waker)

    with monkeypatch.context() as patch:
        patch.setattr(Waker, "wake", count)
        for number in range(100):
            ann.send(b"%d\n" % number)
            bob.read_until(b"\n%d\n" % number)
    assert woken == []


def test_the_order_is_one_for_all(serve: Serve, connect: Connect) -> None:
    server = serve()
    peers = [connect(server) for _ in range(8)]
    peers[0].send(b"start\n")
    for peer in peers:
        peer.forget_until(b"start\n")
    for number in range(50):
        for peer in peers:
            peer.send(b"%d of %s\n" % (number, peer.sender.encode()))
    for peer in peers:
        peer.fence()
    for peer in peers:
        while peer.received.count(b"nonce") < 8:
            peer.read()
    assert len({peer.received for peer in peers}) == 1
    assert len(peers[0].texts()) == 400


@pytest.mark.parametrize("address", ["tcp://[::1]:0", "tcp://[::]:0", "tcp://localhost:0"])
def test_members_over_ipv6(serve: Serve, connect: Connect, address: str) -> None:
    server = serve(address)
    ann = connect(server)
    assert ann.sender.encode() in ann.received


def test_an_ipv4_peer_of_the_ipv6_wildcard_is_shown_as_ipv4(serve: Serve) -> None:
    server = serve("tcp://[::]:0")
    port = server.addresses[0].rpartition(":")[2]
    ann = Peer(f"tcp://127.0.0.1:{port}")
    try:
        ann.fence()
        assert b" 127.0.0.1:" in ann.received
    finally:
        ann.close()


def test_members_on_a_unix_socket_are_numbered(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    path = tmp_path / "chat"
    server = serve(f"unix:{path}", "tcp://127.0.0.1:0")
    assert server.addresses[0] == f"unix:{path}"
    ann, bob, tcp = connect(server), connect(server), connect(server, at=1)
    tcp.send(b"hello\n")
    for peer, sender in (ann, b" unix:1\n"), (bob, b" unix:2\n"):
        peer.read_until(b"hello\n")
        assert sender in peer.received
    bob.send(b"a\nquit\n")
    assert bob.read_to_end().endswith(b"a\n")
    ann.read_until(b"\na\n")
    tcp.close()
    ann.close()
    bob.close()
    server.stop()
    assert not path.exists()


def test_quit_leaves_after_all_before_it(serve: Serve, connect: Connect) -> None:
    server = serve()
    ann, bob = connect(server), connect(server)
    ann.send(b"one\ntwo\nquit\nthree\n")
    assert ann.read_to_end().endswith(b"two\n")
    bob.fence()
    assert bob.texts() == [b"one", b"two"]


def test_a_half_close_leaves_after_all_before_it(serve: Serve, connect: Connect) -> None:
    server = serve()
    ann, bob = connect(server), connect(server)
    ann.send(b"one\ntwo\nincomplete")
    ann.end()
    assert ann.read_to_end().endswith(b"two\n")
    bob.fence()
    assert bob.texts() == [b"one", b"two"]


def test_lines_before_a_close_are_broadcast_though_their_sender_reads_nothing(
    serve: Serve, connect: Connect
) -> None:
    server = serve()
    bob = connect(server)
    for _ in range(20):
        ann = connect(server, member=False)
        ann.send(b"last words\n")
        ann.close()
    while len(bob.texts()) < 20:
        bob.read()
    assert bob.texts() == [b"last words"] * 20


def test_a_violation_is_told_and_leaves(serve: Serve, connect: Connect) -> None:
    server = serve(limits=Limits(line=1024))
    ann, bob = connect(server), connect(server)
    ann.send(b"one\n\xff\ntwo\n")
    ann.read_to_end()
    assert re.search(rb"\none\n!invalid-text [^\n]+\n\Z", ann.received)
    bob.send(b"x" * 1025)
    assert re.search(rb"\n!line-too-long [^\n]+\n\Z", bob.read_to_end())
    assert bob.texts()[:1] == [b"one"]


def test_blank_lines_cost_nothing(serve: Serve, connect: Connect) -> None:
    ann = connect(serve())
    ann.received = b""
    ann.send(b"\n\r\n  \n")
    ann.fence()
    assert ann.received.count(b"\n") == 2


def test_one_too_many_is_told_the_room_is_full(serve: Serve, connect: Connect) -> None:
    server = serve(limits=Limits(members=1))
    ann = connect(server)
    bob = connect(server, member=False)
    assert bob.read_to_end().startswith(b"!room-full")
    bob.close()
    ann.fence()
    assert server.totals().members == 2


def test_a_leaver_that_goes_on_sending_is_discarded_until_its_end(
    serve: Serve, connect: Connect
) -> None:
    server = serve()
    ann, bob = connect(server), connect(server)
    ann.send(b"quit\n")
    ann.read_to_end()
    with contextlib.suppress(OSError):  # if this took longer than the second that it has
        for _ in range(20):
            ann.send(b"x" * 60_000 + b"\n")
        ann.end()
    eventually(lambda: len(server.members()) == 1)
    bob.fence()
    assert bob.texts() == []


def test_a_leaver_that_never_ends_is_closed_after_a_second(serve: Serve, connect: Connect) -> None:
    server = serve()
    ann = connect(server)
    ann.send(b"quit\n")
    ann.read_to_end()
    left = time.monotonic()
    eventually(lambda: not server.members())
    assert 0.9 < time.monotonic() - left < 5


def test_a_leaver_that_floods_is_cut_after_a_second(serve: Serve, connect: Connect) -> None:
    server = serve()
    ann = connect(server)
    ann.send(b"quit\n")
    ann.read_to_end()
    left = time.monotonic()
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            ann.send(b"x" * 60_000)
    assert time.monotonic() - left > 0.9


def test_heartbeats_go_to_the_silent(serve: Serve, connect: Connect) -> None:
    ann = connect(serve(heartbeat=0.05), member=False)
    while len(ann.received) < 3:
        ann.read()
    assert set(ann.received) == {0x0A}


def test_without_heartbeats_nothing_is_sent_unasked(serve: Serve, connect: Connect) -> None:
    server = serve(heartbeat=None)
    ann, bob = connect(server), connect(server)
    ann.send(b"hello\n")
    bob.read_until(b"hello\n")
    ann.read_until(b"hello\n")
    assert server.totals().octets == len(ann.received)


def test_members_are_listed(serve: Serve, connect: Connect) -> None:
    server = serve()
    ann = connect(server)
    eventually(lambda: server.members() == [(ann.sender, State.OPEN, 0)])
    ann.send(b"a\nb\n")
    ann.fence()
    totals = server.totals()
    assert (totals.members, totals.broadcasts) == (1, 4)
    assert totals.octets == len(ann.received)


def test_a_server_is_started_once(serve: Serve) -> None:
    server = serve()
    with pytest.raises(RuntimeError, match="once"):
        server.start()
    server.stop()
    server.stop()


def test_a_server_that_was_never_started_stops(serve: Serve) -> None:  # noqa: ARG001
    ChatServer().stop()


def test_a_server_is_a_context_manager() -> None:
    with ChatServer(["tcp://127.0.0.1:0"]) as server:
        assert re.fullmatch(r"tcp://127\.0\.0\.1:[1-9][0-9]*", server.addresses[0])
