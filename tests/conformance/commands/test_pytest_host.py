"""The scenarios in somebody else's pytest run: played where options name a server, told in the
report's words; and a run that does not ask for them left as it was."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.clients.registry import client_scenarios
from conformance.report.model import Report
from conformance.scenarios.registry import scenarios
from tests.conformance.command import DEADLINE, REFERENCE, run, specimen
from tests.reference_server.process import ServerProcess

ALL = len(scenarios())
HOSTILE_CONFTEST = """
import pytest

@pytest.fixture
def stage():
    return "a stage of another kind"

@pytest.fixture
def server():
    return "a server of another kind"

@pytest.fixture(autouse=True)
def _only_mine(request):
    assert request.node.name.startswith("check"), request.node.name
"""
HOSTILE_INI = """
[pytest]
python_files = check_*.py
python_functions = check*
filterwarnings = error
addopts = --strict-markers --strict-config --doctest-modules --import-mode=importlib
"""


def run_pytest(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert "INTERNALERROR" not in done.stdout + done.stderr, done.stdout
    return done


def counts(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return what pytest counted: {"passed": 3, "failed": 1}."""
    words = done.stdout.splitlines()[-1].strip("= ").partition(" in ")[0].replace(",", "").split()
    return {word: int(number) for number, word in zip(words[::2], words[1::2], strict=True)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    (tmp_path / "test_own.py").write_text("def test_mine():\n    assert True\n")
    return tmp_path


@pytest.mark.long
def test_a_correct_server_passes_beside_tests_of_ones_own(project: Path) -> None:
    done = run_pytest(
        project, "--pyargs", "conformance", "test_own.py", "--chat-launch", REFERENCE,
        "-k", "sanity or quit or mine", "--chat-examples", "0", "--junitxml", "j.xml",
        "--chat-json", "r.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert counts(done)["passed"] > 8
    assert ": conformant as far as asked (" in done.stdout
    report = Report.model_validate_json((project / "r.json").read_text())
    assert report.verdict == "conformant"
    assert {one.id for one in report.requirements if one.status == "pass"} >= {"QUIT-1", "QUIT-5"}
    names = {case.get("name") for case in ElementTree.parse(project / "j.xml").iter("testcase")}  # noqa: S314  # our own
    assert {"test_mine", "test_quit_leaves"} <= names


@pytest.mark.heavy
def test_a_project_may_be_as_strange_as_it_likes(project: Path) -> None:
    (project / "pytest.ini").write_text(HOSTILE_INI)
    (project / "conftest.py").write_text(HOSTILE_CONFTEST)
    (project / "check_own.py").write_text("def check_mine(stage):\n    assert 'another' in stage\n")
    (project / "server.py").write_text('"""\n>>> 1 + 1\n2\n"""\n')
    done = run_pytest(
        project, "--pyargs", "conformance", "check_own.py", "--chat-launch", REFERENCE,
        "-k", "STOP-1 or first or mine", "-W", "error",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert counts(done) == {"passed": 5, "deselected": ALL - 4}, done.stdout


def test_a_broken_server_fails_in_the_words_of_the_report(project: Path) -> None:
    launch = specimen("one-read-one-message")
    done = run_pytest(
        project, "--pyargs", "conformance", "--chat-launch", launch, "--chat-seed", "7",
        "-k", "frm/many-lines-in-one-segment or sanity/first",
    )  # fmt: skip
    assert done.returncode == 1
    assert counts(done) == {"failed": 1, "passed": 1, "deselected": ALL - 2}
    for part in (
        "FRM-1 MUST — Segmentation has no meaning",
        "  How a client's octets were split into segments",
        "  expected  the line's text, decoded, trimmed and made safe",
        "  actual    one text made of several lines",
        "            ^ octet ",
        f'chatproto-conformance run --launch "{launch}" --seed 7 --only frm/many-lines',
    ):
        assert part in done.stdout.replace(" " * 20, " " * 12), part
    verdict = f"{launch}: non-conformant (chatproto/1, 2 scenarios"
    assert verdict in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout
    assert "\n1. Each read is taken for one message: " in done.stdout


@pytest.mark.heavy
def test_the_first_failure_ends_the_run_where_that_is_asked_for(project: Path) -> None:
    done = run_pytest(
        project, "--pyargs", "conformance", "--chat-launch", specimen("knows-no-quit"),
        "-x", "-k", "QUIT-1 or QUIT-3",
    )  # fmt: skip
    assert done.returncode == 1
    assert counts(done)["failed"] == 1


@pytest.mark.heavy
def test_workers_play_as_well(project: Path) -> None:
    done = run_pytest(
        project, "--pyargs", "conformance", "--chat-launch", specimen("knows-no-quit"),
        "-n", "2", "-k", "QUIT-1 or QUIT-2", "--chat-json", "r.json", "--chat-examples", "0",
    )  # fmt: skip
    assert done.returncode == 1
    assert "QUIT-1 MUST" in done.stdout
    report = json.loads((project / "r.json").read_text())
    assert report["verdict"] == "non-conformant"


@pytest.mark.long
def test_a_should_is_told_and_fails_nothing(project: Path) -> None:
    done = run_pytest(
        project, "--pyargs", "conformance", "--chat-launch", specimen("no-notice"),
        "-k", "err/a-notice-says-why", "-rx",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert counts(done)["xfailed"] >= 1
    told = done.stdout.partition("= chatproto/1 =")[2]
    assert "ERR-3 SHOULD — A notice says why" in told
    assert "actual    no notice" in told
    must = run_pytest(
        project, "--pyargs", "conformance", "--chat-launch", specimen("no-notice"),
        "-k", "err/a-notice-says-why", "--chat-level", "must",
    )  # fmt: skip
    assert must.returncode == 0, must.stdout
    assert "xfailed" not in counts(must)


@pytest.mark.heavy
def test_what_could_not_be_told_does_not_pass(project: Path) -> None:
    done = run_pytest(
        project, "--pyargs", "conformance", "--chat-launch", REFERENCE, "-k", "LIM-5", "-rs"
    )
    assert counts(done) == {"skipped": 1, "deselected": ALL - 1}, done.stdout
    assert "needs-capacity: only where the profile says limits.capacity" in done.stdout
    assert ": incomplete (chatproto/1" in done.stdout
    assert done.returncode == 1


@pytest.mark.heavy
def test_a_running_server_is_not_stopped(project: Path) -> None:
    with ServerProcess("--listen", "tcp://127.0.0.1:0") as server:
        done = run_pytest(
            project, "--pyargs", "conformance", "--chat-target", server.addresses[0],
            "-k", "sanity or stop", "-rs",
        )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert counts(done) == {"passed": 2, "skipped": 4, "deselected": ALL - 6}
    assert "needs-launch" in done.stdout
    assert "Stopping was not checked" in done.stdout


@pytest.mark.heavy
def test_a_profile_names_a_server_too(project: Path) -> None:
    (project / "p.toml").write_text(f"name = 'mine'\n[launch]\ncommand = '''{REFERENCE}'''\n")
    done = run_pytest(
        project, "--pyargs", "conformance.scenarios.test_sanity", "--chat-profile", "p.toml",
        "--chat-isolate", "--chat-transcripts", "kept",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "mine: conformant" in done.stdout
    assert (project / "kept" / "sanity.first.jsonl").is_file()


@pytest.mark.heavy
def test_what_a_profile_declares_fails_unless_that_is_accepted(project: Path) -> None:
    arguments = (
        "--pyargs", "conformance", "--chat-launch", specimen("ack"), "--chat-profile", "ack",
        "-k", "sanity or many-lines-in-one",
    )  # fmt: skip
    done = run_pytest(project, *arguments)
    assert done.returncode == 1
    assert counts(done) == {"passed": 2, "skipped": 1, "deselected": ALL - 3}
    assert 'declared  FRM-1 MUST — Segmentation has no meaning: framing = "read"' in done.stdout
    assert run_pytest(project, *arguments, "--chat-accept-declared").returncode == 0


@pytest.mark.heavy
def test_no_server_is_an_error_and_not_a_success(project: Path) -> None:
    done = run_pytest(project, "--pyargs", "conformance", "--chat-launch", "false", "-k", "sanity")
    assert done.returncode == 1
    assert "ended with status 1 before it listened" in done.stdout
    assert counts(done) == {"skipped": 1, "error": 1, "deselected": ALL - 2}
    done = run_pytest(project, "--pyargs", "conformance", "--chat-target", "tcp://127.0.0.1:1")
    assert done.returncode == 1
    assert "--chat-launch COMMAND lets the suite start it" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--chat-target", "localhost"], "write tcp://HOST:PORT"),
        (["--chat-target", "tcp://127.0.0.1:0"], "which only --chat-launch can use"),
        (["--chat-profile", "/no/such.toml"], "No such file"),
        (["--chat-target", "tcp://127.0.0.1:1", "--chat-isolate"], "needs --chat-launch"),
        (["--chat-launch", "x", "--chat-json", "/no/such/r.json"], "there is no directory"),
        (["--chat-launch", "x", "--chat-timeout-factor", "0"], "number of at least 0.1"),
        (
            ["--chat-launch", "x", "--chat-target", "tcp://127.0.0.1:1", "-n", "2"],
            "-n 2 launches 2 servers, and tcp://127.0.0.1:1 has room for one",
        ),
    ],
)
def test_wrong_usage(project: Path, arguments: list[str], said: str) -> None:
    done = run_pytest(project, "--pyargs", "conformance", *arguments)
    assert done.returncode == 4
    assert said in done.stdout + done.stderr


def test_an_empty_profile_names_none(project: Path) -> None:
    (project / "p.toml").write_text("")
    done = run_pytest(project, "--pyargs", "conformance", "--chat-profile", "p.toml")
    assert done.returncode == 4
    assert "--chat-target ADDRESS such as tcp://127.0.0.1:9999, --chat-launch COMMAND, or " in (
        done.stdout + done.stderr
    )


def test_without_a_server_the_scenarios_are_skipped(project: Path) -> None:
    done = run_pytest(project, "--pyargs", "conformance", "-rs")
    assert done.returncode == 0
    assert counts(done) == {"skipped": len(scenarios())}
    assert "no server is named: --chat-launch, --chat-target or --chat-profile does" in done.stdout


@pytest.mark.heavy
def test_what_is_learnt_of_ones_own_tests_is_kept_where_it_was(project: Path) -> None:
    """Hypothesis draws the generated programs, and the project may use it as well."""
    (project / "test_own.py").write_text(
        "from pathlib import Path\n"
        "from hypothesis.configuration import storage_directory\n\n\n"
        "def test_mine():\n"
        "    assert storage_directory('x').path == Path.cwd() / '.hypothesis' / 'x'\n"
    )
    done = run_pytest(
        project, "--pyargs", "conformance", "test_own.py", "--chat-launch", REFERENCE,
        "-k", "gen/programs or mine", "--chat-examples", "1",
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout
    assert "test_own.py ." in done.stdout
    assert counts(done)["passed"] == 2


def test_other_runs_are_untouched(project: Path) -> None:
    """Neither the collected tests nor the output differ, and of the suite only its options are
    imported. A package of the project may have the suite's name."""
    own = project / "conformance"
    own.mkdir()
    (own / "__init__.py").write_text("mine = True\n")
    (own / "test_there.py").write_text(
        "import sys\nimport conformance\n\n\ndef test_modules():\n"
        "    assert conformance.mine\n"
        "    assert not {'pydantic', 'click', 'rich', 'chatproto'} & set(sys.modules)\n"
    )
    (project / "test_fixtures.py").write_text(
        "import pytest\n\n\n@pytest.mark.parametrize('name', ['stage', 'server', 'trials'])\n"
        "def test_no_fixture(request, name):\n"
        "    with pytest.raises(pytest.FixtureLookupError):\n"
        "        request.getfixturevalue(name)\n"
    )
    said = []
    for more in ([], ["-p", "no:chatproto"]):
        done = run_pytest(project, "-v", "-p", "no:xdist", "-p", "no:hypothesispytest", *more)
        assert done.returncode == 0, done.stdout
        assert counts(done) == {"passed": 5}
        said.append([line for line in done.stdout.splitlines() if "::" in line])
    assert said[0] == said[1]


TRIES_TWICE = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        if report.when == "call":
            report.outcome = "rerun"
        item.ihook.pytest_runtest_logreport(report=report)
"""
BREAKS_OFF = """
import pytest
tries = []

@pytest.hookimpl({when}=True)
def {hook}(item):
    tries.append(item.name)
    if item.name == "test_cr_lf_works_as_lf" and tries.count(item.name) == {number}:
        pytest.fail("Timeout (>1.0s) from a plugin")
"""


def report_of(project: Path) -> Report:
    report = Report.model_validate_json((project / "r.json").read_bytes())
    assert len({one.id for one in report.scenarios}) == len(report.scenarios)
    return report


def scenarios_of(project: Path) -> dict[str, str]:
    return {one.id: one.status for one in report_of(project).scenarios}


@pytest.mark.heavy
def test_a_scenario_that_is_tried_again_counts_once(project: Path) -> None:
    (project / "plugged.py").write_text(TRIES_TWICE)
    asked = ("--pyargs", "conformance", "--chat-launch", REFERENCE, "--chat-json", "r.json")
    done = run_pytest(project, *asked, "-k", "FRM-3", "-p", "plugged")
    assert "conformant" in done.stdout
    assert scenarios_of(project) == {"frm/cr-lf-works-as-lf": "pass"}


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("hook", "when", "number", "more"),
    [
        ("pytest_runtest_call", "trylast", 1, ""),
        ("pytest_runtest_teardown", "trylast", 1, ""),
        ("pytest_runtest_call", "tryfirst", 2, TRIES_TWICE),
    ],
)
def test_a_scenario_that_is_broken_off_is_unknown(
    hook: str, when: str, number: int, more: str, project: Path
) -> None:
    """Even if it had passed already, or in an earlier try."""
    (project / "plugged.py").write_text(
        BREAKS_OFF.format(hook=hook, when=when, number=number) + more
    )
    asked = ("--pyargs", "conformance", "--chat-launch", REFERENCE, "--chat-json", "r.json")
    done = run_pytest(project, *asked, "-k", "FRM-3 or sanity", "-p", "plugged")
    assert done.returncode == 1
    (broken_off,) = [one for one in report_of(project).scenarios if one.status == "unknown"]
    assert broken_off.id == "frm/cr-lf-works-as-lf"
    assert broken_off.reason is not None
    assert broken_off.reason.endswith("end: Failed: Timeout (>1.0s) from a plugin")
    assert ": incomplete" in done.stdout


CLIENT = f"{sys.executable} -m conformance.specimens.clients {{}} {{{{host}}}} {{{{port}}}}"


def test_a_client_is_judged_by_a_test_for_each_scenario(tmp_path: Path) -> None:
    report, known = tmp_path / "report.json", tmp_path / "known.toml"
    words = ["--pyargs", "conformance", "--chat-client", CLIENT.format("hides-senders")]
    words += ["-k", "cli/first or cli/forms-of-sender"]
    others = len(client_scenarios()) - 2
    done = run_pytest(tmp_path, *words, "--chat-json", str(report))
    assert counts(done) == {"failed": 2, "deselected": others}, done.stdout
    assert "CLI-9 MUST" in done.stdout
    assert "chatproto-conformance clients --launch" in done.stdout
    found = Report.model_validate_json(report.read_bytes())
    assert [one.id for one in found.requirements if one.status == "fail"] == ["CLI-9"]
    run(
        "clients", "--launch", CLIENT.format("hides-senders"), "--time-limit", "300",
        "--only", "cli/first,cli/forms-of-sender", "--write-known-failures", str(known),
    )  # fmt: skip
    done = run_pytest(tmp_path, *words, "--chat-known-failures", str(known))
    assert counts(done) == {"xfailed": 2, "deselected": others}, done.stdout


def test_a_run_judges_a_server_or_a_client(tmp_path: Path) -> None:
    words = ["--chat-client", "nc {host} {port}", "--chat-launch", REFERENCE]
    done = run_pytest(tmp_path, "--pyargs", "conformance", *words)
    assert done.returncode == 4
    assert "--chat-launch and --chat-client exclude each other" in done.stderr


@pytest.mark.heavy
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
def test_a_report_that_cannot_be_written_is_said(project: Path) -> None:
    asked = ("--pyargs", "conformance", "--chat-launch", REFERENCE, "--chat-json", "/dev/full")
    done = run_pytest(project, *asked, "-k", "FRM-3")
    assert done.returncode == pytest.ExitCode.INTERNAL_ERROR
    assert "cannot write /dev/full: No space left on device" in done.stdout + done.stderr
    assert "conformant" in done.stdout
