"""The command: what it writes, what it prints, and what it says of files that are no reports."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from conformance.commands.cli import cli
from conformance.report.model import CauseReport, Report
from tests.conformance.samples import altered, passing, played, report

PUBLISHED = Path(__file__).parents[3] / "docs" / "report.schema.json"


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Path]:
    """Two reports: one of a server without a name, and of one that is conformant."""
    mine, good = tmp_path / "mine.json", tmp_path / "other.json"
    _save(report(played(altered()), name=None), mine)
    _save(passing(), good)
    return mine, good


def _save(whole: Report, path: Path) -> None:
    path.write_text(whole.model_dump_json(indent=2, by_alias=True))


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in ("report", *arguments)])


def test_the_schema_of_reports_is_as_published() -> None:
    """docs/report.schema.json is what `report --schema` prints, and a report is as it says."""
    shown = _run("--schema").output
    assert shown == PUBLISHED.read_text()
    schema = json.loads(shown)
    whole = report(played(altered()))
    whole.causes = [
        CauseReport(
            family="one-read-one-message",
            specimens=["one-read-one-message", "read-ends-a-line"],
            confidence="almost-certain",
            explains=["FRM-1"],
            shown_by="frm/many-lines-in-one-segment",
        )
    ]
    whole.unexplained = ["TXT-5"]
    written = json.loads(whole.model_dump_json(by_alias=True))
    jsonschema.Draft202012Validator(schema).validate(written)
    assert written["causes"] == [
        {
            "family": "one-read-one-message",
            "specimens": ["one-read-one-message", "read-ends-a-line"],
            "confidence": "almost-certain",
            "explains": ["FRM-1"],
            "shown_by": "frm/many-lines-in-one-segment",
            "instead_of": None,
        }
    ]
    assert written["unexplained"] == ["TXT-5"]


def test_it_writes_all_it_is_asked_for(saved: tuple[Path, Path], tmp_path: Path) -> None:
    html, markdown, svg, endpoint = (tmp_path / name for name in ("a.html", "a.md", "a.svg", "b"))
    result = _run(
        *saved, "--html", html, "--markdown", markdown, "--badge", svg, "--badge-json", endpoint
    )
    assert result.exit_code == 0, result.output
    assert html.read_text().startswith("<!DOCTYPE html>")
    assert markdown.read_text().startswith("## chatproto/1: 1 of 2 conformant")
    assert svg.read_text().startswith("<svg")
    assert json.loads(endpoint.read_text())["message"] == "1 of 2 conformant"


def test_it_prints_a_line_for_each(saved: tuple[Path, Path]) -> None:
    first, second = _run(*saved).output.splitlines()
    assert first.startswith("mine: non-conformant (MUST ")
    assert ", 2 fail, " in first
    assert second.startswith("good: conformant (MUST ")


def test_an_older_report_without_events_is_shown(saved: tuple[Path, Path], tmp_path: Path) -> None:
    whole = json.loads(saved[0].read_text())
    for scenario in whole["scenarios"]:
        for finding in scenario["findings"]:
            for name in ("lines", "stretch", "crossing"):
                del finding[name]
    saved[0].write_text(json.dumps(whole))
    html = tmp_path / "a.html"
    assert _run(saved[0], "--html", html).exit_code == 0
    assert "another text" in html.read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[]", "object"),
        (b'{"schema": 1, "specimens": []}', "suite: Field required"),
        (b'{"schema": 2}', "schema: Input should be 1"),
        (b"{}", "and "),
    ],
)
def test_what_is_no_report_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "no-report.json"
    path.write_bytes(content)
    result = _run(path, "--html", tmp_path / "a.html")
    assert result.exit_code == 2
    assert "no-report.json: not a report of chatproto-conformance run --json" in result.output
    assert said in result.output
    assert not (tmp_path / "a.html").exists()


def test_a_wrong_value_is_named_with_its_place(saved: tuple[Path, Path]) -> None:
    whole = json.loads(saved[0].read_text())
    whole["requirements"][3]["status"] = "maybe"
    saved[0].write_text(json.dumps(whole))
    result = _run(*saved)
    assert result.exit_code == 2
    assert "requirements.3.status: Input should be" in result.output


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = _run(tmp_path / "nowhere.json")
    assert result.exit_code == 2
    assert "nowhere.json: No such file or directory" in result.output


def test_a_file_that_cannot_be_written_is_named(saved: tuple[Path, Path], tmp_path: Path) -> None:
    result = _run(*saved, "--badge", tmp_path / "nowhere" / "a.svg")
    assert result.exit_code == 2
    assert "a.svg: there is no directory" in result.output


def test_no_report_at_all() -> None:
    assert _run().exit_code == 2


def test_a_run_writes_its_page_and_draws_what_it_found(tmp_path: Path) -> None:
    html, whole = tmp_path / "a.html", tmp_path / "a.json"
    suite = [sys.executable, "-m", "conformance", "run", "--only", "sanity/first"]
    launch = f"{sys.executable} -m conformance.specimens greets {{port}}"
    asked = ["--launch", launch, "--html", str(html), "--json", str(whole)]
    run = subprocess.run([*suite, *asked], capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    assert "server" in run.stdout
    assert "^" in run.stdout
    assert 'class="sequence"' in html.read_text()
    findings = [
        finding
        for scenario in Report.model_validate_json(whole.read_text()).scenarios
        for finding in scenario.findings
    ]
    assert findings[0].requirement == "TRN-2"
    assert any(event.marked for event in findings[0].stretch)
