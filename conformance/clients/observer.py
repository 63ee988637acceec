"""Watches the client under test, and records in a transcript what it shows and sends."""

import time
from collections.abc import Callable
from functools import partial
from selectors import EVENT_READ
from typing import Final

from conformance.clients.program import ClientProgram
from conformance.clients.server import Server, Watched, ready
from conformance.clients.waits import SHORTENED, Waits
from conformance.driver.interruption import OUT_OF_TIME, OutOfTime, Stuck
from conformance.oracle.clients.display import Display, Screen, squeezed
from conformance.transcript import events as tr

FLOOD: Final = 512 << 10
"""Octets that a client may show in one scenario before it counts as flooding."""
HEARD: Final = 64 << 10
"""Octets that a client may send in one scenario: far more than the suite types."""
_GROWTH: Final = 16
"""Octets that a client may show in addition for each octet it was sent, since it may redraw the
whole screen."""
_TICK: Final = 0.02
_LAST: Final = 1.0
"""Seconds for reading what an ended program has left in its streams."""
_SETTLING: Final = 0.3
"""Seconds in which a client may react to the last event before its processor time is measured."""
_DRAWING: Final = 0.1
"""Seconds in which a client redraws its screen."""
_MOST: Final = 5
"""How many times as long as intended a rest may take on a busy machine."""


