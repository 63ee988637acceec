"""The guide's blocks, put together as they stand, are a conformant server; its picture is true."""

import re
from pathlib import Path

import pytest

from chatproto import TRANSITIONS, State, Step
from tests.docs.draw_states import GUIDE, MARK, draw_lifecycle
from tests.examples.suite import judge
from tests.spec.standard import between

TEXT = GUIDE.read_text(encoding="utf-8")


@pytest.mark.heavy
@pytest.mark.long
def test_its_blocks_are_a_conformant_server(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    server = tmp_path / "server.py"
    server.write_text("\n\n".join(blocks))
    judge(server, tmp_path, "{address}")


def test_it_shows_the_table_the_library_runs_by() -> None:
    assert between(TEXT, MARK) == draw_lifecycle()


def test_the_picture_has_every_move_and_no_other() -> None:
    drawn = {
        (State[before], Step[step]): State[after]
        for before, after, steps in re.findall(r"^    (\w+) --> (\w+): (.+)$", TEXT, re.MULTILINE)
        for step in steps.split(", ")
    }
    assert drawn == {move: after for move, after in TRANSITIONS.items() if move[0] is not after}
    assert re.findall(r"^    (\w+) --> \[\*\]$", TEXT, re.MULTILINE) == ["CLOSED", "ABORTED"]


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (GUIDE.parent / target).exists(), target
