"""Conditions about a message: how its text came, and why it may be missing.

The docstrings are printed by `explain`, after "where".
"""

from chatproto import Code
from conformance.oracle.case import Case
from conformance.oracle.conditions.circumstances import Circumstances
from conformance.oracle.facts import Sign
from conformance.oracle.membership import was_evicted
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import Fate, Leaving, Line
from conformance.oracle.said import pieces_of
from conformance.oracle.triggers import What
from conformance.timing.policy import ON_ITS_WAY, SILENT

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
    """whoever said the same fared the same"""
    trigger = about.incident.trigger
    line = about.fact.line if trigger is None else trigger.line
    return line is None or about.controls.is_repeated(line)


# How a text came


def is_undecodable(about: Circumstances) -> bool:
    """it is not UTF-8"""
    return about.has(Sign.UNDECODABLE)


def is_emptied(about: Circumstances) -> bool:
    """nothing is left of it"""
    return about.has(Sign.EMPTY)


def keeps_its_cr(about: Circumstances) -> bool:
    """the CR of its CR LF is kept"""
    return about.has(Sign.CR_KEPT)


def keeps_its_cr_beside_others(about: Circumstances) -> bool:
    """the CR of its CR LF is kept, it shared a segment, and one alone in its segment lost its CR"""
    if not about.has(Sign.CR_KEPT) or not _shares_a_segment(about.case, about.line):
        return False
    return any(
        line.octets.endswith(b"\r")
        and not _shares_a_segment(about.case, line)
        and about.controls.fared_well(line)
        for line in about.case.came
    )


def _shares_a_segment(case: Case, line: Line) -> bool:
    return any(segment.count(b"\n") > 1 for segment in case.segments(line))


def has_controls_otherwise(about: Circumstances) -> bool:
    """controls are relayed, left out or replaced otherwise"""
    return about.has(Sign.CONTROLS_RELAYED, Sign.CONTROLS_DROPPED, Sign.CONTROLS_OTHERWISE)


def is_overtrimmed(about: Circumstances) -> bool:
    """more than white space is trimmed"""
    return about.has(Sign.OVERTRIMMED)


def has_white_space_otherwise(about: Circumstances) -> bool:
    """white space is left at its ends, changed within, or more than that is trimmed"""
    return about.has(Sign.UNTRIMMED, Sign.SPACES_CHANGED, Sign.OVERTRIMMED)


def is_cut(about: Circumstances) -> bool:
    """it is cut"""
    return about.has(Sign.CUT)


def is_cut_for_all(about: Circumstances) -> bool:
    """it is cut, and came whole to nobody"""
    ties = about.case.came.get(about.line, {}).values()
    return about.has(Sign.CUT) and not any(tie.exact for tie in ties)


def is_cut_at_another_line_end(about: Circumstances) -> bool:
    """it is cut where some take a line to end: at a NUL, CR, VT, FF, U+0085, U+2028 or
    U+2029"""
    line = about.fact.line
    if line is None or not about.has(Sign.CUT, Sign.OVERTRIMMED):
        return False
    return about.fact.octets.strip() in pieces_of(line)


def is_cut_by_a_reset(about: Circumstances) -> bool:
    """it is the beginning of the last line that came of a client which broke off"""
    line, case = about.fact.line, about.case
    if line is None or not about.has(Sign.CUT):
        return False
    sender = case.history.clients[line.client]
    if sender.aborted is None or sender.aborted_after_end:
        return False
    is_last = case.last_heard.get(line.client) == line.number
    return is_last and line.octets.startswith(about.fact.octets.rstrip(b"\n"))


def has_more_beside_it(about: Circumstances) -> bool:
    """it is whole, where nothing opens a broadcast, and more stands before or behind it"""
    dialect, text = about.case.history.start.dialect, about.fact.octets
    if dialect is None or dialect.opening or not about.has(Sign.DECORATED):
        return False
    said = about.line.text or b""
    return text.startswith(said) or text.endswith(said)


def is_a_piece_at_another_line_end(about: Circumstances) -> bool:
    """it is what a line holds before or behind a NUL, CR, VT, FF, U+0085, U+2028 or U+2029"""
    if not about.has(Sign.SAID):
        return False
    text = about.fact.octets.rstrip(b"\n").rpartition(b"\n")[2].strip()
    return text in about.case.matching.said.pieces


