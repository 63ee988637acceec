"""Conditions about texts: how the text of a message came, and what was broadcast.

The docstrings are printed by `explain`, after "where".
"""

from chatproto import Code
from chatproto.text import REPLACEMENT
from conformance.oracle.case import Case
from conformance.oracle.conditions.circumstances import Circumstances
from conformance.oracle.facts import Kind, Sign
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import NONCE, Fate, Leaving, Line
from conformance.oracle.reading.units import ReceivedBroadcast
from conformance.oracle.said import has_a_blank_piece, pieces_of
from conformance.standard.constants import MIN_LINE_LIMIT

# How a text came


def is_undecodable(about: Circumstances) -> bool:
    """it is not UTF-8"""
    return about.has(Sign.UNDECODABLE)


def is_taken_for_a_name(about: Circumstances) -> bool:
    """it was announced, as the name of a member"""
    dialect = about.case.history.start.dialect
    if dialect is None or not about.has(Sign.DECORATED):
        return False
    text = (about.line.text or b"").decode(errors="replace")
    announced = (dialect.join, dialect.leave, dialect.welcome)
    said = about.fact.octets.decode(errors="replace").strip()
    return any("{name}" in one and one.replace("{name}", text).strip() == said for one in announced)


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
    """control characters are relayed, left out or replaced wrongly"""
    return about.has(Sign.CONTROLS_RELAYED, Sign.CONTROLS_DROPPED, Sign.CONTROLS_OTHERWISE)


def is_overtrimmed(about: Circumstances) -> bool:
    """more than white space is trimmed"""
    return about.has(Sign.OVERTRIMMED)


def has_white_space_otherwise(about: Circumstances) -> bool:
    """white space is left at its ends or changed within, or more than white space is trimmed"""
    return about.has(Sign.UNTRIMMED, Sign.SPACES_CHANGED, Sign.OVERTRIMMED)


def is_cut(about: Circumstances) -> bool:
    """it is cut"""
    return about.has(Sign.CUT)


def is_cut_for_all(about: Circumstances) -> bool:
    """it is cut, and no one received it whole"""
    ties = about.case.came.get(about.line, {}).values()
    return about.has(Sign.CUT) and not any(tie.exact for tie in ties)


def is_cut_below_the_limit(about: Circumstances) -> bool:
    """no more than this came of any line, which is less than 1,024 octets"""
    length = about.controls.cuts.limit_of(about.fact)
    return length is not None and length < MIN_LINE_LIMIT


def is_cut_at_a_greater_limit(about: Circumstances) -> bool:
    """no more than this came of any line, and no rest of a line was broadcast by itself"""
    made_up = about.controls.of(Kind.MADE_UP)
    rests = (fact for fact in about.incident.follows if fact.client == about.fact.client)
    if any(rests) or any(Sign.SAID in fact.signs for fact in made_up):
        return False
    return about.controls.cuts.limit_of(about.fact) is not None


def is_cut_at_a_control(about: Circumstances) -> bool:
    """it is cut at a control character, alone in its segment, as every text with that is"""
    return about.controls.cuts.character_of(about.fact) == REPLACEMENT


def is_cut_at_white_space(about: Circumstances) -> bool:
    """it is cut at white space, alone in its segment, as every text with that is"""
    return about.controls.cuts.character_of(about.fact).isspace()


def is_cut_at_a_character(about: Circumstances) -> bool:
    """it is cut at a character, alone in its segment, as every text with that is"""
    return bool(about.controls.cuts.character_of(about.fact))


def is_cut_at_another_line_end(about: Circumstances) -> bool:
    """it is cut at what may be taken for a line end: NUL, CR, VT, FF, U+0085, U+2028 or U+2029"""
    line = about.fact.line
    if line is None or not about.has(Sign.CUT, Sign.OVERTRIMMED):
        return False
    return about.fact.octets.strip() in pieces_of(line)


def is_cut_by_a_reset(about: Circumstances) -> bool:
    """it is the beginning of the last line that came from a client that reset its connection"""
    line, case = about.fact.line, about.case
    if line is None or not about.has(Sign.CUT):
        return False
    sender = case.history.clients[line.client]
    if sender.aborted is None or sender.aborted_after_end:
        return False
    is_last = case.last_heard.get(line.client) == line.number
    return is_last and line.octets.startswith(about.fact.octets.rstrip(b"\n"))


