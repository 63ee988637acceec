"""Octets and text as a person reads them: UTF-8 as its characters, what is invisible by its name,
long runs by their length. Nothing here can drive a terminal."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Final

RUN: Final = 16
"""Times that a character comes in a row, from which on it is written once, with their number."""
# C0 and C1 controls but HT and LF, and what turns the direction of text.
_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def escape(octets: str) -> str:
    """Write octets, given as the Latin-1 characters of the same numbers, as visible text.

    ASCII stands for itself, controls and octets that are no UTF-8 are written \\n, \\r, \\t and
    \\xNN. A character stands for itself where it can be told from all others by its look, else it
    is written <U+FFFD>. A character that comes many times in a row is written once, with
    their number. Spaces alone are written as octets, \\x20.
    """
    return "".join(tokens(octets)) if octets.strip(" ") else r"\x20" * len(octets)


def tokens(
    octets: str, runs: Iterable[tuple[int, int]] = (), edges: Collection[int] = ()
) -> list[str]:
    """Write octets as `escape` does, one text for each; it is empty for an octet that belongs to
    the text before it.

    Args:
        octets: the octets as Latin-1 characters.
        runs: indices of octets that stand for so many of the same.
        edges: indices over which no run is drawn together.
    """
    counts = dict(runs)
    characters: list[tuple[int, str]] = []
    at = 0
    while at < len(octets):
        text, length = _character(octets, at)
        characters.append((at, text))
        at += length
    shown = [""] * len(octets)
    section = 0

    def same(one: tuple[int, str]) -> tuple[int, str]:
        nonlocal section
        section += one[0] in edges
        return section, one[1]

    for (_, text), group in groupby(characters, same):
        alike = list(group)
        times = sum(counts.get(index, 1) for index, _ in alike)
        if times >= RUN:
            shown[alike[0][0]] = f"({text} × {times:,})"
        else:
            for index, _ in alike:
                shown[index] = text
    return shown


def start_of(shown: Sequence[str], index: int) -> int:
    """The index at which the text begins that an octet belongs to."""
    while 0 < index < len(shown) and not shown[index]:
        index -= 1
    return index


def _character(octets: str, at: int) -> tuple[str, int]:
    """The character that begins with an octet, as visible text, and how many octets it is."""
    char = octets[at]
    if " " <= char <= "~" and char != "\\":
        return char, 1
    if char in _NAMED:
        return _NAMED[char], 1
    if char > "\xff":
        return (char if char.isprintable() else _by_name(char)), 1
    length = 2 if "\xc2" <= char < "\xe0" else 3 if "\xe0" <= char < "\xf0" else 4
    if "\xc2" <= char <= "\xf4":
        try:
            decoded = octets[at : at + length].encode("latin-1").decode()
        except UnicodeError:
            pass
        else:
            return (decoded if _is_plain(decoded) else _by_name(decoded)), length
    return f"\\x{ord(char):02x}", 1


def _is_plain(char: str) -> bool:
    """Whether a character is seen, and looks like no other sequence of characters."""
    is_seen = unicodedata.category(char)[0] in "LNPS" and char != "\N{REPLACEMENT CHARACTER}"
    return is_seen and unicodedata.normalize("NFKC", char) == char


def _by_name(char: str) -> str:
    return f"<U+{ord(char):04X}>"


def width(text: str) -> int:
    """The columns that visible text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def visible(text: str) -> str:
    """Write what could drive a terminal, or hide, as \\uNNNN."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
