"""Which requirement a fact is attributed to: one table, read from the top.

Judging takes three steps. *Checks* detect facts: a message was lost, altered, late; a connection
was ended. Each fact is something that some requirement forbids; a check does not know which.
*Incidents* gather the facts that follow from one event: a server that dies, or a member that is no
longer heard, is one finding, and not one for each line after it. *Attribution* then names the
requirement that an incident breaks, by the table below.

Why it is a table. Most facts break one requirement, whatever the circumstances: a header with
another form breaks MSG-1. But a message that did not come may have been lost because of the framing
(FRM-1), the text (TXT-1), the way its sender left (QUIT-3), a reader that had stalled (LIM-4), or
for no visible reason (ROOM-2). For such a fact there are several rows. The first that applies
decides, so a row *takes precedence* over those below it for the same fact, and *gives way* to those
above.

Why it is in this order. What the server is free to do comes first, then what is certain from the
octets, then what the line was sent to exercise, then what happened around it, and last the plain
requirement. What a line was sent to exercise says only what may have gone wrong with it: it decides
if a *control* shows that nothing else did. Without controls, a server that sometimes loses any
message would be accused of whatever was being exercised: on real servers, three accusations in ten
were of that kind.

What it cannot do. If a server loses one message in a thousand, and by chance loses one in the
middle of a scenario about text, and the same text is never said again, the requirement about text
is named. Scenarios repeat such a line, to make that rarer. And if two things happened just before
an incident, the more telling one is named, which may be the wrong one.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from conformance.oracle.case import Case
from conformance.oracle.conditions import connections as after
from conformance.oracle.conditions import delivery, nodes, texts
from conformance.oracle.conditions.circumstances import Circumstances
from conformance.oracle.controls import TREATMENTS, Controls
from conformance.oracle.facts import Fact, Kind
from conformance.oracle.findings import Finding
from conformance.oracle.incident import Incident

MOST_FOLLOWS: Final = 8
"""Consequences that a finding names; of more, the number."""


class Control(Enum):
    """What a row needs to hold before it may decide; the value is how `explain` says it."""

    PLAIN = (
        "plain messages of the same member before and after it came to all, and the same text "
        "failed again where it was repeated"
    )
    CALM = "nothing was lost, or came twice, while nobody left"
    HEARD_BEFORE = "messages came before it"
    AGAIN = "messages came before it, and every client that sent the same had the same result"
    BURSTS = "members that stay lose nothing of as many lines in one segment"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. `requirement` is empty where it is what the line was sent to exercise,
    which must be one of `themes`. `when` must hold, and its docstring says what it is. `also`
    are requirements that the same fact breaks."""

    kind: Kind
    requirement: str
    when: Callable[[Circumstances], bool] | None = None
    themes: tuple[str, ...] = ()
    control: Control | None = None
    also: tuple[str, ...] = ()

    def applies(self, about: Circumstances) -> bool:
        if self.themes and not about.fact.theme.startswith(self.themes):
            return False
        return (self.when is None or self.when(about)) and self._is_controlled(about)

    def _is_controlled(self, about: Circumstances) -> bool:
        match self.control:
            case None:
                return True
            case Control.PLAIN:
                return delivery.is_controlled_by_plain_lines(about)
            case Control.CALM:
                if about.fact.kind is Kind.DOUBLED:
                    return about.controls.doubles_need_leavers
                return about.controls.losses_need_leavers
            case Control.HEARD_BEFORE:
                return delivery.was_heard_before(about)
            case Control.AGAIN:
                return delivery.was_heard_before(about) and delivery.is_the_senders_doing(about)
            case Control.BURSTS:
                return about.controls.bursts_fare_well(about.line)


_STANDSTILLS: Final = ("TRN-1", "LIM-3", "LIM-4", "QUIT-5")
_LEAVING: Final = ("QUIT-3", "QUIT-5", "ERR-1")

