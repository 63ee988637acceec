"""Checks how connections end, and whether the ends have a reason."""

import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from chatproto import Code
from conformance.oracle.case import Case
from conformance.oracle.checks.limits import may_be_one_too_many
from conformance.oracle.checks.text import UNWANTED_SIGNS, line_signs
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.membership import is_for_limits, may_be_aborted, was_evicted
from conformance.oracle.reading.history import ClientHistory, Ending
from conformance.oracle.reading.lines import Fate, Leaving, Line
from conformance.transcript.events import THE_END, Event, Exited, Refused, Restarted, Stopping

_VIOLATION_SIGNS: Final = {
    str(Code.INVALID_TEXT): Sign.INVALID_TEXT,
    str(Code.LINE_TOO_LONG): Sign.TOO_LONG,
}
_SEGMENTS: Final = 3
"""How many of the segments that a client sent are shown."""
VIOLATIONS: Final = frozenset((Code.INVALID_TEXT, Code.LINE_TOO_LONG))


def check_endings(case: Case) -> Iterator[Fact]:
    """Check that leavers are closed in order, and that no other member is closed."""
    if case.died is not None:
        yield _death(case, case.died)
        return
    for client in case.clients:
        if client.cause is Leaving.RESET:
            continue
        if client.cause is None or client.was_ended_by_server:
            if client.ending is not None and case.stopping is None:
                yield from _unexpected(case, client)
            continue
        if client.cause is Leaving.VIOLATION:
            yield from _violation(case, client)
        else:
            yield from _end(case, client)
        yield from _misnotified(case, client)
    for at, refused in case.history.refused:
        if not _is_stopped(case, at):
            yield _refusal(at, refused)


def _is_stopped(case: Case, at: int) -> bool:
    """Whether the server was stopped, and not started again, at a line of the transcript."""
    stopped = False
    for before, event in case.history.server:
        if before < at and isinstance(event, Stopping | Restarted):
            stopped = isinstance(event, Stopping)
    return stopped


def _death(case: Case, at: int) -> Fact:
    sent = [
        (index, sent) for client in case.clients for index, sent in client.segments if index < at
    ]
    last = max(sent, key=lambda pair: pair[0], default=None)
    return Fact(
        Kind.DIED,
        "a server that goes on whatever its clients do",
        f"the server's process ended{_how_ended(case.history.transcript[at - 1])}",
        (at,),
        segments=(last[1].octets,) if last else (),
    )


def _how_ended(event: Event) -> str:
    if not isinstance(event, Exited):
        return ""
    if event.status >= 0:
        return f", with status {event.status}"
    with suppress(ValueError):  # a signal that this system does not have
        return f", by {signal.Signals(-event.status).name}"
    return f", by signal {-event.status}"


def _refusal(at: int, refused: Refused) -> Fact:
    return Fact(
        Kind.REFUSED,
        "a connection accepted",
        f"{refused.client} could not connect: {refused.error}",
        (at,),
        refused.client,
    )


def _end(case: Case, client: ClientHistory) -> Iterator[Fact]:
    """Detect a reset or no end at all where an orderly end of stream is due."""
    assert client.left is not None
    if client.ending is Ending.RESET:
        assert client.ended is not None
        if was_evicted(case, client) or may_be_aborted(case, client):
            return
        yield Fact(
            Kind.RESET_LEAVER,
            "an orderly end of stream",
            "a reset",
            (client.left, client.ended),
            client.name,
            segments=_last_segments(client, client.left),
            signs=(Sign.BY_RESET,),
            exercises=_leaving_line_exercises(client),
        )
    elif client.ending is None:
        for at, waited in client.waits:
            if at > client.left and waited.what == THE_END:
                yield Fact(
                    Kind.KEPT,
                    "an end of stream",
                    f"nothing for {waited.seconds:g} s",
                    (client.left, at),
                    client.name,
                    segments=_last_segments(client, client.left),
                    exercises=_leaving_line_exercises(client),
                )


def _leaving_line_exercises(client: ClientHistory) -> tuple[str, ...]:
    """Return the requirements that the client's quit line was sent to exercise."""
    return next((one.exercises for one in client.lines if one.fate is Fate.QUIT), ())


