"""The specimens' command says what it is asked, and clearly where it cannot."""

import subprocess
import sys

import pytest

from conformance.specimens import CATALOGUE, find


def test_the_list_names_them() -> None:
    listed = _specimens("--list")
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in CATALOGUE)


def test_each_is_found_by_its_name_and_loads_no_more_than_it_needs() -> None:
    assert all(find(name) is CATALOGUE[name] for name in CATALOGUE)
    code = "import sys, conformance.specimens as s; s.find('stays-open'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert "dialects" in loaded
    assert not loaded & {"legal", "stages", "faults_framing", "dataclasses"}


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