TABLE: Final = (
    # Units
    Row(Kind.NO_UNIT, "TRN-2"),
    Row(Kind.NOTICE_CODE, "TRN-2"),
    Row(Kind.NOTICE_ALONE, "TRN-2"),
    Row(Kind.RUN_TOGETHER, "TRN-2"),
    Row(Kind.EXPLANATION_CHARSET, "TXT-1"),
    Row(Kind.EXPLANATION_CONTROLS, "TXT-4"),
    Row(Kind.NOTICE_WITHIN, "ERR-3"),
    Row(Kind.LF_WITHIN, "HB-2"),
    Row(Kind.HEADER, "MSG-1"),
    Row(Kind.NO_HEADER, "MSG-1"),
    Row(Kind.SENDER, "MSG-2"),
    Row(Kind.LABEL, "MSG-2"),
    Row(Kind.DIFFERS, "MSG-3"),
    Row(Kind.SHARED_HEADER, "FRM-1"),
    Row(Kind.MIXED, "ROOM-6"),
    Row(Kind.CUT_OFF, "STOP-1", after.server_was_stopping),
    Row(Kind.CUT_OFF, "QUIT-3", after.client_quit),
    Row(Kind.CUT_OFF, "QUIT-5", after.client_ended_its_side),
    Row(Kind.CUT_OFF, "ERR-2", after.client_offended),
    Row(Kind.CUT_OFF, "ROOM-2"),
    # Texts
    Row(Kind.ALTERED, "TXT-1", texts.is_undecodable),
    Row(Kind.ALTERED, "ROOM-2", texts.is_taken_for_a_name),
    Row(Kind.ALTERED, "", texts.is_emptied, TREATMENTS, Control.PLAIN),
    Row(Kind.ALTERED, "ROOM-2", texts.is_emptied),
    Row(Kind.ALTERED, "FRM-1", texts.keeps_its_cr_beside_others),
    Row(Kind.ALTERED, "FRM-3", texts.keeps_its_cr),
    Row(Kind.ALTERED, "TXT-4", texts.has_controls_otherwise),
    Row(Kind.ALTERED, "TXT-5", texts.is_overtrimmed, ("TXT-5",)),
    Row(Kind.ALTERED, "TXT-3", texts.has_white_space_otherwise),
    Row(Kind.ALTERED, "LIM-4", texts.is_cut_for_a_slow_reader),
    Row(Kind.ALTERED, "FRM-2", texts.is_cut_at_another_line_end),
    Row(Kind.ALTERED, "FRM-4", texts.is_cut_by_a_reset),
    Row(Kind.ALTERED, "LIM-1", texts.is_cut_below_the_limit),
    Row(Kind.ALTERED, "LIM-2", texts.is_cut_at_a_greater_limit),
    Row(Kind.ALTERED, "TXT-4", texts.is_cut_at_a_control),
    Row(Kind.ALTERED, "TXT-3", texts.is_cut_at_white_space),
    Row(Kind.ALTERED, "", texts.is_cut_for_all, TREATMENTS, Control.PLAIN),
    Row(Kind.ALTERED, "TXT-5", texts.is_cut_at_a_character),
    Row(Kind.ALTERED, "FRM-1", texts.is_cut_for_all),
    Row(Kind.ALTERED, "MSG-3", texts.is_cut),
    Row(Kind.ALTERED, "TXT-1", texts.is_in_another_charset),
    Row(Kind.ALTERED, "TRN-2", texts.has_more_beside_it),
    Row(Kind.ALTERED, "TXT-5"),
    Row(Kind.JOINED, "FRM-4", texts.begins_with_what_a_reset_cut),
    Row(Kind.JOINED, "FRM-1"),
    Row(Kind.CUT_AT_SEGMENT, "FRM-1"),
    Row(Kind.UNWANTED, "TXT-1", texts.is_in_another_charset),
    Row(Kind.UNWANTED, "", after.plain_quit_works, ("FRM-1", "FRM-3")),
    Row(Kind.UNWANTED, "QUIT-1", texts.is_quit),
    Row(Kind.UNWANTED, "QUIT-4", texts.follows_quit),
    Row(Kind.UNWANTED, "FRM-4", texts.is_incomplete),
    Row(Kind.UNWANTED, "HB-1", texts.is_blank),
    Row(Kind.UNWANTED, "ERR-1", texts.violation_was_recognised),
    Row(Kind.UNWANTED, "", None, ("TXT-1", "TXT-2", "LIM-2", "FRM-1")),
    Row(Kind.UNWANTED, "TXT-2", texts.violation_is_of_text),
    Row(Kind.UNWANTED, "LIM-2"),
    Row(Kind.MADE_UP, "ERR-1", texts.author_had_offended),
    Row(Kind.MADE_UP, "LIM-2", texts.is_a_piece_of_a_long_line),
    Row(Kind.MADE_UP, "FRM-2", texts.is_a_piece_at_another_line_end),
    Row(Kind.MADE_UP, "FRM-1", texts.is_a_piece_of_what_was_said),
    Row(Kind.MADE_UP, "ROOM-2"),
    Row(Kind.ANNOUNCED, "TRN-2"),
    Row(Kind.EMPTY, "TRN-2", texts.names_its_recipient),
    Row(Kind.EMPTY, "ERR-1", texts.author_had_offended),
    Row(Kind.EMPTY, "TXT-2", texts.author_sent_what_does_not_decode),
    Row(Kind.EMPTY, "FRM-4", texts.somebody_left_within_a_line),
    Row(Kind.EMPTY, "QUIT-5", texts.author_ended_its_side),
    Row(Kind.EMPTY, "HB-1", texts.author_sent_a_blank_line),
    Row(Kind.EMPTY, "FRM-2", texts.may_end_at_another_line_end),
    Row(Kind.EMPTY, "ROOM-2"),
    Row(Kind.ANSWERED, "HB-1"),
    # Delivery
    Row(Kind.LOST, "CLU-3", nodes.a_node_had_ended),
    Row(Kind.LOST, "CLU-4", nodes.a_fault_had_begun),
    Row(Kind.LOST, "CLU-1", nodes.only_other_nodes_lack_it),
    Row(Kind.LOST, "ROOM-2", delivery.nobody_hears_another),
    Row(Kind.LOST, "LIM-4", delivery.losers_were_evicted),
    Row(Kind.LOST, "RES-2", after.descriptors_had_run_out),
    Row(Kind.LOST, "STOP-1", delivery.is_lost_by_stopping),
    Row(Kind.LOST, "STOP-1", after.input_had_ended),
    Row(Kind.LOST, "QUIT-3", delivery.is_the_end_of_one_that_quit),
    Row(Kind.LOST, "QUIT-5", delivery.is_the_end_of_one_that_half_closed),
    Row(Kind.LOST, "TRN-1", after.stood_still_behind_a_backlog, also=("LIM-3",)),
    Row(Kind.LOST, "ERR-2", after.stopped_after_a_violation),
    Row(Kind.LOST, "", after.stopped_after_a_treated_line, control=Control.AGAIN),
    Row(Kind.LOST, "HB-1", after.stopped_after_a_blank_line),
    Row(Kind.LOST, "FRM-1", delivery.was_lost_in_pieces, ("TXT-", "LIM-1"), Control.PLAIN),
    Row(Kind.LOST, "TXT-4", delivery.was_lost_for_a_control, ("QUIT-2",), Control.PLAIN),
    Row(Kind.LOST, "", delivery.came_to_nobody, TREATMENTS, Control.PLAIN),
    Row(Kind.LOST, "HB-3", delivery.its_sender_had_been_silent, ("HB-3",), Control.HEARD_BEFORE),
    Row(Kind.LOST, "", delivery.losers_stood_still, _STANDSTILLS, Control.HEARD_BEFORE),
    Row(Kind.LOST, "", delivery.whole_room_stood_still, ("LIM-6", "STOP-"), Control.HEARD_BEFORE),
    Row(Kind.LOST, "QUIT-3", delivery.sender_quit_and_lacks_it, ("ROOM-7",)),
    Row(Kind.LOST, "QUIT-5", delivery.sender_ended_its_side_and_lacks_it, ("ROOM-7",)),
    Row(Kind.LOST, "ERR-1", delivery.sender_offended_and_lacks_it, ("ROOM-7",)),
    Row(Kind.LOST, "ROOM-7", delivery.stood_still_after_somebody_left, ("ROOM-7",)),
    Row(Kind.LOST, "ROOM-7", delivery.somebody_left, ("ROOM-7",), Control.CALM),
    Row(Kind.LOST, "ROOM-7", delivery.stood_still_when_another_had_left),
    Row(Kind.LOST, "QUIT-3", delivery.sender_quit, control=Control.BURSTS),
    Row(Kind.LOST, "QUIT-5", delivery.sender_ended_its_side, control=Control.BURSTS),
    Row(Kind.LOST, "ERR-1", delivery.sender_offended, control=Control.BURSTS),
    Row(Kind.LOST, "ROOM-7", after.stopped_after_somebody_left),
    Row(Kind.LOST, "", delivery.sender_left, _LEAVING, Control.BURSTS),
    Row(Kind.LOST, "ROOM-1", delivery.is_a_first_line_swallowed),
    Row(Kind.LOST, "ROOM-1", delivery.losers_are_left_behind),
    Row(Kind.LOST, "TRN-1", delivery.is_held_up),
    Row(Kind.LOST, "ROOM-2"),
    Row(Kind.DOUBLED, "CLU-3", nodes.its_sender_was_lost),
    Row(Kind.DOUBLED, "CLU-4", nodes.a_fault_had_begun),
    Row(Kind.DOUBLED, "ROOM-7", delivery.came_twice_to_many, ("ROOM-7",), Control.CALM),
    Row(Kind.DOUBLED, "ROOM-2"),
    Row(Kind.SENDER_ORDER, "CLU-4", nodes.a_fault_had_begun),
    Row(Kind.SENDER_ORDER, "ROOM-4"),
    Row(Kind.TWO_ORDERS, "CLU-4", nodes.a_fault_had_begun),
    Row(Kind.TWO_ORDERS, "ROOM-3"),
    Row(Kind.EFFECT_FIRST, "CLU-4", nodes.a_fault_had_begun),
    Row(Kind.EFFECT_FIRST, "ROOM-5"),
    Row(Kind.HISTORY, "CLU-4", nodes.a_fault_had_begun),
    Row(Kind.HISTORY, "ROOM-1"),
    Row(Kind.HEARS_ON, "ROOM-1"),
    Row(Kind.NEVER_HEARD, "RES-2", after.descriptors_had_run_out),
    Row(Kind.NEVER_HEARD, "", None, ("HB-3", "STOP-", "TRN-1", "ROOM-")),
    Row(Kind.NEVER_HEARD, "LIM-6", after.only_who_came_before_hears, ("LIM-6",)),
    Row(Kind.NEVER_HEARD, "ROOM-1"),
    # Nodes
    Row(Kind.NAMESAKES, "CLU-2"),
    Row(Kind.HOLE, "CLU-3"),
    Row(Kind.TAKEN_BACK, "CLU-4"),
    Row(Kind.DISTURBED, "CLU-3"),
    Row(Kind.NOT_RESUMED, "CLU-5"),
    # Connections
    Row(Kind.PUT_OUT, "CLU-3", nodes.another_node_had_ended),
    Row(Kind.PUT_OUT, "RES-2", after.descriptors_had_run_out),
    Row(Kind.PUT_OUT, "STOP-1", after.input_had_ended),
    Row(Kind.PUT_OUT, "STOP-3", after.rival_had_come),
    Row(Kind.PUT_OUT, "HB-1", after.blank_line_was_unanswered),
    Row(Kind.PUT_OUT, "", after.notice_was_of_text, ("FRM-", "TXT-")),
    Row(Kind.PUT_OUT, "TXT-1", after.notice_was_of_text),
    Row(Kind.PUT_OUT, "", after.notice_was_of_a_length_that_is_taken, ("FRM-",)),
    Row(Kind.PUT_OUT, "", after.notice_was_of_length, ("LIM-1", "LIM-2")),
    Row(Kind.PUT_OUT, "LIM-1", after.notice_was_of_length),
    Row(Kind.PUT_OUT, "FRM-1", after.treated_line_was_cut, control=Control.AGAIN),
    Row(Kind.PUT_OUT, "FRM-2", after.treated_line_says_quit_first),
    Row(Kind.PUT_OUT, "", after.treated_line_was_unanswered, control=Control.AGAIN),
    Row(Kind.PUT_OUT, "ERR-2", after.somebody_had_offended),
    Row(Kind.PUT_OUT, "ROOM-7", after.somebody_had_left),
    Row(Kind.PUT_OUT, "HB-3", after.only_the_silent_were_put_out),
    Row(Kind.PUT_OUT, "LIM-3", after.somebody_was_to_be_evicted),
    Row(Kind.PUT_OUT, "LIM-3", after.was_behind_a_burst),
    Row(Kind.PUT_OUT, "HB-3", after.had_been_silent),
    Row(Kind.PUT_OUT, "ROOM-7", after.earlier_ones_had_left),
    Row(Kind.PUT_OUT, "ROOM-1"),
    Row(Kind.RESET_LEAVER, "ERR-2", after.client_offended),
    Row(Kind.RESET_LEAVER, "QUIT-5", after.client_ended_its_side),
    Row(Kind.RESET_LEAVER, "QUIT-3"),
    Row(Kind.KEPT, "ERR-2", after.client_offended),
    Row(Kind.KEPT, "QUIT-5", after.client_ended_its_side),
    Row(Kind.KEPT, "", after.plain_quit_works, ("FRM-3", "FRM-1", "QUIT-4")),
    Row(Kind.KEPT, "QUIT-3", after.client_hears_no_more),
    Row(Kind.KEPT, "QUIT-1", None, ("QUIT-1", "FRM-3")),
    Row(Kind.KEPT, "QUIT-3"),
    Row(Kind.UNNOTICED, "TXT-2", texts.nothing_came_of_it, ("TXT-1",)),
    Row(Kind.UNNOTICED, "", None, ("TXT-1", "TXT-2", "LIM-2", "FRM-1")),
    Row(Kind.UNNOTICED, "TXT-2", texts.violation_is_of_text),
    Row(Kind.UNNOTICED, "LIM-2"),
    Row(Kind.WRONG_CODE, "ERR-3"),
    Row(Kind.BOTH_CODES, "TXT-2"),
    Row(Kind.FALSE_NOTICE, "FRM-4", texts.is_incomplete),
    Row(Kind.FALSE_NOTICE, "QUIT-4", texts.follows_quit),
    Row(Kind.FALSE_NOTICE, "", after.notice_was_of_text, ("FRM-", "TXT-")),
    Row(Kind.FALSE_NOTICE, "TXT-1", after.notice_was_of_text),
    Row(Kind.FALSE_NOTICE, "", after.notice_was_of_a_length_that_is_taken, ("FRM-",)),
    Row(Kind.FALSE_NOTICE, "", after.notice_was_of_length, ("LIM-1", "LIM-2")),
    Row(Kind.FALSE_NOTICE, "LIM-1"),
    Row(Kind.REFUSED, "RES-2", after.descriptors_had_run_out),
    Row(Kind.REFUSED, "STOP-3", after.rival_had_come),
    Row(Kind.REFUSED, "ERR-2", after.stopped_after_a_violation),
    Row(Kind.REFUSED, "ROOM-7", after.stopped_after_somebody_left),
    Row(Kind.REFUSED, "LIM-5", after.room_was_full),
    Row(Kind.REFUSED, "LIM-6", after.many_were_there),
    Row(Kind.REFUSED, "LIM-2", after.no_line_as_long_had_come),
    Row(Kind.REFUSED, "ROOM-1"),
    Row(Kind.NOT_MISSED, "HB-2"),
    # Limits
    Row(Kind.EVICTED_EARLY, "LIM-3"),
    Row(Kind.HOARDED, "LIM-3"),
    Row(Kind.TURNED_AWAY, "LIM-6"),
    Row(Kind.NOT_TOLD_FULL, "LIM-5"),
    # Time
    Row(Kind.CLOCK, "MSG-5"),
    Row(Kind.ZONE_CHANGED, "MSG-5"),
    Row(Kind.NOT_UTC, "MSG-4"),
    Row(Kind.LATE, "", None, ("TRN-1", "ROOM-7", "LIM-3", "QUIT-5")),
    # The process
    Row(Kind.DIED, "RES-2", after.descriptors_had_run_out),
    Row(Kind.DIED, "STOP-1", after.input_had_ended),
    Row(Kind.DIED, "STOP-3", after.rival_had_come),
    Row(Kind.DIED, "ERR-2", after.stopped_after_a_violation),
    Row(Kind.DIED, "ROOM-7", after.wrote_to_who_had_gone),
    Row(Kind.DIED, "", after.stopped_after_a_treated_line),
    Row(Kind.DIED, "HB-1", after.stopped_after_a_blank_line),
    Row(Kind.DIED, "QUIT-5", after.all_had_left),
    Row(Kind.DIED, "ROOM-7", after.stopped_after_somebody_left),
    Row(Kind.DIED, "ROOM-7", after.earlier_ones_had_left),
    Row(Kind.DIED, "LIM-6", after.many_came_and_nothing_was_said),
    Row(Kind.DIED, "TRN-1", after.died_after_standing_still, also=("LIM-3",)),
    Row(Kind.DIED, "LIM-3", after.stood_still_behind_a_backlog),
    Row(Kind.DIED, "LIM-2", after.no_line_as_long_had_come),
    Row(Kind.DIED, "ROOM-1"),
    Row(Kind.FLOODED, "ERR-1", texts.author_had_offended),
    Row(Kind.FLOODED, "QUIT-5", texts.author_ended_its_side),
    Row(Kind.FLOODED, "ROOM-7", after.stopped_after_somebody_left),
    Row(Kind.FLOODED, "HB-1", texts.author_sent_a_blank_line),
    Row(Kind.FLOODED, "TRN-2"),
    Row(Kind.SPUN, "RES-1"),
    Row(Kind.DESCRIPTORS_KEPT, "RES-2"),
    Row(Kind.STOP_STATUS, "STOP-1"),
    Row(Kind.STOP_HANGS, "STOP-1"),
    Row(Kind.STOP_LATE, "STOP-1"),
    Row(Kind.STOP_RESETS, "STOP-1"),
    Row(Kind.STOP_LISTENS, "STOP-1"),
    Row(Kind.STOP_UNTOLD, "ERR-3"),
    Row(Kind.NOT_BOUND, "STOP-2"),
    Row(Kind.RIVAL, "STOP-3"),
)


