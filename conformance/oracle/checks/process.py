"""Checks the server's process: how it stops, starts again, and gives way to a running server, and
what it uses while there is nothing to do."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, get_args

from chatproto import Code
from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.membership import was_evicted
from conformance.oracle.reading.history import ClientHistory, Ending
from conformance.oracle.stops import episodes, has_reacted, was_killed
from conformance.standard.constants import DEAD_PEER, DELIVERIES, IDLE, STOP
from conformance.target.profile import Way
from conformance.timing.policy import ABORT, LAST_LINE, WAVES
from conformance.transcript.events import (
    Counted,
    Event,
    Exited,
    Restarted,
    Rested,
    Rival,
    Running,
    Sought,
    Stopping,
)

_TOLD: Final = re.compile(b"!%b[^\n]*\n" % Code.SHUTTING_DOWN.encode())
"""The notice of a stopping server, even if it does not stand where a unit starts."""


def check_process(case: Case) -> Iterator[Fact]:
    """Check that the process stops in order, frees its address, and leaks no resources."""
    yield from _stops(case)
    yield from _not_told(case)
    yield from _keeps_descriptors(case)
    for at, event in case.history.server:
        match event:
            case Restarted(error=str(error)):
                yield Fact(Kind.NOT_BOUND, "the same address bound again at once", error, (at,))
            case Rival():
                yield from _rival(at, event)
            case Sought(client=client, seconds=seconds, found=False):
                yield Fact(
                    Kind.NOT_MISSED,
                    "the end of a connection whose client has vanished, within "
                    f"{DEAD_PEER * case.history.start.factor:g} s",
                    f"the server still held {client}'s after {seconds:.0f} s",
                    (at,),
                    client,
                )
            case Rested(seconds=seconds, cpu_s=cpu_s) if cpu_s >= IDLE * seconds:
                yield Fact(
                    Kind.SPUN,
                    f"less than {IDLE * seconds:.2f} s of processor time in {seconds:.1f} s in "
                    "which nothing was said",
                    f"{cpu_s:.2f} s",
                    (at,),
                )
            case _:
                pass


def _keeps_descriptors(case: Case) -> Iterator[Fact]:
    """Detect descriptors that grow with the clients that have joined and left.

    Once or twice they may grow: a server may open some at the first need, and keep some for later.
    """
    counts = [(at, one) for at, one in case.history.server if isinstance(one, Counted)]
    grown = [
        after.descriptors - before.descriptors >= after.members / 2
        for (_, before), (_, after) in pairwise(counts)
    ]
    if len(grown) >= WAVES and all(grown):
        first, last = counts[0][1], counts[-1][1]
        gone = sum(one.members for _, one in counts[1:])
        yield Fact(
            Kind.DESCRIPTORS_KEPT,
            "no descriptor held for a connection that is over",
            f"{last.descriptors} descriptors, {first.descriptors} before {gone} clients had come "
            "and gone",
            tuple(at for at, _ in counts),
        )


def _stops(case: Case) -> Iterator[Fact]:
    """Check the ways to stop that the server offers.

    If its profile names none, one of them must work, and none may leave it half stopped.
    """
    declared = case.history.start.stops
    not_offered: list[Fact] = []
    tried: set[str] = set()
    done = False
    for begin, way, end in episodes(case.history):
        episode = case.history.transcript[begin - 1 : end - 1]
        stop = episode[0]
        assert isinstance(stop, Stopping)
        tried.add(way)
        facts = list(_stop(case, begin, stop, episode))
        if declared or has_reacted(case.history, begin, end, way):
            yield from facts
            done = done or not declared
        else:
            not_offered += facts
    if not done and tried.issuperset(get_args(Way)):
        not_offered.sort(key=lambda fact: fact.kind is not Kind.STOP_HANGS)
        yield from not_offered[:1]


def _asked(stop: Stopping) -> Sign:
    """Return the sign for how the server was asked to stop."""
    return Sign.CONSOLE if stop.way == "console" else Sign.SIGNAL


def _stop(case: Case, begin: int, stop: Stopping, episode: Sequence[Event]) -> Iterator[Fact]:
    limit = STOP + ABORT * case.history.start.factor
    hung = False
    for offset, event in enumerate(episode):
        at = begin + offset
        match event:
            case Exited(t=t, status=status):
                if status != 0:
                    killed = was_killed(stop.way, status)
                    how = "the signal ended it" if killed else f"status {status}"
                    yield Fact(
                        Kind.STOP_STATUS,
                        f"status 0 after {stop.way}",
                        how,
                        (begin, at),
                        signs=(_asked(stop), *((Sign.KILLED,) if killed else ())),
                    )
                if t - stop.t > limit and not hung:
                    took = f"{t - stop.t:.1f} s"
                    yield Fact(
                        Kind.STOP_LATE, f"an end within {STOP:g} s", took, (begin, at), by_time=True
                    )
            case Running(seconds=seconds):
                hung = True
                yield Fact(
                    Kind.STOP_HANGS,
                    f"an end within {STOP:g} s of {stop.way}",
                    f"still running after {seconds:.1f} s",
                    (begin, at),
                    signs=(_asked(stop),),
                )
            case _:
                pass
    last = begin + len(episode)
    gone = next((begin + at for at, one in enumerate(episode) if isinstance(one, Exited)), last)
    for client in case.clients:
        yield from _late_lines(case, client, begin, stop, gone)
        if client.ended is None or not begin < client.ended < last:
            continue
        early = client.ended_t - stop.t < DELIVERIES
        reads = len(client.stalls) == len(client.resumes) and not was_evicted(case, client)
        if client.ending is Ending.RESET and early and reads:
            yield Fact(
                Kind.STOP_RESETS,
                "an orderly end for every member",
                f"a reset after {client.ended_t - stop.t:.1f} s",
                (begin, client.ended),
                client.name,
            )


def _not_told(case: Case) -> Iterator[Fact]:
    """Detect members that read everything and received no notice that the server stops (ERR-3)."""
    for begin, way, end in episodes(case.history):
        if not has_reacted(case.history, begin, end, way):
            continue
        for client in case.clients:
            if client.ended is None or not begin < client.ended < end or client.stalls:
                continue
            member = client.cause is None and bool(case.runs[client.name])
            told = _TOLD.search(b"".join(octets for _, _, octets in client.reads))
            if member and client.ending is Ending.ORDERLY and not told:
                yield Fact(
                    Kind.STOP_UNTOLD,
                    "the notice !shutting-down",
                    f"the notice !{client.notices[-1].code}" if client.notices else "no notice",
                    (begin, client.ended),
                    client.name,
                )
                return


def _late_lines(
    case: Case, client: ClientHistory, begin: int, stop: Stopping, gone: int
) -> Iterator[Fact]:
    """Detect lines that were broadcast though they were sent long after the stop or its notice."""
    told = [one.span.last for one in client.notices if one.code == "shutting-down"]
    told += [client.ended] if client.ended is not None else []
    latest = stop.t + LAST_LINE * case.history.start.factor
    for line in client.messages:
        if not begin < line.begun < gone or line not in case.came:
            continue
        if line.t > latest or any(at < line.begun for at in told):
            yield Fact(
                Kind.STOP_LISTENS,
                "no more lines accepted",
                f"a line was broadcast that was sent {line.t - stop.t:.1f} s after the server "
                "was told to stop, or after its sender was",
                (begin, line.begun, case.first_came[line]),
                client.name,
                segments=case.segments(line),
            )


def _rival(at: int, rival: Rival) -> Iterator[Fact]:
    name = rival.address.rpartition(":")[2]
    if rival.status is None:
        actual = f"it was still running after {rival.seconds:.1f} s"
    elif rival.status == 0:
        actual = "status 0"
    elif name not in rival.output:
        actual = f"a message that does not name {rival.address}: {rival.output.strip()[-300:]!r}"
    else:
        return
    yield Fact(
        Kind.RIVAL,
        "a second server on an address in use ends promptly, with a status other than 0 and a "
        "message that names the address",
        actual,
        (at,),
    )
