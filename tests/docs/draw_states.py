"""Draws the states, for the standard and for the guide, from the library's table of transitions.

`python -m tests.spec.draw_states` writes the tables into the standard and the diagram into the
guide to embedding, each between its two marks.
"""

from pathlib import Path
from typing import Final

from chatproto import TRANSITIONS, State, Step
from tests.spec.standard import DOCUMENT, document

GUIDE: Final = Path(__file__).parents[2] / "docs" / "embedding.md"
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


def draw_lifecycle() -> str:
    """Draw the states as a diagram, an arrow for all steps that lead from one to another."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (before, step), after in TRANSITIONS.items():
        if before is not after:
            arrows.setdefault((before, after), []).append(step.name)
    left = {before for before, _ in arrows}
    lines = [
        f"[*] --> {State.OPEN.name}",
        *(f"{a.name} --> {b.name}: {', '.join(steps)}" for (a, b), steps in arrows.items()),
        *(f"{state.name} --> [*]" for state in State if state not in left),
    ]
    diagram = "".join(f"    {line}\n" for line in lines)
    states = _table(["state", "meaning"], [[state.name, state.value] for state in State])
    steps = _table(["step", "meaning"], [[step.name, step.value] for step in Step])
    return f"```mermaid\nstateDiagram-v2\n{diagram}```\n\n{states}\n{steps}"


def drawn_in(text: str) -> str:
    """Find what stands between the marks."""
    return text.partition(BEGIN)[2].partition(END)[0]


def redraw(text: str, drawing: str) -> str:
    """Put a drawing between the marks."""
    before, begin, rest = text.partition(BEGIN)
    return f"{before}{begin}{drawing}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    DOCUMENT.write_text(redraw(document(), draw_states()), encoding="utf-8")
    guide = GUIDE.read_text(encoding="utf-8")
    GUIDE.write_text(redraw(guide, draw_lifecycle()), encoding="utf-8")
