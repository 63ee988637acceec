"""Conditions about connections and the server: how they ended, and what happened before.

The docstrings are printed by `explain`, after "where".
"""

from typing import Final

from chatproto import Code
from conformance.oracle.case import Case
from conformance.oracle.conditions.circumstances import Circumstances
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.membership import MANY, members_before
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import Fate, Leaving
from conformance.oracle.said import pieces_of
from conformance.oracle.triggers import What
from conformance.standard.constants import MIN_LINE_LIMIT
from conformance.timing.policy import HICCUP, LONG_SILENT, SILENT

_BURST: Final = 10
"""From more lines of one client on, their number may be why the server ends a connection."""
_MUCH: Final = 4_096
"""From more octets of one client on, their number may be."""
_FEW: Final = 3
"""How many messages a member may lack that is only late."""

# How a client left


def server_was_stopping(about: Circumstances) -> bool:
    """the server was stopping"""
    client = about.client
    return about.case.stopping is not None and (client is None or client.cause is None)


def client_quit(about: Circumstances) -> bool:
    """the client had quit"""
    return about.client is not None and about.client.cause is Leaving.QUIT


def client_ended_its_side(about: Circumstances) -> bool:
    """the client had half-closed"""
    return about.client is not None and about.client.cause is Leaving.END_OF_STREAM


def client_offended(about: Circumstances) -> bool:
    """the client had sent a violation"""
    return about.client is not None and about.client.cause is Leaving.VIOLATION


def client_hears_no_more(about: Circumstances) -> bool:
    """others talked after it had left, and it received nothing of that"""
    client, case = about.client, about.case
    if client is None or client.left is None:
        return False
    left = client.left
    heard = any(line.begun > left and line.client != client.name for line in case.came)
    return heard and all(tie.line.begun < left for tie in case.runs[client.name])


# What had happened just before


def stood_still_behind_a_backlog(about: Circumstances) -> bool:
    """a member with a backlog had stopped reading, and then no one received anything, or anything
    that this sender said"""
    if about.what is not What.BACKLOG or about.has(Sign.DEAFENED):
        return False
    if about.has(Sign.MUTED) and about.case.history.clients[about.line.client].cause is None:
        return True
    return about.fact.kind is Kind.DIED or about.case.last_wait > about.case.last_broadcast


def died_after_standing_still(about: Circumstances) -> bool:
    """a member with a backlog had stopped reading, and then messages were waited for in vain"""
    case = about.case
    return stood_still_behind_a_backlog(about) and case.last_wait > case.last_broadcast


def stopped_after_a_violation(about: Circumstances) -> bool:
    """no one received anything after a violation"""
    return about.what is What.VIOLATION


def wrote_to_who_had_gone(about: Circumstances) -> bool:
    """SIGPIPE ended it, as it ends what writes to somebody who has gone"""
    if not about.fact.actual.endswith("by SIGPIPE") or about.what is What.ALL_LEFT:
        return False
    left = any(client.left or client.aborted for client in about.case.clients)
    return left or about.case.follows_others


def stopped_after_a_treated_line(about: Circumstances) -> bool:
    """no one received anything after a line that was sent to exercise how lines are treated"""
    return about.what is What.TREATED


def no_line_as_long_had_come(about: Circumstances) -> bool:
    """a line was longer than a server must accept, and than all that had come"""
    case, at = about.case, about.fact.evidence[0]
    longest = max((len(line.octets) for line in case.came), default=0)
    return any(
        len(line.octets) > max(longest, MIN_LINE_LIMIT)
        for client in case.clients
        for line in client.lines
        if case.settled_before(at) < line.done < at
    )


def stopped_after_a_blank_line(about: Circumstances) -> bool:
    """no one received anything after a blank line"""
    return about.what is What.BLANK


def stopped_after_somebody_left(about: Circumstances) -> bool:
    """no one received anything after a client had left"""
    return about.what is What.LEFT


def many_came_and_nothing_was_said(about: Circumstances) -> bool:
    """there were many members, and none had sent anything"""
    at = about.fact.evidence[0]
    said = any(line.begun < at for client in about.case.clients for line in client.lines)
    return not said and members_before(about.case, at) >= MANY