def begins_with_what_a_reset_cut(about: Circumstances) -> bool:
    """it begins with a part of a line of a client that reset its connection, and goes on with
    another text"""
    octets, case = about.fact.octets, about.case
    first = NONCE.match(octets)
    line = None if first is None else case.matching.said.by_nonce.get(first[0])
    if line is None or line.octets in octets:
        return False
    sender = case.history.clients[line.client]
    return sender.aborted is not None and line.number >= case.last_heard.get(line.client, 0)


def has_more_beside_it(about: Circumstances) -> bool:
    """it is whole, in a dialect without headers, and more stands before or after it"""
    dialect, text = about.case.history.start.dialect, about.fact.octets
    if dialect is None or dialect.opening or not about.has(Sign.DECORATED):
        return False
    said = about.line.text or b""
    return text.startswith(said) or text.endswith(said)


def is_a_piece_at_another_line_end(about: Circumstances) -> bool:
    """it is the part of a line before or after a NUL, CR, VT, FF, U+0085, U+2028 or U+2029"""
    if not about.has(Sign.SAID) or about.client is None:
        return False
    pieces, octets = about.case.matching.said.pieces, about.fact.octets
    units = (one for one in about.client.units if isinstance(one, ReceivedBroadcast))
    return bool(pieces) and any(one.text in pieces for one in units if one.octets == octets)


def is_cut_for_a_slow_reader(about: Circumstances) -> bool:
    """it is cut for a member that had stopped reading, and others received it whole"""
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
    """the server recognised the violation"""
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
    """it is a part of what a client sent"""
    return about.has(Sign.SAID)


def author_ended_its_side(about: Circumstances) -> bool:
    """a client had half-closed, and is named in it or had just done so"""
    case = about.case
    author = _author(about)
    if author is not None:
        by_a_word = author.cause in (Leaving.QUIT, Leaving.VIOLATION)
        return author.half_closed is not None and not by_a_word
    trigger = about.incident.trigger
    if trigger is None or trigger.client is None:
        leaver = _left_last_before(about, about.fact.at)
        return leaver is not None and not _left_within_a_line(leaver)
    return case.history.clients[trigger.client].half_closed is not None


def author_sent_a_blank_line(about: Circumstances) -> bool:
    """its author had sent a blank line"""
    author = _author(about)
    return author is not None and any(line.fate is Fate.BLANK for line in author.lines)


def may_end_at_another_line_end(about: Circumstances) -> bool:
    """somebody had just sent a line that begins or ends, at its text, with what some take for a
    line's end: a NUL, CR, VT, FF, U+0085, U+2028 or U+2029"""
    case, at = about.case, about.fact.at
    since = case.settled_before(at)
    return any(
        since < line.done < at and has_a_blank_piece(line)
        for client in case.clients
        for line in client.lines
    )


def names_its_recipient(about: Circumstances) -> bool:
    """it has the name of the client that received it, in a dialect without echo: it is a prompt"""
    author = _author(about)
    return (
        author is not None and author.name == about.fact.client and not about.case.history.has_echo
    )


def author_had_offended(about: Circumstances) -> bool:
    """its author had sent a violation that the server recognised"""
    author = _author(about)
    if author is None or not author.violation_was_recognised:
        return False
    return any(
        line.fate is Fate.VIOLATION and line.begun < max(about.fact.evidence)
        for line in author.lines
    )


def author_sent_what_does_not_decode(about: Circumstances) -> bool:
    """its author had sent a line that does not decode"""
    author = _author(about)
    return author is not None and any(line.code is Code.INVALID_TEXT for line in author.lines)


def somebody_left_within_a_line(about: Circumstances) -> bool:
    """another client had just half-closed within a line, and none came after a half-close between
    lines"""
    case = about.case
    unfinished = [_left_last_before(about, fact.at) for fact in about.controls.of(Kind.EMPTY)]
    between = any(
        one.cause is Leaving.END_OF_STREAM and not _left_within_a_line(one) for one in case.clients
    )
    return between and all(one is not None and _left_within_a_line(one) for one in unfinished)


def _left_within_a_line(client: ClientHistory) -> bool:
    return any(line.fate is Fate.INCOMPLETE for line in client.lines)


def _left_last_before(about: Circumstances, at: int) -> ClientHistory | None:
    """Return the client that half-closed last before a line of the transcript, since the last
    fence."""
    since = about.case.settled_before(at)
    ends = [(one.half_closed, one) for one in about.case.clients if one.half_closed is not None]
    left = [(end, one) for end, one in ends if since < end < at]
    return max(left, key=lambda pair: pair[0])[1] if left else None


def _author(about: Circumstances) -> ClientHistory | None:
    name = about.case.matching.author_of(about.fact.octets)
    return None if name is None else about.case.history.clients[name]
