"""Where one scenario is played: the client's program, the server that it talks to, and the
transcript of both.

The stage types what a user would, looks at what the client does, and waits for it.
"""

import json
import random
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ
from typing import Final, Literal

from chatproto import __version__
from conformance.clients.program import KILL_LINE, Program
from conformance.clients.server import Server, Watched, ready
from conformance.clients.waits import SHORTENED, Waits
from conformance.driver.interruption import OUT_OF_TIME, OutOfTime, Stuck
from conformance.oracle.clients.display import Display, Screen, display_for, squeezed, words
from conformance.scenarios.registry import Scenario
from conformance.standard.requirements import PROTOCOL
from conformance.transcript import events as tr

SILENCE: Final = 8.0
"""Seconds of silence after leaving, if nothing else is asked for."""
SHOWING: Final = 5.0
"""Seconds in which a client shows what it was sent, and sends what its user says."""
TELLING: Final = 3.0
"""Seconds in which a client says that it refuses what was typed."""
CONNECTING: Final = 10.0
ENDING: Final = 10.0
"""Seconds in which a client that has lost its server has ended, or connects again (CLI-7)."""
FLOOD: Final = 512 << 10
"""Octets that a client may show in one scenario before it counts as flooding."""
HEARD: Final = 64 << 10
"""Octets that it may send in one scenario: no user of the suite's says so much."""
_GROWTH: Final = 16
"""Octets that it may show besides for each that it was sent: a full screen is drawn again."""
_TICK: Final = 0.02
_LAST: Final = 1.0
"""Seconds in which what an ended program left behind is read."""
_SETTLING: Final = 0.3
"""Seconds in which a client reacts to an end, before its processor time is measured."""
_DRAWING: Final = 0.1
_MOST: Final = 5
"""How many times as long as asked a rest may take on a busy machine."""
_AGAIN: Final = 1.0
"""Seconds after which Ctrl-D is pressed again."""
_CONSONANTS: Final = "bcdfghjkmnpqrstvwxz"


@dataclass(frozen=True, slots=True)
class Use:
    """How the client under test is used. `silence` is how many seconds the server sends nothing
    after the client has left."""

    command: str
    way: tr.Way = "terminal"
    leave: str = "/quit"
    raw: bool = False
    seed: int = 0
    factor: float = 1.0
    silence: float = SILENCE

    @property
    def options(self) -> str:
        """The options of the command that say how the client is used, as they are typed."""
        said: list[str] = {"terminal": [], "pipe": ["--pipe"], "jsonl": ["--adapter jsonl"]}[
            self.way
        ]
        said += [f"--leave {shlex.quote(self.leave)}"] if self.leave != "/quit" else []
        said += ["--raw"] if self.raw else []
        said += [f"--silence {self.silence:g}"] if self.silence != SILENCE else []
        said += [f"--timeout-factor {self.factor:g}"] if self.factor != 1 else []
        return " ".join(said)


