"""A stage tells of time in which nobody looked at its clients."""

import select
import selectors
import socket
import threading
import time
from collections import deque
from contextlib import nullcontext, suppress
from dataclasses import replace
from itertools import pairwise

import pytest

from conformance.dialect.model import Capability, Dialect
from conformance.driver.interruption import OutOfTime, Stuck
from conformance.driver.stage import Stage
from conformance.target.address import TcpAddress, parse_address
from conformance.timing.limit import TimeLimit
from conformance.timing.policy import APART, IN_TRANSIT, PATIENCE
from conformance.transcript.events import (
    Away,
    Connected,
    Refused,
    Sent,
    Settled,
    Waited,
)
from tests.conformance.scene import START


class Clock:
    """A clock that advances only when told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: float | None = None

    def monotonic(self) -> float:
        return self.now

    def select(self, seconds: float) -> list[object]:
        self.now += seconds if self.sleeps is None else self.sleeps
        return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    monkeypatch.setattr(
        selectors.DefaultSelector, "select", lambda _, seconds: clock.select(seconds)
    )
    return clock


def open_stage() -> Stage:
    return Stage(parse_address(START.target), START)


def aways(stage: Stage) -> list[Away]:
    return [event for event in stage.transcript if isinstance(event, Away)]


@pytest.mark.usefixtures("clock")
def test_waiting_is_looking() -> None:
    stage = open_stage()
    stage.pass_time(60)
    assert aways(stage) == []


def test_whoever_does_something_else_does_not_look(clock: Clock) -> None:
    stage = open_stage()
    stage.turn(0)
    clock.now += 1.5
    stage.turn(0)
    assert aways(stage) == [Away(1.5, 1.5)]


def test_clients_of_a_crowded_server_connect_ever_farther_apart(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, takes = [socket.socketpair() for _ in range(5)], iter([0.0, 1.0, 0.0, 1.0, 0.0])
    left = iter(pairs)

    def connect(*_: object) -> socket.socket:
        clock.now += next(takes)
        return next(left)[0]

    monkeypatch.setattr(TcpAddress, "connect", connect)
    stage = open_stage()
    for _ in pairs:
        stage.connect()
    times = [event.t for event in stage.transcript if isinstance(event, Connected)]
    apart = [round(later - earlier, 6) for earlier, later in pairwise(times)]
    assert apart == [1.0, APART, APART + 1.0, 2 * APART]
    stage.close()
    for _, peer in pairs:
        peer.close()


def test_what_comes_while_the_machine_stands_still_is_not_looked_at(clock: Clock) -> None:
    """However long the wait was planned: something came, and ended it late."""
    stage = open_stage()
    clock.sleeps = 1.5
    stage.turn(60)
    assert [round(away.seconds, 2) for away in aways(stage)] == [1.45]


def test_who_takes_long_to_tell_whether_to_wait_on_looks_nevertheless(clock: Clock) -> None:
    """As when it searches for a word in all that came, which takes long."""
    stage = open_stage()
    looks = 0

    def condition() -> bool:
        nonlocal looks
        looks += 1
        clock.now += 1.0
        return False

    stage.let(condition, 0.02)
    assert looks == 2
    assert stage.transcript[-1] == Away(1.02, 1.0)


@pytest.mark.parametrize(("held", "seconds"), [(0, PATIENCE), (1, IN_TRANSIT)])
def test_what_the_servers_system_still_holds_is_waited_for(
    clock: Clock, held: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.driver.client.in_transit", lambda _: held)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stage = Stage(parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}"), START)
        client = stage.connect()
        with pytest.raises(Stuck):
            stage.wait([client], lambda: False, "a word")
        assert seconds <= clock.now + 0.001 < seconds + 0.1
        stage.close()


@pytest.mark.parametrize(
    ("overslept", "worked", "disturbed"), [(0.3, 0.0, False), (0.6, 0.0, True), (0.0, 0.6, False)]
)
def test_a_wait_is_disturbed_by_a_machine_that_lets_the_suite_wait(
    clock: Clock, overslept: float, worked: float, disturbed: bool
) -> None:
    """Nor by the suite's own work, as when it reads a flood or waits for a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stage = Stage(parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}"), START)
        client = stage.connect()

        def work() -> bool:
            first, clock.sleeps = not clock.now, None
            if first:
                clock.now += worked
                clock.sleeps = overslept or None
            return False

        with pytest.raises(Stuck):
            stage.wait([client], work, "a word")
        assert stage.was_disturbed is disturbed
        stage.close()


