"""Checks that the nodes of a cluster are one room, whatever happens to one of them."""

from collections.abc import Iterator
from itertools import combinations

from conformance.oracle.availability import outages
from conformance.oracle.case import Case
from conformance.oracle.checks.total_order import named
from conformance.oracle.facts import Fact, Kind
from conformance.oracle.reading.history import ClientHistory
from conformance.standard.constants import RESUME
from conformance.timing.policy import UNDISTURBED
from conformance.transcript.events import KILLED


def check_cluster(case: Case) -> Iterator[Fact]:
    """Check that labels are unique, that losses are suffixes only, and that no silence is long."""
    if all(client.node is None for client in case.clients):
        return
    yield from _namesakes(case)
    yield from _holes(case)
    yield from _taken_back(case)
    yield from _silences(case)


def _namesakes(case: Case) -> Iterator[Fact]:
    """Detect members at different nodes that have the same SENDER at the same time."""
    by_label: dict[str, list[ClientHistory]] = {}
    for client in case.clients:
        if client.name in case.matching.labels and case.runs[client.name]:
            by_label.setdefault(case.matching.labels[client.name], []).append(client)
    for label, clients in by_label.items():
        for one, other in combinations(clients, 2):
            if one.node != other.node and other.connected < _gone(case, one):
                yield Fact(
                    Kind.NAMESAKES,
                    "another SENDER for each member of the room",
                    f"{one.name} at node {one.node} and {other.name} at node {other.node} are "
                    f"both {label}",
                    (one.connected, other.connected),
                    other.name,
                )
                return


def _gone(case: Case, client: ClientHistory) -> int:
    return client.left or client.ended or len(case.history.transcript) + 1


def _holes(case: Case) -> Iterator[Fact]:
    """Detect a missing line of a member that was lost with its node, before one that came."""
    for client in case.clients:
        if client.lost is None:
            continue
        last = case.last_heard.get(client.name, 0)
        for line in client.messages:
            if line.number < last and line not in case.came:
                yield Fact(
                    Kind.HOLE,
                    f"of what {client.name} had sent, a beginning",
                    f"{named(line)} came to nobody, and its line {last} did",
                    (line.begun, client.lost),
                    client.name,
                    segments=case.segments(line),
                    line=line,
                )
                break


def _taken_back(case: Case) -> Iterator[Fact]:
    """Detect a broadcast that some members received and another never did.

    The other was a member when it was sent, and has received later messages.
    """
    if not case.history.faults:
        return
    since = case.history.faults[0][0]
    for client in case.clients:
        run = case.runs[client.name]
        if not run or client.stalls:
            continue
        received = {tie.line for tie in run}
        joined, last = run[0].unit.span.last, max(tie.line.begun for tie in run)
        for line in case.came_lines:
            came = case.first_came[line]
            if since < came < last and joined < line.begun and line not in received:
                yield Fact(
                    Kind.TAKEN_BACK,
                    f"{named(line)}, which had come to others, before what was said after that",
                    f"{client.name} received what was said after that, and not this",
                    (line.begun, came, last),
                    client.name,
                    wanted=line.text,
                    segments=case.segments(line),
                    line=line,
                )
                break


def _silences(case: Case) -> Iterator[Fact]:
    """Detect members that received nothing for long while others talked."""
    factor = case.history.start.factor
    for outage in outages(case):
        if outage.fault == KILLED and outage.silence > UNDISTURBED * factor:
            yield Fact(
                Kind.DISTURBED,
                "nothing that changes for members at other nodes",
                f"{outage.client} heard nothing for {outage.silence:.1f} s",
                (outage.line,),
                outage.client,
                by_time=True,
            )
        if outage.resumed > RESUME * factor:
            yield Fact(
                Kind.NOT_RESUMED,
                f"messages within {RESUME:g} s once the nodes reach one another again",
                f"none for {outage.resumed:.1f} s",
                (outage.line,),
                by_time=True,
            )
