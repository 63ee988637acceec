"""The oracle on what a server takes of the machine, RES-1 and RES-2, and on dead peers, HB-2."""

import pytest

from conformance.transcript.events import (
    Counted,
    Exited,
    Limited,
    Rested,
    Settled,
    Sought,
    Vanished,
)
from tests.conformance.scene import Scene, blamed, chat


def rested(cpu_s: float) -> Scene:
    """A scene in which nothing is said for half a second."""
    scene = Scene()
    scene.join("ann", "bob")
    scene.events.append(Rested(scene.tick(0.5), 0.5, cpu_s))
    scene.fence()
    return scene


def test_a_server_that_rests_is_accepted() -> None:
    assert rested(0.04).findings() == []


def test_a_server_that_spins_is_found() -> None:
    [finding] = rested(0.06).findings()
    assert finding.requirement == "RES-1"
    assert "0.06 s" in finding.actual


def want(*, after: bool) -> Scene:
    """A scene in which the server closes the connection of Eve, who connected while it had no
    descriptor for her, or after that."""
    scene = Scene()
    scene.join("ann", "bob")
    scene.events.append(Limited(scene.tick(), ended=False))
    if after:
        scene.events.append(Limited(scene.tick(), ended=True))
    scene.connect("eve", accepted=False)
    scene.end("eve")
    scene.fence()
    return scene


def test_who_found_no_descriptor_may_be_let_go() -> None:
    assert want(after=False).findings() == []


def test_who_came_when_there_was_one_again_may_not() -> None:
    assert [finding.requirement for finding in want(after=True).findings()] == ["RES-2"]


def test_a_member_who_is_not_served_meanwhile_breaks_what_it_was_to_show() -> None:
    scene = Scene()
    scene.join("ann", "bob")
    scene.events.append(Limited(scene.tick(), ended=False))
    scene.send("ann", b"n0ddba1x99999z\n", exercises=["RES-2"])
    scene.wait_in_vain("ann", "n0ddba1x99999z", exercises=["RES-2"])
    assert {finding.requirement for finding in scene.findings()} == {"RES-2"}


@pytest.mark.parametrize(("found", "broken"), [(True, set()), (False, {"HB-2"})])
def test_a_dead_peer_is_to_be_found(found: bool, broken: set[str]) -> None:
    """It is owed nothing of what is said meanwhile."""
    scene = Scene()
    scene.join("ann", "bob", "eve")
    scene.events.append(Vanished(scene.tick(), "eve"))
    scene.say("ann", scene.nonce())
    scene.deliver("ann", "bob")
    scene.events.append(Sought(scene.tick(300.0), "eve", 300.0, found))
    scene.peers["eve"].member = False
    scene.peers["eve"].waiting.clear()
    scene.fence()
    assert {finding.requirement for finding in scene.findings()} == broken


@pytest.mark.parametrize(
    ("counts", "broken"),
    [([20, 40, 60, 80], {"RES-2"}), ([20, 40, 60, 61], set()), ([20, 40, 60], set())],
    ids=["kept", "kept-at-first", "too-few-waves"],
)
def test_descriptors_are_given_back(counts: list[int], broken: set[str]) -> None:
    scene = Scene()
    scene.join("ann", "bob")
    scene.events += [Counted(scene.tick(), 20, count) for count in counts]
    assert {finding.requirement for finding in scene.findings()} == broken


@pytest.mark.parametrize(("speaks", "broken"), [(True, "ROOM-7"), (False, "RES-2")])
def test_a_server_that_has_admitted_somebody_again_dies_of_something_else(
    speaks: bool, broken: str
) -> None:
    scene = chat()
    scene.events.append(Limited(scene.tick(), ended=False))
    scene.fence()
    scene.events.append(Limited(scene.tick(), ended=True))
    if speaks:
        scene.join("eve")
        scene.fence()
        scene.events.append(Settled(scene.tick(), ("ann", "bob", "eve")))
        scene.fence()
    else:
        scene.connect("eve")
    scene.abort("eve")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == [broken]
