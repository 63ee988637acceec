"""Formats what came from the server as pieces of text, each with the name of a style.

Nothing that a server sends can drive the terminal: broadcasts have no control characters (TXT-4),
and invisible characters, or those that change the direction of text, are written like `<U+202E>`
(CLI-10). Further rows of a text are indented, so that none looks like a new message (CLI-11).
"""

import re
import unicodedata
import zlib
from datetime import datetime
from typing import Final

from chatproto import Broadcast, Code, Notice

Pieces = list[tuple[str, str]]
"""Styles' names and texts, as prompt_toolkit takes them."""

STYLES: Final = {
    "local": "",
    "server": "ansibrightblack",
    "unseen": "reverse",
    "notice": "bold ansiyellow",
    "status": "italic ansibrightblack",
    "trouble": "bold ansired",
}

SENDERS: Final = (
    "ansired", "ansigreen", "ansiyellow", "ansiblue", "ansimagenta", "ansicyan",
    "ansibrightred", "ansibrightgreen", "ansibrightyellow", "ansibrightblue",
    "ansibrightmagenta", "ansibrightcyan",
)  # fmt: skip
"""The colours of senders: the terminal's own, which its user can read."""

MEANINGS: Final = {
    Code.LINE_TOO_LONG: "a line was longer than the server takes",
    Code.INVALID_TEXT: "a line was not in the server's charset",
    Code.ROOM_FULL: "the room is full",
    Code.TOO_SLOW: "too much waited for you",
    Code.SHUTTING_DOWN: "the server is being stopped",
    Code.LOG_UNAVAILABLE: "the server has lost touch with the room",
}

INDENT: Final = "    "
"""The indentation of further rows of a text."""

# Controls, soft hyphens, what has no width, and what turns the direction of text; but not the
# joiners that scripts and emoji are written with.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def colour(sender: str) -> str:
    """Choose a sender's colour: the same each time, in each run."""
    return SENDERS[zlib.crc32(sender.encode()) % len(SENDERS)]


def visible(text: str) -> Pieces:
    """Make invisible characters visible; a tab becomes spaces."""
    pieces: Pieces = []
    end = 0
    for match in _UNSEEN.finditer(text):
        pieces.append(("", text[end : match.start()]))
        pieces.append(("class:unseen", f"<U+{ord(match[0]):04X}>"))
        end = match.end()
    pieces.append(("", text[end:]))
    return [(style, piece.replace("\t", "    ")) for style, piece in pieces if piece]


def show(unit: Broadcast | Notice, now: datetime, columns: int) -> Pieces:
    """Format a unit for people: local time, server time, SENDER and text; or a notice (CLI-3)."""
    head = [("class:local", f"{now:%H:%M:%S} ")]
    if isinstance(unit, Broadcast):
        head += [
            ("class:server", f"({unit.time:%H:%M:%S}) "),
            (f"bold {colour(unit.sender)}", unit.sender),
            ("", "  "),
        ]
        text = unit.text
    else:
        head += [("class:notice", f"*** {_told(unit)}")]
        if unit.explanation is not None:
            head += [("", ": ")]
        text = unit.explanation or ""
    return [*head, *_hang(visible(text), sum(len(piece) for _, piece in head), columns), ("", "\n")]


def plain(unit: Broadcast | Notice, now: datetime, columns: int | None = None) -> str:
    """Write a unit as one line for programs: the server's time, the local one, SENDER, the text.

    Single spaces separate the four. A notice has `-` for the server's time, and for the sender its
    code after a `!`, as on the wire. If `columns` says how wide a terminal is, invisible characters
    are made visible.
    """
    local = now.isoformat(timespec="seconds")
    if isinstance(unit, Broadcast):
        head, text = f"{unit.time.isoformat()} {local} {unit.sender} ", unit.text
    elif unit.explanation is None:
        head, text = f"- {local} !{unit.code}", ""
    else:
        head, text = f"- {local} !{unit.code} ", unit.explanation
    if columns is not None:
        text = "".join(piece for _, piece in _hang(visible(text), len(head), columns))
    return f"{head}{text}\n"


def _hang(text: Pieces, column: int, columns: int) -> Pieces:
    """Break a text that begins in this column into rows; all but the first are indented."""
    rows: Pieces = []
    column %= columns
    for style, piece in text:
        row: list[str] = []
        for char in piece:
            width = _width(char)
            if column + width > columns:
                row.append(f"\n{INDENT}")
                column = len(INDENT)
            row.append(char)
            column += width
        rows.append((style, "".join(row)))
    return rows


def _width(char: str) -> int:
    """Return how many columns a character takes at most: a shorter row does no harm."""
    return 1 if char < "\u1100" or unicodedata.east_asian_width(char) == "H" else 2


def _told(notice: Notice) -> str:
    meanings = {str(code): meaning for code, meaning in MEANINGS.items()}
    meaning = meanings.get(notice.code)
    return notice.code if meaning is None else f"{notice.code} ({meaning})"
