"""Makes octets and text readable: UTF-8 as characters, invisible ones by code point, long runs by
their length. The result cannot drive a terminal."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Final

RUN: Final = 16
"""A character that repeats at least this many times in a row is written once, with the number."""
# C0 and C1 controls except HT and LF, and characters that change the direction of text.
_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def escape(octets: str) -> str:
    """Write octets, given as the Latin-1 characters of the same numbers, as visible text.

    ASCII stands for itself; controls and octets that are not UTF-8 are written \\n, \\r, \\t and
    \\xNN. Other characters stand for themselves if no other sequence looks the same, else they are
    written like <U+FFFD>. A character that repeats many times in a row is written once, with the
    number. If there are only spaces, they are written as octets, \\x20.
    """
    return "".join(tokens(octets)) if octets.strip(" ") else r"\x20" * len(octets)


def tokens(
    octets: str, runs: Iterable[tuple[int, int]] = (), edges: Collection[int] = ()
) -> list[str]:
    """Write octets as `escape` does, one text for each octet.

    The text is empty for an octet that belongs to the text before it.

    Args:
        octets: the octets as Latin-1 characters.
        runs: pairs of an index and a number; the octet there stands for this many equal ones.
        edges: indices at which a run is split.
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
    """Return the index at which the text of an octet begins."""
    while 0 < index < len(shown) and not shown[index]:
        index -= 1
    return index


def _character(octets: str, at: int) -> tuple[str, int]:
    """Return the character that begins at an octet, as visible text, and its number of octets."""
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
    """Whether a character is visible, and no other sequence of characters looks the same."""
    is_seen = unicodedata.category(char)[0] in "LNPS" and char != "\N{REPLACEMENT CHARACTER}"
    return is_seen and unicodedata.normalize("NFKC", char) == char


def _by_name(char: str) -> str:
    return f"<U+{ord(char):04X}>"


def width(text: str) -> int:
    """Return how many columns visible text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def visible(text: str) -> str:
    """Replace characters that could drive a terminal or are invisible by \\uNNNN."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
