"""Is it what was said? The text section, and what should not have been broadcast at all."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from chatproto import Code
from conformance.oracle import attribution
from conformance.oracle.case import Case
from conformance.oracle.checks.form import HEADER_INSIDE
from conformance.oracle.findings import Finding
from conformance.oracle.matching import Tie
from conformance.oracle.reading.history import NONCE, Cause, ClientHistory, Fate, Line
from conformance.oracle.reading.units import (
    Junk,
    ReceivedBroadcast,
    ReceivedHeartbeat,
    ReceivedNotice,
)

_NOTICE: Final = re.compile(rb"!(?:%s)" % "|".join(Code).encode())
_NONCE_END: Final = re.compile(rb"x\d{5,}z")
_MANY: Final = 20


def check_texts(case: Case) -> Iterator[Finding]:
    """Every broadcast is a message's, with its text; nothing else is broadcast."""
    by_nonce = {nonce: line for one in case.clients for line in one.lines for nonce in line.nonces}
    for tie in case.matching.ties():
        if isinstance(tie.unit, Junk):
            yield from _without_header(case, tie)
        elif not tie.exact and isinstance(tie.unit, ReceivedBroadcast):
            yield _inexact(case, tie, tie.unit.text, by_nonce)
    yield from _strays(case)
    for client in case.clients:
        yield from _answers(case, client)


def _without_header(case: Case, tie: Tie) -> Iterator[Finding]:
    """A text stands where a unit should start: its header is missing, or it is torn."""
    if not tie.exact and HEADER_INSIDE.search(tie.unit.octets):
        return
    line = tie.line
    before = _before(case, tie)
    run = case.matching.runs[tie.client]
    place = bisect_left(run, tie.unit.span.start, key=lambda other: other.unit.span.end)
    previous = run[place]
    shared = (
        previous.unit.span.end == tie.unit.span.start
        and previous.line.begun == line.begun
        and previous.line.number < line.number
    )
    requirement, what = "MSG-1", "its text alone, without a header"
    if line.fate is not Fate.MESSAGE:
        requirement, what = (
            attribution.for_unwanted(case, line),
            f"its text; it is {line.fate.value}",
        )
    elif before is not None and not before.text:
        requirement, what = "HB-2", "an LF between its header and its text"
    elif before is not None and _NOTICE.search(before.text):
        requirement, what = "ERR-3", "a notice between its header and its text"
    elif before is not None and HEADER_INSIDE.search(before.text):
        requirement, what = "ROOM-6", "another header between its header and its text"
    elif shared or (not tie.exact and len(case.segments(line)) > 1):
        requirement, what = "FRM-1", "its text in the broadcast of what shared a read with it"
    yield Finding(
        requirement,
        "a broadcast for each message: header, text",
        what,
        (line.begun, line.done, tie.unit.span.last),
        tie.client,
        tie.unit.octets,
        segments=case.segments(line),
    )


def _before(case: Case, tie: Tie) -> ReceivedBroadcast | None:
    """The broadcast right before a text without a header."""
    start, units = tie.unit.span.start, case.history.clients[tie.client].units
    before = units[bisect_left(units, start, key=lambda unit: unit.span.end)]
    return before if isinstance(before, ReceivedBroadcast) and before.span.end == start else None


def _inexact(case: Case, tie: Tie, came: bytes, by_nonce: dict[bytes, Line]) -> Finding:
    line = tie.line
    segments = case.segments(line)
    where = (line.begun, line.done, tie.unit.span.last)
    if line.fate is not Fate.MESSAGE:
        return Finding(
            attribution.for_unwanted(case, line),
            f"no broadcast of a line that is {line.fate.value}",
            "it was broadcast",
            where,
            tie.client,
            came,
            b"",
            segments,
        )
    if _NOTICE.search(came):
        return Finding(
            "ERR-3",
            "a notice after a whole unit only",
            "a notice within a broadcast",
            where,
            tie.client,
            came,
            line.text,
            segments,
        )
    nonces = [nonce for nonce in NONCE.findall(came) if nonce in by_nonce]
    lines = {line if nonce in line.nonces else by_nonce[nonce] for nonce in nonces}
    if HEADER_INSIDE.search(came) or len({one.client for one in lines}) > 1:
        requirement, what = "ROOM-6", "a text with parts of other broadcasts in it"
    elif len(lines) > 1 or _nonce_ends(came) > max(len(nonces), _nonce_ends(line.octets)):
        requirement, what = "FRM-1", "one text made of several lines"
    elif line.text is not None and came and _is_piece(came, segments):
        requirement, what = "FRM-1", "a text cut where the segments were cut"
    else:
        requirement, what = attribution.for_alteration(line, came), "another text"
    return Finding(
        requirement,
        "the line's text, decoded, trimmed and made safe",
        what,
        where,
        tie.client,
        came,
        line.text,
        segments,
    )


def _nonce_ends(octets: bytes) -> int:
    return len(_NONCE_END.findall(octets))


def _is_piece(came: bytes, segments: tuple[bytes, ...]) -> bool:
    """Whether the text is what one of several segments holds of a line."""
    return len(segments) > 1 and any(came == part.strip() for part in segments)


def _answers(case: Case, client: ClientHistory) -> Iterator[Finding]:
    """Whether blank lines are answered (HB-1): a heartbeat or a notice for each, time and again,
    between two echoes, and hardly any where no blank line was sent."""
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
        yield Finding(
            "HB-1",
            "no answer to blank lines",
            f"{came} of them came between two broadcasts, one for each blank line",
            (line.begun, line.done),
            client.name,
            segments=case.segments(line),
        )


def _strays(case: Case) -> Iterator[Finding]:
    start = case.history.start
    authors = {label: name for name, label in case.matching.labels.items()}
    known = set(start.earlier)
    texts_alone = {
        (tie.client, tie.unit.span.start)
        for tie in case.matching.ties()
        if isinstance(tie.unit, Junk)
    }
    for name, unit in case.matching.stray:
        if not isinstance(unit, ReceivedBroadcast) or (name, unit.span.end) in texts_alone:
            continue
        author = authors.get(unit.sender or "")
        if author is None and (not start.exclusive or unit.sender in known):
            continue
        requirement, what = "ROOM-2", "a broadcast that nobody's line accounts for"
        if _NOTICE.match(unit.text):
            requirement, what = "ERR-3", "a notice within a broadcast"
        client = case.history.clients.get(author or "")
        if client is not None and not unit.text:
            requirement, what = "ROOM-2", f"an empty broadcast of {author}'s"
            if client.cause is Cause.END_OF_STREAM and client.half_closed is not None:
                requirement, what = "QUIT-5", f"an empty broadcast after {author}'s end of stream"
            elif any(line.fate is Fate.BLANK for line in client.lines):
                requirement = "HB-1"
        yield Finding(
            requirement,
            "a broadcast for each message, and for nothing else",
            what,
            (unit.span.first, unit.span.last),
            name,
            unit.octets,
            b"",
        )
