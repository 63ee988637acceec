"""What a client's user sees: the rows of a screen, or the lines of what was printed.

Words are looked for in what is shown however it is laid out: wrapped, indented, framed.
"""

import json
import re
import unicodedata
from codecs import getincrementaldecoder
from collections import deque
from typing import Any, Final, Protocol
from unicodedata import combining

import pyte
from pyte.screens import Char, Margins
from wcwidth import wcwidth

from conformance.transcript.events import Way

_SCROLLED: Final = 4_000
"""Rows kept of those that scrolled off."""
_SCROLLED_TOO: Final = 3
"""The parameter by which ED erases those as well."""
CLEARS: Final = re.compile(rb"\x1b\[(?:[23]J|H|1;1H|\?1049h|\?47h)")
_BRACKETS: Final = 2004 << 5
"""How the emulator writes the mode of bracketed paste."""
_FRAMES: Final = re.compile(r"[\s\u2500-\u259f|]+")
_OTHERS: Final = re.compile(r"[\W_]+")
_WORDS: Final = re.compile(r"[^\W\d_]{2,}")


class Display(Protocol):
    """Something that octets appear on."""

    def feed(self, octets: bytes, stream: str) -> None:
        """Show octets of one of the two streams."""

    def rows(self) -> list[str]:
        """All that is to be seen, a row each; what scrolled off comes first."""


def display_for(way: Way, columns: int, rows: int) -> Display:
    """The display of a client that is used in that way."""
    if way == "terminal":
        return Screen(columns, rows)
    return Paper() if way == "pipe" else Messages()


class _Emulated(pyte.Screen):
    """A screen that answers what a terminal is asked, and survives what it does not know.
    `scrolled` are the rows that scrolled off it."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__(columns, rows)
        self.answers = b""
        self.scrolled: deque[str] = deque(maxlen=_SCROLLED)

    def index(self) -> None:
        """Move the cursor down; at the last row, scroll."""
        top, bottom = self.margins or Margins(0, self.lines - 1)
        if self.cursor.y == bottom:
            self.scrolled.append(_row(self.buffer[top], self.columns))
        super().index()

    def erase_in_display(self, how: int = 0, *args: Any, **private: Any) -> None:
        """Erase a part of the screen, or what scrolled off it."""
        super().erase_in_display(how, *args, **private)
        if how == _SCROLLED_TOO:
            self.scrolled.clear()

    def write_process_input(self, data: str) -> None:
        self.answers += data.encode()

    def draw(self, data: str) -> None:
        """Draw text; what has no width is left out, for the emulator stops at it."""
        super().draw("".join(char for char in data if wcwidth(char) > 0 or combining(char)))

    def select_graphic_rendition(self, *attributes: int, **_private: bool) -> None:
        super().select_graphic_rendition(*attributes)


class Screen:
    """A terminal's screen, and what scrolled off it."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = _Emulated(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._clears = False

    def feed(self, octets: bytes, stream: str) -> None:  # noqa: ARG002  # a screen has one
        self._clears = self._clears or CLEARS.search(octets) is not None
        try:
            self._stream.feed(octets)
        except Exception:  # what the emulator does not know is no fault of a client
            self._stream = pyte.ByteStream(self._screen)

    def take_answers(self) -> bytes:
        """What the terminal has to say to the program: where the cursor is, what it is."""
        answers, self._screen.answers = self._screen.answers, b""
        return answers

    @property
    def takes_pastes(self) -> bool:
        """Whether the client has asked for what is pasted to be marked as that."""
        return _BRACKETS in self._screen.mode

    def rows(self) -> list[str]:
        """The screen's rows; after those that scrolled off, unless the client clears the screen:
        then what scrolled off was drawn again."""
        screen = self._screen
        rows = [_row(screen.buffer[number], screen.columns) for number in range(screen.lines)]
        return rows if self._clears else [*screen.scrolled, *rows]


def _row(line: Any, columns: int) -> str:
    """One row of the emulator's, which keeps an empty cell behind each wide character."""
    cells: list[Char] = [line[column] for column in range(columns)]
    return "".join(cell.data for cell in cells).rstrip()


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
    """The letters and digits of a text alone: however it was laid out, it is the same."""
    return _OTHERS.sub("", unicodedata.normalize("NFC", text))


def compact(text: str) -> str:
    """A text without white space and frames: what is wrapped, or boxed, is the same."""
    return _FRAMES.sub("", unicodedata.normalize("NFC", text))


def words(rows: list[str]) -> set[str]:
    """The words on these rows, in small letters."""
    return {word.lower() for row in rows for word in _WORDS.findall(row)}
