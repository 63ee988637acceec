"""What came from the server as lines to look at: pieces of text, each with a style's name.

Nothing a server sends drives the terminal: a text has no control characters, or it would be no
broadcast (TXT-4), and what could still hide, or turn the line around, is written as `<U+202E>`.
"""

import re
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
    """Write out what a terminal would not show; a tab is shown as spaces."""
    pieces: Pieces = []
    end = 0
    for match in _UNSEEN.finditer(text):
        pieces.append(("", text[end : match.start()]))
        pieces.append(("class:unseen", f"<U+{ord(match[0]):04X}>"))
        end = match.end()
    pieces.append(("", text[end:]))
    return [(style, piece.replace("\t", "    ")) for style, piece in pieces if piece]


def show(unit: Broadcast | Notice, now: datetime) -> Pieces:
    """One line for people: your time, the server's, who, what; a notice set apart (CLI-3)."""
    local = ("class:local", f"{now:%H:%M:%S} ")
    if isinstance(unit, Broadcast):
        return [
            local,
            ("class:server", f"({unit.time:%H:%M:%S}) "),
            (f"bold {colour(unit.sender)}", unit.sender),
            ("", "  "),
            *visible(unit.text),
            ("", "\n"),
        ]
    told = [("class:notice", f"*** {_told(unit)}")]
    if unit.explanation is not None:
        told += [("", ": "), *visible(unit.explanation)]
    return [local, *told, ("", "\n")]


def plain(unit: Broadcast | Notice, now: datetime) -> str:
    """One line for programs: the server's time, the local one, the sender, the text as it came.

    The four are set apart by single spaces. A notice has `-` for the server's time, and in the
    place of the sender its code behind a `!`, as on the wire.
    """
    local = now.isoformat(timespec="seconds")
    if isinstance(unit, Broadcast):
        return f"{unit.time.isoformat()} {local} {unit.sender} {unit.text}\n"
    explanation = "" if unit.explanation is None else f" {unit.explanation}"
    return f"- {local} !{unit.code}{explanation}\n"


def _told(notice: Notice) -> str:
    meanings = {str(code): meaning for code, meaning in MEANINGS.items()}
    meaning = meanings.get(notice.code)
    return notice.code if meaning is None else f"{notice.code} ({meaning})"
