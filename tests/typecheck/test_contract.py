"""mypy --strict and pyright's strict mode accept what they should, and find each wrong line."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

HERE = Path(__file__).parent
_EXPECTED = re.compile(r"# error: ([a-z-]+)$")
_FOUND = re.compile(r"(.+):(\d+): error: .*\[([a-z-]+)\]")

Place = tuple[str, int]
"""A file's name and a line's number."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs in another directory, without any configuration but their own."""
    copy = tmp_path_factory.mktemp("programs")
    for program in [HERE / "accepted.py", *(HERE / "rejected").glob("*.py")]:
        shutil.copy(program, copy)
    return copy


def expected(folder: Path) -> dict[Place, str]:
    """Return the lines that are marked as wrong, each with mypy's code; `pyright` if it has
    none."""
    return {
        (program.name, number): match[1]
        for program in folder.glob("*.py")
        for number, line in enumerate(program.read_text().splitlines(), 1)
        if (match := _EXPECTED.search(line))
    }


def test_each_rejected_program_says_why(copy: Path) -> None:
    marked = {name for name, _ in expected(copy)}
    assert marked == {program.name for program in (HERE / "rejected").glob("*.py")}
    assert len(marked) >= 14


def test_mypy_finds_each_wrong_line_and_no_other(copy: Path) -> None:
    said, wrong, _ = api.run(
        [
            "--strict", "--no-pretty", "--hide-error-context", "--no-error-summary",
            "--config-file=", "--cache-dir", str(copy / "cache"),
            "--python-executable", sys.executable, str(copy),
        ]
    )  # fmt: skip
    assert not wrong
    found = [_FOUND.fullmatch(line) for line in said.splitlines() if ": error: " in line]
    assert all(found), said
    places = {(Path(match[1]).name, int(match[2])): match[3] for match in found if match}
    assert places == {place: code for place, code in expected(copy).items() if code != "pyright"}, (
        said
    )


def test_pyright_finds_each_wrong_line_and_no_other(copy: Path) -> None:
    (copy / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    command = [sys.executable, "-m", "pyright"]
    try:
        subprocess.run([*command, "--version"], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"pyright does not run here: {error.stderr.decode().strip()[-200:]}")
    done = subprocess.run(
        [*command, "--outputjson", "--pythonpath", sys.executable, "--project", str(copy)],
        capture_output=True,
        check=False,
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    places = {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in found
        if each["severity"] == "error"
    }
    assert places == set(expected(copy)), found
