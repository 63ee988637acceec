"""How connections end: QUIT-*, ERR-*, and ends that nothing accounts for."""

import re
from collections.abc import Iterator
from typing import Final

from chatproto import Code
from conformance.oracle import attribution
from conformance.oracle.case import Case
from conformance.oracle.checks.limits import may_be_one_too_many
from conformance.oracle.findings import Finding
from conformance.oracle.reading.history import Cause, ClientHistory, Ending, Fate, Line
from conformance.oracle.reading.units import ReceivedNotice
from conformance.timing.policy import SILENT
from conformance.transcript.events import THE_END, InputEnded, Refused

_WRONG: Final = {
    "invalid-text": ("TXT-1", "FRM-", "TXT-"),
    "line-too-long": ("LIM-1", "FRM-", "LIM-2"),
}
"""What is broken where a violation is seen, and there is none: the first, if what the line was to
exercise does not begin with one of these."""


def check_endings(case: Case) -> Iterator[Finding]:
    """Who leaves is let go in order; who does not leave is not put out."""
    if case.died is not None:
        yield _death(case, case.died)
        return
    for client in case.clients:
        if client.cause is Cause.RESET:
            continue
        if client.cause is None or case.was_ended_by_server(client):
            if client.ending is not None and case.stopping is None:
                yield from _unexpected(case, client)
            continue
        match client.cause:
            case Cause.QUIT:
                [quit_] = (line for line in client.lines if line.fate is Fate.QUIT)
                yield from _end(case, client, "QUIT-3", (*quit_.exercises, "QUIT-3")[0])
            case Cause.END_OF_STREAM:
                yield from _end(case, client, "QUIT-5", "QUIT-5")
            case Cause.VIOLATION:
                yield from _violation(case, client)
        yield from _misnotified(case, client)
    for at, refused in case.history.refused:
        yield _refusal(case, at, refused)


def _death(case: Case, at: int) -> Finding:
    said = [
        (index, sent)
        for client in case.clients
        for index, sent in client.segments
        if index < at and sent.exercises
    ]
    last = max(said, key=lambda pair: pair[0], default=None)
    requirement = last[1].exercises[0] if last else case.history.start.requirements[0]
    if case.clients and all(case.has_left(client, at) for client in case.clients):
        requirement = "QUIT-5"
    return Finding(
        requirement,
        "a server that goes on whatever its clients do",
        "the server's process ended",
        (at,),
        segments=(last[1].octets,) if last else (),
    )


def _refusal(case: Case, at: int, refused: Refused) -> Finding:
    return Finding(
        case.history.start.requirements[0],
        "a connection accepted",
        f"{refused.client} could not connect: {refused.error}",
        (at,),
        refused.client,
    )


def _end(case: Case, client: ClientHistory, if_reset: str, if_never: str) -> Iterator[Finding]:
    """An orderly end of stream, not a reset, and not never."""
    assert client.left is not None
    if client.ending is Ending.RESET:
        assert client.ended is not None
        if case.was_evicted(client) or case.may_be_aborted(client):
            return
        yield Finding(
            if_reset,
            "an orderly end of stream",
            "a reset",
            (client.left, client.ended),
            client.name,
            segments=_last_segments(client, client.left),
        )
    elif client.ending is None:
        for at, waited in client.waits:
            if at > client.left and waited.what == THE_END:
                yield Finding(
                    if_never,
                    "an end of stream",
                    f"nothing for {waited.seconds:g} s",
                    (client.left, at),
                    client.name,
                    segments=_last_segments(client, client.left),
                )


def _violation(case: Case, client: ClientHistory) -> Iterator[Finding]:
    [line] = (line for line in client.lines if line.fate is Fate.VIOLATION)
    assert line.code is not None
    codes = [notice.code for notice in client.notices]
    ended = client.ended is not None
    if not ended and not codes:
        if any(at > line.done for at, _ in client.waits):
            yield Finding(
                attribution.for_violation(line),
                f"the violation {line.code}",
                "neither a notice nor an end of the connection",
                (line.begun, line.done, *(at for at, _ in client.waits[:1])),
                client.name,
                segments=_excerpt(case, line),
            )
        return
    yield from _end(case, client, "ERR-2", "ERR-2")
    both = line.code is Code.LINE_TOO_LONG and codes[-1:] == [Code.INVALID_TEXT]
    if both:
        yield Finding(
            "TXT-2",
            "line-too-long for a line that neither decodes nor ends in time",
            "the notice !invalid-text",
            (line.begun, line.done, client.notices[-1].span.last),
            client.name,
            segments=_excerpt(case, line),
        )
    elif str(line.code) not in codes and not (_overtaken(case, codes) or _is_told(client, line)):
        yield Finding(
            "ERR-3",
            f"the notice !{line.code}",
            f"the notice !{codes[-1]}" if codes else "no notice",
            (line.begun, line.done, *((client.ended,) if client.ended else ())),
            client.name,
            segments=_excerpt(case, line),
        )


