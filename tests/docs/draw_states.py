"""Draws the states for the guide, from the library's table of transitions.

`python -m tests.docs.draw_states` writes the diagram into the guide to embedding, between its two
marks. The standard's own table is written by hand: `tests/spec/test_states.py` holds the library
against it.
"""

from pathlib import Path
from typing import Final

from chatproto import TRANSITIONS, State, Step
from tests.spec.standard import replace_between

GUIDE: Final = Path(__file__).parents[2] / "docs" / "embedding.md"
MARK: Final = "states"


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


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    guide = GUIDE.read_text(encoding="utf-8")
    GUIDE.write_text(replace_between(guide, MARK, draw_lifecycle()), encoding="utf-8")
