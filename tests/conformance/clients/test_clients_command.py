"""`chatproto-conformance clients`, as a user would run it."""

import json
import sys
from pathlib import Path
from typing import Final

import pytest

from conformance.clients.registry import client_scenarios
from conformance.report.comparison import load_report
from conformance.standard.requirements import Scope, requirements
from tests.conformance.command import run

PATIENT: Final = ("--time-limit", "300")
"""Enough for a busy machine."""
SPECIMEN: Final = f"{sys.executable} -m conformance.specimens.clients"


def launch(name: str) -> str:
    """The command that launches a client specimen."""
    return f"{SPECIMEN} {name} {{host}} {{port}}"


def test_there_are_scenarios_for_every_clause() -> None:
    clauses = {id_ for id_, one in requirements().items() if one.kind is Scope.CLIENT}
    assert {id_ for one in client_scenarios() for id_ in one.requirements} == clauses
    assert len(client_scenarios()) >= 30


def test_a_right_client_passes_what_it_is_played_with(tmp_path: Path) -> None:
    report, junit = tmp_path / "report.json", tmp_path / "report.xml"
    told = run(
        "clients", *PATIENT, "--launch", launch("line-printer"), "--json", str(report),
        "--junit", str(junit),
        "--only", "cli/first,cli/half-a-character",
        "--only", "cli/leaves-as-it-says,cli/server-ends",
    )  # fmt: skip
    assert told.returncode == 0, told.stdout
    assert "conformant as far as asked" in told.stdout
    found = {one.id: one.status for one in load_report(report).requirements}
    assert set(found) == {id_ for id_, one in requirements().items() if one.kind is Scope.CLIENT}
    assert found["CLI-1"] == found["CLI-6"] == found["CLI-7"] == found["CLI-8"] == "pass"
    assert 'name="test_half_a_character"' in junit.read_text()


@pytest.mark.parametrize(
    ("name", "scenario", "requirement"),
    [
        ("one-read-one-unit", "cli/header-and-text-apart", "CLI-1"),
        ("leaves-at-once", "cli/leaves-as-it-says", "CLI-6"),
        ("quit-leaves", "cli/quit-as-a-word", "CLI-2"),
    ],
)
def test_a_broken_client_is_caught(
    tmp_path: Path, name: str, scenario: str, requirement: str
) -> None:
    report = tmp_path / "report.json"
    told = run(
        "clients", *PATIENT, "--launch", launch(name), "--only", scenario,
        "--json", str(report), "--transcripts", str(tmp_path),
    )  # fmt: skip
    assert told.returncode == 1, told.stdout
    failed = [one.id for one in load_report(report).requirements if one.status == "fail"]
    assert failed == [requirement]
    judged = run("judge", str(tmp_path / f"{scenario.replace('/', '.')}.jsonl"))
    assert judged.returncode == 1
    assert requirement in judged.stdout


SHOWS_LATE: Final = """\
import socket, sys, time
where = sys.argv[1], int(sys.argv[2])
sock = socket.create_connection(where)
while octets := sock.recv(4096):
    print(octets.decode(), flush=True)
sock = socket.create_connection(where)
time.sleep(0.3)
print("the connection was lost and is there again", flush=True)
sys.stdin.read()
"""


def test_a_client_may_connect_again_before_its_display_says_so(tmp_path: Path) -> None:
    script = tmp_path / "client.py"
    script.write_text(SHOWS_LATE)
    told = run(
        "clients", *PATIENT, "--launch", f"{sys.executable} {script} {{host}} {{port}}",
        "--only", "cli/known-notice", "--verbose",
    )  # fmt: skip
    assert "pass    cli/known-notice" in told.stdout, told.stdout


def test_a_client_that_never_connects_fails(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    told = run("clients", *PATIENT, "--launch", "true {port}", "--json", str(report))
    assert told.returncode == 1
    assert "it never connected" in told.stdout
    results = json.loads(report.read_text())["scenarios"]
    assert {one["status"] for one in results} == {"fail", "skip"}


def test_a_program_that_is_not_there_cannot_be_launched() -> None:
    told = run("clients", "--launch", "no-such-program {port}")
    assert told.returncode == 3
    assert "there is no program 'no-such-program'" in told.stderr


def test_a_command_must_say_where_to_connect() -> None:
    told = run("clients", "--launch", "true")
    assert told.returncode == 3
    assert "{host}" in told.stderr


def test_a_client_that_knows_nothing_of_the_protocol_is_judged_by_what_it_can() -> None:
    told = run(
        "clients", *PATIENT, "--raw", "--leave", "quit", "--launch", launch("shows-heartbeats"),
        "--only", "cli/several-in-one-segment",
    )  # fmt: skip
    assert told.returncode == 0, told.stdout
    assert "conformant as far as asked" in told.stdout


def test_a_run_is_over_by_its_time_limit() -> None:
    told = run("clients", "--launch", "sleep 60 {port}", "--time-limit", "1")
    assert told.returncode == 4, told.stdout
    all_ = len(client_scenarios())
    assert f"The run reached its time limit before {all_} scenarios were over" in told.stdout


def test_a_client_that_floods_ends_its_scenario_and_the_run(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = (*PATIENT, "--pipe", "--launch", "yes {port}", "--json", str(report))
    told = run("clients", *words)
    assert told.returncode == 4, told.stdout
    results = {one.id: one for one in load_report(report).scenarios}
    first = results.pop("cli/first")
    assert first.status == "unknown"
    assert first.reason is not None
    assert "the client printed" in first.reason
    assert {one.status for one in results.values()} == {"skip"}


def test_a_page_says_how_a_failure_is_seen_again_and_links_its_transcript(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run(
        "clients", *PATIENT, "--raw", "--leave", "quit", "--launch", "true {port}",
        "--html", str(page), "--transcripts", str(tmp_path / "kept"),
    )  # fmt: skip
    shown = page.read_text(encoding="utf-8")
    assert "--leave quit --raw --only cli/first" in shown
    assert (tmp_path / "kept" / "cli.first.html").is_file()
    assert "kept/cli.first.html#" in shown
