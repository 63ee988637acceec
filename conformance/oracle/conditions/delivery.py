"""Conditions about delivery: why a message may be missing, or may have come twice.

The docstrings are printed by `explain`, after "where".
"""

from typing import Final

from conformance.oracle.case import Case
from conformance.oracle.conditions.circumstances import Circumstances
from conformance.oracle.facts import Kind, Sign
from conformance.oracle.membership import was_evicted
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import Leaving, Line
from conformance.oracle.triggers import What
from conformance.timing.policy import SILENT

_SOON: Final = 3
"""How many lines of a member may still come after somebody left who made the server forget it."""

# Controls


def is_controlled_by_plain_lines(about: Circumstances) -> bool:
    is_last = about.has(Sign.MUTED, Sign.STOOD_STILL)
    if is_last and not about.controls.is_repeated(about.line):
        return False
    return about.controls.plain_fared_well(about.line, is_last=is_last)


def was_heard_before(about: Circumstances) -> bool:
    fact = about.fact
    return any(came < fact.at for came in about.case.first_came.values())


def is_the_senders_doing(about: Circumstances) -> bool:
    """every client that sent the same text had the same result"""
    trigger = about.incident.trigger
    line = about.fact.line if trigger is None else trigger.line
    return line is None or about.controls.is_repeated(line)


# How messages were lost


def nobody_hears_another(about: Circumstances) -> bool:
    """no client received anything that another sent"""
    return about.has(Sign.ISOLATED)


def losers_were_evicted(about: Circumstances) -> bool:
    """1 MiB was waiting for each client that lacks it"""
    clients = _losers(about)
    case = about.case
    return bool(clients) and all(
        was_evicted(case, client) or (case.backlog.has_overflowed(client) and client.cause is None)
        for client in clients
    )


def _losers(about: Circumstances) -> list[ClientHistory]:
    return [about.case.history.clients[name] for name in about.fact.losers]


def is_lost_by_stopping(about: Circumstances) -> bool:
    """members had still to receive it when the server was told to stop"""
    stops = {about.case.stop_that_lost(about.line, client) for client in _losers(about)}
    return bool(stops) and None not in stops


def came_to_nobody(about: Circumstances) -> bool:
    """no one received it unaltered"""
    return not any(tie.exact for tie in about.case.came.get(about.line, {}).values())


def was_lost_in_pieces(about: Circumstances) -> bool:
    """it lay in several segments, no one received it unaltered, and what says the same in one
    segment came to all"""
    return came_to_nobody(about) and about.controls.fared_well_in_one_segment(about.line)


def was_lost_for_a_control(about: Circumstances) -> bool:
    """it has a control character, no one received it, its sender was heard later, and no other line
    that exercises the same was lost but with a control character"""
    if not about.has(Sign.CONTROL_TEXT) or about.case.is_after_all_heard(about.line):
        return False
    alike = (fact for fact in about.controls.of(Kind.LOST) if fact.theme == about.fact.theme)
    return came_to_nobody(about) and all(Sign.CONTROL_TEXT in fact.signs for fact in alike)


def losers_stood_still(about: Circumstances) -> bool:
    """its sender stayed, and clients that lack it received nothing more"""
    if about.case.history.clients[about.line.client].cause is not None:
        return False
    return all(about.case.is_last_for(about.line, name) for name in about.fact.losers)


def its_sender_had_been_silent(about: Circumstances) -> bool:
    """its sender, or a client that lacks it, had been silent for about a second"""
    names = {about.line.client, *about.fact.losers}
    for client in (about.case.history.clients[name] for name in names):
        times = [line.t for line in client.lines if line.begun < about.line.begun]
        since = max([about.case.history.time(client.connected), *times])
        if about.line.t - since >= SILENT and losers_stood_still(about):
            return True
    return False


def whole_room_stood_still(about: Circumstances) -> bool:
    """no one received it, or anything sent after it"""
    return about.line not in about.case.came and about.case.is_quiet_after(about.line)


def sender_left(about: Circumstances) -> bool:
    """its sender had left, and nothing came that it had sent later"""
    return about.case.history.clients[about.line.client].cause is not None and not _came_later(
        about
    )


def somebody_left(about: Circumstances) -> bool:
    """another client left meanwhile, and is not the only one that lacks it"""
    leaver = about.controls.left_meanwhile(about.line)
    return leaver is not None and set(about.fact.losers) != {leaver.name}


def is_a_first_line_swallowed(about: Circumstances) -> bool:
    """it is its sender's first line, later ones came, and no other plain line was lost for all"""
    heard = about.case.last_heard.get(about.line.client, 0)
    is_swallowed = about.has(Sign.FIRST_LINE) and came_to_nobody(about)
    return is_swallowed and heard > about.line.number and about.controls.first_lines_fare_worse


def losers_are_left_behind(about: Circumstances) -> bool:
    """others received it, and clients that lack it had just become members, or received nothing
    more"""
    line = about.line
    if about.has(Sign.FOR_ALL):
        return False
    return line in about.case.came and all(
        _is_left_behind(about.case, line, name) for name in about.fact.losers
    )