def is_cut_for_a_slow_reader(about: Circumstances) -> bool:
    """it is cut for a member that had stopped reading, and came whole to others"""
    client = about.client
    return is_cut(about) and not is_cut_for_all(about) and bool(client and client.stalls)


def is_in_another_charset(about: Circumstances) -> bool:
    """it was read in another charset"""
    return about.has(Sign.OTHER_CHARSET)


# What was broadcast


def is_quit(about: Circumstances) -> bool:
    """it is the line quit"""
    return about.has(Sign.QUIT)


def follows_quit(about: Circumstances) -> bool:
    """it follows quit"""
    return about.has(Sign.AFTER_QUIT)


def is_incomplete(about: Circumstances) -> bool:
    """it has no LF"""
    return about.has(Sign.INCOMPLETE)


def is_blank(about: Circumstances) -> bool:
    """it is blank"""
    return about.has(Sign.BLANK)


def nothing_came_of_it(about: Circumstances) -> bool:
    """it was not broadcast"""
    return about.line not in about.case.came


def violation_was_recognised(about: Circumstances) -> bool:
    """the server had taken the violation for one"""
    return about.case.history.clients[about.line.client].violation_was_recognised


def violation_is_of_text(about: Circumstances) -> bool:
    """the line does not decode"""
    return _violation(about).code == Code.INVALID_TEXT


def _violation(about: Circumstances) -> Line:
    lines = about.case.history.clients[about.line.client].lines
    return next((one for one in lines if one.fate is Fate.VIOLATION), about.line)


def is_a_piece_of_a_long_line(about: Circumstances) -> bool:
    """it is a part of a line that is too long"""
    line = about.fact.line
    return line is not None and line.code == Code.LINE_TOO_LONG


def is_a_piece_of_what_was_said(about: Circumstances) -> bool:
    """it is a part of what somebody said"""
    return about.has(Sign.SAID)


def author_ended_its_side(about: Circumstances) -> bool:
    """a client had ended its side, and is named in it or had just done so"""
    case = about.case
    author = _author(about)
    if author is not None:
        return author.cause is Leaving.END_OF_STREAM and author.half_closed is not None
    trigger = about.incident.trigger
    if trigger is None or trigger.client is None:
        return False
    return case.history.clients[trigger.client].half_closed is not None


def author_sent_a_blank_line(about: Circumstances) -> bool:
    """its author had sent a blank line"""
    author = _author(about)
    return author is not None and any(line.fate is Fate.BLANK for line in author.lines)


def _author(about: Circumstances) -> ClientHistory | None:
    for name, label in about.case.matching.labels.items():
        if label.encode() + b"\n" in about.fact.octets:
            return about.case.history.clients[name]
    return None


# How messages were lost


def nobody_hears_another(about: Circumstances) -> bool:
    """nobody received anything that another said"""
    return about.has(Sign.ISOLATED)


def losers_were_evicted(about: Circumstances) -> bool:
    """1 MiB had come to wait for all who lack it"""
    clients = _losers(about)
    case = about.case
    return bool(clients) and all(
        was_evicted(case, client) or (case.backlog.has_overflowed(client) and client.cause is None)
        for client in clients
    )


def _losers(about: Circumstances) -> list[ClientHistory]:
    return [about.case.history.clients[name] for name in about.fact.losers]


def is_lost_by_stopping(about: Circumstances) -> bool:
    """members were still to receive it when the server was told to stop"""
    clients = _losers(about)
    return bool(clients) and all(_was_still_to_come(about, client) for client in clients)


def _was_still_to_come(about: Circumstances, client: ClientHistory) -> bool:
    case, line = about.case, about.line
    stopping = case.stopping_of(client)
    if stopping is None or not case.is_last_for(line, client.name):
        return False
    if client.stalls or line not in case.came:
        return True
    told = case.history.time(stopping)
    return told - case.history.time(case.first_came[line]) < ON_ITS_WAY


def came_to_nobody(about: Circumstances) -> bool:
    """it came to nobody as it should"""
    return not any(tie.exact for tie in about.case.came.get(about.line, {}).values())


