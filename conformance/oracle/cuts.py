"""Where texts were cut: at a length that no text exceeds, at a character, or anywhere.

A server that cuts every text at some length has a line limit, and one that cuts texts at some
character does not relay it. Only what is cut otherwise may have been cut by framing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from chatproto.text import REPLACEMENT, trim
from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.reading.lines import Line

_SLACK: Final = 8
"""How many octets lengths may differ by that are one limit: it may fall within a character, or
count the header in."""
_LONG: Final = 256
"""From how many octets on one text that is cut shows a limit."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A text that was cut: how much of its line was kept, and the character that comes next."""

    line: Line
    octets: int
    characters: int
    following: str

    def is_as_long_as(self, other: "Cut") -> bool:
        return self.characters == other.characters or abs(self.octets - other.octets) <= _SLACK


class Cuts:
    """The cuts of one case, by what was detected in it."""

    def __init__(self, case: Case, facts: Iterable[Fact]) -> None:
        self._case = case
        self._facts = [
            fact for fact in facts if fact.kind is Kind.ALTERED and Sign.CUT in fact.signs
        ]

    @cached_property
    def _cuts(self) -> list[Cut]:
        cuts = (cut for fact in self._facts if (cut := cut_of(fact)) is not None)
        return [cut for cut in cuts if cut.line not in self._whole]

    @cached_property
    def _whole(self) -> set[Line]:
        return {tie.line for run in self._case.runs.values() for tie in run if tie.exact}

    @cached_property
    def _most(self) -> tuple[int, int]:
        """The most octets of a line, and the most characters of a text, that came."""
        octets = [cut.octets for cut in self._cuts]
        characters = [cut.characters for cut in self._cuts]
        return max([*octets, self._longest[0]]), max([*characters, self._longest[1]])

    @cached_property
    def _longest(self) -> tuple[int, int]:
        """The octets of the longest line, and the characters of the longest text, that came
        whole."""
        octets = max((len(line.octets) for line in self._whole), default=0)
        return octets, max(map(_characters, self._whole), default=0)

    @cached_property
    def _relayed(self) -> frozenset[str]:
        """Every character that came within a text that is whole."""
        return frozenset().union(*((line.text or b"").decode() for line in self._whole))

    def has_come_as_long(self, line: Line) -> bool:
        """Whether a line came whole that is as long as this one."""
        return len(line.octets) <= self._longest[0]

    def limit_of(self, fact: Fact) -> int | None:
        """Return at how many octets a line was cut if that is a limit: no more came of any line.

        Two were cut there, or one that is long and had a segment of its own; and others that are
        shorter came whole, or were cut there though some are longer than others.
        """
        cut = self._cut(fact)
        if cut is None or self._is_at_a_character(cut):
            return None
        octets, characters = self._most
        if cut.octets + _SLACK < octets and cut.characters < characters:
            return None
        octets, characters = self._longest
        alike = {one.line for one in self._cuts if one.is_as_long_as(cut)}
        if not any(
            len(line.octets) > octets + _SLACK or _characters(line) > characters for line in alike
        ):
            return None
        lengths = [len(line.octets) for line in alike]
        if not self._whole and max(lengths) - min(lengths) <= _SLACK:
            return None  # each line may lack its end
        if len(alike) == 1:
            # What was made longer by U+FFFD may have been cut when it was put together.
            grew = len(fact.octets) > cut.octets + _SLACK
            if grew or cut.octets < _LONG or not self._had_its_segment(cut.line):
                return None
        return cut.octets

    def character_of(self, fact: Fact) -> str:
        """Return the character at which a text was cut, if no text with that character came whole,
        and a line that was alone was cut there; else nothing."""
        cut = self._cut(fact)
        if cut is None or not self._is_at_a_character(cut):
            return ""
        alike = (one.line for one in self._cuts if one.following == cut.following)
        return cut.following if any(map(self._was_alone, alike)) else ""

    def _cut(self, fact: Fact) -> Cut | None:
        return None if fact.line in self._whole else cut_of(fact)

    def _is_at_a_character(self, cut: Cut) -> bool:
        point = cut.following
        if point.isascii() and point.isalnum():
            return False
        before = (cut.line.text or b"").decode()[: cut.characters]
        return point not in before and point not in self._relayed

    def _was_alone(self, line: Line) -> bool:
        return self._had_its_segment(line) and self._case.is_alone(line)

    def _had_its_segment(self, line: Line) -> bool:
        """Whether a line was the only one in its only segment."""
        segments = self._case.segments(line)
        return len(segments) == 1 and segments[0].count(b"\n") == 1


def _characters(line: Line) -> int:
    return len((line.text or b"").decode())


def cut_of(fact: Fact) -> Cut | None:
    """Return how a text was cut; None if what came is not its beginning."""
    line = fact.line
    if line is None or line.text is None or Sign.CUT not in fact.signs:
        return None
    expected = line.text.decode()
    text = fact.octets.decode("utf-8", "replace").rstrip()
    if not expected.startswith(text):
        text = text.rstrip(REPLACEMENT)
    if not text or not expected.startswith(text) or len(text) >= len(expected):
        return None
    kept = trim(line.octets.decode("utf-8", "replace"))[: len(text)]
    return Cut(line, len(kept.encode()), len(text), expected[len(text)])
