"""What is lost, doubled, made up or out of order is found: the room is one log."""

import pytest

from conformance.transcript.events import Settled, Waited
from tests.conformance.scene import Scene, blamed, chat, talk


def conversation() -> Scene:
    """Ann, Bob and Ann have said a word each; the three broadcasts wait for both."""
    scene = chat()
    scene.fence()
    talk(scene, ["ann", "bob", "ann"])
    return scene


def go_on(scene: Scene) -> list[str]:
    """Deliver all of it, let everyone say one more word, and return what was found."""
    scene.deliver()
    scene.fence()
    return blamed(scene)


def test_lost_for_one() -> None:
    scene = conversation()
    del scene.peers["bob"].waiting[0]
    assert go_on(scene) == ["ROOM-2"]


def test_lost_for_its_sender() -> None:
    scene = conversation()
    del scene.peers["bob"].waiting[1]
    assert go_on(scene) == ["ROOM-2"]


def test_lost_for_all() -> None:
    scene = conversation()
    for peer in scene.peers.values():
        del peer.waiting[1]
    assert go_on(scene) == ["ROOM-2"]


def test_lost_at_the_end() -> None:
    scene = conversation()
    scene.peers["bob"].waiting.pop()
    scene.deliver()
    scene.wait_in_vain("bob")
    assert blamed(scene) == ["ROOM-1"]


def hold_back(scene: Scene, seconds: float = 0.0) -> None:
    """Let ann wait in vain for what she says; it comes so long after bob says more."""
    scene.say("ann", scene.nonce())
    kept = {name: peer.waiting.pop() for name, peer in scene.peers.items()}
    scene.wait_in_vain("ann")
    scene.say("bob", scene.nonce())
    scene.tick(seconds)
    for name, unit in kept.items():
        scene.peers[name].waiting.insert(0, unit)
    scene.deliver()


def test_what_is_held_back_until_more_is_said_is_lost() -> None:
    """Nobody need say more, and whoever waits for it waits in vain."""
    scene = chat()
    for _ in range(2):
        hold_back(scene)
    [finding] = scene.findings()
    assert finding.requirement == "ROOM-2"
    assert finding.actual == "ann received it only after more was said, as others before"
    assert "for-all" in finding.signs


@pytest.mark.parametrize("seconds", [[0.0], [1.8], [0.0, 1.8], [1.8, 0.0, 0.0]])
def test_what_a_server_says_that_stood_still_is_late(seconds: list[float]) -> None:
    """It may go on just when more is said, once."""
    scene = chat()
    for each in seconds:
        hold_back(scene, each)
    assert blamed(scene) == []


@pytest.mark.parametrize(("another", "found"), [(False, "ROOM-1"), (True, "ROOM-2")])
def test_only_who_swallows_first_lines_alone_takes_no_newcomers(another: bool, found: str) -> None:
    scene = chat()
    scene.fence()
    scene.connect("eve")
    scene.say("eve", scene.nonce())
    if another:
        scene.say("bob", scene.nonce())
    for peer in scene.peers.values():
        peer.waiting.clear()
    talk(scene, ["eve", "bob"])
    scene.deliver()
    assert set(blamed(scene)) == {found}


@pytest.mark.parametrize(("goes_on", "found"), [(False, "LIM-6"), (True, "ROOM-2")])
def test_one_line_that_is_lost_is_no_standstill(goes_on: bool, found: str) -> None:
    """What members say after they waited for it in vain tells the two from each other."""
    scene = chat()
    scene.fence()
    scene.say("ann", scene.nonce(), exercises=["LIM-6"])
    for peer in scene.peers.values():
        peer.waiting.clear()
    scene.wait_in_vain("ann")
    talk(scene, ["bob", "ann"])
    if goes_on:
        scene.deliver()
    assert blamed(scene) == [found]


def test_whose_end_is_kept_back() -> None:
    """Of the last broadcast only the LF is missing, and so it cannot be read."""
    scene = conversation()
    waiting = scene.peers["bob"].waiting
    waiting[-1] = waiting[-1][:-1]
    scene.deliver()
    assert blamed(scene) == []
    scene.wait_in_vain("bob")
    assert blamed(scene) == ["ROOM-1"]


def test_a_text_without_its_last_lf_did_come() -> None:
    scene = conversation()
    for peer in scene.peers.values():
        peer.waiting[-1] = peer.waiting[-1][:-1]
    scene.deliver()
    scene.wait_in_vain("ann")
    scene.wait_in_vain("bob")
    assert "it came without the LF that ends it" in {one.actual for one in scene.findings()}


