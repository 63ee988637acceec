"""Who leaves is let go in order, whoever stays is let stay; anything else is found."""

from dataclasses import replace

import pytest

from chatproto import Code, Notice, encode
from conformance.oracle import judge
from conformance.transcript.events import Exited, InputEnded, Refused, Restarted, Running, Stopping
from tests.conformance.scene import START, Scene, blamed, chat, talk


def leaving(octets: bytes = b"", *exercises: str) -> Scene:
    """Bob leaves, with these octets or else by its end of stream; its end is yet to come."""
    scene = chat()
    talk(scene, ["ann", "bob"])
    if octets:
        scene.send("bob", octets, exercises=exercises)
    else:
        scene.half_close("bob")
    scene.serve("bob")
    return scene


def read_all(scene: Scene) -> None:
    """Ann and bob read all that waits for them; bob's end is yet to come."""
    scene.deliver("ann")
    scene.read("bob", sum(map(len, scene.peers["bob"].waiting)))


WAYS = pytest.mark.parametrize(
    ("octets", "requirement"), [(b"quit\n", "QUIT-3"), (b"", "QUIT-5"), (b"\xff\n", "ERR-2")]
)


@WAYS
def test_a_reset_for_a_leaver(octets: bytes, requirement: str) -> None:
    scene = leaving(octets)
    read_all(scene)
    scene.reset("bob")
    scene.fence()
    assert blamed(scene) == [requirement]


@WAYS
def test_a_leaver_that_holds_its_side_may_be_broken_off(octets: bytes, requirement: str) -> None:
    """Or one that takes nothing of what it is owed; not after less than 1 s."""
    for seconds, found in ((0.9, [requirement]), (1.1, [])):
        scene = leaving(octets)
        scene.stall("bob")
        scene.deliver("ann")
        scene.tick(seconds)
        scene.resume("bob")
        scene.reset("bob")
        scene.fence()
        assert set(blamed(scene)) >= set(found)
        assert found or blamed(scene) == []


@pytest.mark.parametrize(("pause", "found"), [(0.4, {"QUIT-3"}), (1.1, set())])
def test_a_leaver_that_reads_on_with_pauses_is_not_broken_off(
    pause: float, found: set[str]
) -> None:
    """However long that takes; unless it has paused for as long as a linger lasts."""
    scene = leaving(b"quit\n")
    scene.deliver("ann")
    for _ in range(4):
        scene.stall("bob")
        scene.tick(pause)
        scene.resume("bob")
        scene.read("bob", 10)
    scene.reset("bob")
    scene.fence()
    assert set(blamed(scene)) == found


@pytest.mark.parametrize(("after_end", "found"), [(True, ["QUIT-5"]), (False, [])])
def test_lines_of_who_closes_without_reading_count(after_end: bool, found: list[str]) -> None:
    """Where its end of stream came before the reset; after a mere reset they may be lost."""
    scene = chat()
    scene.stall("bob")
    for word in [scene.nonce() for _ in range(3)]:
        scene.send("bob", f"{word}\n".encode(), exercises=["QUIT-5"])
    scene.serve("bob", reads=2)
    scene.half_close("bob")
    scene.abort("bob", after_end=after_end)
    scene.deliver("ann")
    scene.fence()
    scene.wait_in_vain("ann")
    assert blamed(scene) == found


def test_who_reads_on_long_after_its_end_of_stream_is_not_broken_off() -> None:
    """But soon after it had begun to take what it is owed."""
    scene = leaving(b"")
    scene.stall("bob")
    scene.deliver("ann")
    scene.resume("bob")
    scene.tick(1.1)
    scene.reset("bob")
    scene.fence()
    assert set(blamed(scene)) >= {"QUIT-5"}


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize(("seconds", "found"), [(2.0, ["STOP-1"]), (2.6, [])])
def test_who_is_still_owed_something_may_be_aborted_in_the_end(
    seconds: float, found: list[str], reads: bool
) -> None:
    """By a server that stops, 2.5 s after the stop, whether its member reads or not."""
    scene = chat()
    scene.stall("bob")
    talk(scene, ["ann"] * 2)
    scene.deliver("ann")
    scene.events.append(Stopping(scene.tick(), "sigterm"))
    scene.end("ann")
    scene.tick(0.0 if reads else seconds)
    scene.peers["bob"].waiting.clear()
    scene.resume("bob")
    scene.tick(seconds if reads else 0.0)
    scene.reset("bob")
    scene.events.append(Exited(scene.tick(), 0))
    assert sorted({one for one in blamed(scene) if one != "ERR-3"}) == found


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


@WAYS
def test_no_end_for_a_leaver(octets: bytes, requirement: str) -> None:
    scene = leaving(octets)
    read_all(scene)
    scene.wait_in_vain("bob", "the end of the connection")
    assert blamed(scene) == [requirement]


@WAYS
def test_an_end_within_a_unit(octets: bytes, requirement: str) -> None:
    scene = leaving(octets)
    waiting = scene.peers["bob"].waiting
    waiting[:] = [b"".join(waiting[:2])[:-5]]
    scene.deliver()
    scene.fence()
    assert requirement in blamed(scene)