def only_who_came_before_hears(about: Circumstances) -> bool:
    """other silent clients received something only if they had joined before it"""
    deaf, case = about.client, about.case
    silent = [one for one in case.clients if not one.segments and case.runs[one.name]]
    return deaf is not None and bool(silent) and silent[-1].connected < deaf.connected


def earlier_ones_had_left(about: Circumstances) -> bool:
    """clients of an earlier scenario had left, and hardly anything had been sent since"""
    return about.what is What.LEFT_EARLIER


def all_had_left(about: Circumstances) -> bool:
    """every client had left"""
    return about.what is What.ALL_LEFT


# How a connection ended


def input_had_ended(about: Circumstances) -> bool:
    """standard input had ended, and then the server died, hung or closed members"""
    if about.what is not What.INPUT_ENDED:
        return False
    return about.fact.kind is not Kind.LOST or about.case.is_quiet_after(about.line)


def rival_had_come(about: Circumstances) -> bool:
    """a second server had been launched on the address"""
    return about.what is What.RIVAL


def descriptors_had_run_out(about: Circumstances) -> bool:
    """no descriptor had been free for a connection"""
    return about.what is What.NO_DESCRIPTOR


def blank_line_was_unanswered(about: Circumstances) -> bool:
    """its first unanswered line was blank"""
    return about.has(Sign.BLANK)


def treated_line_was_unanswered(about: Circumstances) -> bool:
    """its first unanswered line was sent to exercise how lines are treated"""
    return about.what is What.TREATED


def treated_line_was_cut(about: Circumstances) -> bool:
    """a line that was sent to exercise how lines are treated, in several segments, had not been
    answered, and what says the same in one segment came to all"""
    trigger = about.incident.trigger
    if trigger is None or trigger.what is not What.TREATED or trigger.line is None:
        return False
    return about.controls.fared_well_in_one_segment(trigger.line)


def notice_was_of_text(about: Circumstances) -> bool:
    """the notice was !invalid-text"""
    return f"!{Code.INVALID_TEXT}" in about.fact.actual


def notice_was_of_length(about: Circumstances) -> bool:
    """the notice was !line-too-long"""
    return f"!{Code.LINE_TOO_LONG}" in about.fact.actual


def notice_was_of_a_length_that_is_taken(about: Circumstances) -> bool:
    """the notice was !line-too-long, and a line as long as its first unanswered one came whole"""
    trigger = about.incident.trigger
    line = about.fact.line if trigger is None or trigger.line is None else trigger.line
    return notice_was_of_length(about) and (
        line is None or about.controls.cuts.has_come_as_long(line)
    )


def treated_line_says_quit_first(about: Circumstances) -> bool:
    """what its first unanswered line says before a NUL, CR, VT, FF, U+0085, U+2028 or U+2029 is
    quit"""
    trigger = about.incident.trigger
    if trigger is None or trigger.line is None:
        return False
    first, *rest = pieces_of(trigger.line) or [b""]
    return first == b"quit" and bool(rest)


def somebody_had_left(about: Circumstances) -> bool:
    """another client had left just before, or before this client's last line, and this client had
    sent only plain messages"""
    return _latest_leaver(about) is not None


def somebody_had_offended(about: Circumstances) -> bool:
    """another client had just sent a violation, and this client had sent only plain messages"""
    latest = _latest_leaver(about)
    return latest is not None and latest.cause is Leaving.VIOLATION


def _latest_leaver(about: Circumstances) -> ClientHistory | None:
    trigger, history = about.incident.trigger, about.case.history
    if trigger is None or trigger.what is not What.LEFT or trigger.client is None:
        return None
    leaver = history.clients[trigger.client]
    if _was_at_a_burst(about) or _lagged_before(about, leaver):
        return None
    left = max(leaver.left or 0, leaver.aborted or 0)
    ended = about.fact.evidence[0]
    said = (line.begun for line in about.client.lines) if about.client else ()
    latest = max([left, *(at for at in said if at < ended)])
    return leaver if history.time(ended) - history.time(latest) < SILENT else None


def _was_at_a_burst(about: Circumstances) -> bool:
    return bool(_senders_of_bursts(about))


