"""A terminal, emulated: pyte, and what clients print that pyte does not know.

Without these a client is accused of what it shows well: curses scrolls by SU and SD, line editors
save the cursor again and again, and toolkits ask the terminal for what it can.
"""

import re
from collections import deque
from typing import Any, Final
from unicodedata import combining

import pyte
from pyte.screens import Char, Margins
from wcwidth import wcwidth

_SCROLLED: Final = 4_000
"""Rows kept of those that scrolled off."""
_SCROLLED_TOO: Final = 3
"""The parameter by which ED erases those as well."""
_BRACKETS: Final = 2004 << 5
"""How pyte writes the mode of bracketed paste."""
_UNKNOWN: Final = re.compile(rb"\x1b[P^_X].*?\x1b\\|\x1b\[[<=>!][\d;:]*[@-bd-~]", re.DOTALL)
"""Strings for the terminal, and private sequences but DA2: pyte would draw what is in them."""
_BEGUN: Final = re.compile(rb"\x1b(?:[P^_X][^\x1b]{0,4096}\x1b?|\[(?:[<=>!][\d;:]{0,32})?)?\Z")
"""The beginning of one, or of any sequence, at the end of a read."""


class _Stream(pyte.ByteStream):
    csi = pyte.ByteStream.csi | {
        "S": "scroll_up",
        "T": "scroll_down",
        "Z": "cursor_back_tab",
        "b": "repeat_character",
        "s": "save_cursor",
        "u": "restore_cursor",
    }
    events = pyte.ByteStream.events | frozenset(csi.values())


class _Screen(pyte.Screen):
    """Rows that scrolled off it are `scrolled`, what it answers to the program is `answers`."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__(columns, rows)
        self.answers = b""
        self.scrolled: deque[str] = deque(maxlen=_SCROLLED)
        self._drawn = ""

    def index(self) -> None:
        """Move the cursor down; at the last row, scroll."""
        top, bottom = self.margins or Margins(0, self.lines - 1)
        if self.cursor.y == bottom:
            self.scrolled.append(_row(self.buffer[top], self.columns))
        super().index()

    def scroll_up(self, count: int = 0, **_private: bool) -> None:
        """Scroll, and leave the cursor where it is."""
        self._scroll(count, (self.margins or Margins(0, self.lines - 1)).bottom, self.index)

    def scroll_down(self, count: int = 0, *_others: int, **_private: bool) -> None:
        """Scroll the other way, and leave the cursor where it is."""
        self._scroll(count, (self.margins or Margins(0, self.lines - 1)).top, self.reverse_index)

    def _scroll(self, count: int, row: int, scroll: Any) -> None:
        at, self.cursor.y = self.cursor.y, row
        for _ in range(min(count or 1, self.lines)):
            scroll()
        self.cursor.y = at

    def repeat_character(self, count: int = 0) -> None:
        """Draw what was drawn last again."""
        self.draw(self._drawn * min(count or 1, self.lines * self.columns))

    def cursor_back_tab(self, count: int = 0) -> None:
        """Move the cursor back to a tab stop."""
        for _ in range(min(count or 1, self.columns)):
            stops = (stop for stop in self.tabstops if stop < self.cursor.x)
            self.cursor.x = max(stops, default=0)

    def save_cursor(self, *_others: int, **private: bool) -> None:
        """Save the cursor in place of what was saved before, as a terminal does."""
        if not private:
            self.savepoints.clear()
            super().save_cursor()

    def restore_cursor(self, *_others: int, **private: bool) -> None:
        """Restore the cursor; it stays saved."""
        if not private:
            super().restore_cursor()
            super().save_cursor()

    def erase_in_display(self, how: int = 0, *args: Any, **private: Any) -> None:
        """Erase a part of the screen, or what scrolled off it."""
        super().erase_in_display(how, *args, **private)
        if how == _SCROLLED_TOO:
            self.scrolled.clear()

    def write_process_input(self, data: str) -> None:
        self.answers += data.encode()

    def draw(self, data: str) -> None:
        """Draw text; what has no width is left out, for pyte stops at it."""
        data = "".join(char for char in data if wcwidth(char) > 0 or combining(char))
        self._drawn = data[-1:] or self._drawn
        super().draw(data)

    def select_graphic_rendition(self, *attributes: int, **_private: bool) -> None:
        super().select_graphic_rendition(*attributes)


class Emulator:
    """A terminal of so many columns and rows."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = _Screen(columns, rows)
        self._stream = _Stream(self._screen)
        self._begun = b""

    def feed(self, octets: bytes) -> None:
        """Show what a program printed."""
        octets = _UNKNOWN.sub(b"", self._begun + octets)
        begun = _BEGUN.search(octets)
        self._begun = b"" if begun is None else begun[0]
        try:
            self._stream.feed(octets.removesuffix(self._begun))
        except Exception:  # what the emulator does not know is no fault of a client
            self._stream = _Stream(self._screen)

    def take_answers(self) -> bytes:
        """Return the terminal's answers to the program: the position of the cursor, the type."""
        answers, self._screen.answers = self._screen.answers, b""
        return answers

    @property
    def takes_pastes(self) -> bool:
        """Whether the program has asked for what is pasted to be marked as that."""
        return _BRACKETS in self._screen.mode

    def scrolled(self) -> list[str]:
        """Return the rows that scrolled off, the last ones."""
        return list(self._screen.scrolled)

    def rows(self) -> list[str]:
        """Return the rows of the screen."""
        screen = self._screen
        return [_row(screen.buffer[number], screen.columns) for number in range(screen.lines)]


def _row(line: Any, columns: int) -> str:
    """Return one row of pyte, which keeps an empty cell after each wide character."""
    cells: list[Char] = [line[column] for column in range(columns)]
    return "".join(cell.data for cell in cells).rstrip()
