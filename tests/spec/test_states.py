"""The document's transitions are those that the library runs by, and its diagram shows them all."""

from chatproto import TRANSITIONS, State, Step
from tests.spec.standard import rows, section

OVER = [State.CLOSED, State.ABORTED]


def test_the_document_s_transitions_are_the_library_s() -> None:
    table = rows(section("Transitions"))
    assert {
        (State[state], step): State[after]
        for state, name, after, _ in table
        for step in (Step if name == "any" else [Step[name]])
    } == dict(TRANSITIONS)
    assert all(puts_out for *_, puts_out in table)


def test_each_transition_has_one_row() -> None:
    keys = [(state, step) for state, step, *_ in rows(section("Transitions"))]
    assert len(set(keys)) == len(keys)
    assert [state for state, step in keys if step == "any"] == [state.name for state in OVER]


def test_every_state_and_step_has_a_meaning() -> None:
    named = [name for name, _ in rows(section("States of a connection"))]
    assert named == [each.name for each in (*State, *Step)]


def test_the_diagram_shows_each_state_and_each_step() -> None:
    diagram = section("State diagram")
    for each in (*State, *Step):
        assert each.name in diagram
