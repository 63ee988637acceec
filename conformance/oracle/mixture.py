"""Mixed octets of two broadcasts (ROOM-6), told from what only looks like them.

A message may contain a header, an LF may be missing between two broadcasts, and the rest of one may
be lost. Octets are mixed only if one broadcast begins, another stands within it, and the rest of
the first follows.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from conformance.dialect.forms import forms
from conformance.oracle.case import Case
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import NONCE, Line
from conformance.oracle.reading.units import (
    Junk,
    ReceivedBroadcast,
    ReceivedHeartbeat,
    ReceivedUnit,
    Rest,
)

HEADER_INSIDE: Final = re.compile(rb"\d{8} \d\d:\d\d:\d\d (?:\S+:\d+)")
_NEAR: Final = 24
"""How many units after an interrupted one are searched for its rest."""
_TELLING: Final = 8
"""How many octets of a rest identify it."""
_BUDGET: Final = 200
"""How many different headers of a transcript are searched for in what was said."""


class Mixtures:
    """A finder of mixed octets in one case."""

    def __init__(self, case: Case) -> None:
        self._case = case
        dialect = case.history.start.dialect
        self._header = HEADER_INSIDE if dialect is None else forms(dialect).opening
        self._said: dict[bytes, bool] = {}
        self._places: dict[str, dict[bytes, list[tuple[int, bytes]]]] = {}

    def header_in(self, octets: bytes, start: int = 0) -> re.Match[bytes] | None:
        """Find the first header, or in a dialect the first opening, that is no part of what
        somebody said."""
        if self._header is None:
            return None
        for found in self._header.finditer(octets, start):
            if found[0] and not self.is_said(found[0]):
                return found
        return None

    def is_said(self, header: bytes) -> bool:
        """Whether somebody said this, so that it need be no header of the server's."""
        if header not in self._said:
            within = len(self._said) < _BUDGET and header in self._case.matching.said.octets
            self._said[header] = within
        return self._said[header]

    def are_in(self, client: ClientHistory, place: int, octets: bytes) -> bool:
        """Whether a text that came in a client's unit at this place began, was interrupted by
        another broadcast, and went on after it."""
        inner = self.header_in(octets)
        if inner is None:
            return False
        begun = octets[: inner.start()]
        line = self._case.matching.said.with_nonce_of(begun) if begun else None
        if line is not None and line.text is not None and line.text.startswith(begun):
            rest = line.text[len(begun) :]
            if self._comes_later(client, place, rest, line):
                return True
        else:
            rest = None
        # Where the other's header ends the text, the other's own text comes next.
        first = place + (2 if inner.end() == len(octets) else 1)
        return self._goes_on(begun, rest, client.units[first : first + _NEAR])

    def _goes_on(self, begun: bytes, rest: bytes | None, following: Sequence[ReceivedUnit]) -> bool:
        if rest == b"":
            return _ends_later(following)
        for unit in following:
            if not begun and isinstance(unit, ReceivedBroadcast):
                continue  # With a header of its own it is no interrupted text.
            for came in _lines(unit):
                if begun + came in self._case.matching.said.by_text:
                    return True
                if rest is not None and len(rest) >= _TELLING and self._begins(rest, came):
                    return True
        return False

    def _comes_later(self, client: ClientHistory, place: int, rest: bytes, line: Line) -> bool:
        """Whether the rest of a line, with a word of its own, comes without its beginning."""
        if client.name not in self._places:
            places = self._places[client.name] = defaultdict(list)
            for at, unit in enumerate(client.units):
                for came in _lines(unit):
                    for nonce in NONCE.findall(came):
                        places[nonce].append((at, came))
        return any(
            at > place and rest in came and line.octets not in came
            for nonce in NONCE.findall(rest)
            for at, came in self._places[client.name].get(nonce, ())
        )

    def _begins(self, rest: bytes, came: bytes) -> bool:
        """Whether a rest begins in what came, and is not that of a line that is there."""
        begins = rest[:_TELLING]
        said = self._case.matching.said.by_nonce
        there = (said[nonce].octets for nonce in NONCE.findall(came) if nonce in said)
        return begins in came and not any(begins in octets for octets in there)


def _ends_later(following: Sequence[ReceivedUnit]) -> bool:
    """Whether the LF of an interrupted text comes after what interrupts it."""
    return any(isinstance(unit, ReceivedHeartbeat) for unit in following[:3])


def _lines(unit: ReceivedUnit) -> tuple[bytes, ...]:
    """Return the lines of a unit; the rest of a text may look like a header."""
    match unit:
        case ReceivedBroadcast(header=header, text=text):
            return header, text
        case Junk(octets=octets):
            return (octets,)
        case Rest(octets=octets):
            return tuple(octets.split(b"\n"))
        case _:
            return ()