def losers_stood_still(about: Circumstances) -> bool:
    """its sender stays, and nothing came any more to those who lack it"""
    if about.case.history.clients[about.line.client].cause is not None:
        return False
    return all(about.case.is_last_for(about.line, name) for name in about.fact.losers)


def its_sender_had_been_silent(about: Circumstances) -> bool:
    """its sender, or who lacks it, had been silent for about a second"""
    names = {about.line.client, *about.fact.losers}
    for client in (about.case.history.clients[name] for name in names):
        times = [line.t for line in client.lines if line.begun < about.line.begun]
        since = max([about.case.history.time(client.connected), *times])
        if about.line.t - since >= SILENT and losers_stood_still(about):
            return True
    return False


def whole_room_stood_still(about: Circumstances) -> bool:
    """it came to nobody, and nothing that anybody said after it"""
    return about.line not in about.case.came and about.case.is_quiet_after(about.line)


def sender_left(about: Circumstances) -> bool:
    """its sender had left"""
    return about.case.history.clients[about.line.client].cause is not None


def somebody_left(about: Circumstances) -> bool:
    """another client left meanwhile, and does not alone lack it"""
    leaver = about.controls.left_meanwhile(about.line)
    return leaver is not None and set(about.fact.losers) != {leaver.name}


def is_a_first_line_swallowed(about: Circumstances) -> bool:
    """it is the first line of its sender, of whom later ones came"""
    heard = about.case.last_heard.get(about.line.client, 0)
    return about.has(Sign.FIRST_LINE) and came_to_nobody(about) and heard > about.line.number


def losers_are_left_behind(about: Circumstances) -> bool:
    """others received it, and those who lack it had only just become members, or heard no more"""
    line = about.line
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
    """its sender quit before it was sure to have come"""
    return _left_before(about, Leaving.QUIT)


def sender_ended_its_side(about: Circumstances) -> bool:
    """its sender ended its side before it was sure to have come"""
    return _left_before(about, Leaving.END_OF_STREAM)


def sender_offended(about: Circumstances) -> bool:
    """its sender sent a violation before it was sure to have come"""
    return _left_before(about, Leaving.VIOLATION)


def sender_quit_and_lacks_it(about: Circumstances) -> bool:
    """its sender alone lacks it, and quit before it was sure to have come"""
    return _lacks_its_own(about) and _left_before(about, Leaving.QUIT)


def sender_ended_its_side_and_lacks_it(about: Circumstances) -> bool:
    """its sender alone lacks it, and ended its side before it was sure to have come"""
    return _lacks_its_own(about) and _left_before(about, Leaving.END_OF_STREAM)


def sender_offended_and_lacks_it(about: Circumstances) -> bool:
    """its sender alone lacks it, and offended before it was sure to have come"""
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
    own = case.came.get(line, {}).get(line.client)
    last = max((at for at, _, _ in client.reads if at < client.left), default=0)
    return last < line.done if own is None else own.unit.span.last > client.left


def is_held_up(about: Circumstances) -> bool:
    """nothing of anybody's came any more, or of one that had just come, while another connection
    said nothing, or no whole line"""
    line = about.line
    if not about.has(Sign.STOOD_STILL, Sign.FIRST_LINE):
        return False
    return about.case.is_quiet_after(line) and any(
        since < line.begun < until and name != line.client
        for name, since, until in about.case.standstills
    )


def stood_still_when_another_had_left(about: Circumstances) -> bool:
    """nothing came any more when another had left, of whom all had come"""
    trigger = about.incident.trigger
    if not about.has(Sign.STOOD_STILL) or trigger is None or trigger.what is not What.LEFT:
        return False
    if trigger.client is None or trigger.client == about.line.client:
        return False
    leaver = about.case.history.clients[trigger.client]
    return all(line in about.case.came for line in leaver.messages)


def stood_still_after_somebody_left(about: Circumstances) -> bool:
    """nothing came any more, and somebody had left before"""
    if not about.has(Sign.STOOD_STILL, Sign.MUTED, Sign.DEAFENED):
        return False
    clients = (one for one in about.case.clients if one.name != about.line.client)
    ends = (at for one in clients for at in (one.left, one.aborted) if at is not None)
    return any(at < about.fact.at for at in ends)


def came_twice_to_many(about: Circumstances) -> bool:
    """it came twice to several members"""
    return about.has(Sign.FOR_ALL)
