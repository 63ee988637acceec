"""Detects losses: messages that were owed to a member and did not come to it."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from conformance.oracle.case import Case
from conformance.oracle.checks.text import line_signs
from conformance.oracle.checks.total_order import named
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.matching import Tie
from conformance.oracle.membership import gone, may_miss_the_end
from conformance.oracle.reading.history import ClientHistory, Ending
from conformance.oracle.reading.lines import Fate, Leaving, Line
from conformance.oracle.reading.units import Rest
from conformance.timing.policy import AT_ONCE
from conformance.transcript.events import FLOOD, THE_END


def check_losses(case: Case) -> Iterator[Fact]:
    """Detect messages that were owed and did not come. If the standard leaves it open, none is
    owed.
    """
    lost: dict[Line, dict[str, str]] = defaultdict(dict)
    held: set[tuple[Line, str]] = set()
    # If members disagree on the place of a broadcast, it cannot be said who lacks it there.
    disputed = {tie.line for _, *two in case.inversions for tie in two}
    for client in case.clients:
        if _may_receive_more(case, client) and not _is_in_order(case.runs[client.name]):
            continue
        for line in _gaps(case, client):
            if line not in disputed:
                lost[line][client.name] = f"{client.name} received what came before and after it"
        for line in _skipped(case, client):
            if line not in disputed:
                lost[line][client.name] = f"{client.name} received what was said before and after"
        if not may_miss_the_end(case, client) and not _may_be_disconnected(case, client):
            for line in _missing_end(case, client):
                lost[line].setdefault(client.name, f"{client.name} received nothing more")
            for line in _missing_end_of_a_leaver(case, client):
                lost[line].setdefault(client.name, f"{client.name} received nothing more")
    for line, name in _held_back(case):
        lost[line][name] = f"{name} received it only after more was said, as others before"
        held.add((line, name))
    for client in case.clients:
        if client.cause is Leaving.RESET or may_miss_the_end(case, client):
            continue
        for line in client.messages:
            if line not in case.came and _was_due(case, client, line):
                if not case.history.has_echo and not _has_a_hearer(case, line):
                    continue
                lost[line] = {client.name: _how_lost_for_all(case, line)}
            elif (
                not case.is_owed(client.name, line)
                or client.has_stopped_reading(line)
                or (_may_be_disconnected(case, client) and case.is_last_for(line, client.name))
            ):
                continue
            elif client.name not in case.came.get(line, {}) and _was_due(case, client, line):
                lost[line].setdefault(client.name, "its sender did not receive it")
    for losers in lost.values():
        # A client that received pieces of lines may have received this line in pieces.
        for name in case.given_pieces.intersection(losers):
            del losers[name]
    lost = {line: losers for line, losers in lost.items() if losers}
    for line, losers in sorted(lost.items(), key=lambda item: item[0].begun):
        # Whoever else has it without the LF that ends it may be no better off.
        was_held = all((line, name) in held for name in losers)
        evidence = [line.begun, line.done]
        evidence += [at for name in losers for at, _ in case.history.clients[name].waits[:1]]
        yield Fact(
            Kind.LOST,
            f"{named(line)} broadcast to every member, once",
            "; ".join(dict.fromkeys(losers.values())),
            tuple(evidence),
            next(iter(losers)),
            b"",
            line.text,
            case.segments(line),
            (*_loss_signs(case, line, losers, was_held=was_held), *line_signs(case, line)),
            line,
            tuple(losers),
        )


def _how_lost_for_all(case: Case, line: Line) -> str:
    if case.history.start.dialect is None:
        for client in case.clients:
            last = client.units[-1] if client.units else None
            if isinstance(last, Rest) and last.begun and last.begun.text == line.text:
                return "it came without the LF that ends it"
    return "nobody received it"


def _may_be_disconnected(case: Case, client: ClientHistory) -> bool:
    """Whether a member's backlog is so large that the server may evict it now."""
    return client.cause is None and client.ended is None and case.backlog.has_overflowed(client)


