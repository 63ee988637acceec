"""chatproto-conformance run: what it says, what it writes, how it ends."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
from click.testing import CliRunner

from conformance.commands.cli import cli
from conformance.report.model import Report
from conformance.runner.selection import Ids
from conformance.scenarios.registry import of_one_server, scenarios
from conformance.standard.requirements import requirements
from tests.conformance.command import DEADLINE, REFERENCE, run, run_process, specimen, start
from tests.implementations import stored
from tests.reference_server.process import ServerProcess

SHORT = "sanity/first,quit/quit-leaves,msg/header,sanity/last"
LONG = "sanity/first,hb/blank-lines-are-not-answered,lim/256-members,gen/programs,stop/stopping"
TOLD = "hb/blank-lines-are-not-answered"
"""What a run of those tells of before it has lasted long."""


@pytest.mark.heavy
@pytest.mark.long
def test_a_whole_run_against_the_reference_server_and_all_that_it_leaves(tmp_path: Path) -> None:
    """This is one test, since two would go to two workers, and each would run the suite."""
    json_path, junit, kept = tmp_path / "r.json", tmp_path / "r.xml", tmp_path / "transcripts"
    done = run(
        "run", "--launch", REFERENCE, "--json", str(json_path), "--junit", str(junit),
        "--transcripts", str(kept), "--time-limit", "300",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "conformant" in done.stdout
    report = Report.model_validate_json(json_path.read_text())
    assert report.verdict == "conformant"
    assert {one.status for one in report.requirements} <= {"pass", "skip"}
    assert [one.id for one in report.requirements if one.status == "skip"] == ["LIM-5"]
    assert [one.id for one in report.scenarios] == [one.id for one in of_one_server()]

    # The page of implementations says the same.
    [reference] = (one for one in stored() if one.name == "reference server")
    assert reference.statuses == {one.id: one.status for one in report.requirements}

    # The report is the published one.
    published = json.loads(json_path.read_text())
    assert published["schema"] == 1
    assert published["protocol"] == "chatproto/1"
    assert {"suite", "seed", "verdict", "requirements", "scenarios"} <= published.keys()
    assert {"id", "level", "status", "scenarios"} <= published["requirements"][0].keys()
    parts = {"id", "status", "requirements", "duration_s", "reason"}
    assert parts <= published["scenarios"][0].keys()

    # JUnit has each scenario.
    cases = ElementTree.parse(junit).getroot().iter("testcase")  # noqa: S314  # our own
    assert len(list(cases)) == len(of_one_server())

    # A transcript is judged again.
    transcripts = sorted(kept.iterdir())
    assert len(transcripts) >= sum(one.status != "skip" for one in report.scenarios)
    assert sum(path.stat().st_size for path in transcripts) < 20_000_000
    for name in ("sanity.first", "room.everyone-speaks-at-once", "stop.stopping"):
        again = run("judge", str(kept / f"{name}.jsonl"))
        assert again.returncode == 0, again.stdout
        assert name.replace(".", "/", 1) in again.stdout


def test_a_failure_reads(tmp_path: Path) -> None:
    done = run_process(
        "run", "--launch", specimen("one-read-one-message"), "--only", "FRM-1",
        "--examples", "0", "--json", str(tmp_path / "r.json"), "--verbose",
    )  # fmt: skip
    assert done.returncode == 1
    for part in ("FRM-1 MUST", "expected", "actual", "segments", "--only frm/", "evidence"):
        assert part in done.stdout
    header = run("run", "--launch", specimen("date-with-slashes"), "--only", "msg/header", "-v")
    came, caret = next(
        (line, after)
        for line, after in zip(
            header.stdout.splitlines(), header.stdout.splitlines()[1:], strict=False
        )
        if line.startswith("  came")
    )
    assert came[caret.index("^")] == "/"


def test_a_correct_server_has_no_cause_but_advice_on_the_should_it_misses(tmp_path: Path) -> None:
    done = run(
        "run", "--launch", specimen("local-time"), "--only", "MSG-4", "--examples", "0",
        "--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html"),
    )  # fmt: skip
    assert done.returncode == 0
    report = Report.model_validate_json((tmp_path / "r.json").read_text())
    assert (report.causes, report.unexplained) == ([], [])
    [advice] = report.advice
    assert (advice.family, advice.explains) == ("local-time", ["MSG-4"])
    assert "1. The time is not UTC: " in done.stdout
    assert ", a SHOULD is missed\n" in done.stdout
    page = (tmp_path / "r.html").read_text()
    assert "What it could do better</h2>" in page
    assert "Why it fails" not in page


def test_where_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = run_process("run", f"tcp://127.0.0.1:{port}")
    assert done.returncode == 3
    assert f"nothing answers on tcp://127.0.0.1:{port}" in done.stderr
    assert "--launch" in done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program {port}", "cannot launch"),
        ("false", "ended with status 1 before it listened"),
        ("sh -c 'echo because; exit 7'", "it printed:\nbecause"),
        ("sh -c '{unknown}'", "stand for the address"),
    ],
)
def test_what_cannot_be_launched(command: str, said: str) -> None:
    done = run("run", "--launch", command)
    assert done.returncode == 3
    assert said in done.stderr


def test_what_does_not_listen_in_time(tmp_path: Path) -> None:
    profile = tmp_path / "p.toml"
    profile.write_text('[launch]\ncommand = "sleep 60"\nready = 0.3\n')
    done = run("run", "--profile", str(profile))
    assert done.returncode == 3
    assert "launch.ready" in done.stderr


class _Web(BaseHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Nothing."""


