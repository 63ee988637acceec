"""Gathers facts into incidents: facts that follow from one event are one incident.

An incident is, for example, a member that is no longer heard, no longer hears or is disconnected,
or a server that dies, hangs or floods. It begins with one fact, its head, and the later facts that
this explains follow from it. What happened just before the head is its trigger.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from conformance.oracle import incidents_of_texts as texts
from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.incident import OF_STREAMS, Found, Incident, Unclaimed, gathered_in
from conformance.oracle.reading.lines import Fate, Line
from conformance.oracle.stops import kills
from conformance.oracle.triggers import (
    What,
    earlier_leavers,
    leaver_before,
    leaver_rather_than_newcomer,
    trigger_between,
)
from conformance.transcript.events import FLOOD

_FLOOD: Final = 50
"""From how many units on, which nobody said, they are one flood."""
_OF_WAITING: Final = frozenset(
    (
        Kind.LOST, Kind.KEPT, Kind.UNNOTICED, Kind.NEVER_HEARD, Kind.REFUSED, Kind.LATE,
        Kind.STOP_HANGS, Kind.STOP_LATE, Kind.STOP_UNTOLD, Kind.HOARDED,
    )
)  # fmt: skip


_OF_DEATH: Final = _OF_WAITING - {Kind.HOARDED} | {
    Kind.CUT_OFF, Kind.PUT_OUT, Kind.RESET_LEAVER, Kind.WRONG_CODE
}  # fmt: skip


_SET_OFF: Final = {
    What.INPUT_ENDED: Sign.NO_INPUT,
    What.NO_DESCRIPTOR: Sign.NO_DESCRIPTOR,
    What.VIOLATION: Sign.VIOLATION,
    What.BLANK: Sign.BLANK,
    What.LEFT: Sign.LEAVING,
    What.ALL_LEFT: Sign.LEAVING,
    What.LEFT_EARLIER: Sign.LEAVING,
}
"""What a server died after, as a sign of its death."""

_OF_LOGS: Final = frozenset(
    (Kind.TAKEN_BACK, Kind.LOST, Kind.TWO_ORDERS, Kind.EFFECT_FIRST, Kind.SENDER_ORDER)
)


def gather(case: Case, facts: Sequence[Fact]) -> list[Incident]:
    """Gather facts into incidents, in the order in which their heads were detected."""
    rest = Unclaimed(facts)
    gatherings = (
        _death, _flood, _kill, _stop, _taken_back, _isolation, _standstill, _put_out,
        texts.unfinished, texts.run_together, texts.headed_otherwise, texts.parted, texts.mixed,
        texts.after_violation, texts.misread, texts.pieces, _muted, _deafened, _forgotten, _refused,
    )  # fmt: skip
    found = [incident for gathering in gatherings for incident in gathering(case, rest)]
    place = {id(fact): number for number, fact in enumerate(facts)}
    heads = [(place[id(head)], incident) for head, incident in found]
    heads += [(place[id(fact)], Incident(fact)) for fact in rest.facts]
    return [incident for _, incident in sorted(heads, key=lambda pair: pair[0])]


def _death(case: Case, rest: Unclaimed) -> Found:
    """The server's process ended, and nothing could come after its last sign of life."""
    for head in rest.of(Kind.DIED):
        alive = max((line.begun for line in case.came), default=0)
        end = min(case.first_end, head.at)
        trigger = trigger_between(case, case.settled_before(alive), end)
        survived = _survived(case, trigger.line, end)
        if survived is not None:
            later = trigger_between(case, survived, end)
            trigger = later if later.what in (What.LEFT, What.ALL_LEFT) else trigger
        if trigger.what is What.CAME:
            trigger = leaver_rather_than_newcomer(case, end) or trigger
        if trigger.what in (What.NOTHING, What.CAME):
            trigger = earlier_leavers(case, head.at, trigger.client) or trigger
        follows = rest.take(head, lambda fact: fact.kind in _OF_DEATH)
        sign = _SET_OFF.get(trigger.what)
        yield head, Incident(head if sign is None else _marked(head, sign), trigger, follows)