def attribute(case: Case, controls: Controls, incident: Incident) -> Iterable[Finding]:
    """Yield the findings that an incident becomes: one, or one of each requirement that it
    breaks."""
    about = Circumstances(case, controls, incident)
    row = next(row for row in TABLE if row.kind is incident.head.kind and row.applies(about))
    requirement = row.requirement or about.theme
    yield _finding(requirement, incident)
    for other in row.also:
        yield _finding(other, Incident(incident.head, incident.trigger))


def _finding(requirement: str, incident: Incident) -> Finding:
    head = incident.head
    return Finding(
        requirement,
        head.expected,
        head.actual,
        head.evidence,
        head.client,
        head.octets,
        head.wanted,
        head.segments,
        head.outcome,
        head.by_time,
        head.kind.name.lower().replace("_", "-"),
        tuple(sign.name.lower().replace("_", "-") for sign in head.signs),
        tuple(consequences(incident.follows)),
        before="" if incident.trigger is None else incident.trigger.words,
    )


def consequences(follows: Iterable[Fact]) -> Iterable[str]:
    """Yield the consequences in words, each once; if there are many, the number of the others."""
    said = dict.fromkeys(_said(fact) for fact in follows)
    yield from list(said)[:MOST_FOLLOWS]
    if len(said) > MOST_FOLLOWS:
        yield f"and {len(said) - MOST_FOLLOWS} more"