@pytest.mark.parametrize(("seconds", "found"), [(0.5, ["ROOM-1"]), (2.5, [])])
def test_what_was_said_a_moment_ago_may_still_come(seconds: float, found: list[str]) -> None:
    """It concerns a newcomer that waited in vain for 3 s, most of them before anybody spoke."""
    scene = chat("ann", "bob")
    scene.connect("eve", accepted=False)
    scene.tick(seconds)
    scene.say("ann", scene.nonce())
    scene.deliver("ann", "bob")
    scene.events.append(Waited(scene.tick(3.0 - seconds), "eve", "a word", 3.0))
    assert blamed(scene) == found


def test_doubled_for_one() -> None:
    scene = conversation()
    scene.peers["bob"].waiting.insert(1, scene.peers["bob"].waiting[1])
    assert go_on(scene) == ["ROOM-2"]


def test_doubled_for_all() -> None:
    scene = conversation()
    for peer in scene.peers.values():
        peer.waiting.insert(1, peer.waiting[1])
    assert go_on(scene) == ["ROOM-2"]


def test_two_orders() -> None:
    scene = conversation()
    waiting = scene.peers["bob"].waiting
    waiting[0], waiting[1] = waiting[1], waiting[0]
    assert go_on(scene) == ["ROOM-3"]


def test_the_smallest_contradiction_is_named() -> None:
    scene = conversation()
    waiting = scene.peers["bob"].waiting
    waiting[0], waiting[1] = waiting[1], waiting[0]
    scene.deliver()
    [finding] = scene.findings()
    assert "bob received bob's line 3 before ann's line 3" in finding.actual
    assert "ann received them the other way round" in finding.actual


def test_three_orders_in_a_circle() -> None:
    """No two of them contradict each other, only all three together."""
    scene = Scene()
    words = [scene.nonce() for _ in range(3)]
    for name, word in zip(("ann", "bob", "cyd"), words, strict=True):
        scene.connect(name, accepted=False)
        scene.say(name, word)
    units = []
    for peer, word in zip(scene.peers.values(), words, strict=True):
        units.append(f"20210703 17:45:39 {peer.sender}\n{word}\n".encode())
    for number, peer in enumerate(scene.peers.values()):
        peer.waiting += [units[number], units[(number + 1) % 3]]
    scene.deliver()
    [finding] = scene.findings()
    assert finding.requirement == "ROOM-3"
    assert finding.actual == (
        "cyd received cyd's line 1 before ann's line 1, while ann received ann's line 1 before "
        "bob's line 1, bob received bob's line 1 before cyd's line 1"
    )


def test_what_was_said_later_stands_before_what_a_member_had_received() -> None:
    """Bob is owed what Ann says after he had received Cyd's word; Eve receives it before that."""
    scene = chat("ann", "cyd")
    scene.connect("bob")
    talk(scene, ["cyd"])
    scene.deliver("bob")
    talk(scene, ["ann"])
    scene.connect("eve").waiting = scene.peers["ann"].waiting[::-1]
    scene.deliver("eve")
    assert blamed(scene) == ["ROOM-3"]


def test_two_who_waited_for_each_others_last_word() -> None:
    scene = Scene()
    for name in ("ann", "bob"):
        scene.connect(name)
        scene.send(name, scene.nonce().encode() + b"\n")
    scene.peers["bob"].member = False
    scene.serve("ann")
    scene.peers["ann"].member, scene.peers["bob"].member = False, True
    scene.serve("bob")
    scene.deliver()
    assert blamed(scene) == []  # each may still be about to receive the other's
    for name in ("ann", "bob"):
        scene.wait_in_vain(name)
    assert blamed(scene) == ["ROOM-2"]


def test_one_senders_messages_swapped_for_all() -> None:
    scene = chat()
    talk(scene, ["ann", "ann"])
    for peer in scene.peers.values():
        peer.waiting.reverse()
    assert go_on(scene) == ["ROOM-4"]


def test_an_effect_before_its_cause() -> None:
    scene = chat("ann", "bob", "eve")
    talk(scene, ["ann"])
    scene.deliver("ann", "bob")
    talk(scene, ["bob"])
    scene.peers["eve"].waiting.reverse()
    assert "ROOM-5" in go_on(scene)


def test_a_late_joiner_misses_nothing_after_its_first() -> None:
    scene = chat()
    scene.connect("eve")
    talk(scene, ["ann", "eve", "ann", "bob"])
    del scene.peers["eve"].waiting[1]
    assert go_on(scene) == ["ROOM-1"]


def test_another_text_in_place_of_one() -> None:
    scene = conversation()
    for peer in scene.peers.values():
        peer.waiting[1] = peer.waiting[1][:-15] + b"something else\n"
    assert go_on(scene) == ["ROOM-2"]


@pytest.mark.parametrize(("heard", "findings"), [(True, ["ROOM-1"]), (False, ["LIM-6"])])
def test_who_is_forgotten_when_many_come_is_not_merely_one_too_many(
    heard: bool, findings: list[str]
) -> None:
    scene = chat()
    scene.say("ann", scene.nonce(), exercises=["LIM-6"])
    if not heard:
        scene.peers["ann"].waiting.clear()
    scene.peers["bob"].waiting.clear()
    scene.deliver()
    for name in ("bob",) if heard else ("ann", "bob"):
        scene.wait_in_vain(name)
    assert blamed(scene) == findings