def _survived(case: Case, line: Line | None, until: int) -> int | None:
    """Where a line was last seen to have been survived, if it was: it had come; something was
    waited for in vain while no connection ended; or its sender had been let go, and others were
    heard. What the server died of came later."""
    if line is None:
        return None
    came = [tie.unit.span.last for tie in case.came.get(line, {}).values()]
    waited = [at for one in case.clients for at, _ in one.waits if line.done < at < until]
    ended = case.history.clients[line.client].ended or until
    heard = [at for other, at in case.first_came.items() if line.done < ended < other.begun]
    return max([*came, *waited, *heard], default=None)


def _flood(case: Case, rest: Unclaimed) -> Found:
    """Units that nobody said come without end."""
    waited_out = any(waited.what == FLOOD for one in case.clients for _, waited in one.waits)
    kinds = (Kind.EMPTY, Kind.MADE_UP, Kind.NO_UNIT) if waited_out else (Kind.EMPTY,)
    strays = max(map(rest.of, kinds), key=len)
    blank = sum(line.fate is Fate.BLANK for one in case.clients for line in one.lines)
    if not strays or not (waited_out or len(strays) >= _FLOOD + blank * len(case.clients)):
        return
    head = min(strays, key=lambda fact: fact.at)
    begun = head.at
    follows = rest.take(head, lambda fact: fact.kind in OF_STREAMS and fact.at >= begun)
    trigger = trigger_between(case, case.settled_before(begun), begun)
    yield head, Incident(replace(head, kind=Kind.FLOODED), trigger, follows)


def _standstill(case: Case, rest: Unclaimed) -> Found:
    """The room stands still: nothing said after a certain line came to anybody. What need not have
    come, and a violation, show it too."""
    begun = max((line.begun for line in case.came), default=0)
    lost = [
        fact
        for fact in rest.of(Kind.LOST)
        if Sign.FOR_ALL in fact.signs and fact.at > begun and fact.line is not None
    ]
    said = (line for one in case.clients for line in one.lines if line.begun > begun)
    senders = {line.client for line in said if line.fate in (Fate.MESSAGE, Fate.VIOLATION)}
    if not lost or len(senders) < 2:
        return
    head = min(lost, key=lambda fact: fact.at)
    # The last that came may have been on its way to some.
    last = (fact for fact in rest.of(Kind.LOST) if Sign.AT_THE_END in fact.signs)
    partly = set(map(id, (fact for fact in last if fact.at >= begun)))
    follows = rest.take(
        head,
        lambda fact: id(fact) in partly or (fact.kind in _OF_WAITING and fact.at >= head.at),
    )
    trigger = trigger_between(case, begun, head.at, lost=head.line)
    yield head, Incident(_marked(head, Sign.STOOD_STILL), trigger, follows)


def _isolation(case: Case, rest: Unclaimed) -> Found:
    """Nobody receives what somebody else says."""
    lost = [fact for fact in rest.of(Kind.LOST) if Sign.FOR_ONE in fact.signs]
    losers = {name for fact in lost for name in fact.losers}
    if len(losers) < 2 or not case.is_everyone_alone:
        return
    head = min(lost, key=lambda fact: fact.at)
    follows = rest.take(
        head,
        lambda fact: (
            fact.kind is Kind.NEVER_HEARD or (fact.kind is Kind.LOST and Sign.FOR_ONE in fact.signs)
        ),
    )
    yield head, Incident(_marked(head, Sign.ISOLATED), None, follows)


def _taken_back(_: Case, rest: Unclaimed) -> Found:
    """What some members had received is taken back: the others' runs contradict theirs."""
    for head in rest.of(Kind.TAKEN_BACK)[:1]:
        yield head, Incident(head, None, rest.take(head, lambda fact: fact.kind in _OF_LOGS))


def _put_out(case: Case, rest: Unclaimed) -> Found:
    """The server ended a connection, and its client lost what it said and was owed."""
    for head in rest.of(Kind.PUT_OUT):
        follows = rest.take(head, _of_the_ended(head.client))
        ended = head.evidence[0]
        since = case.last_own_came(head.client or "", ended)
        trigger = trigger_between(case, since, ended, head.client, first=True)
        if trigger.what in (What.NOTHING, What.CAME):
            left = leaver_before(case, ended, head.client or "") or earlier_leavers(case, ended)
            trigger = left or trigger
        yield head, Incident(head, trigger, follows)


def _of_the_ended(name: str | None) -> Callable[[Fact], bool]:
    def follows(fact: Fact) -> bool:
        if fact.kind in (Kind.CUT_OFF, Kind.FALSE_NOTICE):
            return fact.client == name
        if fact.kind is not Kind.LOST or fact.line is None:
            return False
        return fact.line.client == name or fact.losers == (name,)

    return follows


