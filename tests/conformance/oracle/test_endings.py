"""Ends of connections that no client caused: evictions, refusals, a server that dies or stops."""

from dataclasses import replace

import pytest

from chatproto import Code, Notice, encode
from conformance.oracle import judge
from conformance.target.profile import Way
from conformance.transcript.events import Exited, InputEnded, Refused, Restarted, Running, Stopping
from tests.conformance.scene import START, Scene, blamed, chat, talk


def test_what_a_first_stop_loses_is_of_stopping_though_another_follows() -> None:
    scene = chat()
    scene.stall("bob")
    talk(scene, ["ann"] * 2)
    scene.deliver("ann")
    for name in ("ann", "bob"):
        scene.peers[name].waiting.clear()
    scene.events.append(Stopping(scene.tick(), "sigterm"))
    scene.end("ann")
    scene.resume("bob")
    scene.end("bob")
    scene.events += [Exited(scene.tick(), 0), Restarted(scene.tick(), None)]
    for peer in scene.peers.values():
        peer.member = False
    scene.join("eve", "zoe")
    scene.events.append(Stopping(scene.tick(), "console"))
    for name in ("eve", "zoe"):
        scene.end(name)
    scene.events.append(Exited(scene.tick(), 0))
    assert {one for one in blamed(scene) if one != "ERR-3"} == {"STOP-1"}


@pytest.mark.parametrize(("offered", "found"), [((), []), (("sigterm",), ["STOP-1"])])
def test_what_a_signal_that_kills_loses_is_wrong_only_if_the_server_offers_it(
    offered: tuple[Way, ...], found: list[str]
) -> None:
    scene = chat(start=replace(START, stops=offered))
    scene.stall("bob")
    talk(scene, ["ann"] * 2)
    scene.deliver("ann")
    for peer in scene.peers.values():
        peer.waiting.clear()
    scene.events.append(Stopping(scene.tick(), "sigterm"))
    scene.end("ann")
    scene.resume("bob")
    scene.end("bob")
    scene.events.append(Exited(scene.tick(), -15))
    assert blamed(scene) == found


def put_out(scene: Scene) -> None:
    """The server ends Bob's connection of its own accord."""
    scene.deliver()
    scene.end("bob")
    scene.peers["bob"].member = False


def test_a_member_put_out() -> None:
    scene = chat()
    put_out(scene)
    scene.fence()
    assert blamed(scene) == ["ROOM-1"]


def test_a_member_put_out_is_shown_by_the_line_that_nothing_came_of() -> None:
    scene = chat()
    talk(scene, ["bob"])
    scene.send("bob", b"refused\n")
    for number in range(4):
        scene.send("bob", b"later %d\n" % number)
    put_out(scene)
    [found] = (one for one in scene.findings() if one.expected == "a member until it leaves")
    assert found.segments == (b"refused\n",)


@pytest.mark.parametrize(
    ("seconds", "requirement"), [(2.0, "HB-3"), (0.95, "HB-3"), (0.5, "ROOM-1")]
)
def test_a_member_put_out_for_silence(seconds: float, requirement: str) -> None:
    """The suite may have missed the beginning of the server's second."""
    scene = chat()
    scene.tick(seconds)
    put_out(scene)
    assert blamed(scene) == [requirement]


def test_a_member_put_out_for_a_blank_line() -> None:
    scene = chat()
    scene.send("bob", b"\n")
    put_out(scene)
    assert blamed(scene) == ["HB-1"]


def test_a_member_put_out_for_a_line_with_a_purpose() -> None:
    scene = chat()
    scene.send("bob", b"half a li", exercises=["FRM-1"])
    put_out(scene)
    assert blamed(scene) == ["FRM-1"]


@pytest.mark.parametrize(("octets", "requirement"), [(b"quit\n", "ROOM-7"), (b"\xff\n", "ERR-2")])
def test_a_member_put_out_because_another_left(octets: bytes, requirement: str) -> None:
    scene = chat()
    scene.send("ann", octets)
    scene.serve("ann")
    put_out(scene)
    assert blamed(scene) == [requirement]


def test_a_connection_refused() -> None:
    scene = chat()
    scene.events.append(Refused(scene.tick(), "eve", "Connection refused"))
    assert blamed(scene) == ["ROOM-1"]


FULL = replace(START, capacity=2)