def test_an_http_server_is_not_one() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Web) as web:
        threading.Thread(target=web.serve_forever).start()
        done = run("run", f"tcp://127.0.0.1:{web.server_port}", "--timeout-factor", "0.1")
        web.shutdown()
    assert done.returncode == 1
    assert "a line that is none of them" in done.stdout
    assert "\ntcp://127.0.0.1" in done.stdout
    assert "chatproto-conformance run --probe tcp://127.0.0.1" in done.stdout


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:0", "tcp://[::1]:0", "unix:{}/chat"])
def test_every_kind_of_address(address: str, tmp_path: Path) -> None:
    address = address.format(tmp_path)
    with ServerProcess("--listen", address) as server:
        done = run("run", server.addresses[0], "--only", SHORT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 scenarios" in done.stdout
    launched = run("run", address, "--launch", REFERENCE, "--only", "STOP-1,sanity/first")
    assert launched.returncode == 0, launched.stdout + launched.stderr


def test_workers_find_the_same() -> None:
    broken = specimen("knows-no-quit")
    done = run("run", "-j", "2", "--launch", broken, "--only", "QUIT-1,QUIT-2", "--examples", "0")
    assert done.returncode == 1
    assert "QUIT-1" in done.stdout


def test_a_server_that_died_is_started_again() -> None:
    only = "room/connections-that-say-nothing-and-go,sanity/last"
    done = run("run", "--launch", specimen("reset-ends-the-server"), "--only", only, "--verbose")
    assert done.returncode == 1
    assert "fail    room/connections-that-say-nothing-and-go" in done.stdout
    assert "pass    sanity/last" in done.stdout


def test_where_the_time_went_and_what_the_server_took(tmp_path: Path) -> None:
    """The example has a thread for each member."""
    example = Path(__file__).parents[3] / "examples" / "socketserver_threads.py"
    launch = f"{sys.executable} {example} --listen {{address}}"
    only = "lim/256-members,sanity/first,sanity/last"
    done = run(
        "run", "--launch", launch, "--only", only, "--durations", "2",
        "--json", str(tmp_path / "r.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d\d  lim\n", done.stdout.partition("seconds by section")[2])
    assert "lim/256-members" in done.stdout.partition("the slowest scenarios")[2]
    usage = Report.model_validate_json((tmp_path / "r.json").read_text()).usage
    assert usage is not None
    assert usage.most.threads > 256 > usage.after.threads
    assert usage.most.descriptors > 256 > usage.after.descriptors
    assert f"(most {usage.most.descriptors}), threads" in done.stdout


def test_an_isolated_scenario_meets_a_server_of_its_own(tmp_path: Path) -> None:
    """The server counts its starts in a file."""
    lives = tmp_path / "lives"
    command = f"sh -c 'echo >> {lives}; exec {REFERENCE}'"
    for isolate, expected in (([], 2), (["--isolate"], 4)):
        lives.unlink(missing_ok=True)
        only = "sanity/first,msg/header,sanity/last"
        assert run("run", "--launch", command, "--only", only, *isolate).returncode == 0
        # The first start only shows its dialect.
        assert len(lives.read_text().splitlines()) == expected


def test_nothing_told_is_incomplete() -> None:
    done = run_process("run", "--launch", REFERENCE, "--only", "LIM-5")
    assert done.returncode == 4
    assert "incomplete" in done.stdout


def test_an_interrupt_before_the_first_scenario(tmp_path: Path) -> None:
    """While the server is still being launched."""
    report = tmp_path / "r.json"
    mark = tmp_path / "launched"
    command = f"sh -c 'touch {mark}; exec sleep 60'"
    with start("run", "--launch", command, "--json", str(report)) as process:
        while not mark.exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=5)
    assert process.returncode == 4
    assert Report.model_validate_json(report.read_text()).interrupted


@contextmanager
def _interrupted(
    tmp_path: Path, signal_: signal.Signals, *options: str
) -> Iterator[tuple[int, Path]]:
    report = tmp_path / "r.json"
    with start("run", "--launch", REFERENCE, "--json", str(report), "-v", *options) as process:
        assert process.stdout is not None
        while TOLD not in (line := process.stdout.readline()):
            assert line, "the run ended"
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(signal_)
        process.communicate(timeout=8)
    _, left = psutil.wait_procs(children, timeout=1)
    assert all(_has_ended(one) for one in left)
    yield process.returncode, report


def _has_ended(process: psutil.Process) -> bool:
    """Whether a process has ended, even if its new parent has not noticed yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(("signal_", "jobs"), [(signal.SIGINT, "1"), (signal.SIGTERM, "2")])
def test_an_interrupt_reports_what_there_is(
    tmp_path: Path, signal_: signal.Signals, jobs: str
) -> None:
    """It leaves no process behind, not even the server of a lane."""
    with _interrupted(tmp_path, signal_, "-j", jobs, "--only", LONG) as (status, path):
        report = Report.model_validate_json(path.read_text())
    assert status == 4
    assert report.interrupted
    assert TOLD in [one.id for one in report.scenarios]


def test_in_a_shells_background_a_server_heeds_the_interrupt() -> None:
    """A shell lets its commands ignore the signal, and so do all processes that they start."""
    command = [sys.executable, "-m", "conformance", "run", "--only", "STOP-1"]
    server = (
        "import os, signal, sys\n"
        "if signal.getsignal(signal.SIGINT) is signal.SIG_IGN: sys.exit('it is ignored')\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'reference_server', *sys.argv[1:]])\n"
    )
    launch = f"{sys.executable} -c {shlex.quote(server)} --listen {{address}}"
    done = subprocess.run(
        ["/bin/sh", "-c", f"{shlex.join([*command, '--launch', launch])} & wait $!"],
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "say what to judge"),
        (["run", "localhost:9999"], "write tcp://HOST:PORT"),
        (["run", "tcp://127.0.0.1:1", "--isolate"], "--isolate needs --launch"),
        (["run", "tcp://127.0.0.1:0"], "port 0"),
        (["run", "tcp://127.0.0.1:1", "--launch", "server", "-j", "2"], "leave TARGET out"),
        (["run", "tcp://127.0.0.1:1", "--nodes", "3"], "--nodes needs --launch"),
        (["run", "tcp://127.0.0.1:1", "--nodes", "3", "--launch", "n"], "as many TARGETs"),
        (["run", "--nodes", "3", "--launch", "n", "-j", "2"], "share one room"),
        (["run", "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "-j", "2"], "share one room"),
        (["run", "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "--launch", "n"], "give --nodes"),
        (["run", "tcp://127.0.0.1:1", "--only", "CLU-1"], "nothing is selected"),
        (["run", "tcp://127.0.0.1:1", "--only", "QUIT-33"], "the nearest is QUIT-3"),
        (["run", "tcp://127.0.0.1:1", "--only", "LIM-5", "--level", "must"], "nothing is selected"),
        (
            ["run", "tcp://127.0.0.1:1", "--json", "/no/such/r.json"],
            "there is no directory /no/such",
        ),
        (["run", "--profile", "/no/such.toml"], "No such file"),
        (["run", "tcp://127.0.0.1:1", "--html", "."], "is a directory"),
        (["run", "tcp://127.0.0.1:1", "--transcripts", f"{__file__}/t"], "is no directory"),
        (["run", "tcp://127.0.0.1:1", "--programs", f"{__file__}/p"], "is no directory"),
        (["explain", "QUIT-9"], "the nearest is QUIT-"),
        (["explain", "quit/quit-leave"], "the nearest is quit/quit-leaves"),
        (["specimens", "hangs-up"], "the nearest is"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_skipping_is_told() -> None:
    done = run("run", "--launch", REFERENCE, "--skip", "STOP-1,STOP-2,STOP-3", "--only", SHORT)
    assert done.returncode == 0
    assert "skip" in done.stdout


def test_every_scenario_is_listed() -> None:
    listed = run("list").stdout
    for one in scenarios():
        assert one.id in listed
    assert "Exit status" in run("run", "--help").stdout


@pytest.mark.parametrize("id_", requirements())
def test_every_requirement_is_explained(id_: str, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        shown = CliRunner().invoke(cli, ["explain", id_.lower()]).output
    assert requirements()[id_].title in shown
    assert "Why" in shown


def test_a_scenario_is_explained() -> None:
    shown = CliRunner().invoke(cli, ["explain", "QUIT/quit-leaves"]).output
    assert "QUIT-1 MUST" in shown


def test_a_section_is_all_its_requirements() -> None:
    [chosen] = {Ids().convert(name, None, None) for name in ("trn", "TRN", "trn-1, TRN-2")}
    assert chosen == ("TRN-1", "TRN-2")


def test_specimens_are_judged(tmp_path: Path) -> None:
    done = run("specimens", "-j", "1", "greets", "--json", str(tmp_path / "m.json"))
    assert done.returncode == 0
    assert "1 of 1 broken servers caught" in done.stdout
    [judged] = json.loads((tmp_path / "m.json").read_text())["specimens"]
    assert judged["breaks"] == ["TRN-2"]
