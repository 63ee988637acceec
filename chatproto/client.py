"""The client's side of a connection: a server's octets to units, text to lines.

It refuses text that would not survive the trip: what the others would see must be what was
given (CLI-2). It says how the connection ended (CLI-7), and whether that was in order (CLI-8).
"""

from dataclasses import dataclass
from typing import Final

from chatproto.connection import MAX_LINE_LIMIT, MIN_LINE_LIMIT
from chatproto.errors import LocalProtocolError
from chatproto.text import first_unsafe, trim
from chatproto.wire import Malformed, Unit, UnitReader


@dataclass(frozen=True, slots=True)
class ServerEnded:
    """The server's end of stream; `complete` says whether it came at a unit's end (LIM-4)."""

    complete: bool


ClientEvent = Unit | Malformed | ServerEnded

BLANK: Final = b"\n"
"""The octets of a client's heartbeat (HB-1)."""
SILENCE: Final = 30.0
"""Seconds of silence through which a client that has left reads on, at least (CLI-6)."""


class ClientConnection:
    """One server, from the octets it sends, and the octets to send it. CLI-1 to CLI-4, CLI-7.

    A program around it receives whatever is said or not (CLI-5), reads on after `leave()` until
    there is a `ServerEnded` (CLI-6), and shows what it is given, the end included (CLI-7, CLI-9).
    `line_limit` is the longest line to send, in octets before the LF, from 1,024, which every
    server accepts (LIM-1), to 1,048,576; another raises `ValueError`.
    """

    def __init__(self, line_limit: int = MIN_LINE_LIMIT) -> None:
        if not MIN_LINE_LIMIT <= line_limit <= MAX_LINE_LIMIT:
            raise ValueError(
                f"the line limit is from {MIN_LINE_LIMIT} to {MAX_LINE_LIMIT} octets, "
                f"not {line_limit}"
            )
        self._line_limit = line_limit
        self._reader = UnitReader()
        self._has_left = False
        self._has_ended = False
        self._left_in_order = False

    @property
    def has_left(self) -> bool:
        """Whether `leave()` was called: the server's end of stream is to come (CLI-6)."""
        return self._has_left

    @property
    def left_in_order(self) -> bool:
        """Whether the server's end of stream followed `leave()`, at a unit's end (CLI-8)."""
        return self._left_in_order

    def receive(self, octets: bytes) -> list[ClientEvent]:
        """Take the octets of one read; give back the units they complete (CLI-1).

        A notice of any code is a unit like others (CLI-3). What is no unit gives one
        `Malformed`, and nothing after it is read. Raises `LocalProtocolError` after
        `receive_eof`.
        """
        if self._has_ended:
            raise LocalProtocolError("nothing can be received after the end of stream")
        return list(self._reader.receive(octets))

    def receive_eof(self) -> list[ClientEvent]:
        """Take the server's end of stream. Raises `LocalProtocolError` for a second one."""
        if self._has_ended:
            raise LocalProtocolError("the end of stream was received before")
        self._has_ended = True
        self._left_in_order = self._has_left and self._reader.complete
        return [ServerEnded(self._reader.complete)]

    def part(self, said: str) -> list[str]:
        """Make texts that fit of what a user said (CLI-4): one a line, a long one parted.

        The texts are trimmed, and none is blank. They are cut between code points; white space
        at a cut goes. Only what the user said as `quit` is `quit`. If there is more than one,
        the program has to tell its user so. Raises nothing: `say`
        checks whether a text may be sent.
        """
        lines = filter(None, map(trim, said.split("\n")))
        return [text for line in lines for text in _part(line, self._line_limit)]

    def say(self, text: str) -> bytes:
        """Write a message. Raises `LocalProtocolError`, saying why, for text that would not
        arrive as given: blank, untrimmed, `quit`, unsafe or too long (CLI-2, CLI-4)."""
        self._may_send()
        if text == "quit":
            raise LocalProtocolError("the text quit would leave; leave() does that")
        flaw = _flaw(text)
        if flaw is not None:
            raise LocalProtocolError(f"the text would not arrive as it is: {flaw}")
        line = text.encode()
        if len(line) > self._line_limit:
            raise LocalProtocolError(
                f"the text has {len(line)} octets; a line may have {self._line_limit}"
            )
        return line + b"\n"

    def heartbeat(self) -> bytes:
        """Write a blank line: alive, and nothing more (HB-1)."""
        self._may_send()
        return BLANK

    def leave(self) -> bytes:
        """Write `quit`; nothing can be sent after it (QUIT-1, QUIT-4)."""
        self._may_send()
        self._has_left = True
        return b"quit\n"

    def _may_send(self) -> None:
        if self._has_left:
            raise LocalProtocolError("nothing can be sent after leave()")


def _part(line: str, limit: int) -> list[str]:
    """Cut a trimmed line into texts, each of as many code points as fit."""
    octets = line.encode("utf-8", "surrogatepass")
    if len(octets) <= limit:
        return [line]
    parts: list[str] = []
    start = 0
    while start < len(octets):
        end = min(start + limit, len(octets))
        if end == len(octets) - 4 and octets.endswith(b"quit"):
            end -= 1  # alone it would leave, so a code point goes with it
        while octets[end : end + 1] and octets[end] & 0xC0 == 0x80:
            end -= 1
        part = trim(octets[start:end].decode("utf-8", "surrogatepass"))
        parts += ["qui", "t"] if part == "quit" else [part] if part else []
        start = end
    return parts


def _flaw(text: str) -> str | None:
    """Say what a server would change in a text; None if nothing."""
    if "\n" in text:
        return f"character {text.index(chr(10)) + 1} is a line feed, which would end the line"
    trimmed = trim(text)
    if not trimmed:
        return "it is blank"
    if trimmed != text:
        return f"white space at an end is taken away: {text!r}"
    index = first_unsafe(text)
    if index is not None:
        return (
            f"character {index + 1} is U+{ord(text[index]):04X}, a control character, a surrogate "
            "or a noncharacter, in place of which U+FFFD is shown"
        )
    return None
