"""Attribution needs a control, which shows that nothing else explains a fault."""

from dataclasses import replace

import pytest

from conformance.dialect import Dialect
from conformance.transcript.events import Exited, Received, Settled
from tests.conformance.scene import START, Scene, blamed, chat


def test_what_a_server_puts_before_a_text_for_one_is_no_other_broadcast() -> None:
    """Where nothing opens a broadcast, a greeting without an end stands in the line of the next."""
    scene = Scene(replace(START, dialect=Dialect(header="", infix="")))
    for name in ("ann", "bob"):
        scene.connect(name)
    for greeting in (b"", b"", b"Connected!", b""):
        word = scene.nonce().encode()
        scene.send("ann", word + b"\n")
        scene.events.append(Received(scene.tick(), "ann", word + b"\n"))
        scene.events.append(Received(scene.tick(), "bob", greeting + word + b"\n"))
    assert "TRN-2" in blamed(scene)
    assert "MSG-3" not in blamed(scene)


@pytest.mark.parametrize(("stays", "found"), [(True, ["ROOM-2"]), (False, [])])
def test_nobody_need_hear_what_is_said_when_all_others_have_left(
    stays: bool, found: list[str]
) -> None:
    """Where senders receive no echo."""
    scene = Scene(replace(START, dialect=Dialect(echo=False), addresses="unsure"))
    for name in ("ann", "bob"):
        scene.connect(name)
    for speaker, hearer in (("ann", "bob"), ("bob", "ann")):
        scene.say(speaker, scene.nonce())
        scene.peers[speaker].waiting.clear()
        scene.deliver(hearer)
    if not stays:
        scene.half_close("bob")
        scene.serve("bob")
        scene.deliver()
    scene.say("ann", scene.nonce())
    for peer in scene.peers.values():
        peer.waiting.clear()
    scene.wait_in_vain("ann")
    assert [one for one in blamed(scene) if one.startswith("ROOM")] == found


@pytest.mark.parametrize(("members", "found"), [(20, ["LIM-6"]), (3, ["ROOM-7"])])
def test_a_server_that_dies_when_many_have_come(members: int, found: list[str]) -> None:
    """And nobody has said anything: those who left before have nothing to do with it."""
    scene = Scene(replace(START, words=("n0ddba0",)))
    for number in range(members):
        scene.connect(f"c{number}")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == found


@pytest.mark.parametrize(("rest", "found"), [(b"half", "FRM-4"), (b"whole\n", "ROOM-2")])
def test_an_empty_broadcast_without_a_name(rest: bytes, found: str) -> None:
    """It is what is left of an incomplete line where who ends between lines causes none."""
    scene = Scene(replace(START, dialect=Dialect(prefix=": ", header="", infix="")))
    for name in ("ann", "eve", "bob"):
        scene.connect(name)
    for leaver in ("eve", "bob"):
        word = scene.nonce().encode()
        scene.send("ann", word + b"\n")
        scene.events.append(Received(scene.tick(), "ann", b": " + word + b"\n"))
        scene.events.append(Settled(scene.tick(), ("ann",)))
        if leaver == "bob":
            scene.send("bob", rest)
        if leaver == "eve" or found == "FRM-4":
            scene.half_close(leaver)
    scene.events.append(Received(scene.tick(), "ann", b": \n"))
    assert found in blamed(scene)
    assert {"FRM-4", "QUIT-5"}.difference({found}).isdisjoint(blamed(scene))


def test_what_is_broadcast_in_place_of_a_line_that_does_not_decode() -> None:
    scene = chat()
    scene.send("bob", b"\xff\n")
    label = scene.peers["bob"].sender.encode()
    for peer in scene.peers.values():
        peer.waiting.append(b"20210703 17:45:39 " + label + b"\n\xef\xbf\xbd\n")
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["TXT-2"]


@pytest.mark.parametrize(("lost", "found"), [(0, ["ROOM-2"]), (2, ["QUIT-5"])])
def test_leaving_costs_the_end_of_what_was_said_and_nothing_in_its_midst(
    lost: int, found: list[str]
) -> None:
    scene = chat("ann", "bob", "eve")
    words = [scene.nonce() for _ in range(3)]
    scene.send("eve", "".join(f"{word}\n" for word in words).encode(), exercises=["QUIT-5"])
    scene.half_close("eve")
    scene.serve("eve")
    for peer in scene.peers.values():
        peer.waiting = [unit for unit in peer.waiting if words[lost].encode() not in unit]
    scene.deliver()
    scene.fence()
    assert blamed(scene) == found


@pytest.mark.parametrize(("hears_on", "found"), [(False, "QUIT-3"), (True, "QUIT-1")])
def test_a_leaver_that_is_kept_is_a_member_still_if_it_hears_on(hears_on: bool, found: str) -> None:
    scene = chat()
    scene.send("bob", b"quit\n", exercises=["QUIT-1"])
    if not hears_on:
        scene.serve("bob")
        scene.peers["bob"].ended = False
    scene.wait_in_vain("bob", "the end of the connection")
    scene.say("ann", scene.nonce())
    scene.deliver()
    assert {"QUIT-1", "QUIT-3"}.intersection(blamed(scene)) == {found}


def test_who_ended_its_own_side_may_be_let_go_for_that() -> None:
    """Not for the violation before it: of a notice that does not come nothing can be said."""
    scene = chat()
    scene.send("bob", b"x" * 1_048_577)
    scene.half_close("bob")
    scene.serve("bob")
    scene.peers["bob"].waiting.clear()
    scene.deliver()
    scene.fence()
    assert blamed(scene) == []
