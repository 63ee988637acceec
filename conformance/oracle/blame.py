"""Which requirement a fault is laid to.

What is sent says what it is there to exercise; where what came tells more, that decides.
"""

import unicodedata
from collections.abc import Iterable

from chatproto.text import REPLACEMENT, make_safe, trim
from conformance.oracle.case import Case
from conformance.oracle.history import Cause, Fate, Line
from conformance.oracle.matching import Tie

_LEAVING = {
    Cause.QUIT: "QUIT-3",
    Cause.END_OF_STREAM: "QUIT-5",
    Cause.VIOLATION: "ERR-1",
}


def for_alteration(line: Line, came: bytes) -> str:
    """The requirement that a message breaks which came with another text."""
    assert line.text is not None
    expected = line.text.decode()
    try:
        text = came.decode()
    except UnicodeDecodeError:
        return "TXT-1"
    if not text:
        return line.exercises[0] if line.exercises else "ROOM-2"
    if line.octets.endswith(b"\r") and trim(text) == expected:
        return "FRM-3"
    if make_safe(text) != text:
        return "TXT-4"
    if trim(text) == expected:
        return "TXT-3"
    before, found, after = expected.partition(text)
    if found and not any(map(str.isalnum, before + after)):
        return "TXT-5" if line.exercises[:1] == ("TXT-5",) else "TXT-3"
    if REPLACEMENT in expected and text == expected.replace(REPLACEMENT, ""):
        return "TXT-4"
    normal = (unicodedata.normalize(form, expected) for form in ("NFC", "NFD", "NFKC", "NFKD"))
    if text in normal or text.casefold() == expected.casefold():
        return "TXT-5"
    return line.exercises[0] if line.exercises else "TXT-5"


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
    clients = [case.history.clients[name] for name in losers]
    if all(
        case.was_evicted(client) or (case.has_overflowed(client) and client.cause is None)
        for client in clients
    ):
        return "LIM-4"
    if all(case.was_ended_by_stopping(client) for client in clients):
        return "STOP-1"
    if line.exercises:
        return line.exercises[0]
    if line in case.came and all(_is_left_behind(case, line, name) for name in losers):
        return "ROOM-1"
    client = case.history.clients[line.client]
    if client.cause in _LEAVING and client.left is not None:
        own = case.came.get(line, {}).get(line.client)
        last = max((at for at, _, _ in client.reads if at < client.left), default=0)
        if last < line.done if own is None else own.unit.span.last > client.left:
            return _LEAVING[client.cause]
    return "ROOM-2"


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
