"""The client's side of a connection: a server's octets to units, text to lines.

It refuses text that would not survive the trip: what the others would see must be what was
given (CLI-2).
"""

from dataclasses import dataclass
from typing import Final

from chatproto.connection import MIN_LINE_LIMIT
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


class ClientConnection:
    """One server, from the octets it sends, and the octets to send it. CLI-1, CLI-2, CLI-3.

    `line_limit` is the longest line to send, in octets before the LF: 1,024 is accepted
    everywhere (LIM-1).
    """

    def __init__(self, line_limit: int = MIN_LINE_LIMIT) -> None:
        self._line_limit = line_limit
        self._reader = UnitReader()
        self._has_left = False
        self._has_ended = False

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
        return [ServerEnded(self._reader.complete)]

    def say(self, text: str) -> bytes:
        """Write a message. Raises `LocalProtocolError`, saying why, for text that would not
        arrive as given: blank, untrimmed, `quit`, unsafe or too long (CLI-2)."""
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


def _flaw(text: str) -> str | None:
    """Say what a server would change in a text, were it sent; None where nothing."""
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
