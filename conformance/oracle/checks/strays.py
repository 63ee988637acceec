"""Checks that every broadcast is a message of some client."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from chatproto import Code
from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.mixture import Mixtures
from conformance.oracle.reading.lines import Line
from conformance.oracle.reading.units import Junk, ReceivedBroadcast

_NOTICE: Final = re.compile(rb"!(?:%s)" % "|".join(Code).encode())
_NONCE_BEGUN: Final = re.compile(rb"n[0-9a-f]{6}x\d")
_NONCE_STEM: Final = re.compile(rb"(n[0-9a-f]{6})x\d{5,}z")
_COMING_OR_GOING: Final = re.compile(
    rb"\b(?:join(?:ed|s)?|enter(?:ed|s)?|(?:dis)?connect(?:ed|s|ion)?|left|leaves?|leaving|quits?|"
    rb"exit(?:ed|s)?|online|offline|arrived|gone|came|went|logged)\b",
    re.IGNORECASE,
)
_TIME_OF_DAY: Final = re.compile(rb"\d\d?:\d\d")
_GREETING: Final = re.compile(rb"\b(?:welcome|hello|hi|bye|goodbye)\b", re.IGNORECASE)
_BLANK: Final = re.compile(r"[\s\0-\x1f\ufffd]+")
_FRAGMENT: Final = 3
_MOST: Final = 300
"""The most facts of one transcript: a server may make up endless broadcasts."""


def check_strays(case: Case) -> Iterator[Fact]:
    """Detect broadcasts that no line accounts for, in this scenario or earlier ones."""
    mixtures = Mixtures(case)
    start = case.history.start
    authors = {label: name for name, label in case.matching.labels.items()}
    known, words = set(start.earlier), set(start.words)
    texts_alone = {
        (tie.client, tie.unit.span.start)
        for tie in case.matching.ties()
        if isinstance(tie.unit, Junk)
    }
    told = 0
    for name, unit in case.matching.stray:
        if not isinstance(unit, ReceivedBroadcast) or (name, unit.span.end) in texts_alone:
            continue
        author = authors.get(unit.sender or "")
        if author is None and (not start.exclusive or unit.sender in known):
            continue
        if any(stem.decode() in words for stem in _NONCE_STEM.findall(unit.text)):
            continue
        if mixtures.header_in(unit.text) is not None and mixtures.is_said(unit.header):
            continue  # the end of a text that stands alone, before the next header
        yield _stray(case, name, unit, author, mixtures)
        told += 1
        if told >= _MOST:
            return


def _stray(
    case: Case, name: str, unit: ReceivedBroadcast, author: str | None, mixtures: Mixtures
) -> Fact:
    client = case.history.clients[name]
    kind, what = Kind.MADE_UP, "a broadcast of something that nobody sent"
    signs: tuple[Sign, ...] = ()
    line: Line | None = None
    if unit.text in case.matching.said.quits:
        kind, what, signs = Kind.UNWANTED, "it was broadcast", (Sign.QUIT,)
        line = case.matching.said.quits[unit.text]
    elif _NOTICE.match(unit.text):
        kind, what = Kind.NOTICE_WITHIN, "a notice within a broadcast"
    elif not _BLANK.sub("", unit.text.decode("utf-8", "replace")):
        kind, what = Kind.EMPTY, f"an empty broadcast of {author or unit.sender}'s"
    elif mixtures.header_in(unit.text) is not None:
        what = "another header where its text should be"
        if mixtures.are_in(client, client.place_of(unit), unit.text):
            kind = Kind.MIXED
    elif _is_said(case, unit.text) or _is_a_rest(case, name, unit):
        what = "a broadcast of a part of what somebody said"
        line = _line_before(case, name, unit)
        if not _came_whole(case, unit.text):
            signs = (Sign.SAID,)
    elif is_about_members(case, unit.text) or _GREETING.search(unit.text):
        kind, what = Kind.ANNOUNCED, "a broadcast about who comes or goes, which nobody said"
    return Fact(
        kind,
        "a broadcast for each message, and for nothing else",
        what,
        (unit.span.first, unit.span.last),
        name,
        unit.octets,
        b"",
        signs=signs,
        line=line,
    )


def _is_said(case: Case, text: bytes) -> bool:
    """Whether a text is a part of what some client said, a piece of a line, or a whole segment."""
    said = case.matching.said
    if text in said.segments or text in said.pieces:
        return True
    return len(text) > _FRAGMENT and text in said.octets


def _is_a_rest(case: Case, name: str, unit: ReceivedBroadcast) -> bool:
    """Whether a text is the end, however short, of the line of which a part came just before."""
    line = _line_before(case, name, unit)
    if line is None or not line.octets.endswith(unit.text):
        return False
    return not any(tie.exact for tie in case.came.get(line, {}).values())


def _came_whole(case: Case, part: bytes) -> bool:
    """Whether every message with this part came whole to all who received it: the server did not
    take the part for a line."""
    if _NONCE_BEGUN.search(part) is None:
        return False
    ties = [case.came[line].values() for line in case.came if part in line.octets]
    return bool(ties) and all(tie.exact for every in ties for tie in every)


def _line_before(case: Case, name: str, unit: ReceivedBroadcast) -> Line | None:
    """Return the line that holds the text of a broadcast: that of the broadcast just before, or a
    violation."""
    run = case.matching.runs[name]
    place = bisect_right(run, unit.span.start, key=lambda tie: tie.unit.span.end)
    before = run[place - 1].line if place else None
    if before is not None and unit.text in before.octets:
        return before
    too_long = (one for client in case.clients for one in client.lines if one.code is not None)
    return next((line for line in too_long if unit.text in line.octets), None)


def is_about_members(case: Case, text: bytes) -> bool:
    """Whether a text announces members that join or leave, or names a member."""
    labels = (label.encode() for label in case.matching.labels.values())
    return _COMING_OR_GOING.search(text) is not None or any(label in text for label in labels)


def is_heading(octets: bytes) -> bool:
    """Whether a line that is no unit is a header in another format.

    It has a time of day, and does not announce members that join or leave.
    """
    return _TIME_OF_DAY.search(octets) is not None and _COMING_OR_GOING.search(octets) is None
