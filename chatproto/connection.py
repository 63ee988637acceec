"""The server's side of one connection: octets in, events out.

No socket, no clock, no thread. A client's fault is an event; only the caller's own raises.
"""

from dataclasses import dataclass
from typing import Final

from chatproto import text
from chatproto.framing import LineReader
from chatproto.states import State, Step, advance
from chatproto.wire import Code, Notice

MIN_LINE_LIMIT: Final = 1_024
"""The octets before the LF that every server accepts in a line (LIM-1)."""
MAX_LINE_LIMIT: Final = 1_048_576
"""The greatest limit a server may set (LIM-2)."""


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


Event = MessageReceived | BlankReceived | QuitReceived | Violation | EndOfStream


class ServerConnection:
    """One client, from the octets it sends; its `state` moves by the table in `states`.

    `line_limit` is in octets before the LF, from 1,024 to 1,048,576 (LIM-1, LIM-2).
    """

    def __init__(self, line_limit: int = 65_536, charset: text.Charset = "utf-8") -> None:
        if not MIN_LINE_LIMIT <= line_limit <= MAX_LINE_LIMIT:
            raise ValueError(
                f"the line limit is from {MIN_LINE_LIMIT} to {MAX_LINE_LIMIT} octets, "
                f"not {line_limit}"
            )
        self._limit = line_limit
        self._charset: text.Charset = charset
        self._reader = LineReader(line_limit)
        self._line = 0
        self._state = State.OPEN

    @property
    def state(self) -> State:
        return self._state

    def receive(self, octets: bytes) -> list[Event]:
        """Take the octets of one read; give back what they say, in order.

        The lines before a `quit` or a violation are given, nothing after it is (ERR-1, QUIT-4).
        Once the client has left, octets are discarded. Raises `LocalProtocolError` after
        `receive_eof`.
        """
        if self._state is not State.OPEN:
            self._take(Step.OCTETS)
            return []
        events: list[Event] = []
        for line in self._reader.receive(octets):
            event = self._read(line)
            events.append(event)
            match event:
                case QuitReceived():
                    self._take(Step.QUIT)
                    return events
                case Violation():
                    self._take(Step.VIOLATION)
                    return events
                case MessageReceived() | BlankReceived():  # pragma: no branch
                    self._take(Step.OCTETS)
        if self._reader.too_long:
            self._line += 1
            events.append(self._violation(Code.LINE_TOO_LONG, f"more than {self._limit} octets"))
            self._take(Step.VIOLATION)
        return events

    def receive_eof(self) -> list[Event]:
        """Take the client's end of stream, half-close included (QUIT-5, FRM-4).

        Gives `EndOfStream` where that is what makes it leave, nothing where it had left before.
        Raises `LocalProtocolError` for a second end of stream.
        """
        was_open = self._state is State.OPEN
        self._take(Step.END_OF_STREAM)
        return [EndOfStream(self._reader.unfinished)] if was_open else []

    def close(self) -> None:
        """Decide, as the server, that this client leaves: its further lines are discarded."""
        self._take(Step.CLOSE)

    def flushed(self) -> None:
        """Say that all it is owed has been sent and the write side is shut (QUIT-3).

        Raises `LocalProtocolError` while it is a member.
        """
        self._take(Step.FLUSHED)

    def lingered(self) -> None:
        """Say that 1 s has passed since `flushed` without the client's end of stream (QUIT-3)."""
        self._take(Step.LINGERED)

    def abort(self) -> None:
        """Say that the connection was lost, or that the server gives it up; never raises."""
        self._take(Step.ABORT)

    def _take(self, step: Step) -> None:
        self._state = advance(self._state, step)

    def _read(self, line: bytes) -> MessageReceived | BlankReceived | QuitReceived | Violation:
        self._line += 1
        try:
            trimmed = text.trim(text.decode(line, self._charset))
        except UnicodeDecodeError as error:
            return self._violation(Code.INVALID_TEXT, f"octet {error.start + 1}: {error.reason}")
        if not trimmed:
            return BlankReceived(self._line)
        if trimmed == "quit":
            return QuitReceived(self._line)
        return MessageReceived(text.make_safe(trimmed), self._line)

    def _violation(self, code: Code, detail: str) -> Violation:
        return Violation(code, self._line, Notice(code, f"line {self._line}, {detail}"))
