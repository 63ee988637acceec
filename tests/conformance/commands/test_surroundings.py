"""Nothing around a run bends its verdict or loses its report: streams, files, the environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.commands.cli import main
from conformance.commands.outputs import Outputs
from tests.conformance.command import REFERENCE, specimen

RUN = f"{sys.executable} -m conformance run --only FRM-3 --json r.json"
SOUND = f"{RUN} --launch '{REFERENCE}'"


def shell(command: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],  # noqa: S607  # wherever it is
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("after", "environment"),
    [
        (">&-", {}),
        ("2>&-", {}),
        ("<&- >&- 2>&-", {}),
        ("> /dev/full", {}),
        ("", {"PYTHONIOENCODING": "ascii", "COLUMNS": "0"}),
        ("", {"LC_ALL": "en_US.ISO-8859-1", "PYTHONIOENCODING": "latin-1", "COLUMNS": "wide"}),
        ("", {"PYTEST_PLUGINS": "not_there", "GITHUB_STEP_SUMMARY": "not/there"}),
        ("", {"PYTEST_ADDOPTS": "--not-there"}),
    ],
)
def test_the_verdict_and_the_report_stay(
    after: str, environment: dict[str, str], tmp_path: Path
) -> None:
    done = shell(f"{SOUND} {after}", tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] == "conformant"


def test_few_descriptors_are_not_the_servers_fault(tmp_path: Path) -> None:
    run = f"{sys.executable} -m conformance run --json r.json --only LIM-6 --launch '{REFERENCE}'"
    done = shell(f"ulimit -n 128; {run}", tmp_path)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "the suite had no file descriptor left" in done.stdout
    statuses = {
        one["id"]: one for one in json.loads((tmp_path / "r.json").read_text())["scenarios"]
    }
    assert {one["status"] for one in statuses.values()} == {"unknown"}
    assert not any(one["findings"] for one in statuses.values())


def test_an_ascii_stream_shows_the_failure(tmp_path: Path) -> None:
    run = (
        f"{RUN} --only frm/many-lines-in-one-segment --launch '{specimen('one-read-one-message')}'"
    )
    done = shell(run, tmp_path, PYTHONIOENCODING="ascii", COLUMNS="50")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.isascii()
    assert "?" not in done.stdout.partition("next:")[0]
    assert max(map(len, done.stdout.partition("next:")[0].splitlines()[1:])) <= 50


def test_a_reader_that_goes_takes_nothing_along(tmp_path: Path) -> None:
    done = shell(f"set -o pipefail; {SOUND} | true; echo ${{PIPESTATUS[0]}}", tmp_path)
    assert done.stdout == "0\n"
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] == "conformant"


def test_few_descriptors_are_made_more(tmp_path: Path) -> None:
    done = shell(f"ulimit -Sn 64; {RUN},LIM-6 --launch '{REFERENCE}'", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_cannot_be_written_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    done = shell(f"{SOUND} --html /dev/full --junit r.xml", tmp_path)
    assert done.returncode == 3
    assert "cannot write /dev/full: No space left on device" in done.stderr
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] == "conformant"


def test_a_transcript_that_cannot_be_written_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    (tmp_path / "kept" / "frm.cr-lf-works-as-lf.jsonl").mkdir(parents=True)
    done = shell(f"{SOUND} --transcripts kept", tmp_path)
    assert done.returncode == 3
    assert "1 transcripts into kept, the first is that of frm/cr-lf-works-as-lf" in done.stderr
    assert "conformant" in done.stdout
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] == "conformant"


def test_too_few_descriptors_for_anything_are_no_verdict(tmp_path: Path) -> None:
    done = shell(f"ulimit -n 32; {SOUND}", tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "only 32 files may be open here" in done.stderr


def test_a_directory_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    done = shell(f"cd gone; rmdir ../gone; {sys.executable} -P -m conformance list", tmp_path)
    assert done.returncode == 3
    assert done.stderr.strip().endswith("no longer exists; change to another")
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_does_not_fit_is_said_and_leaves_no_half(tmp_path: Path) -> None:
    done = shell(f"ulimit -f 8; {SOUND} --junit r.xml", tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "cannot write r.json: File too large" in done.stderr
    assert not (tmp_path / "r.json").exists()
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")


def test_octets_that_are_no_utf_8_lose_no_report(tmp_path: Path) -> None:
    launch = f"\"sh -c '{REFERENCE}' \"$'\\xff'"
    done = shell(f"{RUN} --html r.html --junit r.xml --transcripts t --launch {launch}", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] == "conformant"
    assert (tmp_path / "r.html").exists()
    assert (tmp_path / "r.xml").exists()


def test_a_form_of_report_that_breaks_down_takes_no_other_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    outputs = Outputs()
    outputs.write(tmp_path / "broken", lambda: str(1 // 0))
    outputs.write(tmp_path / "sound", lambda: "sound")
    said = capsys.readouterr().err
    assert outputs.failed
    assert f"no {tmp_path / 'broken'}: the suite itself broke down (ZeroDivisionError" in said
    assert "Traceback" not in said
    assert (tmp_path / "sound").read_text() == "sound"


def test_an_unexpected_error_goes_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(**_: object) -> None:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr("conformance.commands.cli.cli.main", break_down)
    monkeypatch.setattr("conformance.commands.cli.tolerate_failing_streams", lambda: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    [path] = tmp_path.iterdir()
    assert ended.value.code == 3
    assert "nobody expected this" in said
    assert str(path) in said
    assert "Traceback" not in said
    assert "Traceback" in path.read_text()


def test_a_lane_that_still_judges_does_not_change_the_status() -> None:
    program = """
import atexit, threading
from conformance.commands import cli
threading.Thread(target=threading.Event().wait, name="lane", daemon=True).start()
cli.cli.main = lambda **_: 4
atexit.register(print, "threads are ended")
cli.main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (4, "")


def test_a_run_of_a_server_imports_nothing_that_only_others_need() -> None:
    code = "import sys, conformance.commands.run; print(*sys.modules)"
    imported = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=120, check=True
    ).stdout.split()
    assert not {"pyte", "pytest", "hypothesis"}.intersection(imported)
