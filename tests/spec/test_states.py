"""The document's tables of states are those the library runs by."""

from chatproto import TRANSITIONS, State, Step
from tests.spec.draw_states import BEGIN, END, draw_states, drawn_in, redraw
from tests.spec.standard import document


def test_the_document_shows_the_table_the_library_runs_by() -> None:
    assert document().count(BEGIN) == document().count(END) == 1
    assert drawn_in(document()) == draw_states()


def test_drawing_again_changes_nothing() -> None:
    assert redraw(document(), draw_states()) == document()


def test_the_tables_can_be_read_back() -> None:
    rows = [line.strip("|").split("|") for line in draw_states().splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in row] for row in rows]
    matrix = [row for row in cells if len(row) == len(Step) + 1]
    steps, _, *moves = matrix
    assert {
        (State[state], Step[step]): State[after]
        for state, *afters in moves
        for step, after in zip(steps[1:], afters, strict=True)
        if after != "—"
    } == dict(TRANSITIONS)
    meanings = dict(row for row in cells if len(row) == 2)
    assert all(meanings[each.name] == each.value for each in (*State, *Step))
