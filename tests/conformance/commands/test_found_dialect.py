"""A run that meets a dialect says so first; `run --probe` judges in what it found."""

import sys
import time
from pathlib import Path

from conformance.report.model import Report
from conformance.target.address import TcpAddress
from conformance.target.profile import Launch
from conformance.target.server import LaunchedServer
from tests.conformance.command import REFERENCE, run, specimen

HINT = "This server does not seem to speak chatproto/1: "
LONG = 60.0
"""Seconds that no run of two takes, however busy the machine."""
ONE = ("--only", "sanity/first")


def test_a_run_that_meets_a_dialect_says_so_before_all_else() -> None:
    done = run("run", "--launch", specimen("ack"), *ONE)
    first, _, command, *_ = done.stdout.splitlines()
    assert first.startswith(f"{HINT}what came was 'Ack: w")
    assert command.startswith("    chatproto-conformance run --probe --launch ")


def test_nothing_else_is_said_of_a_server_that_sends_no_header(tmp_path: Path) -> None:
    """A run in its dialect shows what it loses or alters."""
    path = tmp_path / "r.json"
    only = ("--only", "sanity/first,quit/quit-is-exact")
    done = run("run", "--launch", specimen("ack"), *only, "-v", "--json", str(path))
    assert done.returncode == 1
    assert "skip    quit/quit-is-exact" in done.stdout
    assert "--probe finds its dialect first" in done.stdout
    assert "MSG-1 MUST" in done.stdout
    report = Report.model_validate_json(path.read_text())
    assert not {one.id for one in report.requirements if one.status == "pass"} & {"ROOM-2", "MSG-3"}


def test_the_time_limit_holds_for_finding_the_dialect_too() -> None:
    began = time.monotonic()
    done = run("run", "--probe", "--launch", specimen("ack"), "--time-limit", "2", *ONE)
    assert done.returncode != 0
    assert "the time was over" in done.stdout + done.stderr
    assert time.monotonic() - began < LONG


def test_so_does_one_without_an_echo() -> None:
    done = run("run", "--launch", specimen("bare-relay"), *ONE)
    assert done.stdout.startswith(HINT)


def test_of_one_that_runs_already_the_first_scenario_tells() -> None:
    server = LaunchedServer(
        Launch(command=specimen("numbered")), TcpAddress("127.0.0.1", 0).with_free_port()
    )
    server.start()
    try:
        done = run("run", str(server.address), *ONE)
    finally:
        server.close()
    assert done.stdout.startswith(HINT)
    assert f"    chatproto-conformance run --probe {server.address}" in done.stdout


def test_a_conformant_server_meets_no_word_of_it() -> None:
    for command in (REFERENCE, specimen("writes-octets"), specimen("accepts-slowly")):
        assert HINT not in run("run", "--launch", command, *ONE).stdout


def test_nor_does_a_quiet_run() -> None:
    assert HINT not in run("run", "--launch", specimen("ack"), *ONE, "--quiet").stdout


def test_what_is_found_is_judged_in() -> None:
    only = ("--only", "sanity/first,frm/a-line-in-two-segments", "--accept-declared")
    done = run("run", "--probe", "--launch", specimen("numbered"), *only, "--time-limit", "300")
    assert done.returncode == 0, done.stdout
    assert "peer = '{number}'" in done.stdout
    assert HINT not in done.stdout
    wrong = run("run", "--probe", "--profile", "ack", "--launch", specimen("ack"))
    assert wrong.returncode == 2
    assert "leave one out" in wrong.stderr


def test_where_nothing_can_be_found_the_run_ends() -> None:
    done = run("run", "--probe", "--launch", f"{sys.executable} -c 'pass' {{port}}")
    assert done.returncode == 3