def _said(fact: Fact) -> str:
    who = "" if fact.client is None or fact.client in fact.actual else f"{fact.client}: "
    what = fact.actual
    if fact.line is not None and fact.kind is Kind.LOST:
        what = f"{fact.line.client}'s line {fact.line.number}: {what}"
        who = ""
    return f"{fact.kind}: {who}{what}"


def words_of(row: Row) -> Iterator[str]:
    """Say when a row applies, and its place among the rows for its fact."""
    before, after = precedence(row)
    if row.themes or not row.requirement:
        named = ", ".join(one + "…" if one.endswith("-") else one for one in row.themes)
        yield f"where its line was sent to exercise {named or 'how lines are treated'}"
    if row.when is not None:
        yield f"where {' '.join((row.when.__doc__ or '').split())}"
    if row.control is not None:
        yield f"controlled: {row.control.value}"
    if before:
        yield f"gives way to {', '.join(before)}"
    if after:
        yield f"takes precedence over {', '.join(after)}"


def rows_of(requirement: str) -> list[Row]:
    """Return the rows by which something is attributed to a requirement."""
    return [
        row
        for row in TABLE
        if row.requirement == requirement
        or requirement in row.also
        or (not row.requirement and requirement.startswith(row.themes or TREATMENTS))
    ]


def precedence(row: Row) -> tuple[list[str], list[str]]:
    """Return the requirements that a row gives way to for its fact, and those it takes precedence
    over."""
    same = [other for other in TABLE if other.kind is row.kind]
    at = same.index(row)
    return _named(same[:at], row), _named(same[at + 1 :], row)


def _named(rows: Iterable[Row], but: Row) -> list[str]:
    names = dict.fromkeys(row.requirement or "what it was sent to exercise" for row in rows)
    return [name for name in names if name != but.requirement]
