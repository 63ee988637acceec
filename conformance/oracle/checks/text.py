"""Checks that every broadcast is a message of some client, with the right text."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from chatproto import Code
from conformance.oracle.alteration import alteration_signs, bad_text_signs, text_signs
from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.matching import Tie
from conformance.oracle.membership import was_evicted
from conformance.oracle.mixture import Mixtures
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import NONCE, Fate, Line
from conformance.oracle.reading.units import (
    Junk,
    ReceivedBroadcast,
    ReceivedHeartbeat,
    ReceivedNotice,
    ReceivedUnit,
)
from conformance.oracle.said import pieces_of

_NOTICE: Final = re.compile(rb"!(?:%s)" % "|".join(Code).encode())
_NONCE_END: Final = re.compile(rb"x\d{5,}z")
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
_MANY: Final = 20
_FRAGMENT: Final = 3
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
    """Detect broadcasts of no message, and broadcasts with a wrong text."""
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
    yield from _strays(case, mixtures)
    for client in case.clients:
        yield from _answers(case, client)


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
    if any(segment.count(b"\n") > 1 for segment in segments):
        signs += (Sign.SHARED_SEGMENT,)
    return signs


def _unwanted(case: Case, tie: Tie, came: bytes) -> Fact:
    line = tie.line
    signs = (UNWANTED_SIGNS[line.fate], *bad_text_signs(line, came), *line_signs(case, line))
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
        elif mixtures.are_in(client, _place(client, before), before.text):
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
    if tie.client in case.given_pieces:
        kind, what = Kind.JOINED, "one text made of several lines, or of parts of them"
    elif _NOTICE.search(came) and not _NOTICE.search(line.text or b""):
        kind, what = Kind.NOTICE_WITHIN, "a notice within a broadcast"
        expected = "a notice after a whole unit only"
    elif inner is not None and mixtures.are_in(client, _place(client, tie.unit), came):
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


def _place(client: ClientHistory, unit: ReceivedUnit) -> int:
    """Return the index of a unit among those of its client."""
    return bisect_left(client.units, unit.span.end, key=lambda one: one.span.end)


def _is_piece(line: Line, came: bytes, segments: tuple[bytes, ...]) -> bool:
    """Whether the text is the part of a line in one of its segments, and text is missing."""
    if len(segments) < 2 or not came or line.text is None or came.strip() == line.text.strip():
        return False
    return any(came == part.strip() for part in segments)


def _answers(case: Case, client: ClientHistory) -> Iterator[Fact]:
    """Detect answers to blank lines.

    Repeatedly, a heartbeat or notice for each blank line came between two echoes, and hardly any
    came when no blank line was sent.
    """
    if all(line.fate is not Fate.BLANK for line in client.lines):
        return
    answered: list[tuple[Line, int]] = []
    quiet: list[int] = []
    run = [tie for tie in case.runs[client.name] if tie.line.client == client.name]
    answers = [
        unit.span.start
        for unit in client.units
        if isinstance(unit, ReceivedHeartbeat | ReceivedNotice)
    ]
    for earlier, later in pairwise(run):
        between = client.lines[earlier.line.number : later.line.number - 1]
        blanks = sum(line.fate is Fate.BLANK for line in between)
        came = bisect_left(answers, later.unit.span.end) - bisect_left(
            answers, earlier.unit.span.end
        )
        if blanks >= _MANY and came >= blanks:
            answered.append((later.line, came))
        elif not blanks:
            quiet.append(came)
    if len(answered) > 1 and quiet and max(quiet) < _MANY // 4:
        line, came = answered[-1]
        yield Fact(
            Kind.ANSWERED,
            "no answer to blank lines",
            f"{came} of them came between two broadcasts, one for each blank line",
            (line.begun, line.done),
            client.name,
            segments=case.segments(line),
            signs=(Sign.BLANK,),
            line=line,
        )


def _strays(case: Case, mixtures: Mixtures) -> Iterator[Fact]:
    """Detect broadcasts that no line accounts for, in this scenario or earlier ones."""
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
        yield _stray(case, name, unit, author, mixtures)
        told += 1
        if told >= _MOST:
            return


def _stray(
    case: Case, name: str, unit: ReceivedBroadcast, author: str | None, mixtures: Mixtures
) -> Fact:
    client = case.history.clients[name]
    kind, what = Kind.MADE_UP, "a broadcast that nobody's line accounts for"
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
        if mixtures.are_in(client, _place(client, unit), unit.text):
            kind = Kind.MIXED
    elif _is_said(case, unit.text):
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
    """Whether a text is a part of what some client said, or a whole segment."""
    said = case.matching.said
    return text in said.segments or (len(text) > _FRAGMENT and text in said.octets)


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
