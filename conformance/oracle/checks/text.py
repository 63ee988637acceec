"""Checks that what was broadcast of each line is its text, whole and unaltered."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from chatproto import Code
from chatproto.text import REPLACEMENT
from conformance.oracle.alteration import alteration_signs, bad_text_signs, text_signs
from conformance.oracle.case import Case
from conformance.oracle.charsets import readings_of
from conformance.oracle.checks.strays import is_heading
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.matching import Tie
from conformance.oracle.membership import was_evicted
from conformance.oracle.mixture import Mixtures
from conformance.oracle.reading.lines import NONCE, Fate, Line
from conformance.oracle.reading.units import (
    Junk,
    ReceivedBroadcast,
    ReceivedUnit,
)
from conformance.oracle.said import pieces_of

_NOTICE: Final = re.compile(rb"!(?:%s)" % "|".join(Code).encode())
_NONCE_END: Final = re.compile(rb"x\d{5,}z")
_FRAGMENT: Final = 3
_PARTS: Final = 4
"""How many parts of other lines are looked for beside a text."""
_MOST: Final = 300
"""The most facts of one transcript: a server may make up endless broadcasts."""
UNWANTED_SIGNS: Final = {
    Fate.QUIT: Sign.QUIT,
    Fate.AFTER_QUIT: Sign.AFTER_QUIT,
    Fate.INCOMPLETE: Sign.INCOMPLETE,
    Fate.BLANK: Sign.BLANK,
    Fate.VIOLATION: Sign.VIOLATION,
    Fate.AFTER_VIOLATION: Sign.VIOLATION,
}


def check_texts(case: Case) -> Iterator[Fact]:
    """Detect broadcasts with a wrong text, and broadcasts of lines that are no message."""
    mixtures = Mixtures(case)
    told = 0
    for tie in case.matching.ties():
        if isinstance(tie.unit, Junk):
            fact = _without_header(case, tie, mixtures)
        elif not tie.exact and isinstance(tie.unit, ReceivedBroadcast):
            if _may_be_unfinished(case, tie):
                continue
            fact = _inexact(case, tie, tie.unit.text, mixtures)
        else:
            continue
        yield fact
        told += 1
        if told >= _MOST:
            break


def _may_be_unfinished(case: Case, tie: Tie) -> bool:
    """Whether this is the last broadcast that came to a client, and the beginning of the right one.

    The stream of an evicted member may end within a unit. If no LF ends a unit, the rest may still
    have been to come.
    """
    client, dialect = case.history.clients[tie.client], case.history.start.dialect
    text = tie.unit.text if isinstance(tie.unit, ReceivedBroadcast) else b""
    if client.units[-1] is not tie.unit or not (tie.line.text or b"").startswith(text):
        return False
    is_open = dialect is not None and "\n" not in dialect.closing and client.ended is None
    return is_open or was_evicted(case, client)


def line_signs(case: Case, line: Line) -> tuple[Sign, ...]:
    """Return the signs of a line: those of its text, and those of its segments."""
    segments = case.segments(line)
    signs = text_signs(line)
    if len(segments) > 1:
        signs += (Sign.SPLIT_SEGMENT,)
    if any(0 <= segment.find(b"\n") < segment.rfind(b"\n") for segment in segments):
        signs += (Sign.SHARED_SEGMENT,)
    return signs


def _unwanted(case: Case, tie: Tie, came: bytes) -> Fact:
    line = tie.line
    signs = (UNWANTED_SIGNS[line.fate], *bad_text_signs(line, came), *line_signs(case, line))
    if line.fate not in (Fate.VIOLATION, Fate.AFTER_VIOLATION) and came in readings_of(line.octets):
        signs = (Sign.OTHER_CHARSET, *signs)
    if line.text is None and came and len(came) < len(line.octets.strip()):
        signs = (Sign.CUT, *signs)
    return Fact(
        Kind.UNWANTED,
        f"no broadcast of a line that is {line.fate.value}",
        "it was broadcast",
        (line.begun, line.done, tie.unit.span.last),
        tie.client,
        came,
        b"",
        case.segments(line),
        signs,
        line,
    )


def _without_header(case: Case, tie: Tie, mixtures: Mixtures) -> Fact:
    """Make a fact of a text where a unit should start: its header is wrong, missing or torn off."""
    line, octets = tie.line, tie.unit.octets
    if line.fate is not Fate.MESSAGE:
        return _unwanted(case, tie, octets)
    last = _right_before(case, tie)
    before = last if isinstance(last, ReceivedBroadcast) else None
    text = line.text or b""
    kind, what = Kind.NO_HEADER, "its text alone, without a header"
    sign: tuple[Sign, ...] = ()
    if before is not None and not before.text:
        kind, what = Kind.LF_WITHIN, "an LF between its header and its text"
    elif before is not None and _NOTICE.search(before.text):
        kind, what = Kind.NOTICE_WITHIN, "a notice between its header and its text"
    elif before is not None and (inner := mixtures.header_in(before.text)) is not None:
        client = case.history.clients[tie.client]
        if before.text[: inner.start()] in case.matching.said.by_text:
            kind, what = Kind.RUN_TOGETHER, "its text after a broadcast without its last LF"
        elif mixtures.are_in(client, client.place_of(before), before.text):
            kind, what = Kind.MIXED, "another header between its header and its text"
    elif len(octets) > len(text) and text and octets.endswith(text):
        kind, what = Kind.HEADER, f"it after {octets[: -len(text)].decode('latin-1')!r}"
        sign = (Sign.OTHER_HEADER,)
    elif isinstance(last, Junk) and is_heading(last.octets):
        kind, what = Kind.HEADER, f"it after the line {last.octets.decode('latin-1')!r}"
        sign = (Sign.OTHER_HEADER,)
    elif _shared(case, tie) or (not tie.exact and len(case.segments(line)) > 1):
        kind, what = Kind.SHARED_HEADER, "its text in the broadcast of what shared a read with it"
    elif not tie.exact:
        sign = alteration_signs(line, octets)
    return Fact(
        kind,
        "a broadcast for each message: header, text",
        what,
        (line.begun, line.done, tie.unit.span.last),
        tie.client,
        octets,
        segments=case.segments(line),
        signs=(*sign, *line_signs(case, line)),
        line=line,
    )


def _shared(case: Case, tie: Tie) -> bool:
    """Whether the broadcast just before a text is of an earlier line in the same segment."""
    run = case.matching.runs[tie.client]
    previous = run[bisect_left(run, tie.unit.span.start, key=lambda other: other.unit.span.end)]
    return (
        previous.unit.span.end == tie.unit.span.start
        and previous.line.begun == tie.line.begun
        and previous.line.number < tie.line.number
    )


def _right_before(case: Case, tie: Tie) -> ReceivedUnit | None:
    """Return the unit just before a text without a header."""
    start, units = tie.unit.span.start, case.history.clients[tie.client].units
    before = units[bisect_left(units, start, key=lambda unit: unit.span.end)]
    return before if before.span.end == start else None


def _inexact(case: Case, tie: Tie, came: bytes, mixtures: Mixtures) -> Fact:
    line = tie.line
    if line.fate is not Fate.MESSAGE:
        return _unwanted(case, tie, came)
    segments = case.segments(line)
    client = case.history.clients[tie.client]
    said = case.matching.said
    lines = {
        line if nonce in line.nonces else said.by_nonce[nonce]
        for nonce in NONCE.findall(came)
        if nonce in said.by_nonce
    }
    ends = len(_NONCE_END.findall(came))
    expected = "the line's text, decoded, trimmed and made safe"
    sign: tuple[Sign, ...] = ()
    inner = mixtures.header_in(came)
    if inner is not None and came[: inner.start()] in said.quits:
        quit_line = said.quits[came[: inner.start()]]
        return _unwanted(case, replace(tie, line=quit_line), came[: inner.start()])
    if tie.client in case.given_pieces:
        kind, what = Kind.JOINED, "one text made of several lines, or of parts of them"
    elif _NOTICE.search(came) and not _NOTICE.search(line.text or b""):
        kind, what = Kind.NOTICE_WITHIN, "a notice within a broadcast"
        expected = "a notice after a whole unit only"
    elif inner is not None and mixtures.are_in(client, client.place_of(tie.unit), came):
        kind, what = Kind.MIXED, "a text with a part of another broadcast in it, and its rest after"
    elif inner is not None and came[: inner.start()] in said.by_text:
        kind, what = Kind.RUN_TOGETHER, "another header right behind it"
        expected = "an LF behind the text"
    elif inner is not None and (
        len(lines) > 1 or (inner.start() and (line.text or b"").startswith(came[: inner.start()]))
    ):
        kind, what = Kind.ALTERED, "its beginning, and then another broadcast"
        sign = (Sign.CUT,)
    elif (cut := _cut_before_another(case, lines, came)) is not None:
        kind, what = Kind.ALTERED, "a part of it, and then another broadcast"
        (line, came), sign = cut, (Sign.CUT,)
    elif len({one.client for one in lines}) > 1 and not _is_alike_for_several(case, tie):
        kind, what = Kind.MIXED, "a text with parts of other members' in it"
    elif len(lines) > 1 or ends > max(
        len(NONCE.findall(came)), len(_NONCE_END.findall(line.octets))
    ):
        kind, what = Kind.JOINED, "one text made of several lines"
    elif _is_piece(line, came, segments):
        kind, what = Kind.CUT_AT_SEGMENT, "a text cut where the segments were cut"
        sign = (Sign.CUT,)
    else:
        sign = alteration_signs(line, came)
        kind, what = Kind.ALTERED, "another text"
        if Sign.CUT in sign and _came_before(case, tie):
            kind, what = Kind.MADE_UP, "a part of it once more, after it had come whole"
        elif Sign.DECORATED in sign and _has_others_beside_it(case, line, came):
            kind, what = Kind.JOINED, "one text made of it and parts of other lines"
    return Fact(
        kind,
        expected,
        what,
        (line.begun, line.done, tie.unit.span.last),
        tie.client,
        came,
        line.text,
        segments,
        (*sign, *line_signs(case, line)),
        line,
    )


def _cut_before_another(case: Case, lines: set[Line], came: bytes) -> tuple[Line, bytes] | None:
    """Find a line of which only a piece came, followed by another whole text without an LF.

    The piece ends before a NUL, CR, VT, FF, U+0085, U+2028 or U+2029 in the line.

    Returns:
        The line and the piece.
    """
    for line in sorted(lines, key=lambda one: one.begun):
        for piece in pieces_of(line):
            rest = came.removeprefix(piece)
            if len(rest) < len(came) and rest in case.matching.said.by_text:
                return line, piece
    return None


def _has_others_beside_it(case: Case, line: Line, came: bytes) -> bool:
    """Whether all that stands beside a text are parts of what somebody said."""
    beside = came.replace(line.text or b"", REPLACEMENT.encode(), 1).split(REPLACEMENT.encode())
    parts = [part.strip() for part in beside if part.strip()]
    said = case.matching.said.octets
    if not 0 < len(parts) <= _PARTS:
        return False
    return all(len(part) > _FRAGMENT and part in said for part in parts)


def _came_before(case: Case, tie: Tie) -> bool:
    """Whether the whole text had come to the same client before."""
    first = case.came[tie.line].get(tie.client)
    return first is not None and first is not tie and first.exact


def _is_alike_for_several(case: Case, tie: Tie) -> bool:
    """Whether most members received the same octets, in a dialect with lines and without headers.

    Then a part of a line was broadcast and another message after it. If octets of two broadcasts
    were mixed, members would have received different ones, and most of them none.
    """
    dialect = case.history.start.dialect
    if dialect is None or dialect.opening or dialect.by_read:
        return False
    same = [one.unit.octets == tie.unit.octets for one in case.came[tie.line].values()]
    return len(same) // 2 < sum(same) > 1


def _is_piece(line: Line, came: bytes, segments: tuple[bytes, ...]) -> bool:
    """Whether the text is the part of a line in one of its segments, and text is missing."""
    if len(segments) < 2 or not came or line.text is None or came.strip() == line.text.strip():
        return False
    return any(came == part.strip() for part in segments)
