"""Events: what a client's octets mean to the server, as a closed union of small classes.

`Events` holds those of one read, and makes each when it is first read.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, repeat
from typing import Final, overload

from chatproto.wire import Code, Notice


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A line to broadcast: `text` is decoded, trimmed and safe. Lines count from 1."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class BlankReceived:
    """A heartbeat of the client's: neither broadcast nor answered (HB-1)."""

    line: int


@dataclass(frozen=True, slots=True)
class QuitReceived:
    """The line `quit`: the client leaves, what follows is ignored (QUIT-1, QUIT-2, QUIT-4)."""

    line: int


@dataclass(frozen=True, slots=True)
class Violation:
    """The client broke the protocol in this line: it leaves, with this notice (ERR-1, ERR-3)."""

    code: Code
    line: int
    notice: Notice


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """The client's end of stream while it was a member: it leaves (QUIT-5).

    `discarded` is the octets of the incomplete last line, which is no line (FRM-4).
    """

    discarded: int


Ending = QuitReceived | Violation
"""What a read can end with: the client leaves, and nothing after it is read."""

Event = MessageReceived | BlankReceived | QuitReceived | Violation | EndOfStream


class Events(Sequence[Event]):
    """The events of one read, in order: a sequence like any other, made as it is looked at.

    `texts` are those of the messages, in order; `ending` is the event that makes the client leave,
    the last one where there is any. A driver that asks for no more pays for no event.
    """

    __slots__ = ("_first", "_lines", "ending", "texts")

    def __init__(self, lines: list[str], first: int, ending: Ending | None) -> None:
        """`lines` are the texts of lines `first` and on, "" for a blank one."""
        self._lines = lines
        self._first = first
        self.texts: Final[Sequence[str]] = lines if all(lines) else list(filter(None, lines))
        self.ending: Final = ending

    @property
    def messages(self) -> int:
        """How many of the events are messages."""
        return len(self.texts)

    def __len__(self) -> int:
        return len(self._lines) + (self.ending is not None)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._made())

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        return self._made()[index]

    def __repr__(self) -> str:
        return f"<Events {self._made()}>"

    def _made(self) -> list[Event]:
        events: list[Event] = [*_make_messages(self._lines, self._first)]
        if len(self.texts) < len(self._lines):
            for index, text in enumerate(self._lines):
                if not text:
                    events[index] = BlankReceived(self._first + index)
        if self.ending is not None:
            events.append(self.ending)
        return events


_set_text: Final[Callable[[MessageReceived, str], None]] = MessageReceived.__dict__["text"].__set__
_set_line: Final[Callable[[MessageReceived, int], None]] = MessageReceived.__dict__["line"].__set__


def _make_messages(texts: list[str], first: int) -> list[MessageReceived]:
    """Make the messages of lines in a row, in less than half the time of a call for each.

    A frozen class is slow to make: its fields are set by name. Here they are by their slots.
    """
    made = list(map(object.__new__, repeat(MessageReceived, len(texts))))
    deque(map(_set_text, made, texts), maxlen=0)
    deque(map(_set_line, made, count(first)), maxlen=0)
    return made
