"""Bulk traffic is in lines that the server's dialect can express, and it ends."""

import select
import socket
import threading
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import replace

import pytest

from conformance.dialect import Dialect
from conformance.driver.bulk_traffic import Talker, _longest_line
from conformance.driver.fences import Losses
from conformance.driver.interruption import Stuck, TooSlow
from conformance.driver.stage import Stage
from conformance.target.address import parse_address
from conformance.timing.limit import TimeLimit
from conformance.transcript.events import Waited
from tests.conformance.scene import START


@pytest.mark.parametrize("read_size", [64, 100, 256])
def test_where_reads_are_small_lines_are_as_long_as_one_read(read_size: int) -> None:
    dialect = Dialect(framing="read", read_size=read_size)
    stage = Stage(parse_address("tcp://127.0.0.1:9"), replace(START, dialect=dialect))
    assert read_size // 2 < _longest_line(stage) < read_size
    stage.close()


@pytest.mark.parametrize(("said", "hopeless"), [(24, False), (17, False), (15, True)])
def test_what_is_hopeless_is_given_up_the_sooner_the_slower_it_is(
    said: int, hopeless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 64 octets, 32 should have been said in half of the time; 17 may catch up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        stage = Stage(address, START, limit=TimeLimit(60))
        monkeypatch.setattr("conformance.driver.bulk_traffic._longest_line", lambda _: 250)
        monkeypatch.setattr(stage, "fence", lambda *_: None)
        talker = Talker(stage, stage.connect(), stage.connect())
        talker.say(0)
        began = stage.now()
        monkeypatch.setattr(stage, "now", lambda: began + talker.seconds / 2)
        with pytest.raises(TooSlow) if hopeless else nullcontext():
            talker.check_pace(said, 64)
        stage.close()


def test_a_server_that_loses_a_word_of_each_burst_is_not_talked_to_for_ever() -> None:
    """After the traffic a scenario goes on after as many lost words as before it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        stage = Stage(address, replace(START, factor=0.1))
        server = threading.Thread(target=lose_what_follows_a_burst, args=(listener,), daemon=True)
        server.start()
        talker = Talker(stage, stage.connect(), stage.connect())
        with pytest.raises(Stuck):
            talker.say(64_000_000)
        waits = [event for event in stage.transcript if isinstance(event, Waited)]
        assert 0 < len(waits) < 10
        assert stage.losses == Losses()
        stage.close()
        server.join()


def lose_what_follows_a_burst(listener: socket.socket) -> None:
    """Relay lines, until a client is reset or all have gone, but none that follows a long line and
    a short one of the same client."""
    listener.settimeout(10)
    unread: dict[socket.socket, bytes] = {}
    before: dict[socket.socket, list[bool]] = {}
    with ExitStack() as peers, suppress(OSError):
        while unread or not before:
            for ready in select.select([listener, *unread], [], [], 10)[0]:
                if ready is listener:
                    peer = peers.enter_context(listener.accept()[0])
                    unread[peer], before[peer] = b"", []
                    continue
                octets = ready.recv(65_536)
                if not octets:
                    del unread[ready]
                    continue
                *lines, unread[ready] = (unread[ready] + octets).split(b"\n")
                for line in lines:
                    is_lost = before[ready] == [True, False] and len(line) < 100
                    before[ready] = [*before[ready], len(line) >= 100][-2:]
                    for one in () if is_lost else tuple(unread):
                        one.sendall(line + b"\n")
