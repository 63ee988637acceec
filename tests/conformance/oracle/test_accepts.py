"""The oracle never accuses a correct room, whatever its clients do and in whatever order."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.oracle import judge
from conformance.transcript.events import Event, Exited, Received, Stopping
from tests.conformance.programs import scenes
from tests.conformance.scene import START, Scene, blamed, chat, talk


@given(scenes())
@settings(max_examples=100)
def test_a_correct_room_is_always_accepted(scene: Scene) -> None:
    assert scene.findings() == []


@given(scenes(), st.data())
@settings(max_examples=100)
def test_how_reads_were_cut_changes_nothing(scene: Scene, data: st.DataObject) -> None:
    events: list[Event] = []
    for event in scene.events:
        if isinstance(event, Received):
            cut = data.draw(st.integers(0, len(event.octets)))
            parts = [part for part in (event.octets[:cut], event.octets[cut:]) if part]
            events += [replace(event, octets=part) for part in parts]
        else:
            events.append(event)
    assert judge(events).findings == []


def test_an_empty_room_breaks_nothing_and_exercises_nothing() -> None:
    judgement = judge(Scene().events)
    assert judgement.findings == []
    assert judgement.exercised.total() == 0


def test_what_happened_is_counted_as_exercised() -> None:
    scene = chat()
    scene.send("ann", b"  caf\xc3\xa9\r\n\nquit\nmore\n")
    scene.serve("ann")
    scene.deliver()
    scene.fence()
    exercised = judge(scene.events).exercised
    assert {"TXT-3", "FRM-1", "FRM-3", "HB-1", "QUIT-1", "QUIT-3", "QUIT-4"} <= exercised.keys()


def test_half_closing_within_a_line_exercises_the_incomplete_line() -> None:
    scene = chat()
    scene.send("ann", b"no end")
    scene.half_close("ann")
    scene.serve("ann")
    scene.deliver()
    assert {"QUIT-5", "FRM-4"} <= judge(scene.events).exercised.keys()


def test_an_end_after_a_half_close_does_not_show_that_a_violation_was_recognised() -> None:
    for is_told in (True, False):
        scene = chat()
        scene.send("ann", b"\xff\n")
        scene.half_close("ann")
        if is_told:
            scene.serve("ann")
            scene.deliver()
        else:
            scene.end("ann")
        assert ("ERR-1" in judge(scene.events).exercised) == is_told


def test_another_time_zone_is_reported_but_breaks_no_must() -> None:
    scene = Scene()
    scene.connect("ann")
    scene.say("ann", scene.nonce())
    waiting = scene.peers["ann"].waiting
    waiting[0] = waiting[0].replace(b"17:45", b"23:30")
    scene.deliver()
    assert blamed(scene) == ["MSG-4"]


def test_heartbeats_between_units_are_nobodys_business() -> None:
    scene = chat()
    talk(scene, ["ann", "bob"])
    scene.peers["bob"].waiting[1:1] = [b"\n", b"\n"]
    scene.deliver()
    assert scene.findings() == []


def test_a_notice_after_which_something_comes_announces_no_closing() -> None:
    """Text: TRN-2."""
    scene = chat()
    talk(scene, ["ann", "bob"])
    scene.peers["bob"].waiting[1:1] = [b"!x-load 20210703 17:45:39 127.0.0.1:1 all well\n"]
    scene.deliver()
    assert blamed(scene) == ["TRN-2"]


def test_others_may_talk_where_the_suite_is_not_alone() -> None:
    scene = chat(start=replace(START, exclusive=False))
    talk(scene, ["ann"])
    for peer in scene.peers.values():
        peer.waiting.append(b"20210703 17:45:39 127.0.0.1:7\nhello from elsewhere\n")
    scene.deliver()
    assert scene.findings() == []


def test_the_last_word_of_an_earlier_scenario_may_come_late() -> None:
    scene = chat(start=replace(START, earlier=("127.0.0.1:7",)))
    talk(scene, ["ann"])
    scene.peers["bob"].waiting.append(b"20210703 17:45:39 127.0.0.1:7\nfrom before\n")
    scene.deliver()
    assert scene.findings() == []


def test_what_its_sender_has_not_read_yet_is_not_lost() -> None:
    """Eve joins between two messages of Ann's, and receives the second; Ann has read nothing."""
    scene = Scene()
    scene.connect("ann")
    talk(scene, ["ann"])
    scene.connect("eve")
    talk(scene, ["ann"])
    scene.deliver("eve")
    assert scene.findings() == []


def test_a_stop_may_overtake_a_violation_that_was_not_read_yet() -> None:
    scene = chat()
    scene.send("ann", b"bad \xff line\n")
    scene.events.append(Stopping(scene.tick(), "sigterm"))
    for peer in scene.peers.values():
        peer.waiting.append(b"!shutting-down\n")
        peer.member, peer.ended = False, True
    scene.deliver()
    scene.events.append(Exited(scene.tick(), 0))
    assert scene.findings() == []
