"""Members that stall, flood or lag: who waits, who is evicted, and who never notices."""

import contextlib
import socket
import threading

import pytest

from chatproto import Limits
from reference_server import ChatServer
from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.peer import DEADLINE, Peer, eventually

BLOCK = b"".join(b"%063d\n" % number for number in range(256))
"""16 KiB of lines."""


def talk(talker: Peer, blocks: int) -> None:
    """Broadcast this many blocks, reading the echo of each."""
    for _ in range(blocks):
        talker.received = b""
        talker.send(BLOCK)
        talker.fence()


def backlog(server: ChatServer, peer: Peer) -> int:
    """Return the octets that wait for it; -1 if it is gone."""
    return next((octets for who, _, octets in server.members() if who == peer.sender), -1)


def test_a_stalled_reader_is_evicted_and_delays_nobody(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(limits=Limits(backlog=1 << 20))
    talker, listener = connect(server), connect(server)
    stalled = connect(server, receive_buffer=4096)
    talker.send(b"start\n")
    for peer in stalled, listener:
        peer.forget_until(b"start\n")
    reading = threading.Thread(target=listener.read_until, args=(b"the end\n",))
    reading.start()
    while len(server.members()) == 3:
        talk(talker, 8)
    talker.send(b"the end\n")
    reading.join()
    with contextlib.suppress(ConnectionResetError):
        stalled.read_to_end()
    assert listener.received.startswith(stalled.received)
    assert len(listener.received) - len(stalled.received) > 1 << 20
    assert f"{stalled.sender} evicted" in caplog.text


def test_a_slow_reader_below_the_limit_gets_all(serve: Serve, connect: Connect) -> None:
    server = serve()
    talker, slow = connect(server), connect(server, receive_buffer=65536)
    slow.received = b""
    while backlog(server, slow) < 1 << 20:
        talk(talker, 8)
    talker.send(b"the end\n")
    slow.read_until(b"the end\n")
    texts = slow.texts()
    assert texts[:-1] == BLOCK.split(b"\n")[:-1] * (len(texts) // 256)
    slow.fence()


def test_a_stalled_member_that_says_little_is_heard(serve: Serve, connect: Connect) -> None:
    server = serve()
    talker, stalled = connect(server), connect(server, receive_buffer=4096)
    while backlog(server, stalled) < 1 << 20:
        talk(talker, 8)
    stalled.send(b"still here\n")
    talker.read_until(b"still here\n")


def flood(server: ChatServer, peer: Peer, enough: int = 1 << 19) -> None:
    """Send without reading until the server reads no more and nothing more can be sent."""
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    peer.socket.setblocking(False)
    while True:
        try:
            peer.socket.send(BLOCK)
        except BlockingIOError:
            if backlog(server, peer) > enough:
                break
    peer.socket.settimeout(DEADLINE)


def test_a_member_that_floods_is_read_no_further_until_it_reads(
    serve: Serve, connect: Connect
) -> None:
    server = serve()
    flooder, other = connect(server, receive_buffer=65536), connect(server)
    listening = threading.Thread(target=other.read_until, args=(b"the end\n",))
    listening.start()
    flood(server, flooder)
    for _ in range(20):
        connect(server).fence()
        flood(server, flooder)
    assert backlog(server, flooder) < 1 << 20
    sending = threading.Thread(target=flooder.send, args=(b"\nthe end\n",))
    sending.start()
    flooder.read_until(b"the end\n")
    sending.join()
    listening.join()


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_paused_flooder_that_goes_is_cleaned_up(serve: Serve, connect: Connect, how: str) -> None:
    server = serve()
    flooder = connect(server, receive_buffer=4096)
    flood(server, flooder)
    if how == "reset":
        flooder.reset()
    else:
        flooder.close()
    eventually(lambda: not server.members())
    connect(server).fence()


def test_a_paused_flooder_is_evicted_by_what_others_say(serve: Serve, connect: Connect) -> None:
    server = serve(limits=Limits(backlog=1 << 20))
    flooder = connect(server, receive_buffer=4096)
    flood(server, flooder, enough=1 << 18)
    talker = connect(server)
    while backlog(server, flooder) >= 0:
        talk(talker, 1)
    assert len(server.members()) == 1


def test_a_paused_flooder_does_not_hold_up_the_stop(serve: Serve, connect: Connect) -> None:
    server = serve()
    flooder = connect(server, receive_buffer=4096)
    flood(server, flooder)
    flooder.reset()
    server.stop()
    assert server.members() == []


def test_the_log_never_runs_far_ahead_of_willing_members(serve: Serve, connect: Connect) -> None:
    """One-letter lines grow twenty-fold; a member that reads steadily must not be evicted for
    it."""
    server = serve(limits=Limits(backlog=1 << 20))
    peers = [connect(server) for _ in range(6)]
    for peer in peers:
        peer.received = b""
    octets = b"a\n" * 5_000

    def read_all(peer: Peer) -> None:
        lines = 0
        while lines < 2 * 5_000 * len(peers):
            received = peer.socket.recv(1 << 18)
            assert received
            lines += received.count(b"\n")

    threads = [threading.Thread(target=read_all, args=(peer,)) for peer in peers]
    threads += [threading.Thread(target=peer.send, args=(octets,)) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.members()) == 6


def test_a_unix_member_that_shuts_its_reading_side_is_still_heard(
    serve: Serve, connect: Connect, tmp_path: object
) -> None:
    server = serve(f"unix:{tmp_path}/chat")
    deaf, other = connect(server), connect(server)
    deaf.socket.shutdown(socket.SHUT_RD)
    deaf.send(b"last words\n")
    other.read_until(b"last words\n")
    eventually(lambda: len(server.members()) == 1)
