"""The specimens' command says what it is asked, and clearly where it cannot."""

import subprocess
import sys

import pytest

from conformance.specimens import CATALOGUE


def test_the_list_names_them() -> None:
    listed = _specimens("--list")
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in CATALOGUE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["correct"], "a name and a port"), (["corect", "1"], "the nearest is 'correct'")],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    wrong = _specimens(*arguments)
    assert wrong.returncode == 2
    assert said in wrong.stderr


def _specimens(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance.specimens", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
