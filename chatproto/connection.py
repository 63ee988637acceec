"""The server's side of one connection: octets in, events out.

No socket, no clock, no thread. A client's fault is an event; only the caller's own raises.

The lines of a read are taken as one block: decoded, checked, trimmed and made safe together. What
that says is what they say one by one; only to name a line that does not decode is it found.
"""

from typing import Final, assert_never

from chatproto import text
from chatproto.events import Ending, EndOfStream, Event, Events, QuitReceived, Violation
from chatproto.framing import LineReader
from chatproto.states import State, Step, advance
from chatproto.wire import Code, Notice

MIN_LINE_LIMIT: Final = 1_024
"""The octets before the LF that every server accepts in a line (LIM-1)."""
MAX_LINE_LIMIT: Final = 1_048_576
"""The greatest limit a server may set (LIM-2)."""


class ServerConnection:
    """One client, from the octets it sends; its `state` moves by the table in `states`.

    `line_limit` is in octets before the LF, from 1,024 to 1,048,576 (LIM-1, LIM-2). A connection
    that is not `admitted` was never open: it is owed a notice, and flushing (LIM-5).
    """

    def __init__(
        self,
        line_limit: int = 65_536,
        charset: text.Charset = "utf-8",
        *,
        admitted: bool = True,
    ) -> None:
        if not MIN_LINE_LIMIT <= line_limit <= MAX_LINE_LIMIT:
            raise ValueError(
                f"the line limit is from {MIN_LINE_LIMIT} to {MAX_LINE_LIMIT} octets, "
                f"not {line_limit}"
            )
        if charset not in text.CHARSETS:
            raise ValueError(f"charset is one of {', '.join(text.CHARSETS)}, not {charset!r}")
        self._limit = line_limit
        self._charset: text.Charset = charset
        self._reader = LineReader(line_limit)
        self._line = 0
        self._state = State.OPEN if admitted else State.FLUSHING

    @property
    def state(self) -> State:
        return self._state

    def receive(self, octets: bytes) -> list[Event]:
        """Take the octets of one read; give back what they say, in order.

        The lines before a `quit` or a violation are given, nothing after it is (ERR-1, QUIT-4).
        Once the client has left, octets are discarded. Raises `LocalProtocolError` after
        `receive_eof`.
        """
        return list(self.receive_lazily(octets))

    def receive_lazily(self, octets: bytes) -> Events:
        """Do what `receive` does; each event is made only when it is looked at.

        For a server that needs no events, only the `texts`, `messages` and `ending` of a read.
        """
        if not isinstance(octets, bytes):
            raise TypeError(f"what was read is bytes, not {type(octets).__name__}")
        if self._state is not State.OPEN:
            self._take(Step.OCTETS)
            return Events([], self._line, None)
        first = self._line + 1
        texts, ending = self._read(self._reader.receive_block(octets))
        if ending is None and self._reader.too_long:
            ending = self._violation(Code.LINE_TOO_LONG, f"more than {self._limit} octets")
        match ending:
            case None:
                pass  # OCTETS, which leaves it open
            case QuitReceived():
                self._take(Step.QUIT)
            case Violation():
                self._take(Step.VIOLATION)
            case _:
                assert_never(ending)
        return Events(texts, first, ending)

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

    def _read(self, block: bytes) -> tuple[list[str], Ending | None]:
        """Read whole lines, each with its LF, up to the one the client leaves by, if it does."""
        try:
            texts = text.to_texts(block, self._charset)
        except UnicodeDecodeError as error:
            start = block.rfind(b"\n", 0, error.start) + 1
            texts, ending = self._read(block[:start])
            return texts, ending or self._refuse(block[start : block.index(b"\n", start)])
        texts.pop()  # what follows the last LF: nothing
        if "quit" in texts:
            texts = texts[: texts.index("quit")]
            self._line += len(texts) + 1
            return texts, QuitReceived(self._line)
        self._line += len(texts)
        return texts, None

    def _refuse(self, line: bytes) -> Violation:
        fault = text.fault(line, self._charset)
        assert fault is not None
        return self._violation(Code.INVALID_TEXT, f"octet {fault.start + 1}: {fault.reason}")

    def _violation(self, code: Code, detail: str) -> Violation:
        self._line += 1
        return Violation(code, self._line, Notice(code, f"line {self._line}, {detail}"))
