"""Availability: for how long a room stood still for its members, fault by fault."""

from dataclasses import dataclass
from itertools import pairwise

from conformance.oracle.case import Case
from conformance.oracle.reading.history import ClientHistory


@dataclass(frozen=True, slots=True)
class Outage:
    """One fault, from `begun` to `healed`, and what members that it did not touch noticed of it.

    `over`: when the next fence came through. `silence`: the longest that one of them, `client`,
    heard nothing, up to `silent_until`. `resumed`: how long after the healing the first message had
    come to every member. Times are seconds of the transcript; silences are in seconds.
    """

    fault: str
    node: int | None
    begun: float
    healed: float
    over: float
    client: str | None
    silence: float
    silent_until: float
    resumed: float
    line: int


def outages(case: Case) -> list[Outage]:
    """List the faults of a transcript that were healed."""
    faults = case.history.faults
    found = []
    for (at, fault), (end, healed) in pairwise(faults):
        if fault.healed or not healed.healed:
            continue
        over = next((one for one, _ in case.history.settled if one > end), None)
        until = case.history.time(len(case.history.transcript) if over is None else over)
        members = [one for one in case.clients if _is_there(case, one, at, end)]
        apart = [one for one in members if fault.node is None or one.node != fault.node]
        gaps = [(*_longest_gap(case, one, fault.t, until), one.name) for one in apart]
        silence, silent_until, client = max(gaps, default=(0.0, fault.t, None))
        resumed = max((_next_after(case, one, healed.t, until) for one in members), default=0.0)
        found.append(
            Outage(
                fault.name,
                fault.node,
                fault.t,
                healed.t,
                until,
                client,
                round(silence, 3),
                silent_until,
                round(resumed, 3),
                at,
            )
        )
    return found


def _is_there(case: Case, client: ClientHistory, begun: int, healed: int) -> bool:
    """Whether a client was a member all the time."""
    gone = client.ended or client.left or len(case.history.transcript) + 1
    came = case.came_at[client.name]
    return client.connected < begun and gone > healed and bool(came) and came[0] < begun


def _longest_gap(
    case: Case, client: ClientHistory, begun: float, until: float
) -> tuple[float, float]:
    """Find the longest time that a client heard nothing, and when it ended. Time in which the suite
    did not look does not count."""
    heard = [tie.unit.span.t for tie in case.runs[client.name]]
    heard = [begun, *(t for t in heard if begun < t < until), until]
    return max(
        (later - earlier - case.unseen(earlier, later), later) for earlier, later in pairwise(heard)
    )


def _next_after(case: Case, client: ClientHistory, healed: float, until: float) -> float:
    heard = (tie.unit.span.t for tie in case.runs[client.name])
    first = next((t for t in heard if t > healed), until)
    return max(0.0, first - healed - case.unseen(healed, first))
