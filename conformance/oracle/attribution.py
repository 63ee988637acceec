"""Which requirement a fault is laid to.

What is sent says what it is there to exercise; where what came tells more, that decides.
"""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

from chatproto.text import REPLACEMENT, make_safe, trim
from conformance.oracle.case import Case
from conformance.oracle.matching import Tie
from conformance.oracle.reading.history import Cause, ClientHistory, Fate, Line
from conformance.timing.policy import ON_ITS_WAY, TOGETHER

_LEAVING = {
    Cause.QUIT: "QUIT-3",
    Cause.END_OF_STREAM: "QUIT-5",
    Cause.VIOLATION: "ERR-1",
}
_TREATMENTS: Final = ("FRM-", "TXT-", "QUIT-1", "QUIT-2", "QUIT-4", "LIM-1", "LIM-2", "HB-1")
_STANDSTILLS: Final = ("TRN-1", "HB-3", "LIM-3", "LIM-4", "LIM-6", "STOP-")
_FOR_ALL: Final = ("LIM-6", "STOP-")
_CHARSETS: Final = ("latin-1", "cp1252", "gbk", "gb18030", "shift_jis", "euc_kr", "ascii")
_BLANK: Final = " \r"


def for_alteration(line: Line, came: bytes) -> str:
    """The requirement that a message breaks which came with another text.

    What was changed decides: a text that was cut is laid to what it was to exercise, one with
    other characters in it to the text section.
    """
    assert line.text is not None
    expected = line.text.decode()
    try:
        text = came.decode()
    except UnicodeDecodeError:
        return "TXT-1"
    if not text:
        return _by_treatment(line) or "ROOM-2"
    if line.octets.endswith(b"\r") and text.rstrip(REPLACEMENT + _BLANK) == expected:
        return "FRM-3"
    if make_safe(text) != text:
        return "TXT-4"
    if trim(text) == expected or trim(text.replace(REPLACEMENT, " ")) == expected:
        return "TXT-3"
    if len(text) < len(expected) and text.split() == expected.split():
        return "TXT-3"
    before, found, after = expected.partition(text)
    if found and all(map(_is_blank_or_control, before + after)):
        return "TXT-5" if line.exercises[:1] == ("TXT-5",) else "TXT-3"
    if text == expected.replace(REPLACEMENT, ""):
        return "TXT-4"
    torn = text.endswith(REPLACEMENT) and expected.startswith(text.rstrip(REPLACEMENT))
    if found or (torn and len(text) < len(expected)):
        return _by_treatment(line) or "FRM-1"
    return _for_characters(expected, text)


def _is_blank_or_control(point: str) -> bool:
    return point == REPLACEMENT or unicodedata.category(point)[0] in "ZC"


def _for_characters(expected: str, text: str) -> str:
    """The requirement broken where characters of a text were changed, or taken out."""
    if REPLACEMENT in expected and _differs_only_there(text, expected, REPLACEMENT):
        return "TXT-4"
    octets = expected.encode()
    for charset in _CHARSETS:
        with suppress(UnicodeDecodeError):
            if make_safe(octets.decode(charset, "replace")) == text:
                return "TXT-1"
    return "TXT-5"


def _differs_only_there(text: str, expected: str, point: str) -> bool:
    """Whether a text is what was expected but for what stands in the places of one character."""
    first, *rest = filter(None, expected.split(point)) if expected.strip(point) else [""]
    if not expected.startswith(point) and not text.startswith(first):
        return False
    place = 0
    for part in (first, *rest):
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return expected.endswith(point) or place == len(text)


def _by_treatment(line: Line) -> str | None:
    """What a line was to exercise, where that is how a line is treated, whoever receives it."""
    exercise = next(iter(line.exercises), "")
    return exercise if exercise.startswith(_TREATMENTS) else None


def is_about_text(tie: Tie, came: bytes) -> bool:
    """Whether what came with a tie is its text, exact or written otherwise, and not torn."""
    return tie.exact or (bool(came) and for_alteration(tie.line, came).startswith("TXT"))


def for_unwanted(case: Case, line: Line) -> str:
    """The requirement that is broken where a line was broadcast that is no message."""
    client = case.history.clients[line.client]
    match line.fate:
        case Fate.QUIT:
            return "QUIT-1"
        case Fate.AFTER_QUIT:
            return "QUIT-4"
        case Fate.INCOMPLETE:
            return "FRM-4"
        case Fate.BLANK:
            return "HB-1"
        case Fate.VIOLATION | Fate.AFTER_VIOLATION:
            if case.is_recognised(client):
                return "ERR-1"
            [violation] = (one for one in client.lines if one.fate is Fate.VIOLATION)
            return for_violation(violation)
        case Fate.MESSAGE:
            return for_alteration(line, b"")


