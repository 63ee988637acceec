"""Checks that there is one log that explains all that was received.

Even if no two members contradict each other, there may be no log of which each received a run:
three may contradict each other in a cycle, or two runs that share no broadcast may each have to
come before the other. The runs of a component form one run, in one order. What else is known about
the order of two broadcasts decides which component comes before which.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.matching import Tie
from conformance.oracle.membership import gone, waited_for_the_rest
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import Leaving, Line

_RANKS: Final = (Kind.LOST, Kind.EFFECT_FIRST, Kind.SENDER_ORDER, Kind.TWO_ORDERS)
"""The kinds of contradictions, the most telling first."""


@dataclass(slots=True, eq=False)
class Before:
    """A known order of two broadcasts.

    `why` is the reason, `kind` the kind of the fact if it does not hold. `loser` lacks the later
    one.
    """

    earlier: Line
    later: Line
    kind: Kind
    why: str
    evidence: tuple[int, ...]
    loser: str = ""


def check_one_log(case: Case) -> Iterator[Fact]:
    """Detect the first contradiction that excludes every log, if nothing simpler was found."""
    circle = _circle(case)
    if circle is not None:
        yield circle
        return
    position, component = case.log.position, dict(case.log.component)
    accepted = _accepted(case)
    for line in accepted:
        component.setdefault(line, -1 - len(component))
    edges: dict[int, dict[int, Before]] = defaultdict(dict)
    for before in _known(case, accepted):
        one, other = component[before.earlier], component[before.later]
        if one != other:
            edges[one].setdefault(other, before)
        elif position[before.earlier] > position[before.later]:
            yield _contradiction(case, [before])
            return
    cycle = _cycle(edges)
    if cycle:
        yield _contradiction(case, cycle)


def _accepted(case: Case) -> dict[Line, int]:
    """Return the transcript line by which each message was certainly accepted.

    They are in the order in which sending them began. A message that came to no one was accepted if
    a later one of its sender has come. It is its own component: the log has it somewhere.
    """
    accepted: dict[Line, int] = {}
    for client in case.clients:
        by: int | None = None
        for line in reversed(client.messages):
            came = case.first_came.get(line)
            if came is not None:
                by = came if by is None else min(by, came)
            if by is not None and (came is not None or client.cause is not Leaving.RESET):
                accepted[line] = by
    return dict(sorted(accepted.items(), key=lambda item: item[0].begun))


def causes(case: Case) -> Iterator[tuple[Line, Tie]]:
    """Yield for each message the last broadcast of another client that its sender had received."""
    for client in case.clients:
        run, came_at = case.runs[client.name], case.came_at[client.name]
        cause: Tie | None = None
        seen = 0
        for line in client.messages:
            until = bisect_left(came_at, line.begun, seen)
            for at in range(until - 1, seen - 1, -1):
                if run[at].line.client != client.name:
                    cause = run[at]
                    break
            seen = until
            if cause is not None:
                yield line, cause


def named(line: Line) -> str:
    """Return the name of a line in findings."""
    return f"{line.client}'s line {line.number}"


def _known(case: Case, accepted: dict[Line, int]) -> Iterator[Before]:
    """Yield every known order of two broadcasts, except those that one run shows."""
    for client in case.clients:
        said = [line for line in client.messages if line in accepted]
        for one, other in pairwise(said):
            yield Before(one, other, Kind.SENDER_ORDER, "as it sent them", (one.begun, other.begun))
    for line, cause in causes(case):
        if line in accepted:
            where = (cause.unit.span.last, line.begun)
            why = "whose sender had received it"
            yield Before(cause.line, line, Kind.EFFECT_FIRST, why, where)
    lines = list(accepted)
    for client in case.clients:
        if case.runs[client.name]:
            yield from _after_what_it_had(case, client, accepted, lines)
            yield from _own_after_all(case, client, accepted)
            yield from _nothing_after_all(case, client)


def _after_what_it_had(
    case: Case, client: ClientHistory, accepted: dict[Line, int], lines: list[Line]
) -> Iterator[Before]:
    """Yield what a member had received before each message that was sent then and is owed to it.

    Nothing is known about a client that was gone when the message was accepted.
    """
    run, came_at = case.runs[client.name], case.came_at[client.name]
    received = {tie.line for tie in run}
    until = gone(case, client)
    since = bisect_right(lines, came_at[0], key=lambda line: line.begun)
    for line in islice(lines, since, None):
        if line in received:
            continue
        if line.begun > until:
            return
        if accepted[line] < until:
            had = run[bisect_left(came_at, line.begun) - 1]
            yield Before(
                had.line,
                line,
                Kind.TWO_ORDERS,
                f"sent when {client.name}, a member still, had received it",
                (had.unit.span.last, line.begun, accepted[line]),
            )


def _own_after_all(
    case: Case, client: ClientHistory, accepted: dict[Line, int]
) -> Iterator[Before]:
    """Yield the end of a member's run before each own message that did not come back to it."""
    last = case.runs[client.name][-1]
    for line in client.messages:
        if line in accepted and client.name not in case.came.get(line, {}):
            yield Before(
                last.line,
                line,
                # It may still wait behind the backlog of a member that had stopped reading.
                Kind.TWO_ORDERS if client.has_stopped_reading(line) else Kind.LOST,
                "which did not come back to its sender",
                (line.begun, last.unit.span.last),
                line.client,
            )