def _violation(case: Case, client: ClientHistory) -> Iterator[Fact]:
    [line] = (line for line in client.lines if line.fate is Fate.VIOLATION)
    assert line.code is not None
    sign = Sign.TOO_LONG if line.code is Code.LINE_TOO_LONG else Sign.INVALID_TEXT
    codes = [notice.code for notice in client.notices]
    ended = client.ended is not None
    if not ended and not codes:
        if any(at > line.done for at, _ in client.waits):
            yield Fact(
                Kind.UNNOTICED,
                f"the violation {line.code}",
                "neither a notice nor an end of the connection",
                (line.begun, line.done, *(at for at, _ in client.waits[:1])),
                client.name,
                segments=_excerpt(case, line),
                signs=(sign, *line_signs(case, line)),
                line=line,
            )
        return
    yield from _end(case, client)
    told = codes[-1:] == [Code.INVALID_TEXT] and Code.LINE_TOO_LONG not in codes
    if told and line.code is Code.LINE_TOO_LONG:
        yield Fact(
            Kind.BOTH_CODES,
            "line-too-long for a line that neither decodes nor ends in time",
            "the notice !invalid-text",
            (line.begun, line.done, client.notices[-1].span.last),
            client.name,
            segments=_excerpt(case, line),
            signs=(sign,),
            line=line,
        )
    elif not client.violation_was_recognised:
        return  # it half-closed, which may be why its connection ended
    elif str(line.code) not in codes and not (_overtaken(case, codes) or _is_told(client, line)):
        yield Fact(
            Kind.WRONG_CODE,
            f"the notice !{line.code}",
            f"the notice !{codes[-1]}" if codes else "no notice",
            (line.begun, line.done, *((client.ended,) if client.ended else ())),
            client.name,
            segments=_excerpt(case, line),
            signs=(sign, *(() if codes else (Sign.UNTOLD,))),
            line=line,
        )


def _is_told(client: ClientHistory, line: Line) -> bool:
    """Whether the notice came after all, after octets that should not precede it."""
    told = re.compile(b"!%b[^\n]*\n" % str(line.code).encode())
    return told.search(b"".join(octets for _, _, octets in client.reads)) is not None


def _overtaken(case: Case, codes: list[str]) -> bool:
    """Whether the server was stopped before it had read the violation, and its notice says so."""
    return case.stopping is not None and codes[-1:] == [Code.SHUTTING_DOWN]


def _misnotified(case: Case, client: ClientHistory) -> Iterator[Fact]:
    """Detect the notice of a violation if there is none, in any line or incomplete line."""
    if client.cause is Leaving.VIOLATION or case.stopping is not None:
        return
    for notice in client.notices:
        if notice.code in VIOLATIONS:
            last = client.lines[-1] if client.lines else None
            yield Fact(
                Kind.FALSE_NOTICE,
                "no notice of a violation: no line was one",
                f"the notice !{notice.code}",
                (notice.span.last,),
                client.name,
                notice.octets,
                segments=_last_segments(client, notice.span.last),
                signs=_fate_signs(last),
                line=last,
            )


def _fate_signs(line: Line | None) -> tuple[Sign, ...]:
    sign = None if line is None else UNWANTED_SIGNS.get(line.fate)
    return () if sign is None else (sign,)


def _unexpected(case: Case, client: ClientHistory) -> Iterator[Fact]:
    """Detect the end of a connection whose client had not left."""
    assert client.ended is not None
    codes = {notice.code for notice in client.notices}
    stalled = is_for_limits(case, client) or was_evicted(case, client)
    if "room-full" in codes or stalled or may_be_one_too_many(case, client):
        return  # check_limits judges this
    if not case.runs[client.name] and case.found_no_descriptor(client):
        return  # it was refused, or lost while it waited (RES-2)
    ending = "reset" if client.ending is Ending.RESET else "ended"
    said = f", with the notice !{client.notices[-1].code}" if client.notices else ""
    unanswered = unanswered_before(case, client, client.ended)
    yield Fact(
        Kind.PUT_OUT,
        "a member until it leaves",
        f"the server {ending} its connection{said}",
        (client.ended,),
        client.name,
        segments=_led_to_the_end(case, client, client.ended, unanswered),
        signs=(
            Sign.BY_RESET if client.ending is Ending.RESET else Sign.BY_END,
            *(_VIOLATION_SIGNS[one.code] for one in client.notices[-1:] if one.code in VIOLATIONS),
            *(_fate_signs(unanswered) or (line_signs(case, unanswered) if unanswered else ())),
        ),
        line=unanswered,
    )


def unanswered_before(case: Case, client: ClientHistory, ended: int) -> Line | None:
    """Return the first line of a client that was not answered when its connection ended."""
    lines = [line for line in client.lines if line.begun < ended]
    answered = [at for at, line in enumerate(lines) if case.answer_to(line) is not None]
    rest = lines[answered[-1] + 1 :] if answered else lines
    return rest[0] if rest else None


def _led_to_the_end(
    case: Case, client: ClientHistory, ended: int, unanswered: Line | None
) -> tuple[bytes, ...]:
    """Return the segments of the line at which the server closed, or the last ones before."""
    segments = () if unanswered is None else case.segments(unanswered)
    return segments if 0 < len(segments) <= _SEGMENTS else _last_segments(client, ended)


def _last_segments(client: ClientHistory, before: int) -> tuple[bytes, ...]:
    return tuple(sent.octets for at, sent in client.segments if at <= before)[-_SEGMENTS:]


def _excerpt(case: Case, line: Line) -> tuple[bytes, ...]:
    return case.segments(line)[:_SEGMENTS]
