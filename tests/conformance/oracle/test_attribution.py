"""The attribution table is whole, and each control in it decides."""

import pytest

from conformance.oracle.attribution import TABLE, precedence, rows_of, words_of
from conformance.oracle.facts import Kind
from conformance.standard.requirements import Scope, requirements
from conformance.transcript.events import Waited
from tests.conformance.scene import Scene, blamed, chat

ALWAYS_SENT_TO_EXERCISE = {Kind.LATE}
"""What is only detected of lines that were sent to exercise one of the themes of its row."""


@pytest.mark.parametrize("kind", Kind)
def test_every_fact_is_attributed(kind: Kind) -> None:
    rows = [row for row in TABLE if row.kind is kind]
    assert rows
    certain = [row for row in rows if row.when is None and not row.themes and row.control is None]
    assert certain == rows[-1:] or kind in ALWAYS_SENT_TO_EXERCISE


@pytest.mark.parametrize(
    "id_",
    [
        one.id
        for one in requirements().values()
        if one.kind in (Scope.WIRE, Scope.MANAGED) and one.section != "res"
    ],
)
def test_every_requirement_has_a_row(id_: str) -> None:
    rows = rows_of(id_)
    assert rows
    for row in rows:
        assert all(words_of(row)) or row.when is None


def test_precedence_is_the_order_of_the_table() -> None:
    [row] = [row for row in rows_of("LIM-4") if row.kind is Kind.LOST and row.requirement]
    gives_way_to, precedes = precedence(row)
    assert "ROOM-1" in precedes
    assert "ROOM-1" not in gives_way_to


def with_a_special_line(exercises: str, text: str) -> Scene:
    """Ann says a plain word, a special line and a plain word; the broadcasts wait to be read."""
    scene = chat()
    scene.fence()
    scene.say("ann", scene.nonce())
    scene.deliver()
    scene.say("ann", scene.nonce() + text, exercises=[exercises])
    return scene


def lose(scene: Scene) -> None:
    for peer in scene.peers.values():
        peer.waiting.clear()


def test_a_special_line_is_blamed_where_plain_ones_around_it_came() -> None:
    scene = with_a_special_line("TXT-5", "<b>")
    lose(scene)
    scene.fence()
    assert blamed(scene) == ["TXT-5"]


def test_no_special_line_is_blamed_where_plain_ones_are_lost_as_well() -> None:
    scene = with_a_special_line("TXT-5", "<b>")
    lose(scene)
    scene.fence()
    scene.say("ann", scene.nonce())
    lose(scene)
    scene.fence()
    assert blamed(scene) == ["ROOM-2"]


def test_no_special_line_is_blamed_that_came_when_it_was_said_again() -> None:
    scene = with_a_special_line("TXT-5", "<b>")
    lose(scene)
    scene.fence()
    scene.say("ann", scene.nonce() + "<b>", exercises=["TXT-5"])
    scene.fence()
    assert blamed(scene) == ["ROOM-2"]


def mute(scene: Scene, name: str, text: str) -> None:
    """Let no more of what a client says be broadcast, from this text on; another client talks
    on."""
    scene.say(name, scene.nonce())
    scene.deliver()
    for octets in (text, "", ""):
        scene.say(name, scene.nonce() + octets, exercises=["TXT-5"] if octets else [])
        lose(scene)
    scene.events.append(Waited(scene.tick(3.0), name, "a word", 3.0))
    scene.say("bob", scene.nonce())
    scene.deliver()


@pytest.mark.parametrize(
    ("second", "found"), [("<b>", ["TXT-5"]), ("&amp;", ["ROOM-2"]), (None, ["TXT-5"])]
)
def test_what_mutes_a_member_must_mute_another(second: str | None, found: list[str]) -> None:
    scene = chat("ann", "bob", "cyd")
    mute(scene, "ann", "<b>")
    if second is not None:
        mute(scene, "cyd", second)
    assert blamed(scene) == found
    assert len(scene.findings()) == (1 if second is None else 2)