def _is_told(client: ClientHistory, line: Line) -> bool:
    """Whether the notice came after all, behind what should not stand before it."""
    told = re.compile(b"!%b[^\n]*\n" % str(line.code).encode())
    return told.search(b"".join(octets for _, _, octets in client.reads)) is not None


def _overtaken(case: Case, codes: list[str]) -> bool:
    """Whether the server was told to stop before it had read the violation, and says so."""
    return case.stopping is not None and codes[-1:] == [Code.SHUTTING_DOWN]


def _misnotified(case: Case, client: ClientHistory) -> Iterator[Finding]:
    """A violation seen where there is none, in a line or in what has no LF."""
    if client.cause is Cause.VIOLATION or case.stopping is not None:
        return
    for notice in client.notices:
        requirement = _for_notice(client, notice)
        if requirement is not None:
            yield Finding(
                requirement,
                "no notice of a violation, there being none",
                f"the notice !{notice.code}",
                (notice.span.last,),
                client.name,
                notice.octets,
                segments=_last_segments(client, notice.span.last),
            )


def _for_notice(client: ClientHistory, notice: ReceivedNotice) -> str | None:
    """What a notice of a violation breaks where there is none; None for other notices."""
    if notice.code not in _WRONG:
        return None
    last = client.lines[-1] if client.lines else None
    if last is not None and last.fate is Fate.INCOMPLETE:
        return "FRM-4"
    if last is not None and last.fate is Fate.AFTER_QUIT:
        return "QUIT-4"
    wrong = _WRONG[notice.code]
    if last is not None and last.exercises and last.exercises[0].startswith(wrong):
        return last.exercises[0]
    return wrong[0]


def _unexpected(case: Case, client: ClientHistory) -> Iterator[Finding]:
    """The server ended a connection whose client had done nothing to leave."""
    assert client.ended is not None
    codes = {notice.code for notice in client.notices}
    stalled = case.was_stalled(client) or case.was_evicted(client)
    if "room-full" in codes or stalled or may_be_one_too_many(case, client):
        return  # the limits' to judge
    requirement = _reason(case, client, client.ended)
    for code in codes & _WRONG.keys():
        requirement = requirement if requirement.startswith(_WRONG[code]) else _WRONG[code][0]
    ending = "reset" if client.ending is Ending.RESET else "ended"
    said = f", with the notice !{client.notices[-1].code}" if client.notices else ""
    yield Finding(
        requirement,
        "a member until it leaves",
        f"the server {ending} its connection{said}",
        (client.ended,),
        client.name,
        segments=_last_segments(client, client.ended),
    )


def _reason(case: Case, client: ClientHistory, ended: int) -> str:
    """What an end without cause is laid to: the last the client did, or what others did, or
    what befell the server."""
    if any(isinstance(event, InputEnded) and at < ended for at, event in case.history.server):
        return "STOP-1"
    lines = [line for line in client.lines if line.begun < ended]
    echoed = [line for line in lines if case.answer_to(line) is not None]
    unechoed = lines[lines.index(echoed[-1]) + 1 :] if echoed else lines
    if unechoed:
        if unechoed[0].fate is Fate.BLANK:
            return "HB-1"
        if unechoed[0].exercises:
            return unechoed[0].exercises[0]
    gone = [other for other in case.clients if other.left is not None and other.left < ended]
    if gone and not unechoed:
        latest = max(gone, key=lambda other: other.left or 0)
        return "ERR-2" if latest.cause is Cause.VIOLATION else "ROOM-7"
    since = max([case.history.time(client.connected), *(line.t for line in lines)])
    if not unechoed and client.ended_t - since >= SILENT:
        return "HB-3"
    return "ROOM-1"


def _last_segments(client: ClientHistory, before: int) -> tuple[bytes, ...]:
    return tuple(sent.octets for at, sent in client.segments if at <= before)[-3:]


def _excerpt(case: Case, line: Line) -> tuple[bytes, ...]:
    return case.segments(line)[:3]
