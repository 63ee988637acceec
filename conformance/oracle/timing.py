"""Is it the right time, and in time? MSG-4, MSG-5, and members that delay others."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from statistics import median
from typing import Final

from conformance.oracle.case import Case
from conformance.oracle.findings import Finding, Outcome
from conformance.oracle.history import Line
from conformance.oracle.received import ReceivedBroadcast

CLOCK: Final = 5.0
"""Seconds by which a header's time may be off (MSG-5)."""
QUARTER_HOUR: Final = 900
_WIDEST_ZONE: Final = 56
PROMPT: Final = 1.5
HICCUP: Final = 0.5
"""Seconds that a message may take which nothing delays, and that it may take now and then; times
the factor, and 20 of the usual round trips on top."""
NOW_AND_THEN: Final = 1 / 8
"""The part of the time that messages may take which take longer than a hiccup."""
_DELAYING: Final = ("TRN-1", "ROOM-7", "LIM-3", "QUIT-5")


def check_timing(case: Case) -> Iterator[Finding]:
    """Headers tell the time; nobody waits for another."""
    yield from _clock(case)
    yield from _delays(case)


def zone_of(case: Case) -> int | None:
    """The quarter hours by which the server's headers differ from UTC; None where none tells."""
    for tie in case.matching.ties():
        unit = tie.unit
        if tie.exact and isinstance(unit, ReceivedBroadcast) and unit.time is not None:
            came = case.history.start.wall + unit.span.t
            return round((_timestamp(unit.time) - came) / QUARTER_HOUR)
    return None


def _clock(case: Case) -> Iterator[Finding]:
    start = case.history.start
    zones: dict[int, ReceivedBroadcast] = {}
    for tie in case.matching.ties():
        unit = tie.unit
        if not tie.exact or not isinstance(unit, ReceivedBroadcast) or unit.time is None:
            continue
        shown = _timestamp(unit.time)
        sent, came = start.wall + tie.line.t, start.wall + unit.span.t
        zone = round((shown - came) / QUARTER_HOUR)
        shown -= zone * QUARTER_HOUR
        where = (tie.line.done, unit.span.last)
        # A header has whole seconds: its time was up to one second later than it says.
        if not sent - CLOCK - 1 <= shown <= came + CLOCK or abs(zone) > _WIDEST_ZONE:
            off = shown - came if abs(zone) <= _WIDEST_ZONE else shown - came + zone * QUARTER_HOUR
            yield Finding(
                "MSG-5",
                "the server's clock when the line was accepted, give or take 5 s",
                f"{unit.time}, {off:+.0f} s off",
                where,
                tie.client,
                unit.header,
                outcome=Outcome.FAIL if start.same_clock else Outcome.UNKNOWN,
            )
        zones.setdefault(zone, unit)
    if start.zone is not None and zones and start.zone not in zones:
        [(zone, unit), *_] = zones.items()
        yield Finding(
            "MSG-5",
            f"one time zone, UTC{start.zone / 4:+g} h as in earlier scenarios",
            f"{unit.time}, which is UTC{zone / 4:+g} h",
            (unit.span.last,),
            octets=unit.header,
        )
    if len(zones) > 1:
        (_, one), (_, other), *_ = zones.items()
        yield Finding(
            "MSG-5",
            "one time zone",
            f"{one.time} and then {other.time}",
            (one.span.last, other.span.last),
            octets=other.header,
        )
    elif any(zones):
        [(zone, unit)] = zones.items()
        yield Finding(
            "MSG-4",
            "UTC",
            f"{unit.time}, which is UTC{zone / 4:+g} h",
            (unit.span.last,),
            octets=unit.header,
        )


@lru_cache(maxsize=1024)
def _timestamp(time: datetime) -> float:
    return time.replace(tzinfo=UTC).timestamp()


def _delays(case: Case) -> Iterator[Finding]:
    """What was sent to show that nobody waits for another came as promptly as all else.

    One long delay; or lesser ones, at least two that do not overlap, for too much of the time: a
    machine hiccups. Nor does it count what passed while the suite itself did not look.
    """
    usual: list[float] = []
    watched: list[tuple[float, float, Line, int]] = []
    for line in case.came:
        answer = case.answer_to(line)
        if answer is None:
            continue
        span = answer.unit.span
        if line.exercises and line.exercises[0] in _DELAYING:
            watched.append((line.t, span.t, line, span.last))
        else:
            usual.append(span.t - line.t)
    if not watched:
        return
    slack = 20 * (median(usual) if usual else 0.0)
    factor = case.history.start.factor
    first = min(sent for sent, _, _, _ in watched)
    last = max(came for _, came, _, _ in watched)
    free, lost = -1.0, 0.0
    lesser = []
    for sent, came, line, at in sorted(watched, key=lambda delay: delay[:2]):
        took = came - sent - _away(case, sent, came)
        if took > PROMPT * factor + slack:
            yield _delay(case, line, at, took)
            return
        if took > HICCUP * factor + slack and sent >= free:
            lesser.append((took, line, at))
            free = came
            lost += took
    if len(lesser) > 1 and lost > NOW_AND_THEN * (last - first):
        took, line, at = lesser[-1]
        yield _delay(case, line, at, took)


def _away(case: Case, sent: float, came: float) -> float:
    """How much of a time the suite did not look."""
    overlaps = (min(came, away.t) - max(sent, away.t - away.seconds) for away in case.history.aways)
    return sum(overlap for overlap in overlaps if overlap > 0)


def _delay(case: Case, line: Line, at: int, seconds: float) -> Finding:
    return Finding(
        line.exercises[0],
        "a broadcast as prompt as all others, nobody having to wait for another",
        f"it took {seconds:.1f} s",
        (line.done, at),
        line.client,
        segments=case.segments(line),
    )
