"""The picture of a failure: what is in it, how much, and what it looks like as text."""

from collections.abc import Sequence

import pytest

from conformance.oracle import Finding
from conformance.output.findings import picture
from conformance.output.html.figure import lay_out
from conformance.output.text_diagram import sketch
from conformance.report.build import finding_report
from conformance.report.excerpt import MAX_EVENTS, MAX_OCTETS, StretchEvent, stretch_of
from conformance.report.model import FindingReport
from conformance.report.sequence_diagram import Arrow, Diagram, Life, diagram_of
from conformance.transcript.events import (
    Connected,
    Ended,
    Event,
    Exited,
    InputEnded,
    Received,
    Refused,
    Reset,
    Restarted,
    Rival,
    Running,
    Sent,
    Settled,
    Stalled,
    Start,
    Stopping,
)
from tests.conformance.samples import (
    altered,
    cut_off,
    events_of,
    flood,
    found,
)
from tests.conformance.scene import START, Scene


def _diagram(finding: FindingReport, width: int = 60) -> Diagram:
    diagram = diagram_of(finding, width)
    assert diagram is not None
    return diagram


def test_the_stretch_holds_the_evidence_and_what_stands_around_it() -> None:
    finding = found(altered(), "TXT-5")
    lines = [event.line for event in finding.stretch]
    assert lines == sorted(lines)
    assert set(finding.evidence) <= set(lines)
    assert {event.line for event in finding.stretch if event.evidence} == set(finding.evidence)
    assert {event.client for event in finding.stretch} <= {"ann", "bob"}
    assert finding.lines == len(events_of(altered()))


def test_both_segments_of_a_line_are_drawn() -> None:
    stretch = found(altered(), "TXT-5").stretch
    sent = [event.octets for event in stretch if event.event == "sent"]
    assert "n0ddba1x90" in sent
    assert "001z hello\n" in sent


def test_the_wrong_octets_are_marked_where_they_came() -> None:
    [event] = (event for event in found(altered(), "TXT-5").stretch if event.marked)
    [(start, end)] = event.marked
    assert event.client == "bob"
    assert event.octets[start:end] == "Ello"


def test_octets_in_question_without_a_better_are_marked_whole() -> None:
    events = [START, _connected("ann"), Received(0.1, "ann", b"greetings\n*\n"), Ended(0.2, "ann")]
    finding = Finding("TRN-2", "a unit", "none", (3,), "ann", b"*")
    assert _marks(finding, events) == {3: ["*"]}


def test_octets_that_came_in_two_reads_are_marked_in_both() -> None:
    events = [
        START,
        _connected("ann"),
        Received(0.1, "ann", b"1\nab"),
        Received(0.2, "ann", b"cd\n"),
    ]
    finding = Finding("TRN-2", "", "", (4,), "ann", b"abcd", b"aXcd")
    assert _marks(finding, events) == {3: ["b"], 4: ["cd"]}


def test_of_equal_octets_those_of_the_evidence_are_marked() -> None:
    events = [START, _connected("ann"), *(Received(0.1, "ann", b"ab\n") for _ in range(3))]
    assert _marks(Finding("TRN-2", "", "", (4,), "ann", b"ab"), events) == {4: ["ab"]}


def test_missing_octets_are_marked_by_an_empty_range() -> None:
    events = [START, _connected("ann"), Received(0.1, "ann", b"ab")]
    finding = Finding("TRN-2", "", "", (3,), "ann", b"ab", b"abc")
    assert _marks(finding, events) == {3: [""]}
    drawn = _diagram(finding_report(finding, events))
    assert [piece.text for piece in drawn.rows[-1].pieces] == ["ab", ""]
    assert any(text.missing for text in lay_out(drawn).lines[-1].texts)
    assert "^" in "\n".join(sketch(drawn))


def test_octets_that_never_came_are_not_marked() -> None:
    events = [START, _connected("ann"), Received(0.1, "ann", b"ab")]
    assert _marks(Finding("TRN-2", "", "", (3,), "ann", b"zz"), events) == {}


def test_a_loss_is_drawn_beside_one_who_received_it() -> None:
    scene = Scene()
    scene.join("ann", "bob", "cyd")
    for _ in range(20):
        scene.say("ann", scene.nonce())
    lost = scene.peers["cyd"].waiting.pop(9).split(b"\n")[1].decode()
    scene.deliver()
    scene.fence()
    finding = found(scene, "ROOM-2")
    assert (finding.client, finding.wanted) == ("cyd", lost)
    came = [event.client for event in finding.stretch if f"\n{lost}\n" in event.octets]
    assert came in (["ann"], ["bob"])
    assert any((one.client, one.event) == ("cyd", "received") for one in finding.stretch)
    assert lost in "\n".join(sketch(_diagram(finding))).partition("◀")[2]