def _nothing_after_all(case: Case, client: ClientHistory) -> Iterator[Before]:
    """Yield broadcasts that must come before a member's run, since it waited for more in vain.

    One broadcast of each other component is enough.
    """
    if not waited_for_the_rest(case, client):
        return
    first = case.runs[client.name][0]
    until, _ = client.waits[-1]
    for component, line in case.heralds.items():
        if component != case.log.component[first.line] and case.first_came[line] < until:
            yield Before(
                line,
                first.line,
                Kind.LOST,
                f"for {client.name} waited, and did not receive it",
                (case.first_came[line], until),
                client.name,
            )


def _circle(case: Case) -> Fact | None:
    """Detect the first two broadcasts that a member received in an order that others contradict."""
    position = case.log.position
    for name, run in case.runs.items():
        for one, other in pairwise(run):
            if position[other.line] > position[one.line]:
                continue
            path = _path(case, other.line, one.line)
            return Fact(
                Kind.TWO_ORDERS,
                "one order of all broadcasts",
                f"{name} received {named(one.line)} before {named(other.line)}, while "
                + ", ".join(
                    f"{who} received {named(earlier)} before {named(later)}"
                    for who, earlier, later in path
                ),
                (
                    one.unit.span.last,
                    other.unit.span.last,
                    *(case.came[later][who].unit.span.last for who, _, later in path),
                ),
                name,
                one.unit.octets + other.unit.octets,
            )
    return None


def _path(case: Case, start: Line, goal: Line) -> list[tuple[str, Line, Line]]:
    """Return the shortest path from one broadcast to another, by what some member received next."""
    following: dict[Line, dict[Line, str]] = defaultdict(dict)
    for name, run in case.runs.items():
        for one, other in pairwise(run):
            following[one.line].setdefault(other.line, name)
    way: dict[Line, tuple[str, Line] | None] = {start: None}
    queue = deque([start])
    while queue and goal not in way:
        line = queue.popleft()
        for later, name in following[line].items():
            if later not in way:
                way[later] = (name, line)
                queue.append(later)
    path: list[tuple[str, Line, Line]] = []
    at = goal
    while (step := way.get(at)) is not None:
        name, earlier = step
        path.append((name, earlier, at))
        at = earlier
    return path[::-1]


def _cycle(edges: dict[int, dict[int, Before]]) -> list[Before]:
    """Return a cycle, or an empty list."""
    awaited: dict[int, int] = defaultdict(int)
    for others in edges.values():
        for other in others:
            awaited[other] += 1
    free = [one for one in edges if not awaited[one]]
    while free:
        for other in edges.get(free.pop(), ()):
            awaited[other] -= 1
            if not awaited[other]:
                free.append(other)
    # Each node left has a predecessor among those left, so following them leads into a cycle.
    back = {
        other: (one, before)
        for one, others in edges.items()
        if awaited[one]
        for other, before in others.items()
    }
    if not back:
        return []
    at = next(iter(back))
    way: list[Before] = []
    seen: dict[int, int] = {}
    while at not in seen:
        seen[at] = len(way)
        at, before = back[at]
        way.append(before)
    return way[seen[at] :][::-1]


def _contradiction(case: Case, befores: list[Before]) -> Fact:
    """Make a fact of orders that no log can have together.

    A single one contradicts what all members received.
    """
    first = min(befores, key=lambda before: _RANKS.index(before.kind))
    kind, expected, loser = first.kind, _said(first), first.loser
    for line in (before.later for before in befores if before.later not in case.came):
        kind, loser = Kind.LOST, line.client
        expected = f"{named(line)} broadcast to every member, once"
        first = next(before for before in befores if before.later is line)
    line = first.later
    return Fact(
        kind,
        expected,
        "all that was received puts it after"
        if len(befores) == 1
        else "no one order has all of this: " + "; ".join(map(_said, befores)),
        tuple(dict.fromkeys(at for before in befores for at in before.evidence)),
        line.client,
        b"",
        line.text,
        case.segments(line),
        (Sign.FOR_ONE if line in case.came else Sign.FOR_ALL,) if kind is Kind.LOST else (),
        line,
        (loser,) if loser else (),
    )


def _said(before: Before) -> str:
    return f"{named(before.earlier)} before {named(before.later)}, {before.why}"
