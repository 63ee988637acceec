"""Checks that every message came to every member, once, in one order."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Final

from conformance.oracle.case import Case
from conformance.oracle.checks.losses import check_losses
from conformance.oracle.checks.text import line_signs
from conformance.oracle.checks.total_order import causes, check_one_log, named
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.matching import Tie
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import Leaving, Line
from conformance.timing.policy import HICCUP

_TOGETHER: Final = 30
"""Lines of one segment that came, at which the server must have read all of the segment."""
_MOST: Final = 300
"""The most doubled messages, and repetitions of one message, that become facts."""


def check_delivery(case: Case) -> Iterator[Fact]:
    """Check that there is one log, and that each member's run of it is contiguous and complete."""
    sound = True
    for check in (
        _doubled,
        _order_of_each_sender,
        _one_order,
        _cause_before_effect,
        check_losses,
        _deaf,
        _history,
        _hears_on,
    ):
        for finding in check(case):
            sound = False
            yield finding
    if sound and case.history.has_echo:
        # Without an echo every run has gaps.
        yield from check_one_log(case)


def _doubled(case: Case) -> Iterator[Fact]:
    doubled: dict[Line, list[tuple[Tie, Tie]]] = defaultdict(list)
    for run in case.matching.runs.values():
        seen: dict[Line, Tie] = {}
        for tie in run:
            if tie.exact and (first := seen.setdefault(tie.line, tie)) is not tie:
                doubled[tie.line].append((first, tie))
    for line, twice in islice(doubled.items(), _MOST):
        for_many = len({tie.client for _, tie in twice}) > 1
        signs = (Sign.FOR_ALL,) if for_many else (Sign.FOR_ONE,)
        for first, tie in twice[:_MOST]:
            yield Fact(
                Kind.DOUBLED,
                "each message once",
                f"{tie.client} received it twice",
                (line.begun, first.unit.span.last, tie.unit.span.last),
                tie.client,
                tie.unit.octets,
                segments=case.segments(line),
                signs=(*signs, *line_signs(case, line)),
                line=line,
            )


def _order_of_each_sender(case: Case) -> Iterator[Fact]:
    for name, run in case.runs.items():
        latest: dict[str, Tie] = {}
        for tie in run:
            if not tie.exact:
                continue
            before = latest.get(tie.line.client)
            if before is not None and before.line.number > tie.line.number:
                yield Fact(
                    Kind.SENDER_ORDER,
                    f"{tie.line.client}'s line {tie.line.number} before its line "
                    f"{before.line.number}, as it sent them",
                    f"{name} received them the other way round",
                    (tie.line.begun, before.line.begun, before.unit.span.last, tie.unit.span.last),
                    name,
                    before.unit.octets + tie.unit.octets,
                )
            else:
                latest[tie.line.client] = tie


def _one_order(case: Case) -> Iterator[Fact]:
    """Detect two clients that received two broadcasts in opposite orders."""
    for name, *two in case.inversions:
        first, second = two
        witness = _witness(case, second.line, first.line)
        if witness is None or first.line.client == second.line.client:
            continue
        if not all(case.is_identified(one, tie.line) for one in (name, witness) for tie in two):
            continue
        yield Fact(
            Kind.TWO_ORDERS,
            "one order of all broadcasts",
            f"{name} received {named(first.line)} before {named(second.line)}, {witness} "
            f"received them the other way round",
            (
                first.unit.span.last,
                second.unit.span.last,
                case.came[second.line][witness].unit.span.last,
                case.came[first.line][witness].unit.span.last,
            ),
            name,
            first.unit.octets + second.unit.octets,
        )


def _witness(case: Case, earlier: Line, later: Line) -> str | None:
    """Return a client that received these two in this order."""
    for name, tie in case.came[earlier].items():
        other = case.came[later].get(name)
        if other is not None and tie.unit.span.start < other.unit.span.start:
            return name
    return None