@pytest.mark.parametrize("count", [5, 500])
def test_a_stretch_is_bounded(count: int) -> None:
    finding, events = flood(count)
    stretch = stretch_of(finding, events)
    assert len(stretch) <= MAX_EVENTS
    assert set(finding.evidence) <= {event.line for event in stretch}
    assert all(len(event.octets) <= MAX_OCTETS for event in stretch)


def test_long_octets_are_cut_around_what_is_wrong() -> None:
    octets = b"ab" * 2_500 + b"WRONG" + b"cd" * 2_500
    events = [START, _connected("ann"), Received(0.1, "ann", octets)]
    finding = Finding("TRN-2", "", "", (3,), "ann", octets, octets.replace(b"WRONG", b"RIGHT"))
    event = stretch_of(finding, events)[-1]
    assert (len(event.octets), event.size) == (MAX_OCTETS, len(octets))
    start, _ = event.marked[0]
    assert event.octets[start:].startswith("WRONG")
    assert event.cut + start == 5_000
    text = "\n".join(sketch(_diagram(finding_report(finding, events))))
    assert "WRONG" in text
    assert "(10,005 octets)" in text


def test_long_runs_are_kept_by_their_length() -> None:
    octets = b"n1" + b"x" * 1_044_480 + b"\n"
    events = [START, _connected("ann"), Sent(0.1, "ann", octets), Received(0.2, "ann", b"y")]
    event = stretch_of(Finding("LIM-2", "", "", (3,), "ann"), events)[1]
    assert (event.octets, event.runs) == ("n1x\n", [(2, 1_044_480)])
    assert event.shown == event.size == len(octets)
    text = "\n".join(sketch(_diagram(finding_report(Finding("LIM-2", "", "", (3,)), events))))
    assert "n1(x × 1,044,480)\\n  (1,044,483 octets)" in text


def test_a_run_is_parted_at_what_is_wrong() -> None:
    octets, wanted = b"a" + b"x" * 900 + b"\n", b"a" + b"x" * 500 + b"\n"
    events = [START, _connected("ann"), Received(0.1, "ann", octets)]
    event = stretch_of(Finding("TXT-5", "", "", (3,), "ann", octets, wanted), events)[-1]
    assert (event.octets, event.runs) == ("axx\n", [(1, 500), (2, 400)])
    assert event.marked == [(2, 4)]


@pytest.mark.parametrize(
    ("events", "decisive"),
    [
        ([Sent(0.1, "ann", b"x\n"), Received(0.2, "ann", b"bad"), Ended(0.3, "ann")], "received"),
        ([Sent(0.1, "ann", b"x\n"), Reset(0.2, "ann"), Sent(0.3, "ann", b"y\n")], "reset"),
        ([Stalled(0.1, "ann"), Sent(0.2, "ann", b"x\n")], "stalled"),
        ([Sent(0.1, "ann", b"x\n"), Ended(0.2, "ann"), Exited(0.3, 1)], "exited"),
        ([Sent(0.1, "ann", b"x\n"), Sent(0.2, "ann", b"y\n")], "sent"),
    ],
)
def test_the_decisive_row_is_marked(events: list[Event], decisive: str) -> None:
    finding = Finding("TRN-2", "", "", tuple(range(3, 3 + len(events))), "ann", b"bad")
    report = finding_report(finding, [START, _connected("ann"), *events])
    [row] = (row for row in _diagram(report).rows if row.decisive)
    [event] = (event for event in report.stretch if event.line == row.line)
    assert event.event == decisive
    assert sum(line.startswith(">") for line in sketch(_diagram(report))) == 1


def test_more_evidence_than_there_is_room_for() -> None:
    events = [START, _connected("ann"), *(Received(0.1, "ann", b"x") for _ in range(100))]
    stretch = stretch_of(Finding("TRN-2", "", "", tuple(range(3, 103)), "ann"), events)
    assert len(stretch) == MAX_EVENTS


def test_no_evidence_and_evidence_that_is_no_line() -> None:
    events = [START, _connected("ann"), Received(0.1, "ann", b"x")]
    for evidence in ((), (0, 99)):
        stretch = stretch_of(Finding("TRN-2", "", "", evidence, "ann"), events)
        assert [event.line for event in stretch] == [2, 3]
    assert stretch_of(Finding("TRN-2", "", ""), [START]) == []
    assert stretch_of(Finding("TRN-2", "", "", (1,)), []) == []


def test_other_clients_are_left_out_and_counted() -> None:
    events = [START, _connected("ann"), _connected("bob")]
    events += [Sent(0.1, "bob", b"x\n") for _ in range(9)]
    events += [Sent(0.2, "ann", b"y\n"), Received(0.3, "bob", b"z")]
    events += [Ended(0.4, "bob"), Ended(0.4, "bob"), Ended(0.5, "ann")]
    drawn = _diagram(finding_report(Finding("TRN-2", "", "", (13,), "ann"), events))
    assert drawn.lanes == ("ann", "server")
    assert [(row.line, row.gap) for row in drawn.rows] == [(2, 0), (13, 10), (17, 3)]
    text = "\n".join(sketch(drawn))
    assert "… 10 events left out" in text
    assert [line.gap_y is not None for line in lay_out(drawn).lines] == [False, True, True]


