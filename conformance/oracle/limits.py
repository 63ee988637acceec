"""Are the limits kept? LIM-3, LIM-5 and LIM-6; the others show in lines and runs."""

from collections.abc import Iterator
from typing import Final

from conformance.oracle.case import MIN_BACKLOG, Case
from conformance.oracle.findings import Finding
from conformance.oracle.history import ClientHistory, Ending

MAX_BACKLOG: Final = 64 * 1_048_576
"""Octets that may never wait for a member (LIM-3)."""
MEMBERS: Final = 256
"""Members every server should have room for (LIM-6)."""
_COUNTING: Final = 1.0
"""Seconds that a server may linger (QUIT-3), and count a leaver as a member."""


def check_limits(case: Case) -> Iterator[Finding]:
    """Who stalls is let go neither too early nor too late; who is too many is told so."""
    for client in case.clients:
        yield from _stalled(case, client)
        yield from _room_full(case, client)


def _stalled(case: Case, client: ClientHistory) -> Iterator[Finding]:
    if not client.stalls or case.stopping is not None or case.died is not None:
        return
    waited = case.waiting(client)
    if case.was_ended_by_server(client):
        assert client.ended is not None
        if waited < MIN_BACKLOG:
            yield Finding(
                "LIM-3",
                "a member as long as less than 1 MiB waits for it",
                f"disconnected with {waited:,} octets waiting",
                (client.stalls[0], client.ended),
                client.name,
            )
    elif client.cause is None and waited >= MAX_BACKLOG:
        yield Finding(
            "LIM-3",
            "disconnected before 64 MiB wait for it",
            f"still a member with {waited:,} octets waiting",
            (client.stalls[0], *(at for at, _ in client.waits[:1])),
            client.name,
        )


def _members_before(case: Case, client: ClientHistory) -> int:
    """How many clients were certainly connected when this one came."""
    return sum(
        other.connected < client.connected
        and (other.left is None or other.left > client.connected)
        and (other.ended is None or other.ended > client.connected)
        for other in case.clients
    )


def _just_gone(case: Case, client: ClientHistory) -> int:
    """How many more the server may have counted still: a leaver sees its end before that."""
    came = case.history.time(client.connected)
    return sum(
        other.connected < client.connected
        and other.ended is not None
        and other.ended < client.connected
        and came - other.ended_t < _COUNTING
        for other in case.clients
    )


def is_one_too_many(case: Case, client: ClientHistory) -> bool:
    """Whether the server was known to be full when this client came."""
    capacity = case.history.start.capacity
    return capacity is not None and _members_before(case, client) >= capacity


def may_be_one_too_many(case: Case, client: ClientHistory) -> bool:
    """Whether the server may have taken itself for full when this client came."""
    capacity = case.history.start.capacity
    here = _members_before(case, client) + _just_gone(case, client)
    return capacity is not None and here >= capacity


def _room_full(case: Case, client: ClientHistory) -> Iterator[Finding]:
    here = _members_before(case, client)
    codes = [notice.code for notice in client.notices]
    if "room-full" in codes and here < MEMBERS and not may_be_one_too_many(case, client):
        yield Finding(
            "LIM-6",
            f"room for {MEMBERS} members",
            f"the notice !room-full with {here} members",
            (client.connected, client.notices[-1].span.last),
            client.name,
            client.notices[-1].octets,
        )
    if is_one_too_many(case, client) and case.stopping is None:
        if "room-full" not in codes:
            yield Finding(
                "LIM-5",
                "the notice !room-full",
                f"the notice !{codes[-1]}" if codes else "no notice",
                (client.connected, *((client.ended,) if client.ended else ())),
                client.name,
            )
        elif client.ending is not Ending.ORDERLY:
            yield Finding(
                "LIM-5",
                "an orderly end of stream after the notice !room-full",
                "a reset" if client.ending is Ending.RESET else "no end of the connection",
                (client.notices[-1].span.last, *((client.ended,) if client.ended else ())),
                client.name,
            )
