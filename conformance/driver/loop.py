"""The clock, the selector and the transcript of one scenario, in one thread. Knows no client."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from conformance.driver.interruption import OUT_OF_TIME, OutOfTime
from conformance.timing.limit import TimeLimit
from conformance.timing.policy import AWAY
from conformance.transcript.events import Away, Event

_TURN: Final = 0.02
"""Seconds between two looks at a condition, where nothing happens."""
_NAP: Final = 0.05
"""Seconds of waiting at a time, so that it is seen when the suite was not let run."""

Ready = Callable[[int], None]
"""What is called with the selector's events when a socket is ready."""


class Sleeper(Protocol):
    """Something that has to act later, although no socket is ready."""

    def wakes_in(self) -> float | None:
        """Seconds until it should be woken; None if it need not be."""

    def wake(self) -> None:
        """Do what is due by now."""


class Loop:
    """The clock of a scenario, what happens, and the record of it.

    `OutOfTime` ends every wait when the run's time limit is over. `overslept` has the times at
    which the suite woke late because the machine did not let it run, and by how many seconds.
    """

    def __init__(self, first: Event, limit: TimeLimit) -> None:
        self.transcript: list[Event] = [first]
        self.limit = limit
        self.sleepers: dict[Sleeper, None] = {}
        self._epoch = time.monotonic()
        self.overslept: list[tuple[float, float]] = []
        self._looked = 0.0
        self._selector = selectors.DefaultSelector()
        self._watched: dict[socket.socket, int] = {}

    def now(self) -> float:
        """Seconds since the scenario began."""
        return round(time.monotonic() - self._epoch, 6)

    def record(self, event: Event) -> None:
        """Put an event into the transcript."""
        self.transcript.append(event)

    def watch(self, sock: socket.socket, events: int, ready: Ready) -> None:
        """Call `ready` when one of these events happens on a socket; never again for no events."""
        known = self._watched.get(sock, 0)
        if events == known:
            return
        if not events:
            self._selector.unregister(sock)
            del self._watched[sock]
        elif known:
            self._selector.modify(sock, events, ready)
        else:
            self._selector.register(sock, events, ready)
        if events:
            self._watched[sock] = events

    def turn(self, seconds: float) -> None:
        """Handle what is ready, after waiting for it for so many seconds at most, or for a nap."""
        if self.limit.left_to_play <= 0:
            raise OutOfTime(OUT_OF_TIME)
        sleepers = tuple(self.sleepers)
        due = (one.wakes_in() for one in sleepers)
        seconds = min([seconds, _NAP, *(left for left in due if left is not None)])
        began = self.now()
        ready = self._selector.select(seconds)
        now = self.now()
        if (late := now - began - seconds) > AWAY:
            self.overslept.append((now, late))
        away, self._looked = now - self._looked - seconds, now
        if away > AWAY:
            self.record(Away(now, round(away, 6)))
        for key, events in ready:
            key.data(events)
        for sleeper in sleepers:
            sleeper.wake()

    def let(self, condition: Callable[[], bool], seconds: float) -> None:
        """Let things happen until the condition holds, for so many seconds at most.

        At least one turn is taken, even if checking the condition takes longer than that.
        """
        end = self.now() + seconds
        left = seconds
        while not condition() and left > 0:
            self.turn(min(left, _TURN))
            left = end - self.now()

    def pass_time(self, seconds: float) -> None:
        """Let time pass. Use it only if a requirement is about time."""
        end = self.now() + seconds
        while (left := end - self.now()) > 0:
            self.turn(left)

    @contextmanager
    def aside(self) -> Iterator[list[Event]]:
        """Record what happens during the block in the list that this yields, not in the
        transcript."""
        happened: list[Event] = []
        played, self.transcript = self.transcript, happened
        try:
            yield happened
        finally:
            self.transcript = played

    def close(self) -> None:
        """Watch nothing any more."""
        self._selector.close()
