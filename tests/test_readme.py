"""The README is short, and what it and its pages show can be run."""

import re
from pathlib import Path

import pytest

from conformance.target.profile import load_profile

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
JUDGE = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_it_is_short() -> None:
    assert len(README.split()) <= 1_200


@pytest.mark.parametrize("block", blocks(README, "python"))
def test_its_python_runs(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, "README.md", "exec"), {})  # noqa: S102  # our own
    assert capsys.readouterr().out


def test_the_profile_that_is_shown_is_one(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text("\n".join(blocks(JUDGE, "toml")))
    profile = load_profile(path)
    assert profile.limits.capacity == 500
    assert profile.cluster is not None
    assert [fault.name for fault in profile.cluster.faults] == ["leader-killed"]


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