def _cause_before_effect(case: Case) -> Iterator[Fact]:
    """Detect a message that came before another that its sender had received when it sent it."""
    position, cause_of = case.log.position, dict(causes(case))
    log_is_sound = all(
        line not in position or position[cause.line] < position[line]
        for line, cause in cause_of.items()
    )
    disordered = {name for name, *_ in case.inversions}
    for name, run in case.runs.items():
        if log_is_sound and name not in disordered:
            continue
        place = {tie.line: index for index, tie in enumerate(run)}
        for tie in run:
            cause = cause_of.get(tie.line)
            if cause is None or place.get(cause.line, -1) < place[tie.line]:
                continue
            if not all(case.is_identified(name, line) for line in (tie.line, cause.line)):
                continue
            yield Fact(
                Kind.EFFECT_FIRST,
                f"{named(cause.line)} before {named(tie.line)}, whose sender had received it",
                f"{name} received them the other way round",
                (cause.unit.span.last, tie.line.begun, tie.unit.span.last),
                name,
                tie.unit.octets + run[place[cause.line]].unit.octets,
                segments=case.segments(tie.line),
            )


def _history(case: Case) -> Iterator[Fact]:
    """Detect broadcasts that had come to others before a member connected."""
    for client in case.clients:
        for tie in case.runs[client.name]:
            if case.first_came[tie.line] >= client.connected:
                break
            yield Fact(
                Kind.HISTORY,
                "nothing from before a member was admitted",
                f"{named(tie.line)}, which had come to others before {client.name} connected",
                (case.first_came[tie.line], client.connected, tie.unit.span.last),
                client.name,
                tie.unit.octets,
                b"",
                line=tie.line,
            )
            break


def _hears_on(case: Case) -> Iterator[Fact]:
    """Detect broadcasts to a leaver of messages that were sent long after it had left."""
    for client in case.clients:
        left = _certainly_left(case, client)
        if left is None or client.ended is None:
            continue
        since = left + HICCUP * case.history.start.factor
        late = [tie for tie in case.runs[client.name] if tie.line.t > since]
        for tie in late[:1]:
            yield Fact(
                Kind.HEARS_ON,
                "nothing of what was accepted after a member had left",
                f"{named(tie.line)}, said {tie.line.t - left:.1f} s after {client.name} had left",
                (client.left or 0, tie.line.begun, tie.unit.span.last),
                client.name,
                tie.unit.octets,
                line=tie.line,
                by_time=True,
            )


def _certainly_left(case: Case, client: ClientHistory) -> float | None:
    """Return the time by which the server must have read that a client leaves, or None.

    A server may read a member more slowly that does not read its own backlog (TRN-1). But if it
    accepted many lines of a segment, and the last of them, it has read the `quit` after them too.
    """
    if case.history.start.dialect is not None or client.left is None:
        return None
    came = [line for line in client.messages if line in case.came]
    if not came or came[-1] is not client.messages[-1]:
        return None
    stalled = sum(at < client.left for at in client.stalls)
    if stalled > sum(at < client.left for at in client.resumes):
        together = sum(line.done == client.left for line in came)
        if client.cause is not Leaving.QUIT or together < _TOGETHER:
            return None
    elif client.cause not in (Leaving.QUIT, Leaving.END_OF_STREAM):
        return None
    return max(case.history.time(client.left), case.history.time(case.first_came[came[-1]]))


def _deaf(case: Case) -> Iterator[Fact]:
    """Detect connections that received nothing of what others said while they waited."""
    if case.died is not None:
        return
    for client in case.clients:
        if case.runs[client.name] or client.cause is not None or client.ended is not None:
            continue
        for at, waited in client.waits[:1]:
            since, until = waited.t - waited.seconds, waited.t - waited.seconds / 2
            said = [
                line
                for line in case.came
                if since < line.t <= until and client.connected < line.begun
            ]
            if client.segments or not said:
                continue
            yield Fact(
                Kind.NEVER_HEARD,
                "a member from when the server accepts it, though it says nothing",
                f"{client.name} received nothing of what was said for {waited.seconds:g} s",
                (client.connected, said[0].begun, at),
                client.name,
                exercises=waited.exercises,
            )
