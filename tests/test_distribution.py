"""The wheel holds all there is, and works from another folder with nothing of the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built, unpacked = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("unpacked")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(built), str(ROOT)],
        check=True,
        capture_output=True,
    )
    [wheel] = built.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)  # our own
    return unpacked


def test_it_has_the_standard_and_the_types(unpacked: Path) -> None:
    for name in (
        "chatproto/py.typed", "reference_server/py.typed", "clustered_server/py.typed",
        "conformance/py.typed",
        "chat_client/py.typed", "pytest_chatproto/py.typed",
        "conformance/spec/chatproto-1.md", "conformance/spec/grammar.abnf",
        "conformance/spec/vectors/lines.json", "conformance/spec/implement.md",
    ):  # fmt: skip
        assert (unpacked / name).is_file(), name
    assert not (unpacked / "tests").exists()


def test_it_depends_on_nothing_but_by_extras(unpacked: Path) -> None:
    [metadata] = unpacked.glob("*.dist-info/METADATA")
    required = [line for line in metadata.read_text().splitlines() if line.startswith("Requires-D")]
    assert all("extra ==" in line for line in required)


def test_it_works_from_another_folder(unpacked: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        program = f"import sys, runpy; sys.path.insert(0, {str(unpacked)!r}); "
        program += f"sys.argv = {list(arguments)!r}; runpy.run_module({arguments[0]!r}, "
        program += "run_name='__main__', alter_sys=True)"
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert "QUIT-3" in run("conformance", "explain", "QUIT-3")
    assert "--listen" in run("reference_server", "--help")
    assert "--replicas" in run("clustered_server", "--help")
    assert "--plain" in run("chat_client", "--help")


def test_a_zipped_checkout_finds_the_standard_and_its_data(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "checkout.zip", "w") as archive:
        for folder in ("chatproto", "conformance", "spec"):
            for path in (ROOT / folder).rglob("*"):
                if "__pycache__" not in path.parts:
                    archive.write(path, path.relative_to(ROOT))

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "conformance", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "checkout.zip")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "QUIT-3" in run("explain", "QUIT-3")
    assert "one-read-one-message" in run("explain", "read-ends-a-line")
    assert "slash-dates" in run("profiles")