def for_violation(line: Line) -> str:
    """The requirement that makes this line a violation."""
    if line.exercises and line.exercises[0] in ("TXT-1", "TXT-2", "LIM-2", "FRM-1"):
        return line.exercises[0]
    return "TXT-2" if line.code == "invalid-text" else "LIM-2"


def for_loss(case: Case, line: Line, losers: Iterable[str]) -> str:
    """The requirement that a message breaks which did not come to those it was owed to."""
    losers = list(losers)
    clients = [case.history.clients[name] for name in losers]
    if all(
        case.was_evicted(client) or (case.has_overflowed(client) and client.cause is None)
        for client in clients
    ):
        return "LIM-4"
    if all(_is_lost_by_stopping(case, line, client) for client in clients):
        return "STOP-1"
    return (
        _by_exercise(case, line, clients)
        or ("ROOM-1" if _are_left_behind(case, line, losers) else None)
        or _by_leaving(case, line)
        or ("TRN-1" if line not in case.came and _is_held_up(case, line) else None)
        or "ROOM-2"
    )


def _by_exercise(case: Case, line: Line, losers: Sequence[ClientHistory]) -> str | None:
    """What a lost line was to exercise, where that can account for it: how a line is treated,
    where nobody received it; a standstill, where nothing came to the losers after it, and one of
    the whole room, where nothing came to anybody."""
    exercise = next(iter(line.exercises), None)
    if exercise is None:
        return None
    if exercise.startswith(_TREATMENTS):
        return exercise if not any(tie.exact for tie in _came(case, line)) else None
    if exercise.startswith(_STANDSTILLS):
        stood = all(_is_last_for(case, line, client) for client in losers)
        passed = exercise.startswith(_FOR_ALL) and _came(case, line)
        return exercise if stood and not passed else None
    if exercise.startswith("ROOM-7") and [client.name for client in losers] == [line.client]:
        return _by_leaving(case, line) or exercise
    return exercise


def _came(case: Case, line: Line) -> Collection[Tie]:
    return case.came.get(line, {}).values()


def _is_last_for(case: Case, line: Line, client: ClientHistory) -> bool:
    """Whether nothing that was said after a line came to a client."""
    run = case.runs[client.name]
    if not run:
        return True
    if case.last_of[client.name].get(line.client, 0) > line.number:
        return False
    reached = case.reached[client.name]
    if line in case.came and case.log.component[line] in reached:
        return case.log.position[line] > reached[case.log.component[line]]
    return run[-1].line.t - line.t < TOGETHER


def _is_held_up(case: Case, line: Line) -> bool:
    """Whether another connection, by saying nothing or no whole line, kept all waiting (TRN-1)."""
    return any(
        since < line.begun < until and name != line.client
        for name, since, until in case.standstills
    )


def _is_lost_by_stopping(case: Case, line: Line, client: ClientHistory) -> bool:
    """Whether a member was still to receive this when the server was told to stop."""
    if not case.was_ended_by_stopping(client) or not _is_last_for(case, line, client):
        return False
    assert case.stopping is not None
    if client.stalls or line not in case.came:
        return True
    told = case.history.time(case.stopping)
    return told - case.history.time(case.first_came[line]) < ON_ITS_WAY


def _by_leaving(case: Case, line: Line) -> str | None:
    """What was broken where a line's sender left before it was sure to have come."""
    client = case.history.clients[line.client]
    if client.cause not in _LEAVING or client.left is None:
        return None
    own = case.came.get(line, {}).get(line.client)
    last = max((at for at, _, _ in client.reads if at < client.left), default=0)
    recent = last < line.done if own is None else own.unit.span.last > client.left
    return _LEAVING[client.cause] if recent else None


def _are_left_behind(case: Case, line: Line, losers: Iterable[str]) -> bool:
    return line in case.came and all(_is_left_behind(case, line, name) for name in losers)


def _is_left_behind(case: Case, line: Line, name: str) -> bool:
    """Whether a member lost this right after its first broadcast, or has received none since:
    from its first on it was to receive each (ROOM-1)."""
    run = case.runs[name]
    if not run or case.log.component.get(line) != case.log.component[run[0].line]:
        return False
    place = case.log.position[line]
    if place > case.log.position[run[-1].line]:
        return True
    return len(run) > 1 and place < case.log.position[run[1].line]
