"""What GitHub is told where a run takes place there; and that nobody else is told anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.output.github import annotations, command, tell_github
from conformance.report.known_failures import KnownFailures, Pin, hold
from conformance.report.model import Report, ScenarioReport
from conformance.standard.requirements import requirements
from tests.conformance.command import DEADLINE, specimen
from tests.conformance.report.test_known_failures import PATH, known_of, told
from tests.conformance.samples import altered, hostile, passing, played, report


def again(result: ScenarioReport) -> str:
    return f"run --only {result.id}"


def test_a_failure_is_annotated() -> None:
    said = list(annotations(report(played(altered()), managed=True), again))
    [text] = (line for line in said if line.startswith("::error title=TXT-5::"))
    assert text == (
        "::error title=TXT-5::MUST fail: Every other code point is relayed unchanged%0A"
        "expected the line's text, decoded, trimmed and made safe%0Aactual another text%0A"
        "run --only room/everyone-speaks-at-once"
    )
    assert list(annotations(passing(), again)) == []


def test_a_should_is_a_warning_and_a_must_that_could_not_be_told_an_error() -> None:
    whole = passing()
    for one in whole.requirements:
        if one.id in ("ERR-3", "QUIT-1"):
            one.status, one.reason = ("fail", None) if one.id == "ERR-3" else ("unknown", "it left")
    assert [line.split("::")[1] for line in annotations(whole, again)] == [
        "error title=QUIT-1",
        "warning title=ERR-3",
    ]


def test_what_is_declared_is_a_warning_and_known(tmp_path: Path) -> None:
    whole = passing()
    [one] = (one for one in whole.requirements if one.id == "FRM-1")
    one.status, one.declared, one.reason = "fail", ["framing"], "declared: framing"
    [line] = annotations(whole, again)
    assert line == (
        "::warning title=FRM-1::MUST fail, declared: Segmentation has no meaning%0A"
        "declared: framing"
    )
    assert known_of(tmp_path, whole) == KnownFailures()
    assert hold(KnownFailures(), PATH, whole).is_as_known


def test_what_is_known_is_a_notice_and_an_error_where_it_is_not_so(tmp_path: Path) -> None:
    known = known_of(tmp_path, told())
    [line] = annotations(told(), again, hold(known, PATH, told()))
    assert line.startswith("::notice title=TXT-5::MUST fail")
    [line] = annotations(passing(), again, hold(known, PATH, passing()))
    assert line == "::error title=TXT-5::known to fail, but passed: remove it from known.toml"
    [one] = known.failure
    other = KnownFailures(
        failure=(one.model_copy(update={"pins": (Pin(expected="a", actual="b"),)}),)
    )
    [line] = annotations(told(), again, hold(other, PATH, told()))
    assert line.startswith("::error title=TXT-5::MUST fail")


@pytest.mark.parametrize(
    "text", ["a\n::error::b", "100%0A\r\n::stop-commands::x", "\x1b[2J", "a,b:c"]
)
def test_nothing_in_a_text_means_anything(text: str) -> None:
    for line in (command("error", text, text), *annotations(_hostile(text), again)):
        assert len(line.splitlines()) == 1
        head, title, data = line.split("::", 2)
        assert head == ""
        assert title.partition(" title=")[0] in ("error", "warning", "notice")
        assert not set(title.partition("=")[2]) & set(":,")
        assert "\x1b" not in data
    assert command("error", "a,b:c", "1%") == "::error title=a%2Cb%3Ac::1%25"


def _hostile(text: str) -> Report:
    whole = hostile(text)
    whole.requirements = [one for one in whole.requirements if one.id in requirements()]
    return whole


def test_a_summary_is_added_where_there_is_a_file_for_it(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# before\n")
    said: list[str] = []
    bad = report(played(altered()))
    tell_github(bad, again, None, said.append, {"GITHUB_STEP_SUMMARY": str(summary)})
    assert said == []
    assert summary.read_text().startswith("# before\n## chatproto/1: non-conformant\n")
    tell_github(bad, again, None, said.append, {"GITHUB_ACTIONS": "true"})
    assert said
    told_here = len(said)
    tell_github(bad, again, None, said.append, {})
    assert len(said) == told_here


@pytest.mark.parametrize("way", ["command", pytest.param("pytest", marks=pytest.mark.heavy)])
def test_a_run_tells_it(way: str, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    scenario = "err/a-notice-says-why"
    arguments = {
        "command": ["conformance", "run", "--only", scenario, "--launch", specimen("no-notice")],
        "pytest": [
            "pytest", "-p", "no:cacheprovider", "--pyargs", "conformance", "-k", scenario,
            "--chat-launch", specimen("no-notice"),
        ],
    }[way]  # fmt: skip
    here = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_ACTIONS": "true"}
    plain = {name: value for name, value in os.environ.items() if name not in here}
    for environment, count in ((plain, 0), (plain | here, 1)):
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=True,
        )
        lines = done.stdout.splitlines()
        assert sum(line.startswith("::warning title=ERR-3::SHOULD fail") for line in lines) == count
        assert sum(line.startswith("::") for line in lines) == count
        assert summary.exists() == bool(count)
    assert "△ **ERR-3**" in summary.read_text()