def refused(seconds: float, *, told: bool) -> list[str]:
    """Return what is found if Bob left a full room of two, and Eve is refused this long after."""
    scene = chat(start=FULL)
    scene.half_close("bob")
    scene.serve("bob")
    scene.deliver()
    scene.tick(seconds)
    eve = scene.connect("eve", accepted=False)
    if told:
        eve.waiting.append(encode(Notice(Code.ROOM_FULL)))
    eve.ended = True
    scene.deliver()
    scene.fence()
    return blamed(scene)


@pytest.mark.parametrize("told", [True, False])
def test_a_leaver_may_be_counted_for_a_while(told: bool) -> None:
    assert refused(0.9, told=told) == []


def test_a_leaver_may_not_be_counted_for_long() -> None:
    assert refused(1.1, told=True) == ["LIM-6"]
    assert refused(1.1, told=False) == ["ROOM-1"]


@pytest.mark.parametrize("exercises", ["TXT-2", "QUIT-4", "ERR-1"])
def test_a_server_that_dies_of_a_violation_breaks_one_requirement(exercises: str) -> None:
    """Whatever it was sent to exercise: only the offender's connection may be closed."""
    scene = chat()
    scene.send("bob", b"\xff\n", exercises=[exercises])
    scene.events.append(Exited(scene.tick(), 1))
    [finding] = scene.findings()
    assert finding.requirement == "ERR-2"
    assert finding.segments == (b"\xff\n",)


def test_a_server_that_dies_of_resets_has_survived_what_was_waited_for_before_them() -> None:
    """The suite resets its clients after one has waited in vain, and retries the scenario."""
    scene = chat("ann", "bob", "eve")
    scene.say("ann", "\ufeff", exercises=["TXT-5"])
    for peer in scene.peers.values():
        peer.waiting.clear()
    scene.wait_in_vain("bob")
    scene.abort("eve")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == ["ROOM-7"]


def test_a_server_that_dies_when_all_have_left_has_survived_a_word_that_leaves() -> None:
    scene = chat()
    scene.join("eve")
    scene.send("eve", b"quit\r\n", exercises=["FRM-3"])
    scene.deliver()
    scene.end("eve")
    scene.fence()
    for name in ("ann", "bob"):
        scene.half_close(name)
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == ["QUIT-5"]


def test_a_server_that_dies_of_nothing_has_let_its_members_go() -> None:
    scene = chat()
    scene.events.append(Exited(scene.tick(), -11))
    assert blamed(scene) == ["ROOM-1"]


def formless() -> Scene:
    """Header and text come in one line, so little can be judged."""
    scene = chat()
    talk(scene, ["ann", "bob"] * 6)
    for peer in scene.peers.values():
        peer.waiting[:] = [unit.replace(b"\n", b" ", 1) for unit in peer.waiting]
    scene.deliver()
    return scene


def test_of_what_has_no_form_the_form_alone_is_judged() -> None:
    scene = formless()
    assert {"MSG-1"} <= set(blamed(scene)) <= {"MSG-1", "MSG-2", "MSG-3", "TRN-2"}


def test_a_server_that_dies_is_found_whatever_came_of_it() -> None:
    scene = formless()
    scene.send("bob", b"quit\n", exercises=["QUIT-1"])
    scene.events.append(Exited(scene.tick(), 1))
    assert "QUIT-1" in blamed(scene)


def test_who_is_let_go_after_the_end_of_input_is_put_out_by_that() -> None:
    """The end of standard input alone does not stop a server."""
    scene = chat()
    put_out(scene)
    assert blamed(scene) == ["ROOM-1"]
    scene = chat()
    scene.events.append(InputEnded(scene.tick()))
    put_out(scene)
    assert blamed(scene) == ["STOP-1"]


def test_a_server_that_dies_when_all_have_left() -> None:
    scene = chat()
    for name in ("ann", "bob"):
        scene.send(name, b"", exercises=["TXT-2"])
        scene.half_close(name)
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == ["QUIT-5"]


def test_a_server_that_was_left_by_all_before_does_not_die_of_that() -> None:
    scene = chat()
    for name in ("ann", "bob"):
        scene.half_close(name)
        scene.end(name)
    scene.join("cyd", "dan")
    for name in ("cyd", "dan"):
        scene.half_close(name)
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == ["ROOM-7"]


def test_a_server_that_dies_when_the_last_has_reset_does_not_die_of_an_end_of_stream() -> None:
    scene = chat()
    scene.half_close("ann")
    scene.end("ann")
    scene.abort("bob")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == ["ROOM-7"]


