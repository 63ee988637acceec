"""Who was a member when, how the server ended connections, and who may lack the end of a run."""

from math import inf
from typing import Final

from chatproto import Code
from conformance.oracle.case import Case
from conformance.oracle.reading.history import ClientHistory, Ending
from conformance.standard.constants import DELIVERIES, LINGER

MANY: Final = 8
"""From how many members on a server that admits no more counts as full."""


def members_before(case: Case, at: int) -> int:
    """Count the clients that were certainly connected at a line of the transcript."""
    return sum(
        other.connected < at
        and (other.left is None or other.left > at)
        and (other.ended is None or other.ended > at)
        for other in case.clients
    )


def just_gone(case: Case, client: ClientHistory) -> int:
    """Count the leavers that the server may still have counted: a leaver sees its end earlier."""
    came = case.history.time(client.connected)
    return sum(
        other.connected < client.connected
        and other.ended is not None
        and other.ended < client.connected
        and came - other.ended_t < LINGER
        for other in case.clients
    )


def gone(case: Case, client: ClientHistory) -> float:
    """Return the transcript's line until which a client that received something was a member."""
    if client.was_ended_by_server:
        return case.stopping_of(client) or 0
    return inf if client.left is None else client.left


def may_miss_the_end(case: Case, client: ClientHistory) -> bool:
    """Whether something else explains why the end of a client's run is missing."""
    return (
        (client.was_ended_by_server and case.stopping is None)
        or case.died is not None
        or was_evicted(case, client)
        or may_be_aborted(case, client)
        or was_left_behind(case, client)
    )


def may_be_aborted(case: Case, client: ClientHistory) -> bool:
    """Whether the server reset a leaver that had read nothing for 1 s on end: everything may have
    been in the leaver's system for as long (QUIT-3)."""
    if client.ending is not Ending.RESET or client.left is None or not client.stalls:
        return False
    time, left, ended = case.history.time, case.history.time(client.left), client.ended_t
    resumed = [*map(time, client.resumes), ended]
    pauses = list(zip(map(time, client.stalls), resumed, strict=False))
    pauses += [(away.t - away.seconds, away.t) for away in case.history.aways]
    return any(min(until, ended) - max(since, left) >= LINGER for since, until in pauses)


def was_left_behind(case: Case, client: ClientHistory) -> bool:
    """Whether the stopping server may have aborted a member: it reset the connection, or the member
    resumed reading, only after the time for deliveries was over (STOP-1)."""
    time, stop = case.history.time, case.history.stopping
    told = case.stopping_of(client)
    if told is not None and client.ending is Ending.RESET:
        return client.ended_t - time(told) >= DELIVERIES
    return (
        stop is not None
        and bool(client.resumes)
        and time(client.resumes[-1]) - stop[1].t >= DELIVERIES
    )


def waited_for_the_rest(case: Case, client: ClientHistory) -> bool:
    """Whether a member stayed and waited, so that everything others received was due to it."""
    return (
        client.cause is None
        and bool(client.waits)
        and client.ended is None
        and not may_miss_the_end(case, client)
    )


def is_for_limits(case: Case, client: ClientHistory) -> bool:
    """Whether the checks of limits judge how a client ended: it stalled as a member, and sent
    nothing afterwards that may have ended it."""
    if not client.stalls or client.ended is None:
        return bool(client.stalls)
    stalled, ended = client.stalls[0], client.ended
    if any(stalled < line.begun < ended and line.text is None for line in client.lines):
        return False
    later = any(stalled < line.begun < ended for line in case.came)
    had = any(tie.line.begun > stalled for tie in case.runs[client.name])
    return had or not later or client.ending is Ending.RESET


def was_evicted(case: Case, client: ClientHistory) -> bool:
    """Whether the server ended the connection of a client that had stopped reading, or was slow,
    when 1 MiB waited for it (LIM-3)."""
    if client.ended is None:
        return False
    told = any(notice.code == Code.TOO_SLOW for notice in client.notices)
    broken = client.ending is Ending.RESET or told or client.was_ended_by_server
    return broken and case.backlog.has_overflowed(client)
