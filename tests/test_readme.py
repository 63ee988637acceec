"""What the README says a user can write and run, can be."""

import re
from pathlib import Path

import pytest

from conformance.target.profile import load_profile

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks("python"))
def test_its_python_runs(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, "README.md", "exec"), {})  # noqa: S102  # our own
    assert capsys.readouterr().out


def test_its_profile_is_one(tmp_path: Path) -> None:
    [block] = blocks("toml")
    path = tmp_path / "server.toml"
    path.write_text(block)
    assert load_profile(path).limits.capacity == 500


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parent.parent / target).exists(), target
