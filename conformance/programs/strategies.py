"""What clients of a room may do, drawn by Hypothesis: who joins, says what in which segments,
stalls, leaves and rejoins, in what order.

What is drawn are acts that mean something in every situation, or nothing; they are made a
program by playing them through, so that leaving any of them out gives a program again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from hypothesis import strategies as st

from conformance.programs.program import (
    Fence,
    HalfClose,
    Join,
    Pause,
    Program,
    ResetStep,
    Resume,
    Send,
    Stall,
    Step,
    marked,
)
from conformance.standard.constants import MAX_LINE_LIMIT, MIN_LINE_LIMIT

MOST_CLIENTS: Final = 8
_MOST_JOINS: Final = 12
_BARE: Final = (b"QUIT", b"quit now", b"/quit", b"Quit", b"quit quit", b"\xef\xbb\xbfquit")
_BLANK: Final = (b"", b" ", b"\r", b"\t \r", b"\x0b\x0c", "\u3000".encode(), b"\xc2\xa0")
_INVALID: Final = (b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82")

_Way = Literal["quit", "quit and more", "end", "end within a line", "reset", "invalid", "too long"]


@dataclass(frozen=True, slots=True)
class _Text:
    """A message: a mark with something before and after; `long` makes it as long as a line may
    be everywhere."""

    before: str
    after: str
    long: bool


@dataclass(frozen=True, slots=True)
class _Say:
    """Lines, cut into segments at these places, with a pause after each segment; `rest` is left
    without its LF, for the next line to go on with."""

    who: int
    lines: list[_Text | bytes]
    cuts: list[int]
    pause: float
    rest: bool


@dataclass(frozen=True, slots=True)
class _Leave:
    who: int
    way: _Way


@dataclass(frozen=True, slots=True)
class _Stop:
    """Stop reading, or go on with it."""

    who: int


_Act = _Say | _Leave | _Stop | Join | Fence | Pause | None

_who = st.integers(0, MOST_CLIENTS - 1)
_chars = st.one_of(
    st.sampled_from(
        " a\t\réß€\u3042😀\x00\x1b\x7f\x85\u00a0\u2028\u200b\ufeff\ufffd\ufffe\u0301\u202e\ue000"
    ),
    st.integers(0, 0x10FFFF - 0x800).map(lambda n: chr(n + 0x800 if n >= 0xD800 else n)),
).filter(lambda char: char != "\n")
_text = st.builds(
    _Text,
    before=st.text(_chars, max_size=4),
    after=st.text(_chars, max_size=8),
    long=st.sampled_from([False] * 9 + [True]),
)
_line = st.one_of(_text, _text, _text, st.sampled_from(_BLANK), st.sampled_from(_BARE))
_say = st.builds(
    _Say,
    who=_who,
    lines=st.lists(_line, min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 200), max_size=4),
    pause=st.sampled_from([0.0, 0.0, 0.0, 0.002]),
    rest=st.sampled_from([False] * 5 + [True]),
)
_leave = st.builds(
    _Leave,
    who=_who,
    way=st.sampled_from(
        ["quit", "end", "reset", "invalid", "quit and more", "end within a line"] * 4 + ["too long"]
    ),
)
_act: st.SearchStrategy[_Act] = st.one_of(
    st.none(),
    _say,
    _say,
    _say,
    _say,
    _leave,
    st.builds(_Stop, _who),
    st.just(Join("")),
    st.just(Fence()),
    st.builds(Pause, st.sampled_from([0.001, 0.01])),
)


def programs() -> st.SearchStrategy[Program]:
    """Programs for two to eight clients at once."""
    return st.builds(
        _program,
        st.integers(2, MOST_CLIENTS),
        st.lists(_act, min_size=20, max_size=45),
    )


def _program(clients: int, acts: list[_Act]) -> Program:
    return Program(tuple(_Members(clients).steps(acts)))


@dataclass
class _Members:
    """Who is where while acts are played through. `open` are the clients that still chat;
    `rests` how long the line is that each has begun."""

    clients: int
    joined: int = 0
    marks: int = 0
    open: list[str] = field(default_factory=list)
    stalled: set[str] = field(default_factory=set)
    rests: dict[str, int] = field(default_factory=dict)
    said: set[bytes] = field(default_factory=set)

    def steps(self, acts: list[_Act]) -> Iterator[Step]:
        for _ in range(self.clients):
            yield self._join()
        yield Fence()
        for act in acts:
            match act:
                case None:
                    pass
                case Join():
                    if len(self.open) < MOST_CLIENTS and self.joined < _MOST_JOINS:
                        yield self._join()
                case Fence() | Pause():
                    yield act
                case _ if not self.open:
                    pass
                case _Say():
                    yield from self._say(self._who(act.who), act)
                case _Leave():
                    yield from self._leave(self._who(act.who), act.way)
                case _Stop():
                    yield self._stop_or_go_on(self._who(act.who))

    def _who(self, number: int) -> str:
        return self.open[number % len(self.open)]

    def _join(self) -> Join:
        self.joined += 1
        name = f"c{self.joined}"
        self.open.append(name)
        self.rests[name] = 0
        return Join(name)

    def _stop_or_go_on(self, client: str) -> Stall | Resume:
        if client in self.stalled:
            self.stalled.remove(client)
            return Resume(client)
        self.stalled.add(client)
        return Stall(client)

    def _say(self, client: str, act: _Say) -> Iterator[Step]:
        octets = b""
        for line in act.lines:
            written = self._write(client, line)
            octets += written + b"\n"
            self.rests[client] = 0
        if act.rest:
            rest = b"a line that "
            octets += rest
            self.rests[client] = len(rest)
        cuts = sorted({cut for cut in act.cuts if cut < len(octets)})
        for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True):
            yield Send(client, octets[start:end])
            if act.pause and end < len(octets):
                yield Pause(act.pause)

    def _write(self, client: str, line: _Text | bytes) -> bytes:
        """A line. What has no mark is said once by anyone: said again, it could not be told
        whether who joined between the two had missed the first."""
        match line:
            case _Text(before, after, long):
                filler = b""
                written = before.encode() + self._mark() + after.encode()
                if long:
                    filler = b"x" * (MIN_LINE_LIMIT - self.rests[client] - len(written))
                return before.encode() + self._last_mark() + filler + after.encode()
            case _ if line in _BARE and line not in self.said:
                self.said.add(line)
                return line
            case _ if line in _BARE:
                return self._mark()
            case _:
                return line

    def _mark(self) -> bytes:
        self.marks += 1
        return marked(self.marks)

    def _last_mark(self) -> bytes:
        return marked(self.marks)

    def _leave(self, client: str, way: _Way) -> Iterator[Step]:
        self.open.remove(client)
        if client in self.stalled:
            self.stalled.remove(client)
            yield Resume(client)
        lf = b"\n" if self.rests[client] else b""
        match way:
            case "quit":
                yield Send(client, lf + b"quit\n")
            case "quit and more":
                yield Send(client, lf + self._mark() + b"\nquit\r\n" + self._mark() + b"\nquit")
            case "end":
                yield HalfClose(client)
            case "end within a line":
                yield Send(client, lf + self._mark() + b"\n" + self._mark() + b" \xff")
                yield HalfClose(client)
            case "reset":
                yield ResetStep(client)
            case "invalid":
                invalid = _INVALID[self.marks % len(_INVALID)]
                good, bad, later = self._mark(), self._mark(), self._mark()
                yield Send(client, lf + good + b"\n" + bad + invalid + b"\n" + later + b"\n")
            case "too long":
                yield Send(client, lf + self._mark() + b"\n" + b"x" * (MAX_LINE_LIMIT + 1))
