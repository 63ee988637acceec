"""Checks the limits of backlog and members. Line limits are checked with the lines."""

from collections.abc import Iterator

from chatproto import Code
from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind
from conformance.oracle.membership import MANY, is_for_limits, just_gone, members_before
from conformance.oracle.reading.history import ClientHistory, Ending
from conformance.standard.constants import LINGER, MAX_BACKLOG, MEMBERS, MIN_BACKLOG


def check_limits(case: Case) -> Iterator[Fact]:
    """Check that stalled members are evicted in time, and that clients over capacity are told."""
    for client in case.clients:
        yield from _stalled(case, client)
        yield from _room_full(case, client)


def _stalled(case: Case, client: ClientHistory) -> Iterator[Fact]:
    if not is_for_limits(case, client) or case.stopping is not None:
        return
    waited = case.backlog.waiting(client)
    # What happens after it reads again says nothing of what had waited for it.
    resumed = next((at for at in client.resumes if at > client.stalls[0]), None)
    if case.died is not None and (resumed is None or resumed > case.died):
        return
    if client.was_ended_by_server and case.died is None:
        assert client.ended is not None
        waited = case.backlog.at_most(client)
        if waited < MIN_BACKLOG:
            yield Fact(
                Kind.EVICTED_EARLY,
                "a member as long as less than 1 MiB waits for it",
                f"disconnected with {waited:,} octets waiting",
                (client.stalls[0], client.ended),
                client.name,
            )
    elif waited >= MAX_BACKLOG and not _was_gone(client, resumed):
        yield Fact(
            Kind.HOARDED,
            "disconnected before 64 MiB wait for it",
            f"still a member with {waited:,} octets waiting",
            (client.stalls[0], *(at for at, _ in client.waits[:1])),
            client.name,
        )


def _was_gone(client: ClientHistory, at: int | None) -> bool:
    """Whether a client had left by a line of the transcript, or ever."""
    return client.left is not None and (at is None or client.left < at)


def is_one_too_many(case: Case, client: ClientHistory) -> bool:
    """Whether the server was certainly full when this client connected."""
    capacity = case.history.start.capacity
    return capacity is not None and members_before(case, client.connected) >= capacity


def may_be_one_too_many(case: Case, client: ClientHistory) -> bool:
    """Whether the server may have considered itself full when this client connected."""
    capacity = case.history.start.capacity
    if capacity is None:
        return _is_turned_away(case, client)
    return members_before(case, client.connected) + just_gone(case, client) >= capacity


def _is_turned_away(case: Case, client: ClientHistory) -> bool:
    """Whether a server of unknown capacity refused this client because it was full.

    There were many members, and it admitted no client when there were as many.
    """
    here = members_before(case, client.connected) + just_gone(case, client)
    if here < MANY or case.runs[client.name]:
        return False
    return not any(
        case.runs[other.name] and members_before(case, other.connected) >= here
        for other in case.clients
    )


def _is_refused(case: Case, client: ClientHistory) -> bool:
    """Whether a server that should have had room refused this client because it was full."""
    told = any(notice.code == Code.ROOM_FULL for notice in client.notices)
    if case.history.start.capacity is not None:
        full = may_be_one_too_many(case, client)
        return told and (not full or "LIM-6" in case.history.start.requirements)
    if case.history.time(client.connected) < LINGER or just_gone(case, client):
        return False  # earlier leavers may still count for the capacity
    ended = client.was_ended_by_server and case.stopping is None
    return told or (ended and _is_turned_away(case, client))


def _room_full(case: Case, client: ClientHistory) -> Iterator[Fact]:
    here = members_before(case, client.connected)
    codes = [notice.code for notice in client.notices]
    if here < MEMBERS and _is_refused(case, client):
        told = [notice for notice in client.notices if notice.code == "room-full"]
        at = client.ended if not told else told[0].span.last
        assert at is not None
        yield Fact(
            Kind.TURNED_AWAY,
            f"room for {MEMBERS} members",
            f"{'the notice !room-full' if told else 'an end at once'} with {here} members",
            (client.connected, at),
            client.name,
            told[0].octets if told else b"",
        )
    if is_one_too_many(case, client) and case.stopping is None:
        if Code.ROOM_FULL not in codes:
            yield Fact(
                Kind.NOT_TOLD_FULL,
                "the notice !room-full",
                f"the notice !{codes[-1]}" if codes else "no notice",
                (client.connected, *((client.ended,) if client.ended else ())),
                client.name,
            )
        elif client.ending is not Ending.ORDERLY:
            yield Fact(
                Kind.NOT_TOLD_FULL,
                "an orderly end of stream after the notice !room-full",
                "a reset" if client.ending is Ending.RESET else "no end of the connection",
                (client.notices[-1].span.last, *((client.ended,) if client.ended else ())),
                client.name,
            )
