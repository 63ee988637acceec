"""How much a run says: as it is asked to; and what it says to do next."""

import re
import shlex
from io import StringIO
from pathlib import Path

from rich.console import Console

from conformance.output.console import ConsoleReporter, Detail
from conformance.output.summary import outage_lines
from conformance.runner.session import Settings
from conformance.target.profile import Profile
from tests.conformance.command import REFERENCE, run, specimen
from tests.conformance.samples import altered, outage, played, report

BROKEN = ("run", "--launch", specimen("one-read-one-message"), "--only")
CASE = "frm/many-lines-in-one-segment"


def test_a_quiet_run_says_only_what_is_wrong() -> None:
    done = run(*BROKEN, f"{CASE},frm/one-line-in-many-segments", "--quiet")
    assert done.returncode == 1
    *titles, verdict = done.stdout.splitlines()
    assert titles[0] == "FRM-1 MUST — Segmentation has no meaning"
    assert all(re.fullmatch(r"[A-Z]+-\d+ (MUST|SHOULD) — .+", title) for title in titles)
    assert "non-conformant (chatproto/1, 2 scenarios" in verdict


def test_a_quiet_run_says_nothing_where_nothing_is_wrong() -> None:
    done = run("run", "--launch", REFERENCE, "--only", "sanity/first", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_quiet_run_says_what_could_not_be_told() -> None:
    done = run("run", "--launch", REFERENCE, "--only", "LIM-5", "--quiet")
    assert done.returncode == 4
    assert len(done.stdout.splitlines()) == 1
    assert "incomplete" in done.stdout


def test_a_quiet_run_tells_of_a_should_that_fails() -> None:
    done = run("run", "--launch", specimen("local-time"), "--only", "msg/header", "--quiet")
    assert done.returncode == 0
    assert done.stdout.startswith("MSG-4 SHOULD — ")
    assert ": conformant" in done.stdout


def test_a_quiet_run_still_says_why_there_was_none() -> None:
    done = run("run", "--launch", "false", "--quiet")
    assert (done.returncode, done.stdout) == (3, "")
    assert "before it listened" in done.stderr


def test_a_verbose_run_counts_what_was_exercised() -> None:
    done = run("run", "--launch", REFERENCE, "--only", "sanity/first", "--verbose")
    assert done.returncode == 0
    assert re.search(r"^pass    sanity/first  .*MSG-1×\d+ .*  \d\.\d\d s$", done.stdout, re.M)
    broken = run(*BROKEN, CASE, "-v").stdout
    assert re.search(rf"^fail    {CASE}  .*FRM-1×\d+", broken, re.M)


def test_quiet_and_verbose_exclude_each_other() -> None:
    done = run("run", "tcp://127.0.0.1:1", "-q", "-v")
    assert done.returncode == 2
    assert "--quiet and --verbose exclude each other" in done.stderr


def steps(output: str) -> list[str]:
    """Return what a run says to do next."""
    _, _, told = output.rpartition("\nnext: ")
    return [line.strip() for line in told.splitlines()]


def test_the_next_steps_can_be_taken() -> None:
    explain, again, everything = steps(run(*BROKEN, CASE).stdout)
    assert again.endswith(f"--only {CASE} --verbose")
    assert "--html" in everything
    assert run(*shlex.split(explain)[1:]).returncode == 0
    repeated = run(*shlex.split(again)[1:])
    assert repeated.returncode == 1
    assert "FRM-1 MUST — Segmentation has no meaning" in repeated.stdout
    assert steps(repeated.stdout) == [explain, again, everything]


def test_the_next_step_is_about_what_decides() -> None:
    """A SHOULD is shown in its place, but is not what to begin with."""
    result = played(altered())
    should = result.findings[0].model_copy(update={"requirement": "MSG-4"})
    result.findings.insert(0, should)
    output = StringIO()
    settings = Settings(profile=Profile(), address="tcp://127.0.0.1:9999")
    reporter = ConsoleReporter(
        Console(file=output, width=200), settings, [], detail=Detail.VERBOSE, page=Path("r.html")
    )
    reporter.on_report(report(result))
    first, *_, last = steps(output.getvalue())
    assert "MSG-4 SHOULD" in output.getvalue()
    assert first == "chatproto-conformance explain TXT-5"
    assert last == "r.html has every finding, with diagrams"


def test_there_is_no_next_step_where_nothing_is_wrong() -> None:
    assert "next:" not in run("run", "--launch", REFERENCE, "--only", "sanity/first").stdout


def test_a_run_of_a_few_says_how_far_its_verdict_goes() -> None:
    done = run("run", "--launch", REFERENCE, "--only", "FRM-3")
    assert done.returncode == 0
    assert re.search(r": conformant as far as asked \(1 of \d+ MUSTs\) \(chatproto/1", done.stdout)
    assert run("run", *BROKEN[1:], CASE).stdout.count("as far as asked") == 0


def test_the_longest_silence_of_each_kind_of_fault_is_told() -> None:
    result = played(altered())
    result.outages = [outage("killed", 0.3), outage("killed", 1.2), outage("paused", 0.2, 0.4)]
    assert list(outage_lines(report(result))) == [
        "fault   killed: longest silence 1.2 s, messages 0.1 s after it was healed",
        "fault   paused: longest silence 0.2 s, messages 0.4 s after it was healed",
    ]
