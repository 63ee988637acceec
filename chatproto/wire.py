"""The three units a server sends, to octets and back: broadcast, notice, heartbeat.

This is the one place that knows their form. Writing is `encode`; reading is `UnitReader`,
which takes octets however they were cut (CLI-1).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Final, assert_never

from chatproto.errors import LocalProtocolError
from chatproto.framing import LineReader
from chatproto.sender import is_sender
from chatproto.text import is_text

MAX_UNIT_LINE: Final = 4 * 1_048_576
"""Octets a reader takes in one line of a unit: a line of LIM-2's greatest length, grown by
TXT-4, fits."""


class Code(StrEnum):
    """The notice codes of the standard's registry (ERR-3)."""

    LINE_TOO_LONG = "line-too-long"
    INVALID_TEXT = "invalid-text"
    ROOM_FULL = "room-full"
    TOO_SLOW = "too-slow"
    SHUTTING_DOWN = "shutting-down"
    LOG_UNAVAILABLE = "log-unavailable"


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One message as every member receives it (MSG-1): `time` is the server's own wall clock,
    naive, in whole seconds; `sender` has the form of MSG-2; `text` is trimmed and safe."""

    time: datetime
    sender: str
    text: str

    def __post_init__(self) -> None:
        if self.time.tzinfo is not None or self.time.microsecond:
            raise LocalProtocolError(
                f"a broadcast's time is naive and in whole seconds, not {self.time!r}"
            )
        if not is_sender(self.sender):
            raise LocalProtocolError(f"not a sender: {self.sender!r}")
        if not is_text(self.text):
            raise LocalProtocolError(f"not a broadcast's text: {self.text!r}")


@dataclass(frozen=True, slots=True)
class Notice:
    """The server's own word to one client (ERR-3). `code` is one of `Code`, or any other of
    lower-case letters, digits and hyphens, which a client shows and survives (CLI-3)."""

    code: str
    explanation: str | None = None

    def __post_init__(self) -> None:
        if _CODE.fullmatch(self.code) is None:
            raise LocalProtocolError(f"not a notice code: {self.code!r}")
        if self.explanation is not None and not is_text(self.explanation):
            raise LocalProtocolError(f"not an explanation: {self.explanation!r}")


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """An empty line between units: alive, and nothing more (HB-2)."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """What came is no unit. `line` counts the lines of the stream from 1; `octets` is the
    offending line without its LF, empty where it passed the limit; nothing after it is read."""

    line: int
    octets: bytes
    reason: str


Unit = Broadcast | Notice | Heartbeat

_CODE: Final = re.compile(r"[a-z0-9-]+")
_HEADER: Final = re.compile(
    rb"([0-9]{4})([0-9]{2})([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([!-~]+)"
)


def encode(unit: Unit) -> bytes:
    """Write one unit; the same unit always gives the same octets (MSG-3)."""
    match unit:
        case Broadcast(time, sender, text):
            return encode_broadcasts(write_header(time, sender), [text])
        case Notice(code, None):
            return f"!{code}\n".encode()
        case Notice(code, explanation):
            return f"!{code} {explanation}\n".encode()
        case Heartbeat():
            return b"\n"
        case _:
            assert_never(unit)


def write_header(time: datetime, sender: str) -> str:
    """Write a broadcast's first line (MSG-1). Nothing is checked."""
    return f"{format_time(time)} {sender}\n"


class TimeWriter:
    """Writes times as headers show them, one for all of a second: to write one costs more than
    all else that is done about a short line."""

    def __init__(self) -> None:
        self._zone: tzinfo | None = None
        self._from = self._to = datetime.min
        self._text = ""

    def write(self, time: datetime) -> str:
        if time.tzinfo is not self._zone or not self._from <= time < self._to:
            self._zone = time.tzinfo
            self._from = time.replace(microsecond=0)
            self._to = time.replace(microsecond=999_999)
            self._text = format_time(self._from.replace(tzinfo=None))
        return self._text


def encode_broadcasts(header: str, texts: Sequence[str]) -> bytes:
    """Write broadcasts under one header, at least one: what `encode` writes of each (MSG-3).

    Nothing is checked: the texts are trimmed and safe.
    """
    between = f"\n{header}"
    return f"{header}{between.join(texts)}\n".encode()


def format_time(time: datetime) -> str:
    """Write a header's date and time, `20210703 17:45:39` (MSG-1)."""
    return time.isoformat(" ", "seconds").replace("-", "")


class UnitReader:
    """Reads a server's octets as units: a unit is told by its first octet (CLI-1)."""

    def __init__(self) -> None:
        self._lines = LineReader(MAX_UNIT_LINE)
        self._line = 0
        self._header: tuple[datetime, str] | None = None
        self._malformed = False

    @property
    def complete(self) -> bool:
        """Whether the octets so far end where a unit ends."""
        return self._header is None and not self._lines.unfinished and not self._malformed

    def receive(self, octets: bytes) -> list[Unit | Malformed]:
        """Take the octets of one read; give back the units they complete.

        What is no unit gives one `Malformed`, the last thing this reader ever gives.
        """
        units: list[Unit | Malformed] = []
        if self._malformed:
            return units
        for line in self._lines.receive(octets):
            self._line += 1
            try:
                unit = self._read(line)
            except LocalProtocolError as error:
                units.append(self._refuse(line, str(error)))
                return units
            if unit is not None:
                units.append(unit)
        if self._lines.too_long:
            self._line += 1
            units.append(self._refuse(b"", f"a line of more than {MAX_UNIT_LINE} octets"))
        return units

    def _refuse(self, line: bytes, reason: str) -> Malformed:
        self._malformed = True
        return Malformed(self._line, line, reason)

    def _read(self, line: bytes) -> Unit | None:
        if self._header is not None:
            time, sender = self._header
            self._header = None
            return Broadcast(time, sender, _decode(line))
        if not line:
            return Heartbeat()
        if line.startswith(b"!"):
            code, space, explanation = _decode(line[1:]).partition(" ")
            return Notice(code, explanation if space else None)
        self._header = _read_header(line)
        return None


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise LocalProtocolError(f"not UTF-8: {error.reason}") from None


def _read_header(line: bytes) -> tuple[datetime, str]:
    header = _HEADER.fullmatch(line)
    if header is None:
        raise LocalProtocolError("neither a broadcast's header, a notice nor a heartbeat")
    *numbers, sender = header.groups()
    try:
        year, month, day, hour, minute, second = map(int, numbers)
        time = datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        raise LocalProtocolError(f"not a date and time: {error}") from None
    if not is_sender(sender.decode()):
        raise LocalProtocolError(f"not a sender: {sender.decode()!r}")
    return time, sender.decode()