def turned_away(there: int, *, later: bool = False) -> list[str]:
    """Return what is found if this many are there, and Eve's connection ends at once; perhaps that
    of a client that comes after her does not."""
    names = [f"m{number}" for number in range(there)]
    scene = chat(*names)
    scene.tick(1.0)
    scene.connect("eve", accepted=False).ended = True
    scene.deliver()
    if later:
        scene.join("oda")
    scene.fence()
    return blamed(scene)


def test_a_room_of_unknown_size_may_be_full() -> None:
    assert turned_away(7) == ["ROOM-1"]
    assert turned_away(8) == ["LIM-6"]
    assert turned_away(8, later=True) == ["ROOM-1"]


def stopped(*ways: str, status: int | None, told: bool = True) -> list[str]:
    """Return what is found if the server is stopped in these ways, and ends or does not."""
    scene = chat()
    for way in ways:
        scene.events.append(Stopping(scene.tick(), way))
        if status is None:
            scene.events.append(Running(scene.tick(4.0), 4.0))
    if status is not None:
        for peer in scene.peers.values():
            peer.waiting += [b"!shutting-down\n"] * told
            peer.member, peer.ended = False, True
        scene.deliver()
        scene.events.append(Exited(scene.tick(), status))
    return blamed(scene)


def test_a_server_that_stops() -> None:
    assert stopped("sigterm", status=0) == []
    assert stopped("sigterm", status=0, told=False) == ["ERR-3"]
    assert stopped("sigterm", status=3) == ["STOP-1"]


@pytest.mark.parametrize(("seconds", "status", "by_time"), [(4.5, 0, True), (4.5, 1, False)])
def test_who_stops_in_order_and_only_late_is_slow(
    seconds: float, status: int, by_time: bool
) -> None:
    """Or its machine is busy, which a retry shows."""
    scene = chat()
    scene.events.append(Stopping(scene.tick(), "sigterm"))
    for peer in scene.peers.values():
        peer.waiting.append(b"!shutting-down\n")
        peer.member, peer.ended = False, True
    scene.deliver()
    scene.events.append(Exited(scene.tick(seconds), status))
    assert blamed(scene) == ["STOP-1"]
    assert judge(scene.events).fails_by_time_alone is by_time


@pytest.mark.parametrize(
    ("seconds", "told", "found"),
    [(0.9, False, []), (1.1, False, ["STOP-1"]), (0.1, True, ["STOP-1"])],
)
def test_a_line_that_is_taken_long_after_the_stop_is_late(
    seconds: float, told: bool, found: list[str]
) -> None:
    """A line accepted after its sender had received the notice is wrong, however soon."""
    scene = chat()
    scene.events.append(Stopping(scene.tick(), "sigterm"))
    scene.peers["ann"].waiting += [b"!shutting-down\n"] * told
    scene.deliver()
    scene.tick(seconds)
    talk(scene, ["ann"])
    scene.deliver()
    for peer in scene.peers.values():
        peer.waiting += [b"!shutting-down\n"] * (not told or peer.name != "ann")
        peer.member, peer.ended = False, True
    scene.deliver()
    scene.events.append(Exited(scene.tick(), 0))
    assert blamed(scene) == found


def test_a_server_must_stop_in_one_way_of_three() -> None:
    assert stopped("sigterm", "sigint", status=None) == []
    assert stopped("sigterm", "sigint", "console", status=None) == ["STOP-1"]


@pytest.mark.parametrize(
    ("before", "found"), [((), "ROOM-7"), (("bob",), "ROOM-1")], ids=["after all", "before"]
)
def test_who_is_ended_for_what_it_says_when_another_has_left(
    before: tuple[str, ...], found: str
) -> None:
    """It is attributed to the leaver, unless a connection was ended while nobody had left."""
    scene = chat("ann", "bob", "eve")
    for name in before:
        scene.say(name, scene.nonce())
        scene.deliver()
        scene.end(name)
        scene.peers[name].member = False
    scene.send("eve", b"quit\n")
    scene.serve("eve")
    scene.deliver("eve")
    scene.tick(2)
    scene.connect("zoe")
    for name in ("ann", "zoe"):
        scene.say(name, scene.nonce())
        scene.deliver()
        scene.end(name)
        scene.peers[name].member = False
    assert found in blamed(scene)
    assert ("ROOM-7" in blamed(scene)) is (not before)