def _kill(case: Case, rest: Unclaimed) -> Found:
    """A signal that the server has no handler for ended it. What is lost by that follows from it;
    if the server can be stopped in another way, nothing is wrong at all."""
    killed = kills(case.history)

    def is_of(fact: Fact) -> bool:
        clients = [case.history.clients[name] for name in fact.losers or (fact.client or "",)]
        if fact.kind is Kind.CUT_OFF:
            return all(case.stopping_of(client) in killed for client in clients)
        line = fact.line
        return line is not None and all(
            case.stop_that_lost(line, client) in killed for client in clients
        )

    lost = [fact for fact in rest.of(Kind.LOST, Kind.CUT_OFF) if killed and is_of(fact)]
    statuses = (fact for fact in rest.of(Kind.STOP_STATUS) if fact.evidence[0] in killed)
    head = next(statuses, None)
    follows = rest.take(head or lost[0], gathered_in(lost)) if head or lost else []
    if head is not None:
        yield head, Incident(head, None, follows)


def _stop(_: Case, rest: Unclaimed) -> Found:
    """Find a stop that hangs, with what follows from it."""
    for head in rest.of(Kind.STOP_HANGS):
        follows = rest.take(head, lambda fact: fact.kind in (Kind.STOP_LISTENS, Kind.STOP_UNTOLD))
        yield head, Incident(head, None, follows)


def _muted(case: Case, rest: Unclaimed) -> Found:
    """A member is no longer heard: from one of its lines on, nothing came to anybody."""
    lost: dict[str, list[Fact]] = defaultdict(list)
    for fact in rest.of(Kind.LOST):
        line = fact.line
        if line is not None and Sign.FOR_ALL in fact.signs and case.is_after_all_heard(line):
            lost[line.client].append(fact)
    for name, its in lost.items():
        head = min(its, key=lambda fact: fact.at)
        follows = rest.take(head, _of_the_muted(name, its, head.at))
        since = case.last_own_came(name, head.at)
        trigger = trigger_between(case, since, head.at, name, head.line)
        yield head, Incident(_marked(head, Sign.MUTED), trigger, follows)


def _of_the_muted(name: str, lost: list[Fact], begun: int) -> Callable[[Fact], bool]:
    gathered = set(map(id, lost))
    kinds = (Kind.KEPT, Kind.UNNOTICED)
    return lambda fact: (
        id(fact) in gathered or (fact.kind in kinds and fact.client == name and fact.at >= begun)
    )


def _deafened(case: Case, rest: Unclaimed) -> Found:
    """A member no longer hears: from one broadcast on, nothing came to it."""
    lost: dict[tuple[str, ...], list[Fact]] = defaultdict(list)
    for fact in rest.of(Kind.LOST):
        if Sign.AT_THE_END in fact.signs and Sign.FOR_ALL not in fact.signs:
            lost[fact.losers].append(fact)
    for losers, its in lost.items():
        head = min(its, key=lambda fact: fact.at)
        follows = rest.take(head, gathered_in(its))
        since = case.last_heard_by(losers[0])
        trigger = trigger_between(case, since, head.at, losers[0])
        yield head, Incident(_marked(head, Sign.DEAFENED), trigger, follows)


def _forgotten(_: Case, rest: Unclaimed) -> Found:
    """A member's message is lost, and the server does not let the member go: it no longer reads
    from it."""
    kept = {fact.client for fact in rest.of(Kind.KEPT, Kind.UNNOTICED)}
    for head in rest.of(Kind.LOST):
        name = head.line.client if head.line is not None else ""
        if name in kept:
            kept.discard(name)
            follows = rest.take(head, _of_the_muted(name, [], head.at))
            yield head, Incident(head, None, follows)


def _refused(case: Case, rest: Unclaimed) -> Found:
    """The server no longer accepts connections."""
    for head in rest.of(Kind.REFUSED)[:1]:
        alive = max((line.begun for line in case.came), default=0)
        trigger = trigger_between(case, case.settled_before(alive), head.at)
        follows = rest.take(head, lambda fact: fact.kind in (Kind.REFUSED, Kind.PUT_OUT))
        yield head, Incident(head, trigger, follows)


def _marked(head: Fact, sign: Sign) -> Fact:
    return replace(head, signs=(sign, *head.signs))