def test_stalls_half_closes_and_resets_are_drawn() -> None:
    drawn = _diagram(found(cut_off(), "QUIT-3"))
    arrows = {row.note: row.arrow for row in drawn.rows}
    assert arrows["half-close: writes no more"] is Arrow.END
    assert arrows["reset by the server"] is Arrow.RESET
    ann = drawn.lanes.index("ann")
    lives = [row.lives[ann] for row in drawn.rows]
    assert Life.HALF in lives
    text = "\n".join(sketch(drawn))
    assert "✕" in text


def test_a_client_that_does_not_read_has_a_lane_of_its_own_kind() -> None:
    scene = cut_off()
    lines = [line for line, event in enumerate(scene.events, 1) if event.event == "stalled"]
    finding = Finding("LIM-3", "", "", tuple(lines), "bob")
    drawn = _diagram(finding_report(finding, events_of(scene)))
    assert {row.note for row in drawn.rows} >= {"stops reading", "reads again"}
    assert Life.STALLED in {row.lives[0] for row in drawn.rows}
    assert "waits in vain, 3 s for a word" in "\n".join(sketch(drawn))
    kinds = {life for lane in lay_out(drawn).lanes for life, _, _ in lane.lines}
    assert {Life.OPEN, Life.STALLED} <= kinds


def test_what_befalls_the_server_is_drawn_on_its_lane() -> None:
    events: list[Event] = [
        START,
        Refused(0.1, "ann", "no one there"),
        Settled(0.1, ("ann", "bob")),
        Stopping(0.2, "sigterm"),
        InputEnded(0.2),
        Running(0.3, 3.0),
        Exited(0.4, -9),
        Restarted(0.5, "in use"),
        Rival(0.6, 3.0, None, "", "x"),
        Rival(0.6, 3.0, 1, "in use", "x"),
    ]
    drawn = _diagram(finding_report(Finding("STOP-1", "", "", (4, 7), "ann"), events))
    assert [row.note for row in drawn.rows] == [
        "cannot connect: no one there",
        "everything is received by ann bob",
        "is told to stop: sigterm",
        "standard input ends",
        "still running after 3 s",
        "the server's process ends: status -9",
        "is launched again: in use",
        "a second server is launched: running after 3 s",
        "a second server is launched: status 1: in use",
    ]
    assert drawn.rows[6].lives[drawn.server] is Life.GONE
    assert "═" in "\n".join(sketch(drawn))
    assert len(lay_out(drawn).lines) == len(drawn.rows)


def test_a_diagram_of_the_server_alone() -> None:
    drawn = _diagram(finding_report(Finding("STOP-1", "", "", (2,)), [START, Stopping(0.1, "x")]))
    assert drawn.lanes == ("server",)
    assert drawn.caption == "1 events of the server"


def test_a_client_may_be_called_as_the_server_is() -> None:
    events = [START, _connected("server"), Received(0.1, "server", b"x")]
    drawn = _diagram(finding_report(Finding("TRN-2", "", "", (3,), "server"), events))
    assert (drawn.lanes, drawn.server, drawn.rows[1].lane) == (("server", "server"), 1, 0)


def test_text_shows_the_wrong_octets_over_carets() -> None:
    lines = list(sketch(_diagram(found(altered(), "TXT-5"))))
    at = next(index for index, line in enumerate(lines) if "^" in line)
    caret = lines[at].index("^")
    assert lines[at - 1][caret : caret + 4] == "Ello"
    assert lines[at - 1].startswith(">")


def test_a_report_without_events_has_no_picture() -> None:
    finding = finding_report(Finding("TRN-2", "", "", (3,), "ann"))
    assert diagram_of(finding, 60) is None
    assert list(picture(finding)) == []


def test_a_picture_has_no_octet_that_drives_a_terminal() -> None:
    event = StretchEvent(
        line=3,
        t=0,
        event="received",
        client="a\x1b[2J",
        octets="\x1b]0;x\x07\r",
        size=7,
        note="\x9b",
    )
    finding = found(altered(), "TXT-5").model_copy(update={"stretch": [event]})
    assert all(char.isprintable() for line in picture(finding) for char in line)


def _connected(name: str) -> Event:
    return Connected(0.0, name, None)


def _marks(finding: Finding, events: Sequence[Event]) -> dict[int, list[str]]:
    assert isinstance(events[0], Start)
    return {
        event.line: [event.octets[start:end] for start, end in event.marked]
        for event in stretch_of(finding, events)
        if event.marked
    }
