"""The stage of a client scenario: it types what a user would, and waits for the client."""

import json
import random
import time
from typing import Final, Literal

from chatproto import __version__
from conformance.clients.observer import Observer
from conformance.clients.program import KILL_LINE, ClientProgram
from conformance.clients.server import Server
from conformance.clients.use import Use
from conformance.clients.waits import SHORTENED, Waits
from conformance.driver.interruption import Stuck
from conformance.oracle.clients.display import display_for, words
from conformance.scenarios.registry import Scenario
from conformance.standard.requirements import PROTOCOL
from conformance.transcript import events as tr

SHOWING: Final = 5.0
"""Seconds in which a client must show what it was sent, and send what was typed."""
TELLING: Final = 3.0
"""Seconds in which a client must say that it refuses what was typed."""
CONNECTING: Final = 10.0
ENDING: Final = 10.0
"""Seconds in which a client that has lost its server must end or connect again (CLI-7)."""
_AGAIN: Final = 1.0
"""Seconds after which Ctrl-D is pressed again."""
_CONSONANTS: Final = "bcdfghjkmnpqrstvwxz"


class ClientStage:
    """The stage of one client scenario. Close it to end the client."""

    def __init__(self, use: Use, scenario: Scenario, waits: Waits) -> None:
        self.use = use
        self.interrupted: str | None = None
        self._random = random.Random(f"{use.seed}/{scenario.id}")  # noqa: S311  # words, no secrets
        self._is_refused = False
        self._words_before: set[str] = set()
        self._typed = ""
        self._has_pasted = False
        start = tr.Start(
            t=0.0, scenario=scenario.id, requirements=scenario.requirements, protocol=PROTOCOL,
            suite=__version__, seed=use.seed, target=use.command, wall=time.time(),
            same_clock=True, exclusive=True, addresses="translated", capacity=None, stops=(),
            factor=use.factor, earlier=(),
        )  # fmt: skip
        observer = Observer(start, waits, lambda host: Server(host, use.command, self._random))
        self._observer = observer
        self.server, self.transcript = observer.server, observer.transcript
        # Scenarios call these on the stage; the observer implements them.
        self.rest, self.rows, self.shows = observer.rest, observer.rows, observer.shows
        self.look_on, self.close, self.break_off = (
            observer.look_on, observer.close, observer.break_off,
        )  # fmt: skip
        self._now, self._note = observer.now, observer.note
        self._look, self._until = observer.look, observer.until

    # The client's program

    def launch(
        self, size: tuple[int, int] = (80, 24), *, refused: bool = False, ready: bool = True
    ) -> None:
        """Start the client and let it connect.

        Args:
            size: columns and rows of its terminal.
            refused: no server listens at the address.
            ready: wait until the client has shown a first message. From then on it reads what is
                typed.

        Raises:
            Stuck: The client did not connect.
            LaunchError: The client cannot be started.
        """
        use = self.use
        if not refused:
            self.server.listen()
        columns, rows = size
        program = ClientProgram(use.command, *self.server.address, use.way, size)
        self._observer.observe(program, display_for(use.way, columns, rows))
        self._note(
            tr.Launched(self._now(), "c1", use.command, use.way, columns, rows, use.leave, use.raw)
        )
        if refused:
            self._is_refused = True
            self._note(tr.Refused(self._now(), "c1", "nobody listens there"))
        elif not self._until(lambda: bool(self.server.connections), "a connection", CONNECTING):
            raise Stuck("the client did not connect")
        elif ready:
            self.fence()

    def say(self, text: str) -> None:
        """Type a line."""
        self._type(text, "line")

    def type_part(self, text: str) -> None:
        """Type the beginning of a line."""
        self._type(text, "part")

    def complete(self, part: str, rest: str) -> None:
        """Type the rest of a line and Enter, after `type_part`."""
        program = self._observer.program
        self._note(tr.Typed(self._now(), "c1", part + rest, "line"))
        program.write(rest.encode() + (b"\r" if program.way == "terminal" else b"\n"))
        self._look()

    def pipe(self, octets: bytes) -> None:
        """Pipe in a line of octets that are not UTF-8."""
        self._note(tr.Typed(self._now(), "c1", octets.decode(errors="replace"), "octets"))
        self._observer.program.write(octets + b"\n")
        self._look()

    def paste(self, *lines: str) -> None:
        """Type several lines at once."""
        self._type("\n".join(lines), "pasted")

    def leave(self) -> None:
        """Type the client's way to leave."""
        self._type(self.use.leave, "leave")

    def depart(self) -> bool:
        """Leave the way the client is said to offer; return whether it left.

        If the client sends that as a message, its input is ended instead.
        """
        self.leave()
        self._until(
            lambda: self.server.connection.has_left or self.server.has_heard(self.use.leave),
            "the client to leave", SHOWING, "left",
        )  # fmt: skip
        if not self.server.connection.has_left and self.server.has_heard(self.use.leave):
            self.end_input()
            self.await_left()
        return self.server.connection.has_left

    def end_input(self, unended: str = "") -> None:
        """End the client's input, after a last line without LF if one is given."""
        if unended:
            self._type(unended, "unended")
        self._note(tr.InputEnded(self._now(), "c1"))
        self._observer.program.end_input()

    def _type(self, text: str, how: Literal["line", "part", "pasted", "unended", "leave"]) -> None:
        program = self._observer.program
        self._words_before, self._typed = words(self.rows()), text.lower()
        self._note(tr.Typed(self._now(), "c1", text, how))
        enter = b"\r" if program.way == "terminal" else b"\n"
        octets = enter.join(line.encode() for line in text.split("\n"))
        if program.way == "jsonl":
            octets = _as_json(text, how)
        else:
            if how == "pasted" and self._observer.takes_pastes:
                octets = b"\x1b[200~" + octets + b"\x1b[201~"
            if how in ("line", "pasted", "leave"):
                octets += enter
            if program.way == "terminal" and how != "unended":
                octets = KILL_LINE * (4 if self._has_pasted else 1) + octets
            self._has_pasted = how == "pasted"
        program.write(octets)
        self._look()

    def word(self) -> str:
        """Make up a unique word, to find a text on the display and in what the client sends."""
        letters = "".join(self._random.choices(_CONSONANTS, k=4))
        digits = "".join(self._random.choices("23456789", k=2))
        return f"zq{letters}{digits}"

    def word_in(self, text: str) -> str:
        """Return the first of the suite's words in a text."""
        return text[text.index("zq") :].split()[0]

    # Waiting

    def await_shown(self, word: str, kind: str = "shown") -> bool:
        """Wait until a word is shown; return whether it was."""
        return self._until(lambda: self.shows(word), f"{word} to be shown", SHOWING, kind)

    def await_said(self, word: str, kind: str = "said") -> bool:
        """Wait until the client has sent a line with this word; return whether it did."""
        return self._until(lambda: self.server.has_heard(word), f"{word} to be sent", SHOWING, kind)

    def await_left(self) -> bool:
        """Wait until the client has left, by `quit` or by its end of stream.

        A Ctrl-D is lost if it comes while an editor takes over the terminal. A person would press
        it again, and so does this method.
        """
        if not self._observer.program.reads_input:
            self._until(lambda: self.server.connection.has_left, "", _AGAIN, "again", noted=False)
            if not self.server.connection.has_left and not self.has_exited:
                self._observer.program.press_end_of_input()
        return self._until(
            lambda: self.server.connection.has_left, "the client to leave", SHOWING, "left"
        )

    def await_over(self) -> bool:
        """Wait until the client has ended or has connected again.

        The wait is short for a raw client, which is not judged by this. What the client showed
        before it connected again may come through its terminal after the connection.
        """
        is_over = self._until(
            lambda: self.has_exited or (self._is_over() and self.server.is_connected),
            "the client to end, or to connect again", SHORTENED if self.use.raw else ENDING, "over",
        )  # fmt: skip
        if is_over and not self.has_exited:
            self._until(self._has_shown_since_the_end, "", TELLING, "end-told", noted=False)
        return is_over

    def _has_shown_since_the_end(self) -> bool:
        """Whether the client has shown more than blanks since the server ended a connection."""
        for event in reversed(self.transcript):
            if isinstance(event, tr.Ended | tr.Reset):
                return False
            if isinstance(event, tr.Shown) and event.octets.strip():
                return True
        return False

    def _is_over(self) -> bool:
        return self._is_refused or self.server.was_shut

    def await_told(self) -> bool:
        """Wait until words are shown that are new and not part of what was typed last."""
        return self._until(lambda: bool(self._told()), "its user to be told", TELLING, "told")

    def await_said_or_told(self, word: str) -> bool:
        """Wait until the client has sent a line with this word, or has told its user something."""
        return self._until(
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
        """Broadcast another member's message, and wait until it is shown.

        By then the client has read everything that was sent before.
        """
        word = self.word()
        self.server.broadcast(word)
        return self.await_shown(word)

    def settle(self) -> bool:
        """Type a line, wait until it is sent, and fence.

        By then the client has also sent everything that was typed before.
        """
        word = self.word()
        self.say(word)
        return self.await_said(word) and self.fence()

    # How it ends

    @property
    def has_exited(self) -> bool:
        """Whether the client's program has ended."""
        return self._observer.has_exited

    def finish(self) -> None:
        """Note that the scenario is over."""
        self._note(tr.Finish(self._now(), self.interrupted))


def _as_json(text: str, how: str) -> bytes:
    """Return a command for an adapter, as a line of JSON: to send a text, or to leave."""
    told: dict[str, object] = {"leave": True} if how == "leave" else {"say": text}
    return json.dumps(told).encode() + b"\n"