def _may_receive_more(case: Case, client: ClientHistory) -> bool:
    """Whether more may have been under way when a client was last looked at."""
    is_over = client.ended is not None and case.stopping_of(client) is None
    return not client.waits and not is_over


def _is_in_order(run: Sequence[Tie]) -> bool:
    """Whether each sender's messages came in the order in which it sent them. If not, what came
    after a message does not prove that the message will not come."""
    latest: dict[str, int] = {}
    for line in (tie.line for tie in run):
        if line.number < latest.get(line.client, 0):
            return False
        latest[line.client] = line.number
    return True


def _loss_signs(
    case: Case, line: Line, losers: Collection[str], *, was_held: bool
) -> Iterator[Sign]:
    if was_held or line not in case.came:
        yield Sign.FOR_ALL
    elif list(losers) == [line.client]:
        yield Sign.FOR_SENDER
    else:
        yield Sign.FOR_ONE
    if all(case.is_last_for(line, name) for name in losers):
        yield Sign.AT_THE_END
    if line is case.history.clients[line.client].messages[0]:
        yield Sign.FIRST_LINE


def _skipped(case: Case, client: ClientHistory) -> Iterator[Line]:
    """Yield messages that a member missed, and that no run connects with what it received.

    They were sent after it had received something. They had come to others when a message was sent
    that it also received.
    """
    run = case.runs[client.name]
    if not run or case.is_one_component:
        return
    component, reached = case.log.component, case.reached[client.name]
    since, until = run[0].unit.span.last, max(tie.line.begun for tie in run)
    for line in case.came_lines:
        if line.begun > until:
            return
        if line.begun > since and component[line] not in reached:
            owed = line.fate is Fate.MESSAGE and case.is_owed(client.name, line)
            if owed and case.first_came[line] < until:
                yield line


def _gaps(case: Case, client: ClientHistory) -> Iterator[Line]:
    """Yield messages that lie in the log between two that came to a client one after the other."""
    position, component = case.log.position, case.log.component
    run = [tie.line for tie in case.runs[client.name]]
    gaps = [
        (start + 1, end, before, after)
        for (before, start), (after, end) in pairwise((line, position[line]) for line in run)
        if start + 1 < end and component[before] == component[after]
    ]
    received = set(run) if gaps else set()
    # Gaps overlap only if the order is wrong; then each line is looked at once. Lines of another
    # component of the log may lie in a gap.
    reached = 0
    for start, end, before, after in sorted(gaps, key=lambda gap: gap[:2]):
        for line in case.log.items[max(start, reached) : end]:
            if component[line] != component[before] or line.fate is not Fate.MESSAGE:
                continue
            if line in received:
                continue
            if case.history.has_echo or _lies_between(case, client, before, line, after):
                yield line
        reached = max(reached, end)


def _lies_between(case: Case, client: ClientHistory, before: Line, line: Line, after: Line) -> bool:
    """Whether a missing line certainly lies between two others.

    Without an echo, the place of a line in the log may be a guess.
    """
    return (
        case.is_owed(client.name, line)
        and case.is_surely_before(before, line)
        and case.is_surely_before(line, after)
    )


def _held_back(case: Case) -> Iterator[tuple[Line, str]]:
    """Yield messages that a member waited for in vain, and received as soon as more was said, each
    with that member. A server that waits for the next message, which need not come, has lost this
    one.

    The first is not yielded: a server that stood still may go on, by itself, just when more is
    said. None is if any came otherwise: then the server is slow.
    """
    late = sorted(_came_after_a_wait(case), key=lambda one: (one[0], one[1].unit.span.last))
    if not late:
        return
    said = sorted(
        (line for one in case.clients for line in one.messages), key=lambda one: one.begun
    )
    begun = [line.begun for line in said]
    released: list[Line] = []
    held: list[tuple[Line, str]] = []
    for waited, tie, name in late:
        place, came = bisect_left(begun, waited), tie.unit.span
        if place == len(said) or begun[place] > came.last:
            return
        more = said[place]
        if more not in released:
            if came.t - more.t > AT_ONCE * case.history.start.factor:
                return
            released.append(more)
        if len(released) > 1:
            held.append((tie.line, name))
    yield from held


