"""Checks that headers have the right time, and that broadcasts come in time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from statistics import median
from typing import Final

from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.findings import Outcome
from conformance.oracle.mixture import Mixtures
from conformance.oracle.reading.lines import Line
from conformance.oracle.reading.units import ReceivedBroadcast
from conformance.standard.constants import CLOCK, QUARTER_HOUR
from conformance.timing.policy import HICCUP, NOW_AND_THEN, PROMPT, ROUND_TRIPS

_WIDEST_ZONE: Final = 56
_HALF_DAY: Final = 48
_STEP: Final = 4
"""The largest step of a time zone, in quarter hours, when summer time begins or ends."""
_DELAYING: Final = ("TRN-1", "ROOM-7", "LIM-3", "QUIT-5")


def check_timing(case: Case) -> Iterator[Fact]:
    """Check the times in headers, and that no member delays another."""
    yield from _clock(case)
    yield from _delays(case)


def zone_of(case: Case) -> int | None:
    """Return by how many quarter hours the last header differs from UTC; None if none has the time
    of any zone."""
    wall = case.history.start.wall
    latest: list[tuple[int, int]] = []
    for run in case.matching.runs.values():
        for tie in reversed(run):
            unit = tie.unit
            if not tie.exact or not isinstance(unit, ReceivedBroadcast) or unit.time is None:
                continue
            zone = round((_timestamp(unit.time) - wall - unit.span.t) / QUARTER_HOUR)
            if abs(zone) <= _WIDEST_ZONE:
                latest.append((unit.span.last, zone))
                break
    return max(latest)[1] if latest else None


def _clock(case: Case) -> Iterator[Fact]:
    start = case.history.start
    wall = start.wall
    shown_in: dict[Line, tuple[int, ReceivedBroadcast]] = {}
    right: dict[Line, ReceivedBroadcast] = {}
    mixtures = Mixtures(case)
    for tie in case.matching.ties():
        unit = tie.unit
        if not tie.exact or not isinstance(unit, ReceivedBroadcast) or unit.time is None:
            continue
        sooner = right.get(tie.line)
        if sooner and sooner.octets == unit.octets and sooner.span.t <= unit.span.t:
            continue  # If it was right earlier, it is right for a member that received it later.
        sent, came = wall + tie.line.t, wall + unit.span.t
        utc = _timestamp(unit.time)
        zone = round((utc - came) / QUARTER_HOUR)
        shown = utc - zone * QUARTER_HOUR
        # A header has whole seconds: its time was up to one second later than it says.
        if not sent - CLOCK - 1 <= shown <= came + CLOCK or abs(zone) > _WIDEST_ZONE:
            if mixtures.is_said(unit.header):
                continue
            off = shown - came if abs(zone) <= _WIDEST_ZONE else shown - came + zone * QUARTER_HOUR
            yield Fact(
                Kind.CLOCK,
                "the server's clock when the line was accepted, give or take 5 s",
                f"{unit.time}, {off:+.0f} s off",
                (tie.line.done, unit.span.last),
                tie.client,
                unit.header,
                outcome=Outcome.FAIL if start.same_clock else Outcome.UNKNOWN,
            )
        else:
            right.setdefault(tie.line, unit)
        shown_in.setdefault(tie.line, (zone, unit))
    yield from _zones(case, shown_in)


def _zones(case: Case, shown_in: dict[Line, tuple[int, ReceivedBroadcast]]) -> Iterator[Fact]:
    """Check that there is one time zone in this scenario and in earlier ones.

    There may be two if summer time begins or ends: one step, which is not taken back.
    """
    stretches: list[tuple[int, ReceivedBroadcast]] = []
    for line in sorted(shown_in, key=lambda line: (case.first_came[line], case.log.position[line])):
        zone, unit = shown_in[line]
        if not stretches or stretches[-1][0] != zone:
            stretches.append((zone, unit))
    if not stretches:
        return
    earlier = case.history.start.zone
    zones = [zone for zone, _ in stretches]
    if earlier is not None and zones[0] != earlier:
        zones.insert(0, earlier)
    stepped = len(zones) == 2 and abs(zones[1] - zones[0]) <= _STEP
    if len(zones) > 1 and not stepped:
        zone, unit = stretches[-1]
        before = (
            "as in earlier scenarios" if len(stretches) == 1 else f"as at {stretches[-2][1].time}"
        )
        yield Fact(
            Kind.ZONE_CHANGED,
            f"one time zone, UTC{zones[-2] / 4:+g} h {before}",
            f"{unit.time}, which is UTC{zone / 4:+g} h",
            (unit.span.last,),
            octets=unit.header,
        )
    zone, unit = stretches[0]
    if len(stretches) == 1 and zone:
        yield Fact(
            Kind.NOT_UTC,
            "UTC",
            f"{unit.time}, which is UTC{zone / 4:+g} h",
            (unit.span.last,),
            octets=unit.header,
            signs=(Sign.HALF_DAY,) if abs(zone) == _HALF_DAY else (),
        )


@lru_cache(maxsize=1024)
def _timestamp(time: datetime) -> float:
    return time.replace(tzinfo=UTC).timestamp()


def _delays(case: Case) -> Iterator[Fact]:
    """Detect delays of the lines that exercise a requirement about delays.

    A fact is one long delay, or at least two shorter ones that do not overlap and take too much of
    the time: a machine hiccups now and then. Not counted is time in which the suite itself did not
    run, and time behind other lines of the same sender, which may be read more slowly (TRN-1), or
    behind the backlog of a sender that stopped reading. A first line may take as long as accepting
    a connection.
    """
    usual: dict[bool, list[float]] = {True: [], False: []}
    watched: list[tuple[float, float, bool, Line, int]] = []
    for client in case.clients:
        if client.stalls:
            continue
        latest, is_first = 0.0, True
        for line in client.messages:
            answer = case.answer_to(line)
            if answer is None:
                continue
            span = answer.unit.span
            if not (line.exercises and line.exercises[0] in _DELAYING):
                usual[is_first].append(span.t - line.t)
            else:
                watched.append((max(line.t, latest), span.t, is_first, line, span.last))
            latest, is_first = max(latest, span.t), False
    if not watched:
        return
    slacks = {is_first: ROUND_TRIPS * median(took or [0.0]) for is_first, took in usual.items()}
    factor = case.history.start.factor
    first = min(sent for sent, *_ in watched)
    last = max(came for _, came, *_ in watched)
    free, lost = -1.0, 0.0
    lesser = []
    for sent, came, is_first, line, at in sorted(watched, key=lambda delay: delay[:2]):
        took = came - sent - case.unseen(sent, came)
        slack = slacks[is_first]
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


def _delay(case: Case, line: Line, at: int, seconds: float) -> Fact:
    return Fact(
        Kind.LATE,
        "each broadcast as prompt as the others: no member delays another",
        f"it took {seconds:.1f} s",
        (line.done, at),
        line.client,
        segments=case.segments(line),
        line=line,
        by_time=True,
    )