def _senders_of_bursts(about: Circumstances) -> set[str]:
    """Return who had sent much since the last fence, of which the last line had not yet come."""
    case, ended = about.case, about.fact.evidence[0]
    since = case.settled_before(ended)
    senders = set()
    for client in case.clients:
        lines = [line for line in client.messages if since < line.done < ended]
        much = len(lines) > _BURST or sum(len(line.octets) for line in lines) > _MUCH
        if much and case.first_came.get(lines[-1], ended) >= ended:
            senders.add(client.name)
    return senders


def was_behind_a_burst(about: Circumstances) -> bool:
    """another client had sent much at once, which had not come to it, and less than 1 MiB waited"""
    senders, client = _senders_of_bursts(about), about.client
    if not senders or client is None:
        return False
    return not senders.issuperset(one.name for one in _put_out_with(about, client))


def _lagged_before(about: Circumstances, leaver: ClientHistory) -> bool:
    """Whether the client lacks several messages that had come to others before another left."""
    client, case = about.client, about.case
    if client is None:
        return False
    heard, left = case.last_heard_by(client.name), max(leaver.left or 0, leaver.aborted or 0)
    lacking = (
        case.is_owed(client.name, line) and client.name not in case.came[line]
        for line, at in case.first_came.items()
        if heard < line.begun and at < left
    )
    return sum(lacking) > _FEW


def somebody_was_to_be_evicted(about: Circumstances) -> bool:
    """another client with a backlog had stopped reading"""
    return about.what is What.BACKLOG


def had_been_silent(about: Circumstances) -> bool:
    """the client had been silent for about a second, and so had all who were put out with it"""
    client = about.client
    if client is None or client.ended is None or about.fact.line is not None:
        return False
    together = _put_out_with(about, client)
    return all(_silence_of(about.case, one, one.ended or 0) >= SILENT for one in together)


def _put_out_with(about: Circumstances, client: ClientHistory) -> list[ClientHistory]:
    """Return the clients that were put out at the same time as this one, which is among them."""
    facts = about.controls.of(Kind.PUT_OUT)
    out = (about.case.history.clients[fact.client or ""] for fact in facts)
    return [client, *(one for one in out if abs(one.ended_t - client.ended_t) < HICCUP)]


def only_the_silent_were_put_out(about: Circumstances) -> bool:
    """the client had been silent for seconds, and so had all who were put out; who had spoken
    since, and read on, was not put out"""
    client, case, facts = about.client, about.case, about.controls.of(Kind.PUT_OUT)
    if client is None or client.ended is None:
        return False
    ended, out = client.ended, {fact.client or "": fact for fact in facts}
    least = min(_silence_before(case, fact) for fact in facts)
    others = [
        one
        for one in case.clients
        if one.name not in out
        and one.connected < ended
        and not one.stalls
        and not one.has_left(ended)
    ]
    return (
        least >= LONG_SILENT
        and any(case.runs[one.name] for one in others)
        and all(_silence_of(case, one, ended) < least for one in others)
    )


def _silence_before(case: Case, fact: Fact) -> float:
    """For how many seconds a client had said nothing when it was put out, its last words apart,
    which may have crossed that."""
    client = case.history.clients[fact.client or ""]
    at, line = client.ended or 0, fact.line
    if line is not None and client.ended_t - line.t < HICCUP:
        at = line.begun
    return _silence_of(case, client, at)


def _silence_of(case: Case, client: ClientHistory, at: int) -> float:
    """For how many seconds a client had said nothing at a line of the transcript."""
    lines = (line.t for line in client.lines if line.begun < at)
    return case.history.time(at) - max([case.history.time(client.connected), *lines])


def room_was_full(about: Circumstances) -> bool:
    """there were as many members as the server's known capacity"""
    capacity = about.case.history.start.capacity
    return capacity is not None and members_before(about.case, about.fact.evidence[0]) >= capacity


def many_were_there(about: Circumstances) -> bool:
    """there were many members"""
    at = about.fact.evidence[0]
    return members_before(about.case, at) >= MANY


def plain_quit_works(about: Circumstances) -> bool:
    """it is quit, and others could leave by quit with a bare LF, alone in its segment"""
    line = about.fact.line
    if line is not None and line.fate is not Fate.QUIT:
        return False
    case = about.case
    return any(
        client.cause is Leaving.QUIT
        and client.ended is not None
        and any(sent.octets == b"quit\n" for _, sent in client.segments)
        for client in case.clients
    )