def _is_left_behind(case: Case, line: Line, name: str) -> bool:
    run = case.runs[name]
    if not run or case.log.component.get(line) != case.log.component[run[0].line]:
        return False
    place = case.log.position[line]
    if place > case.log.position[run[-1].line]:
        return True
    return len(run) > 1 and place < case.log.position[run[1].line]


def sender_quit(about: Circumstances) -> bool:
    """its sender quit, perhaps before it came"""
    return _left_before(about, Leaving.QUIT)


def sender_ended_its_side(about: Circumstances) -> bool:
    """its sender half-closed, perhaps before it came"""
    return _left_before(about, Leaving.END_OF_STREAM)


def sender_offended(about: Circumstances) -> bool:
    """its sender sent a violation, perhaps before it came"""
    return _left_before(about, Leaving.VIOLATION)


def is_the_end_of_one_that_quit(about: Circumstances) -> bool:
    """a client that quit received nothing more, though it had come to others before that"""
    return _lacks_the_end(about, Leaving.QUIT)


def is_the_end_of_one_that_half_closed(about: Circumstances) -> bool:
    """a client that half-closed received nothing more, though it had come to others before that"""
    return _lacks_the_end(about, Leaving.END_OF_STREAM)


def _lacks_the_end(about: Circumstances, cause: Leaving) -> bool:
    client = about.client
    if client is None or client.cause is not cause or not about.has(Sign.DEAFENED):
        return False
    return about.fact.losers == (client.name,) and about.line.client != client.name


def sender_quit_and_lacks_it(about: Circumstances) -> bool:
    """only its sender lacks it, and quit, perhaps before it came"""
    return _lacks_its_own(about) and _left_before(about, Leaving.QUIT)


def sender_ended_its_side_and_lacks_it(about: Circumstances) -> bool:
    """only its sender lacks it, and half-closed, perhaps before it came"""
    return _lacks_its_own(about) and _left_before(about, Leaving.END_OF_STREAM)


def sender_offended_and_lacks_it(about: Circumstances) -> bool:
    """only its sender lacks it, and sent a violation, perhaps before it came"""
    return _lacks_its_own(about) and _left_before(about, Leaving.VIOLATION)


def _lacks_its_own(about: Circumstances) -> bool:
    return list(about.fact.losers) == [about.line.client]


def _left_before(about: Circumstances, cause: Leaving) -> bool:
    case, line = about.case, about.line
    client = case.history.clients[line.client]
    if client.cause is not cause or client.left is None:
        return False
    if not about.has(Sign.FOR_ALL) and not _lacks_its_own(about):
        return False
    if _came_later(about):
        return False  # leaving can cost only the last of its messages
    own = case.came.get(line, {}).get(line.client)
    last = max((at for at, _, _ in client.reads if at < client.left), default=0)
    return last < line.done if own is None else own.unit.span.last > client.left


def _came_later(about: Circumstances) -> bool:
    """Whether a later message of its sender came: to anyone, or to a client that lacks this one."""
    line, case = about.line, about.case
    if about.has(Sign.FOR_ALL):
        return not case.is_after_all_heard(line)
    return any(case.last_of[one].get(line.client, 0) > line.number for one in about.fact.losers)


def is_held_up(about: Circumstances) -> bool:
    """no message came any more, or none of a new client, while another connection had sent nothing
    or an incomplete line"""
    line = about.line
    if not about.has(Sign.STOOD_STILL, Sign.FIRST_LINE):
        return False
    return about.case.is_quiet_after(line) and any(
        since < line.begun < until and name != line.client
        for name, since, until in about.case.standstills
    )


def stood_still_when_another_had_left(about: Circumstances) -> bool:
    """no one received anything after another client had left, all of whose messages came"""
    trigger = about.incident.trigger
    if not about.has(Sign.STOOD_STILL) or trigger is None or trigger.what is not What.LEFT:
        return False
    if trigger.client is None or trigger.client == about.line.client:
        return False
    leaver = about.case.history.clients[trigger.client]
    return all(line in about.case.came for line in leaver.messages)


def stood_still_after_somebody_left(about: Circumstances) -> bool:
    """no one received anything, and a client had left before"""
    if not about.has(Sign.STOOD_STILL, Sign.MUTED, Sign.DEAFENED):
        return False
    clients = (one for one in about.case.clients if one.name != about.line.client)
    ends = [at for one in clients for at in (one.left, one.aborted) if at is not None]
    last = max((at for at in ends if at < about.fact.at), default=None)
    if last is None:
        return False
    own = about.case.history.clients[about.line.client].messages
    heard = [one for one in own if last < one.begun < about.line.begun and one in about.case.came]
    return not about.has(Sign.MUTED) or len(heard) <= _SOON


def came_twice_to_many(about: Circumstances) -> bool:
    """it came twice to several members"""
    return about.has(Sign.FOR_ALL)
