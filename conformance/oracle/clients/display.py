"""What a client's user sees: the rows of a screen, or the printed lines.

Words are found in any layout: wrapped, indented, framed.
"""

import json
import re
import unicodedata
from codecs import getincrementaldecoder
from itertools import accumulate, pairwise, takewhile
from operator import methodcaller
from typing import Final, Protocol

from conformance.oracle.clients.emulator import Emulator
from conformance.transcript.events import Way

CLEARS: Final = re.compile(rb"\x1b\[(?:[23]J|H|1;1H|\?1049h|\?47h)")
_FRAMES: Final = re.compile(r"[\s\u2500-\u259f|]+")
_OTHERS: Final = re.compile(r"[\W_]+")
_MARK: Final = re.compile(r"[\W_]*")
_WORDS: Final = re.compile(r"[^\W\d_]{2,}")


class Display(Protocol):
    """Something that octets appear on."""

    def feed(self, octets: bytes, stream: str) -> None:
        """Show octets of one of the two streams."""

    def rows(self) -> list[str]:
        """Return all that is to be seen, a row each; what scrolled off comes first."""


def display_for(way: Way, columns: int, rows: int) -> Display:
    """Make the display of a client that is used in this way."""
    if way == "terminal":
        return Screen(columns, rows)
    return Paper() if way == "pipe" else Messages()


class Screen:
    """A terminal's screen, and what scrolled off it. `is_cleared`: the client has cleared it, and
    draws it as it likes."""

    def __init__(self, columns: int, rows: int) -> None:
        self.is_cleared = False
        self._terminal = Emulator(columns, rows)

    def feed(self, octets: bytes, stream: str) -> None:  # noqa: ARG002  # a screen has one
        self.is_cleared = self.is_cleared or CLEARS.search(octets) is not None
        self._terminal.feed(octets)

    def take_answers(self) -> bytes:
        """Return the terminal's answers to the program."""
        return self._terminal.take_answers()

    @property
    def takes_pastes(self) -> bool:
        """Whether the client has asked for what is pasted to be marked as that."""
        return self._terminal.takes_pastes

    def rows(self) -> list[str]:
        """Return the screen's rows; after those that scrolled off, unless the client clears the
        screen: then what scrolled off was drawn again."""
        rows = self._terminal.rows()
        return rows if self.is_cleared else [*self._terminal.scrolled(), *rows]


class Paper:
    """Lines as a program reads them: those of the output, then those of the errors."""

    def __init__(self) -> None:
        decoder = getincrementaldecoder("utf-8")
        self._decoders = {name: decoder("replace") for name in ("output", "errors")}
        self._texts = dict.fromkeys(self._decoders, "")

    def feed(self, octets: bytes, stream: str) -> None:
        self._texts[stream] += self._decoders[stream].decode(octets)

    def rows(self) -> list[str]:
        rows: list[str] = []
        for text in self._texts.values():
            lines = text.split("\n")
            rows += [line.rstrip("\r") for line in (lines[:-1] if not lines[-1] else lines)]
        return rows


class Messages(Paper):
    """What an adapter writes as JSON lines, each as a row: one that is none is shown as it is."""

    def rows(self) -> list[str]:
        return [_said(row) for row in super().rows()]


def _said(row: str) -> str:
    try:
        line = json.loads(row)
    except ValueError:
        return row
    match line:
        case {"broadcast": {"sender": str(sender), "text": str(text)}}:
            return f"{sender}  {text}"
        case {"notice": {"code": str(code), **rest}}:
            return f"!{code} {rest.get('explanation') or ''}".rstrip()
        case {"refused": reason}:
            return f"refused {reason}"
        case {"ended": how}:
            return f"ended {how}"
        case _:
            return row


def squeezed(text: str) -> str:
    """Return the letters and digits of a text, which no layout changes."""
    return _OTHERS.sub("", unicodedata.normalize("NFC", text))


def compact(text: str) -> str:
    """Return a text without white space and frames, which wrapping and boxes add."""
    return _FRAMES.sub("", unicodedata.normalize("NFC", text))


def is_laid_out(text: str, rows: tuple[str, ...]) -> bool:
    """Whether a text stands on these rows unaltered: wrapped, framed, or with the same mark before
    each continuation row."""
    wanted = compact(text)
    if wanted in compact("".join(rows)):
        return True
    for at, (row, following) in enumerate(pairwise(rows)):
        if wanted[:2] not in compact(row):
            continue
        for mark in accumulate(_MARK.findall(following)[0]):
            marked = takewhile(methodcaller("startswith", mark), rows[at + 1 :])
            if wanted in compact(row + "".join(other.removeprefix(mark) for other in marked)):
                return True
    return False


def words(rows: list[str]) -> set[str]:
    """Return the words on these rows, in small letters."""
    return {word.lower() for row in rows for word in _WORDS.findall(row)}
