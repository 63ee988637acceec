"""Draws the standard's tables of states from the library's table of transitions.

`python -m tests.spec.draw_states` writes them into the document, between its two marks.
"""

from typing import Final

from chatproto import TRANSITIONS, State, Step
from tests.spec.standard import DOCUMENT, document

BEGIN: Final = "<!-- states: begin -->\n"
END: Final = "<!-- states: end -->\n"
LEGEND: Final = """\
Each row is a state, each column a step, and each cell the next state. A dash marks a step that
cannot happen in that state.
"""


def draw_states() -> str:
    """Draw the states, the steps, and where each step leads each state."""
    states = [[state.name, state.value] for state in State]
    steps = [[step.name, step.value] for step in Step]
    moves = [[state.name, *(_next(state, step) for step in Step)] for state in State]
    return "\n".join(
        [
            _table(["state", "meaning"], states),
            _table(["step", "meaning"], steps),
            LEGEND,
            _table(["", *(step.name for step in Step)], moves),
        ]
    )


def _next(state: State, step: Step) -> str:
    after = TRANSITIONS.get((state, step))
    return after.name if after else "—"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def drawn_in(text: str) -> str:
    """Find what stands between the marks."""
    return text.partition(BEGIN)[2].partition(END)[0]


def redraw(text: str) -> str:
    """Put the tables between the marks."""
    before, begin, rest = text.partition(BEGIN)
    return f"{before}{begin}{draw_states()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    DOCUMENT.write_text(redraw(document()), encoding="utf-8")
