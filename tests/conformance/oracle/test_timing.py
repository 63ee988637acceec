"""Headers tell the server's time, in one zone for a whole run."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from conformance.oracle import Outcome, judge
from conformance.transcript.events import Away, Finish
from tests.conformance.scene import START, WALL, Scene, blamed, chat

FORM = "%Y%m%d %H:%M:%S"


def shifted(scene: Scene, seconds: int) -> Scene:
    """Put the server's clock forward by this much in what Ann and Bob still have to receive."""
    for peer in scene.peers.values():
        for index, unit in enumerate(peer.waiting):
            time = datetime.strptime(unit[:17].decode(), FORM) + timedelta(seconds=seconds)
            peer.waiting[index] = time.strftime(FORM).encode() + unit[17:]
    return scene


def said(zone: int | None = None, *, same_clock: bool = True) -> Scene:
    """Ann and Bob have said a word each, in a run whose time zone is known, or not yet."""
    scene = chat(start=replace(START, zone=zone, same_clock=same_clock))
    for peer in scene.peers.values():
        scene.say(peer.name, scene.nonce())
    return scene


def found(scene: Scene) -> list[str]:
    scene.deliver()
    return blamed(scene)


@pytest.mark.parametrize("seconds", [0, 5, -5])
def test_a_clock_may_be_a_little_off(seconds: int) -> None:
    assert found(shifted(said(), seconds)) == []


@pytest.mark.parametrize("seconds", [7, -7, 60, 4_000])
def test_and_no_more(seconds: int) -> None:
    assert "MSG-5" in found(shifted(said(zone=0), seconds))


@pytest.mark.parametrize("quarters", [4, -14, 23])
def test_another_zone_is_no_other_time(quarters: int) -> None:
    """It is reported once that it is not UTC, as it should be, and again in later scenarios."""
    start = replace(START, wall=WALL - 900 * quarters)
    assert found(chat(start=start)) == ["MSG-4"]
    assert found(chat(start=replace(start, zone=quarters))) == ["MSG-4"]
    assert found(chat(start=replace(start, zone=quarters - 5))) == ["MSG-4", "MSG-5"]


@pytest.mark.parametrize("zone", [4, -4, 2])
def test_summer_time_may_begin_or_end(zone: int) -> None:
    assert found(shifted(said(), 900 * zone)) == []
    assert found(chat(start=replace(START, zone=zone))) == []


def test_a_scenario_has_one_zone_otherwise() -> None:
    assert found(shifted(said(), 7_200)) == ["MSG-5"]
    back = shifted(said(), 3_600)
    back.deliver()
    for peer in back.peers.values():
        back.say(peer.name, back.nonce())
    assert found(back) == ["MSG-5"]
    assert found(shifted(said(zone=4), -3_600)) == ["MSG-5"]


def test_a_clock_elsewhere_cannot_be_told_to_be_wrong() -> None:
    scene = shifted(said(same_clock=False), 60)
    scene.deliver()
    assert [finding.outcome for finding in scene.findings()] == [Outcome.UNKNOWN] * 3


def slow(*seconds: float, apart: float = 0.1, away: bool = False) -> list[str]:
    """Return what is found if Ann's lines take this long to come, one after the other, and the
    suite looks all the while or does not."""
    scene = chat()
    for took in seconds:
        scene.say("ann", scene.nonce(), exercises=["TRN-1"])
        scene.tick(took)
        if away:
            scene.events.append(Away(scene.tick(), took))
        scene.deliver()
        scene.tick(apart)
    return blamed(scene)


def test_a_line_that_has_to_wait() -> None:
    assert slow(0.1, 1.4, 0.1) == []
    assert slow(0.1, 1.6, 0.1) == ["TRN-1"]


def test_a_line_that_waits_behind_its_senders_own() -> None:
    """A server may read a member more slowly because it floods; it goes on meanwhile."""
    for apart, found in ((0.3, []), (1.6, ["TRN-1"])):
        scene = chat()
        for _ in range(10):
            scene.say("ann", scene.nonce(), exercises=["TRN-1"])
        while waiting := scene.peers["ann"].waiting:
            scene.tick(apart)
            scene.read("ann", len(waiting[0].partition(b"z\n")[0]) + 2)
        assert blamed(scene) == found


def test_a_first_line_waits_as_long_as_first_lines_do() -> None:
    """This server takes 2 s to accept, whoever connects."""
    scene = Scene()
    for name, exercises in (("ann", []), ("bob", ["TRN-1"])):
        scene.connect(name)
        scene.say(name, scene.nonce(), exercises=exercises)
        scene.tick(2.0)
        scene.deliver()
    assert blamed(scene) == []
    scene.say("bob", scene.nonce(), exercises=["TRN-1"])
    scene.tick(2.0)
    scene.deliver()
    assert blamed(scene) == ["TRN-1"]


def test_lines_that_wait_a_little_too_often() -> None:
    assert slow(0.6, 0.6) == ["TRN-1"]
    assert slow(0.6, *[0.1] * 100, 0.6) == []
    assert slow(0.6, *[0.1] * 10, 0.6, *[0.1] * 10, 0.6) == ["TRN-1"]


def test_time_in_which_the_suite_did_not_look_is_not_the_servers() -> None:
    assert slow(5.0, 0.6, 0.6, away=True) == []


def test_a_header_that_somebody_said_tells_no_time() -> None:
    """Where broadcasts are mixed, the end of a text may stand where a header should."""
    scene = said()
    word = scene.nonce()
    scene.say("ann", f"{word} 20000101 00:00:00 127.0.0.1:1")
    for peer in scene.peers.values():
        unit = peer.waiting.pop()
        header, text = unit.split(b"\n", 1)
        peer.waiting += [header + b"\n" + word.encode() + b"\n", text[len(word) + 1 :]]
        peer.waiting.append(word.encode() + b"\n")
    scene.deliver()
    assert "MSG-5" not in blamed(scene)
    assert judge([*scene.events, Finish(scene.now)]).zone == 0