def test_who_hears_all_a_little_late_has_heard_it() -> None:
    """It comes long after the next word was said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        stage = Stage(address, replace(START, factor=0.2))
        server = threading.Thread(target=relay_late, args=(listener, stage.patience / 3))
        server.start()
        speaker, hearer = stage.connect(), stage.connect()
        stage.be_heard(speaker, [hearer])
        stage.close()
        server.join()


@pytest.mark.parametrize("absent", [frozenset[Capability](), frozenset[Capability]({"half-close"})])
def test_an_end_that_the_dialect_does_not_know_is_not_waited_for(
    absent: frozenset[Capability],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        start = replace(START, factor=0.2, dialect=Dialect(header="", infix="", absent=absent))
        stage = Stage(address, start)
        client = stage.connect()
        client.half_close()
        with nullcontext() if absent else pytest.raises(Stuck):
            stage.await_end(client)
        stage.close()


def test_when_a_word_is_lost_the_members_say_one_more() -> None:
    """It comes, shows that the room goes on, and the scenario goes on too, once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        stage = Stage(address, replace(START, factor=0.2))
        lost = {0, 4}
        threading.Thread(target=relay_all_but, args=(listener, lost), daemon=True).start()
        ann, bob = stage.connect(), stage.connect()
        stage.fence(ann, bob)
        assert isinstance(stage.transcript[-1], Settled)
        with pytest.raises(Stuck):
            stage.fence(ann, bob)
        said = [event.octets for event in stage.transcript if isinstance(event, Sent)]
        assert len(said) == 8
        for number, octets in enumerate(said):
            assert all((octets in one.received) is (number not in lost) for one in (ann, bob))
        stage.close()


def test_a_server_that_keeps_each_word_until_the_next_is_seen_to_do_so_twice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        stage = Stage(address, replace(START, factor=0.1))
        server = threading.Thread(target=echo_the_last_but_one, args=(listener,), daemon=True)
        server.start()
        ann = stage.connect()
        with pytest.raises(Stuck):
            stage.greet(ann)
        first, second, _ = [one.octets for one in stage.transcript if isinstance(one, Sent)]
        waits = [event.what for event in stage.transcript if isinstance(event, Waited)]
        assert [word.encode() + b"\n" for word in waits] == [first, second]
        assert ann.received == first + second
        stage.close()
        server.join()


def echo_the_last_but_one(listener: socket.socket) -> None:
    """Echo each read when the next has come, until the client goes."""
    connection, _ = listener.accept()
    kept = b""
    with connection, suppress(OSError):
        while octets := connection.recv(4_096):
            connection.sendall(kept)
            kept = octets


def relay_all_but(listener: socket.socket, lost: set[int]) -> None:
    """Relay between two, line by line, until either goes; some lines are lost for both."""
    (first, _), (second, _) = listener.accept(), listener.accept()
    number = 0
    with first, second:
        while True:
            ready, _, _ = select.select([first, second], [], [])
            for speaker in ready:
                octets = speaker.recv(4_096)
                if not octets:
                    return
                for line in octets.splitlines(keepends=True):
                    if number not in lost:
                        first.sendall(line)
                        second.sendall(line)
                    number += 1


def relay_late(listener: socket.socket, seconds: float) -> None:
    """To the first at once, to the second so many seconds later, until either goes."""
    (first, _), (second, _) = listener.accept(), listener.accept()
    waiting: deque[tuple[float, bytes]] = deque()
    with first, second:
        while True:
            due = waiting[0][0] - time.monotonic() if waiting else None
            ready, _, _ = select.select([first, second], [], [], due and max(0.0, due))
            if second in ready:
                return
            if first in ready:
                octets = first.recv(4_096)
                first.sendall(octets)
                waiting.append((time.monotonic() + seconds, octets))
            elif waiting:
                second.sendall(waiting.popleft()[1])


def test_who_is_read_slowly_is_waited_for() -> None:
    """While the server takes octets, their broadcasts may still come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        stage = Stage(address, replace(START, factor=0.2))
        reader = threading.Thread(target=read_slowly, args=(listener, 2 * stage.patience))
        reader.start()
        client = stage.connect()
        client.send(bytes(8_000_000))
        stage.await_end(client)
        reader.join()
        stage.close()


def read_slowly(listener: socket.socket, seconds: float) -> None:
    connection, _ = listener.accept()
    with connection:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            connection.recv(65_536)
            time.sleep(0.02)


def test_who_could_not_connect_when_the_time_was_over_was_not_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def connect(*_: object) -> None:
        stage.limit.end()
        raise TimeoutError("timed out")

    stage = Stage(parse_address(START.target), START, limit=TimeLimit(60))
    monkeypatch.setattr(TcpAddress, "connect", connect)
    with pytest.raises(OutOfTime):
        stage.connect()
    assert not any(isinstance(event, Refused) for event in stage.transcript)


def test_who_is_flooded_reads_no_more_whatever_is_said_later() -> None:
    """Else what the server's system holds for it would count as on its way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stage = Stage(parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}"), START)
        client = stage.connect()
        end, _ = listener.accept()
        with end:
            end.setblocking(False)
            while not stage.is_flooded(client):
                with suppress(BlockingIOError):
                    end.send(b"\n" * 65_536)
                stage.turn(0.01)
            for _ in range(100):
                client.say("x" * 1_000)
            assert stage.is_flooded(client)
            assert not client.has_more_coming
            with pytest.raises(Stuck, match="and no end"):
                stage.wait([client], lambda: False, "a word")
        stage.close()