@WAYS
def test_what_precedes_leaving_is_lost(octets: bytes, requirement: str) -> None:
    scene = chat()
    scene.send("bob", scene.nonce().encode() + b"\n" + octets)
    if not octets:
        scene.half_close("bob")
    scene.serve("bob")
    for peer in scene.peers.values():
        del peer.waiting[0]
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["ERR-1" if requirement == "ERR-2" else requirement]


@pytest.mark.parametrize(("controlled", "found"), [(True, ["FRM-3"]), (False, ["QUIT-1"])])
def test_a_fault_in_leaving_is_attributed_to_cr_lf_where_lf_alone_works(
    controlled: bool, found: list[str]
) -> None:
    scene = chat("ann", "bob", "eve")
    if controlled:
        scene.say("eve", "quit")
        scene.deliver()
    scene.send("bob", b"quit\r\n", exercises=["FRM-3"])
    scene.wait_in_vain("bob", "the end of the connection")
    assert blamed(scene) == found


def test_no_notice_of_a_violation() -> None:
    scene = leaving(b"\xff\n")
    scene.peers["bob"].waiting.pop()
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["ERR-3"]


def test_the_wrong_notice() -> None:
    scene = leaving(b"\xff\n")
    scene.peers["bob"].waiting[-1] = b"!line-too-long\n"
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["ERR-3"]


def test_invalid_text_for_a_line_that_is_too_long_as_well() -> None:
    scene = leaving(b"\xff" * 1_048_577 + b"\n")
    scene.peers["bob"].waiting[-1] = b"!invalid-text\n"
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["TXT-2"]


@pytest.mark.parametrize(
    ("octets", "requirement"), [(b"\xff\n", "TXT-2"), (b"x" * 1_048_577, "LIM-2")]
)
def test_a_violation_that_nobody_notices(octets: bytes, requirement: str) -> None:
    scene = leaving(octets)
    scene.peers["bob"].waiting.pop()
    read_all(scene)
    scene.wait_in_vain("bob", "the end of the connection")
    assert blamed(scene) == [requirement]


@pytest.mark.parametrize(
    ("octets", "notice", "requirement"),
    [
        (b"\xc3\xa9\n", b"!invalid-text\n", "TXT-1"),
        (b"x" * 1_024 + b"\n", b"!line-too-long\n", "LIM-1"),
        (b"half \xc3", b"!invalid-text\n", "FRM-4"),
        (b"quit\n\xff\n", b"!invalid-text\n", "QUIT-4"),
    ],
)
def test_a_violation_seen_where_there_is_none(
    octets: bytes, notice: bytes, requirement: str
) -> None:
    scene = leaving(octets)
    scene.half_close("bob")
    scene.serve("bob")
    scene.peers["bob"].waiting.append(notice)
    scene.deliver()
    scene.fence()
    assert requirement in blamed(scene)


def put_out(scene: Scene) -> None:
    """The server ends bob's connection, of itself."""
    scene.deliver()
    scene.end("bob")
    scene.peers["bob"].member = False


def test_a_member_put_out() -> None:
    scene = chat()
    put_out(scene)
    scene.fence()
    assert blamed(scene) == ["ROOM-1"]


@pytest.mark.parametrize(
    ("seconds", "requirement"), [(2.0, "HB-3"), (0.95, "HB-3"), (0.5, "ROOM-1")]
)
def test_a_member_put_out_for_silence(seconds: float, requirement: str) -> None:
    """Of a second of the server's, the suite may have missed the beginning."""
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
    """What is found where bob left a full room of two, and eve is refused so long after."""
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


def test_a_server_that_dies_of_nothing_has_let_its_members_go() -> None:
    scene = chat()
    scene.events.append(Exited(scene.tick(), -11))
    assert blamed(scene) == ["ROOM-1"]


def formless() -> Scene:
    """What was said comes with header and text in one line, so that little can be told of it."""
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


def test_a_client_may_break_off_within_anything() -> None:
    scene = chat()
    talk(scene, ["ann", "bob"])
    scene.read("bob", 10)
    scene.abort("bob")
    scene.deliver()
    scene.fence()
    assert scene.findings() == []


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


def turned_away(there: int, *, later: bool = False) -> list[str]:
    """What is found where so many are there, and eve's connection ends at once; and perhaps that
    of one who comes when she has gone does not."""
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
    """What is found where the server is told to stop in these ways, and ends, or does not."""
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
    """Or its machine is, which another play tells."""
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
    """And one taken when its sender had been told is wrong, however soon."""
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
    """It is attributed to who left, unless somebody was ended while nobody had left."""
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


def leave_together(scene: Scene, *lost: str) -> list[str]:
    """Three say a word and end their side at once, of whom these are not heard."""
    for name in ("ann", "bob", "eve"):
        scene.send(name, scene.nonce().encode() + b"\n")
        scene.half_close(name)
    for name in ("ann", "bob", "eve"):
        if name in lost:
            scene.peers[name].ended, scene.peers[name].member = True, False
        else:
            scene.serve(name)
    scene.deliver()
    return blamed(scene)


def test_a_room_that_stands_still_when_one_has_left_in_order() -> None:
    """The first to go lost nothing by that: those after it do by the way it went."""
    assert leave_together(chat("ann", "bob", "eve"), "bob", "eve") == ["ROOM-7"]
    assert leave_together(chat("ann", "bob", "eve"), "ann", "bob", "eve") == ["QUIT-5"]
