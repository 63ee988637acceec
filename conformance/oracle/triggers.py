"""Triggers: what happened just before an incident, and may have caused it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from conformance.dialect.model import Dialect
from conformance.oracle.case import Case
from conformance.oracle.controls import treatment_of
from conformance.oracle.membership import MANY
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import Fate, Line
from conformance.transcript.events import InputEnded, Limited, Rival

_FEW: Final = 3
"""How many messages a member may say before a server fails because of a leaver."""
_BACKLOG: Final = 32_768
"""From how many waiting octets on a member that does not read may hold up the others."""


class What(Enum):
    """What may trigger an incident; the value is how `explain` says it."""

    INPUT_ENDED = "standard input had ended"
    RIVAL = "a second server had been launched"
    NO_DESCRIPTOR = "no descriptor had been free"
    VIOLATION = "a violation, or what does not decode, had been sent"
    TREATED = "a line that exercises how lines are treated had been sent"
    BLANK = "a blank line had been sent"
    LEFT = "another client had left"
    ALL_LEFT = "every client had left"
    LEFT_EARLIER = (
        "clients of an earlier scenario had left, and hardly anything had been said since"
    )
    BACKLOG = "a member had stopped reading, with a backlog"
    HELD_UP = "another connection said nothing, or no whole line"
    CAME = "a client had connected"
    NOTHING = "nothing but plain messages had been sent"


_DONE: Final = {
    What.VIOLATION: "{} had sent a violation, or what does not decode",
    What.BLANK: "{} had sent a blank line",
    What.LEFT: "{} had left",
    What.BACKLOG: "{} had stopped reading, and much waited for it",
    What.HELD_UP: "{} was connected, and said nothing, or no whole line",
    What.CAME: "{} had connected",
}


@dataclass(frozen=True, slots=True)
class Trigger:
    """What triggered an incident, and with which line or client."""

    what: What
    line: Line | None = None
    client: str | None = None

    @property
    def words(self) -> str:
        """What was done and by whom, as the end of a sentence; empty if it explains nothing."""
        if self.what in (What.NOTHING, What.TREATED):
            return ""
        return _DONE.get(self.what, str(self.what.value)).format(self.client)


def trigger_between(
    case: Case,
    since: int,
    until: int,
    name: str | None = None,
    lost: Line | None = None,
    *,
    first: bool = False,
) -> Trigger:
    """Find what happened between two lines of the transcript and may explain what began with the
    second.

    If a client is named, what it did takes precedence over what others did. `lost` is the line that
    the incident began with, if it was one. Of several lines the last is meant, or the `first`: a
    server that ends a connection for a line reads none after it.
    """
    for at, event in case.history.server:
        if at < until and isinstance(event, InputEnded):
            return Trigger(What.INPUT_ENDED)
        if at < until and isinstance(event, Limited) and not case.recovered(at, since):
            return Trigger(What.NO_DESCRIPTOR)
        if since <= at < until and isinstance(event, Rival):
            return Trigger(What.RIVAL)
    clients = case.clients if name is None else [case.history.clients[name]]
    lines = [
        line
        for client in clients
        for line in client.lines
        if since < line.done < until or line is lost or _is_right_before(line, lost)
    ]
    lines.sort(key=lambda line: line.done)
    dialect = case.history.start.dialect
    telling = (
        (What.VIOLATION, [line for line in lines if _is_undecodable(line, dialect)]),
        (What.TREATED, [line for line in lines if treatment_of(line)]),
        (What.BLANK, [line for line in lines if line.fate is Fate.BLANK]),
    )
    for what, found in telling:
        if found:
            line = found[0 if first else -1]
            return Trigger(what, line, line.client)
    return _of_others(case, since, until, name)


def earlier_leavers(case: Case, until: int, newcomer: str | None = None) -> Trigger | None:
    """Blame the clients of earlier scenarios with the same server, if nobody has left since and
    only a few plain messages were said, or nothing came yet of the last of a few that connected.

    A server that was just launched survives those, or the first scenario shows that it does not.
    """
    if not case.follows_others:
        return None
    if any(-1 < _left(client) < until for client in case.clients):
        return None
    lines = [line for client in case.clients for line in client.lines if line.begun < until]
    plain = all(line.fate is Fate.MESSAGE and not treatment_of(line) for line in lines)
    came = sum(client.connected < until for client in case.clients)
    unheard = newcomer is not None and newcomer not in case.last_heard
    few = len(lines) <= _FEW or (unheard and came < MANY)
    return Trigger(What.LEFT_EARLIER) if plain and few else None


def leaver_rather_than_newcomer(case: Case, until: int) -> Trigger | None:
    """Blame who left last, not who came last, if as many members had been there together before
    anybody left."""
    lefts = [(_left(one), one.name) for one in case.clients if 0 <= _left(one) < until]
    first = min((left for left, _ in lefts), default=until)
    before = sum(one.connected < first for one in case.clients if case.runs[one.name])
    there = sum(one.connected < until for one in case.clients) - len(lefts)
    if lefts and before > 1 and there <= before:
        return Trigger(What.LEFT, client=max(lefts)[1])
    return None


def leaver_before(case: Case, ended: int, name: str) -> Trigger | None:
    """Find who had left just before a member said the last line, or one of the few before it, after
    which the server ended its connection.

    None if somebody was disconnected although nobody had left, or if nothing was heard by then. A
    server that fails at writing to a leaver fails when the next member speaks, or once the system
    knows that the leaver is gone: the first write may still succeed.
    """
    own = [line for line in case.history.clients[name].messages if line.done < ended]
    if not own:
        return None
    since = own[-_FEW - 1].done if len(own) > _FEW else 0
    lefts = [(_left(one), one.name) for one in case.clients if one.name != name and _left(one) >= 0]
    first = min((left for left, _ in lefts), default=ended)
    put_out = (one.ended for one in case.clients if one.was_ended_by_server and one.cause is None)
    if any(at is not None and at < first for at in put_out):
        return None
    if not any(came < first for came in case.first_came.values()):
        return None
    before = [(left, one) for left, one in lefts if since < left < own[-1].begun]
    return Trigger(What.LEFT, client=max(before)[1]) if before else None


def _is_undecodable(line: Line, dialect: Dialect | None) -> bool:
    """Whether a line does not decode, and so is a violation or would be one as a message."""
    if line.fate is Fate.VIOLATION or dialect is not None:
        return line.fate is Fate.VIOLATION
    try:
        line.octets.decode()
    except UnicodeDecodeError:
        return True
    return False


def _is_right_before(line: Line, lost: Line | None) -> bool:
    """Whether a line came before another, in the segment in which that begins."""
    return (
        lost is not None
        and line.client == lost.client
        and line.done == lost.begun
        and line.number < lost.number
    )


def _of_others(case: Case, since: int, until: int, name: str | None) -> Trigger:
    others = [client for client in case.clients if client.name != name]
    members = [client for client in others if case.runs[client.name]]
    if name is None and _have_all_left(case, members, until):
        unheard = [one for one in others if _went_unheard(case, one, until)]
        return Trigger(What.LEFT, client=unheard[-1].name) if unheard else Trigger(What.ALL_LEFT)
    gone = [(left, client) for client in others if since <= (left := _left(client)) < until]
    if gone:
        _, leaver = max(gone, key=lambda pair: pair[0])
        return Trigger(What.LEFT, client=leaver.name)
    holder = _holder_of_a_backlog(case, until)
    if holder is not None:
        return Trigger(What.BACKLOG, client=holder.name)
    for held, begun, end in case.standstills:
        if begun < until <= end and held != name:
            return Trigger(What.HELD_UP, client=held)
    came = [client for client in others if since <= client.connected < until]
    if came:
        return Trigger(What.CAME, client=came[-1].name)
    return Trigger(What.NOTHING)


def _have_all_left(case: Case, members: list[ClientHistory], until: int) -> bool:
    """Whether all members had left, the last of them in order, and for the first time: a server
    that let others in after that does not end because of it."""
    if not members or case.follows_others or not all(one.has_left(until) for one in members):
        return False
    emptied = -1
    for client in sorted(members, key=lambda one: one.connected):
        if -1 < emptied < client.connected:
            return False
        emptied = max(emptied, _left(client))
    return all(one.aborted != emptied for one in members)


def _went_unheard(case: Case, client: ClientHistory, until: int) -> bool:
    """Whether a client broke off before it received anything, although others did meanwhile: the
    server may admit it only now that it has gone."""
    if client.reads or client.aborted is None or client.aborted > until:
        return False
    return any(client.connected < line.begun < client.aborted for line in case.came)


def _left(client: ClientHistory) -> int:
    """Return the transcript's line at which a client left by itself, or broke off; else -1."""
    return max(client.left or -1, client.aborted or -1)


def _holder_of_a_backlog(case: Case, until: int) -> ClientHistory | None:
    """Return a member that does not read at this time, and for which something waits."""
    for client in case.clients:
        stalls = [at for at in client.stalls if at < until]
        resumes = [at for at in client.resumes if at < until]
        is_there = client.ended is None or client.ended > until
        if len(stalls) > len(resumes) and is_there and client.aborted is None:
            said = case.backlog.octets_said
            if said(case.last_broadcast + 1) - said(stalls[-1]) >= _BACKLOG:
                return client
    return None