def test_a_loss_is_laid_to_what_the_line_was_to_exercise() -> None:
    scene = chat()
    scene.say("ann", scene.nonce(), exercises=["FRM-1", "ROOM-2"])
    for peer in scene.peers.values():
        peer.waiting.clear()
    assert go_on(scene) == ["FRM-1"]


def test_what_the_evicted_received_has_no_gap() -> None:
    scene = chat()
    scene.stall("bob")
    for _ in range(1_200):
        scene.say("ann", f"{scene.nonce()} {'x' * 900}")
    scene.deliver("ann")
    scene.resume("bob")
    del scene.peers["bob"].waiting[10]
    scene.read("bob", 50_000)
    scene.reset("bob")
    assert blamed(scene) == ["LIM-4"]


def test_a_connection_that_hears_nothing_of_what_is_said() -> None:
    scene = chat()
    scene.connect("mute", accepted=False)
    for _ in range(4):
        scene.tick(1.0)
        scene.fence()
    scene.wait_in_vain("mute")
    assert blamed(scene) == []  # nothing was said while it waited
    scene.events.pop()
    scene.now -= 3.0
    scene.events.append(Waited(scene.now, "mute", "a word", 3.0))
    assert blamed(scene) == ["ROOM-1"]


@pytest.mark.parametrize(("lines", "findings"), [(70, []), (60, ["ROOM-1"])])
def test_a_slow_reader_is_let_go_when_a_mebibyte_waits(lines: int, findings: list[str]) -> None:
    """It did not record that it stopped reading: the room was only faster than it."""
    scene = chat("ann", "bob", "cyd")
    for _ in range(lines):
        scene.say("ann", scene.nonce() + "x" * 16_000)
        scene.deliver("ann", "bob")
    scene.reset("cyd")
    scene.fence()
    assert blamed(scene) == findings


@pytest.mark.parametrize(
    ("lines", "seconds", "found"),
    [(40, 0.7, ["ROOM-1"]), (40, 0.3, []), (1, 0.7, [])],
    ids=["long-after", "soon-after", "quit-may-be-unread"],
)
def test_what_is_said_later_is_not_for_a_leaver(
    lines: int, seconds: float, found: list[str]
) -> None:
    """One had stopped reading: its server may have read `quit` late, but not the lines before it in
    its segment."""
    scene = chat()
    scene.stall("bob")
    scene.send("bob", "".join(f"{scene.nonce()}\n" for _ in range(lines)).encode() + b"quit\n")
    scene.serve("bob")
    scene.deliver("ann")
    scene.tick(seconds)
    talk(scene, ["ann"])
    scene.peers["bob"].waiting += scene.peers["ann"].waiting
    scene.resume("bob")
    scene.deliver()
    assert blamed(scene) == found


def test_what_was_said_before_is_not_for_a_newcomer() -> None:
    scene = chat()
    talk(scene, ["ann"])
    said = list(scene.peers["bob"].waiting)
    scene.deliver()
    scene.connect("eve").waiting += said
    scene.say("eve", scene.nonce())
    scene.deliver()
    assert blamed(scene) == ["ROOM-1"]


@pytest.mark.parametrize(("loser", "is_blamed"), [("eve", False), ("bob", True)])
def test_what_a_leaver_alone_lacks_is_no_loss_to_the_others(loser: str, is_blamed: bool) -> None:
    scene = chat("ann", "bob", "eve")
    scene.fence()
    scene.half_close("eve")
    scene.say("ann", scene.nonce(), exercises=["ROOM-7"])
    scene.peers[loser].waiting.clear()
    scene.say("ann", scene.nonce(), exercises=["ROOM-7"])
    scene.deliver()
    scene.serve("eve")
    scene.deliver()
    scene.fence()
    assert ("ROOM-7" in blamed(scene)) is is_blamed


@pytest.mark.parametrize(("while_nobody_left", "found"), [(False, "ROOM-7"), (True, "ROOM-2")])
def test_what_comes_twice_is_of_leaving_only_if_nothing_else_does(
    while_nobody_left: bool, found: str
) -> None:
    scene = chat("ann", "bob", "eve")
    for turn in range(4):
        scene.say("ann", scene.nonce(), exercises=["ROOM-7"])
        if turn == 2:
            scene.half_close("eve")
            scene.serve("eve")
        if turn == 2 or (while_nobody_left and not turn):
            for peer in scene.peers.values():
                peer.waiting += peer.waiting[-1:]
        scene.deliver()
        scene.events.append(Settled(scene.tick(), ("ann", "bob")))
    assert blamed(scene) == [found]