class Stage:
    """The stage of one scenario. Close it: the client ends with it."""

    def __init__(self, use: Use, scenario: Scenario, waits: Waits) -> None:
        self.use = use
        self.transcript: list[tr.Event] = []
        self.interrupted: str | None = None
        self._waits = waits
        self._began = time.monotonic()
        self._random = random.Random(f"{use.seed}/{scenario.id}")  # noqa: S311  # words, no secrets
        self._program: Program | None = None
        self._display: Display | None = None
        self.server = Server(self, use.command, self._random)
        self._is_refused = False
        self._exited = False
        self._printed = self._sent = 0
        self._seen = -1, ""
        self._was_in_vain = False
        self._words_before: set[str] = set()
        self._typed = ""
        self._has_pasted = False
        self.note(
            tr.Start(
                t=0.0, scenario=scenario.id, requirements=scenario.requirements, protocol=PROTOCOL,
                suite=__version__, seed=use.seed, target=use.command, wall=time.time(),
                same_clock=True, exclusive=True, addresses="translated", capacity=None, stops=(),
                factor=use.factor, earlier=(),
            )
        )  # fmt: skip

    # The client's program

    def launch(
        self, size: tuple[int, int] = (80, 24), *, refused: bool = False, ready: bool = True
    ) -> None:
        """Start the client, and let it connect; with `refused`, nothing listens there.

        Another member speaks then, unless it is not to be `ready`: once that is shown, the client
        takes what is typed.
        """
        use = self.use
        if not refused:
            self.server.listen()
        columns, rows = size
        self._display = display_for(use.way, columns, rows)
        self._program = Program(use.command, *self.server.address, use.way, size)
        self.note(
            tr.Launched(self.now(), "c1", use.command, use.way, columns, rows, use.leave, use.raw)
        )
        if refused:
            self._is_refused = True
            self.note(tr.Refused(self.now(), "c1", "nobody listens there"))
        elif not self.until(lambda: bool(self.server.connections), "a connection", CONNECTING):
            raise Stuck("the client did not connect")
        elif ready:
            self.fence()

    def say(self, text: str) -> None:
        """Type a line."""
        self._type(text, "line")

    def type_part(self, text: str) -> None:
        """Type what is no whole line yet."""
        self._type(text, "part")

    def complete(self, part: str, rest: str) -> None:
        """Type the rest of a line, and its end, after a part of it."""
        program = self.program
        self.note(tr.Typed(self.now(), "c1", part + rest, "line"))
        program.write(rest.encode() + (b"\r" if program.way == "terminal" else b"\n"))
        self.look()

    def pipe(self, octets: bytes) -> None:
        """Pipe in a line of octets that are not UTF-8."""
        self.note(tr.Typed(self.now(), "c1", octets.decode(errors="replace"), "octets"))
        self.program.write(octets + b"\n")
        self.look()

    def paste(self, *lines: str) -> None:
        """Type several lines at once."""
        self._type("\n".join(lines), "pasted")

    def leave(self) -> None:
        """Type the client's way to leave."""
        self._type(self.use.leave, "leave")

    def depart(self) -> bool:
        """Leave by the client's stated way, or by the end of its input where the client sent that
        as a message; return whether it left."""
        self.leave()
        self.until(
            lambda: self.server.connection.has_left or self.server.has_heard(self.use.leave),
            "the client to leave", SHOWING, "left",
        )  # fmt: skip
        if not self.server.connection.has_left and self.server.has_heard(self.use.leave):
            self.end_input()
            self.await_left()
        return self.server.connection.has_left

    def end_input(self, unended: str = "") -> None:
        """Bring the client's input to its end, after a line without its own."""
        if unended:
            self._type(unended, "unended")
        self.note(tr.InputEnded(self.now(), "c1"))
        self.program.end_input()

    def _type(self, text: str, how: Literal["line", "part", "pasted", "unended", "leave"]) -> None:
        program = self.program
        self._words_before, self._typed = words(self.rows()), text.lower()
        self.note(tr.Typed(self.now(), "c1", text, how))
        enter = b"\r" if program.way == "terminal" else b"\n"
        octets = enter.join(line.encode() for line in text.split("\n"))
        if program.way == "jsonl":
            octets = _as_json(text, how)
        else:
            if how == "pasted" and isinstance(self._display, Screen) and self._display.takes_pastes:
                octets = b"\x1b[200~" + octets + b"\x1b[201~"
            if how in ("line", "pasted", "leave"):
                octets += enter
            if program.way == "terminal" and how != "unended":
                octets = KILL_LINE * (4 if self._has_pasted else 1) + octets
            self._has_pasted = how == "pasted"
        program.write(octets)
        self.look()

    @property
    def program(self) -> Program:
        assert self._program is not None
        return self._program

    def word(self) -> str:
        """A unique word, by which what is shown and sent is recognised."""
        letters = "".join(self._random.choices(_CONSONANTS, k=4))
        digits = "".join(self._random.choices("23456789", k=2))
        return f"zq{letters}{digits}"

    def word_in(self, text: str) -> str:
        """The first of the suite's words in a text."""
        return text[text.index("zq") :].split()[0]

    # Waiting

    def await_shown(self, word: str, kind: str = "shown") -> bool:
        """Wait until a word is shown; whether it was."""
        return self.until(lambda: self.shows(word), f"{word} to be shown", SHOWING, kind)

    def await_said(self, word: str, kind: str = "said") -> bool:
        """Wait until the client has sent a line with this word; whether it did."""
        return self.until(lambda: self.server.has_heard(word), f"{word} to be sent", SHOWING, kind)

    def await_left(self) -> bool:
        """Wait until the client has left, by `quit` or by its end of stream.

        A Ctrl-D that comes while an editor takes over the terminal is lost. A person would press it
        again, and so does this.
        """
        if not self.program.reads_input:
            self.until(lambda: self.server.connection.has_left, "", _AGAIN, "again", noted=False)
            if not self.server.connection.has_left and not self._exited:
                self.program.press_end_of_input()
        return self.until(
            lambda: self.server.connection.has_left, "the client to leave", SHOWING, "left"
        )

    def await_over(self) -> bool:
        """Wait until the client has ended, or has connected again; not for long for one that is
        not judged by it."""
        return self.until(
            lambda: self._exited or (self._is_over() and self.server.is_connected),
            "the client to end, or to connect again", SHORTENED if self.use.raw else ENDING, "over",
        )  # fmt: skip

    def _is_over(self) -> bool:
        return self._is_refused or self.server.was_shut

    def await_told(self) -> bool:
        """Wait until words are shown that were not there when something was typed last."""
        return self.until(lambda: bool(self._told()), "its user to be told", TELLING, "told")

    def await_said_or_told(self, word: str) -> bool:
        """Wait until the client has sent a line with this word, or told its user why not."""
        return self.until(
            lambda: self.server.has_heard(word) or bool(self._told()),
            f"{word} to be sent, or its user to be told", SHOWING, "said",
        )  # fmt: skip

    def _told(self) -> set[str]:
        return {
            word
            for word in words(self.rows()) - self._words_before
            if word not in self._typed and not word.startswith("zq")
        }

    def fence(self) -> bool:
        """Let another member say something, and wait until that is shown: all that was sent before
        has been read by then."""
        word = self.word()
        self.server.broadcast(word)
        return self.await_shown(word)

    def settle(self) -> bool:
        """A fence each way: what was typed before has been sent by then, too."""
        word = self.word()
        self.say(word)
        return self.await_said(word) and self.fence()

    def shows(self, word: str) -> bool:
        """Whether a word is on the display."""
        if self._display is None:
            return False
        if self._seen[0] != self._printed:
            self._seen = self._printed, squeezed("".join(self._display.rows()))
        return squeezed(word) in self._seen[1]

    def rows(self) -> list[str]:
        assert self._display is not None
        return self._display.rows()

    @property
    def has_exited(self) -> bool:
        return self._exited

    def rest(self, seconds: float) -> None:
        """Wait while nothing happens, and note the processor time that the client takes meanwhile.
        Before that, the client has time to react to the event before. Time in which the client was
        ready to run and had no processor does not count."""
        self._pass(_SETTLING)
        taken = self.program.processor_time()
        passed = self._pass(seconds * self.use.factor)
        if not self._exited:
            spent = max(0.0, self.program.processor_time() - taken)
            self.note(tr.Rested(self.now(), round(passed, 3), round(spent, 3), "c1"))

    def _pass(self, seconds: float) -> float:
        """Wait until the client could run for so many seconds; return for how many it could before
        it ended."""
        began, starved = time.monotonic(), self.program.starved()
        passed, most = 0.0, began + _MOST * seconds
        while not self._exited and passed < seconds and time.monotonic() < most:
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
        """Wait until something is so, for so many seconds at most; return whether it is. Time in
        which the client was ready to run and had no processor does not count."""
        kind = kind or what
        full = seconds * self.use.factor
        seconds = self._waits.seconds(kind, full)
        if self._was_in_vain and kind in ("shown", "said"):
            seconds = min(seconds, SHORTENED)
        began, starved = time.monotonic(), None if self._program is None else self.program.starved()
        while not is_so():
            if self._exited and not self._program_is_read():
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

    def _program_is_read(self) -> bool:
        return bool(self.program.outputs)

    def look(self, seconds: float = _TICK) -> None:
        """See what the client has done; wait for it so long.

        Raises:
            OutOfTime: The run is over.
            Stuck: The client floods its display, or the server.
        """
        if self._waits.limit.left_to_play <= 0:
            raise OutOfTime(OUT_OF_TIME)
        if self._program is not None:
            self._program.flush()
        self._take(min(max(seconds, 0.0), _TICK))
        if self._program is not None and not self._exited:
            status = self._program.poll()
            if status is not None:
                deadline = time.monotonic() + _LAST
                while self._take(0.0) and time.monotonic() < deadline:
                    pass
                self._exited = True
                self.note(tr.Exited(self.now(), status, "c1"))

    def _take(self, seconds: float) -> bool:
        """Read what has come, from the program and on connections; whether anything had."""
        watched: Watched = self.server.watched()
        if self._program is not None:
            for descriptor in self._program.outputs:
                watched[descriptor] = EVENT_READ, partial(self._see, descriptor)
        calls = ready(watched, seconds)
        for call in calls:
            call()
        if self._printed > FLOOD + _GROWTH * self._sent:
            raise Stuck(f"it printed {self._printed:,} octets, and was sent {self._sent:,}")
        if self.server.heard > HEARD:
            raise Stuck(f"it sent {self.server.heard:,} octets, far more than was said")
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
        return round(time.monotonic() - self._began, 6)

    def note(self, event: tr.Event) -> None:
        """Enter what happened in the transcript."""
        self.transcript.append(event)
        if isinstance(event, tr.Received):
            self._sent += len(event.octets)

    def look_on(self) -> None:
        """Look at a screen until it is drawn: what came last may stand above what came before."""
        if isinstance(self._display, Screen) and self._display.is_cleared:
            self._pass(_DRAWING)

    def finish(self) -> None:
        """Note that the scenario is over."""
        self.note(tr.Finish(self.now(), self.interrupted))

    def close(self) -> None:
        """End the client, and let go of every connection."""
        if self._program is not None:
            self._program.close()
        self.server.close()

    def break_off(self) -> None:
        """End the client, from another thread."""
        if self._program is not None:
            self._program.kill()


def _as_json(text: str, how: str) -> bytes:
    """What an adapter is told: a text to say, or to leave."""
    told: dict[str, object] = {"leave": True} if how == "leave" else {"say": text}
    return json.dumps(told).encode() + b"\n"