class Observer:
    """The observer of one client in one scenario.

    Args:
        start: the first event of the transcript.
        waits: the waits of this run, which decide how long to wait for the client.
        server: makes the client's server, which notes events of its connections here.
    """

    def __init__(
        self, start: tr.Start, waits: Waits, server: Callable[["Observer"], Server]
    ) -> None:
        self.transcript: list[tr.Event] = [start]
        self.has_exited = False
        self.server = server(self)
        self._waits = waits
        self._factor = start.factor
        self._began = time.monotonic()
        self._program: ClientProgram | None = None
        self._display: Display | None = None
        self._printed = self._sent = 0
        self._seen = -1, ""
        self._was_in_vain = False

    def observe(self, program: ClientProgram, display: Display) -> None:
        """Watch a program, whose output goes to this display, from now on."""
        self._program, self._display = program, display

    @property
    def program(self) -> ClientProgram:
        """The client's program. It must have been launched."""
        assert self._program is not None
        return self._program

    @property
    def takes_pastes(self) -> bool:
        """Whether the client has switched on bracketed paste."""
        return isinstance(self._display, Screen) and self._display.takes_pastes

    def shows(self, word: str) -> bool:
        """Whether a word is on the display."""
        if self._display is None:
            return False
        if self._seen[0] != self._printed:
            self._seen = self._printed, squeezed("".join(self._display.rows()))
        return squeezed(word) in self._seen[1]

    def rows(self) -> list[str]:
        """Return the rows of the display."""
        assert self._display is not None
        return self._display.rows()

    def rest(self, seconds: float) -> None:
        """Leave the client idle for `seconds`, and note the processor time that it takes.

        Before that, the client has time to react to the last event. Time in which it was ready to
        run and had no processor does not count.
        """
        self._pass(_SETTLING)
        taken = self.program.processor_time()
        passed = self._pass(seconds * self._factor)
        if not self.has_exited:
            spent = max(0.0, self.program.processor_time() - taken)
            self.note(tr.Rested(self.now(), round(passed, 3), round(spent, 3), "c1"))

    def _pass(self, seconds: float) -> float:
        """Wait until the client could run for `seconds`, or has ended.

        Returns:
            The seconds for which it could run.
        """
        began, starved = time.monotonic(), self.program.starved()
        passed, most = 0.0, began + _MOST * seconds
        while not self.has_exited and passed < seconds and time.monotonic() < most:
            self.look(seconds - passed)
            passed = time.monotonic() - began - (self.program.starved() - starved)
        return max(0.0, passed)

    def until(
        self,
        is_so: Callable[[], bool],
        what: str,
        seconds: float,
        kind: str | None = None,
        *,
        noted: bool = True,
    ) -> bool:
        """Wait until a condition holds; return whether it does.

        Args:
            is_so: the condition.
            what: the words for the condition in the transcript.
            seconds: the longest wait. Time in which the client was ready to run and had no
                processor does not count.
            kind: the kind of event. If no event of a kind ever came in time, later waits for this
                kind are shortened.
            noted: whether a wait in vain enters the transcript.
        """
        kind = kind or what
        full = seconds * self._factor
        seconds = self._waits.seconds(kind, full)
        if self._was_in_vain and kind in ("shown", "said"):
            seconds = min(seconds, SHORTENED)
        began, starved = time.monotonic(), None if self._program is None else self.program.starved()
        while not is_so():
            if self.has_exited and not self.program.outputs:
                self.look(0)
                if is_so():
                    break
                if noted:
                    self.note(tr.Waited(self.now(), "c1", what, 0.0))
                    self._was_in_vain = True
                return False
            passed = time.monotonic() - began
            if passed > seconds:
                excused = 0.0 if starved is None else min(full, self.program.starved() - starved)
                if passed > seconds + excused and not noted:
                    return False
                if passed > seconds + excused:
                    self._waits.note(kind, came=False)
                    self._was_in_vain = True
                    shortened = seconds < full
                    self.note(
                        tr.Waited(self.now(), "c1", what, round(passed, 3), shortened=shortened)
                    )
                    return False
            self.look()
        self._waits.note(kind, came=True)
        return True

    def look(self, seconds: float = _TICK) -> None:
        """Wait for the client to do something, for at most `seconds`, and read what it did.

        Raises:
            OutOfTime: The time of the run is used up.
            Stuck: The client floods its display or the server.
        """
        if self._waits.limit.left_to_play <= 0:
            raise OutOfTime(OUT_OF_TIME)
        if self._program is not None:
            self._program.flush()
        self._take(min(max(seconds, 0.0), _TICK))
        if self._program is not None and not self.has_exited:
            status = self._program.poll()
            if status is not None:
                deadline = time.monotonic() + _LAST
                while self._take(0.0) and time.monotonic() < deadline:
                    pass
                self.has_exited = True
                self.note(tr.Exited(self.now(), status, "c1"))

    def _take(self, seconds: float) -> bool:
        """Read what the program and its connections have sent; return whether there was any."""
        watched: Watched = self.server.watched()
        if self._program is not None:
            for descriptor in self._program.outputs:
                watched[descriptor] = EVENT_READ, partial(self._see, descriptor)
        calls = ready(watched, seconds)
        for call in calls:
            call()
        if self._printed > FLOOD + _GROWTH * self._sent:
            raise Stuck(
                f"the client printed {self._printed:,} octets, though it was sent {self._sent:,}"
            )
        if self.server.heard > HEARD:
            raise Stuck(f"the client sent {self.server.heard:,} octets, far more than were typed")
        return bool(calls)

    def _see(self, descriptor: int) -> None:
        stream = self.program.outputs[descriptor]
        octets = self.program.read(descriptor)
        if octets:
            self._printed += len(octets)
            assert self._display is not None
            self._display.feed(octets, stream)
            self.note(tr.Shown(self.now(), "c1", octets, stream))
            if isinstance(self._display, Screen) and (answers := self._display.take_answers()):
                self.program.write(answers)

    def now(self) -> float:
        """Return the seconds since the scenario began."""
        return round(time.monotonic() - self._began, 6)

    def note(self, event: tr.Event) -> None:
        """Add an event to the transcript."""
        self.transcript.append(event)
        if isinstance(event, tr.Received):
            self._sent += len(event.octets)

    def look_on(self) -> None:
        """Wait until a screen that was cleared is drawn again."""
        if isinstance(self._display, Screen) and self._display.is_cleared:
            self._pass(_DRAWING)

    def close(self) -> None:
        """End the client and close every connection."""
        if self._program is not None:
            self._program.close()
        self.server.close()

    def break_off(self) -> None:
        """End the client, from another thread."""
        if self._program is not None:
            self._program.kill()