def _came_after_a_wait(case: Case) -> Iterator[tuple[int, Tie, str]]:
    """Yield each message that a member had last waited for in vain when it came, with that member
    and the transcript's line at which the wait ended."""
    for client in case.clients:
        waits = [
            (at, round(waited.t - waited.seconds, 6))
            for at, waited in client.waits
            if waited.what not in (THE_END, FLOOD)
        ]
        if not waits or may_miss_the_end(case, client) or _may_be_disconnected(case, client):
            continue
        for tie in case.runs[client.name]:
            sender = case.history.clients[tie.line.client]
            if sender.has_stopped_reading(tie.line) or not case.is_owed(client.name, tie.line):
                continue
            came = tie.unit.span.last
            ends = [at for at, since in waits if tie.line.t <= since and at < came]
            if ends:
                yield max(ends), tie, client.name


def _missing_end(case: Case, client: ClientHistory) -> Iterator[Line]:
    """Yield messages after the last one that came to a member, if it waited for them in vain."""
    if client.cause is not None:
        return
    if client.was_ended_by_server:
        until = case.stopping_of(client)
    elif client.waits:
        until = client.waits[-1][0]
    else:
        return
    if until is not None:
        yield from _after_its_run(case, client, until)


def _missing_end_of_a_leaver(case: Case, client: ClientHistory) -> Iterator[Line]:
    """Yield messages after the last one that came to a leaver, though they had come to others
    before it left, and the end of its connection was orderly.

    Where 1 MiB waited for it, it may have been evicted; other nodes may be ahead of its own.
    """
    leaves = client.cause in (Leaving.QUIT, Leaving.END_OF_STREAM)
    if not leaves or client.left is None or client.ending is not Ending.ORDERLY:
        return
    if client.node is None and not case.backlog.has_overflowed(client):
        yield from _after_its_run(case, client, client.left)


def _after_its_run(case: Case, client: ClientHistory, until: int) -> Iterator[Line]:
    """Yield messages that are owed to a client, stand in the log after what came to it, and had
    come to others by a line of the transcript."""
    run = case.runs[client.name]
    if not run:
        return
    received = {tie.line for tie in run}
    last = run[-1].line
    for line in case.log.items[case.log.position[last] + 1 :]:
        if case.log.component[line] != case.log.component[last] or line.fate is not Fate.MESSAGE:
            continue
        if line in received or not case.is_owed(client.name, line):
            continue
        if case.first_came[line] < until:
            yield line


def _was_due(case: Case, client: ClientHistory, line: Line) -> bool:
    """Whether a message of this client must have come before the end of the transcript."""
    if case.stopping is not None and line not in case.came:
        return False
    if client.aborted_after_end:
        return line.number < case.last_heard.get(client.name, 0) or line.done < case.last_wait
    if client.has_stopped_reading(line) and line not in case.came:
        # A server may read a member more slowly that does not read its own backlog.
        return line.number < case.last_own.get(client.name, 0)
    if client.cause is not None and client.ended is not None:
        return True
    return line.number < case.last_own.get(client.name, 0) or line.done < case.last_wait


def _has_a_hearer(case: Case, line: Line) -> bool:
    """Whether another client knew that it was a member when this was sent (ROOM-1).

    Without an echo, no one else must receive it.
    """
    return any(
        run[0].unit.span.last < line.begun < gone(case, case.history.clients[name])
        for name, run in case.runs.items()
        if run and name != line.client
    )
