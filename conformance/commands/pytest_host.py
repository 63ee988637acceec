"""The scenarios within another project's pytest run: the options, and the summary at the end."""

import io
import re
from functools import partial
from pathlib import Path
from typing import Protocol

import click
import pytest
from rich.console import Console

from conformance.clients.program import filled_in
from conformance.clients.use import Use
from conformance.clients.waits import Waits
from conformance.commands.clients import client_settings
from conformance.commands.options import find_target, written_out
from conformance.commands.outputs import Outputs
from conformance.output.conclusion import print_conclusion
from conformance.output.findings import print_findings
from conformance.output.github import tell_github
from conformance.output.summary import print_summary, print_verdict, verdict_lines
from conformance.report.build import without
from conformance.report.known_failures import (
    Held,
    KnownFailures,
    KnownFailuresError,
    hold,
    load_known_failures,
)
from conformance.report.model import Report, ScenarioReport, Verdict
from conformance.runner.client_suite import ClientPlayer, report_of_client
from conformance.runner.course import Course
from conformance.runner.preflight import Unreachable, reach
from conformance.runner.pytest_clients import client_play_of, take_part_with_client
from conformance.runner.pytest_plugin import result_in, take_part
from conformance.runner.selection import select
from conformance.runner.session import Session, Settings
from conformance.runner.suite import report_of
from conformance.scenarios.registry import Scenario, plays
from conformance.standard.requirements import PROTOCOL
from conformance.target.process import LaunchError


def begin(config: pytest.Config, *, named: bool) -> None:
    """Let pytest collect the scenarios, and play them if its options have `named` a server or a
    client."""
    if not named:
        take_part(config, None)
        return
    report: _Reporting
    if config.getoption("chat_client") is not None:
        settings, use = _client_settings(config)
        course = Course()
        player = ClientPlayer(use, settings, course, Waits(course.limit))
        take_part_with_client(config, player, settings)
        report = partial(report_of_client, use=use)
    else:
        settings = _settings(config)
        take_part(config, Session(settings), _look)
        report = report_of
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(
            _Summary(
                settings,
                config.getoption("chat_known_failures"),
                _path(config, "chat_json"),
                report,
                accepts_declared=config.getoption("chat_accept_declared"),
            )
        )


def _look(settings: Settings) -> None:
    try:
        reach(settings)
    except Unreachable as error:
        raise Unreachable(_as_options(str(error))) from None


def _path(config: pytest.Config, name: str) -> Path | None:
    """Return the path of a file to write, from an option."""
    path = config.getoption(name)
    if path is None:
        return None
    assert isinstance(path, Path)
    if not path.parent.is_dir():
        raise pytest.UsageError(f"{path}: there is no directory {path.parent}")
    return path.absolute()


def _settings(config: pytest.Config) -> Settings:
    target, launch, profile_name = (
        config.getoption(name) for name in ("chat_target", "chat_launch", "chat_profile")
    )
    factor = config.getoption("chat_timeout_factor")
    try:
        profile, address = find_target(target, launch, profile_name)
        known_path = config.getoption("chat_known_failures")
        known = load_known_failures(known_path) if known_path is not None else KnownFailures()
    except click.UsageError as error:
        raise pytest.UsageError(_as_options(error.message)) from None
    except KnownFailuresError as error:
        raise pytest.UsageError(str(error)) from None
    if config.getoption("chat_isolate") and profile.launch is None:
        raise pytest.UsageError(
            "--chat-isolate needs --chat-launch: the suite cannot restart what runs already"
        )
    processes = config.getoption("numprocesses", None) or 1
    if processes > 1 and profile.launch is not None and address.with_free_port() == address:
        raise pytest.UsageError(
            f"-n {processes} launches {processes} servers, and {address} has room for one: leave "
            "--chat-target out, or give it port 0, so that each gets a free port"
        )
    transcripts = config.getoption("chat_transcripts")
    if transcripts is not None:
        transcripts.mkdir(parents=True, exist_ok=True)
    chosen, counting, selected = select((), (), config.getoption("chat_level"))
    return Settings(
        profile=profile,
        address=str(address),
        seed=config.getoption("chat_seed"),
        factor=factor,
        requirements=counting,
        selected=selected,
        scenarios=frozenset(one.id for one in chosen),
        transcripts=transcripts.absolute() if transcripts is not None else None,
        isolate=config.getoption("chat_isolate"),
        examples=config.getoption("chat_examples"),
        programs=config.getoption("chat_programs"),
        server=written_out(target, launch, profile_name, factor),
        known=known,
    )


def _client_settings(config: pytest.Config) -> tuple[Settings, Use]:
    for name in ("chat_target", "chat_launch", "chat_profile"):
        if config.getoption(name) is not None:
            raise pytest.UsageError(
                f"--{name.replace('_', '-')} and --chat-client exclude each other: one names a "
                "server, the other a client"
            )
    use = Use(
        config.getoption("chat_client"),
        config.getoption("chat_client_use"),
        config.getoption("chat_client_leave"),
        config.getoption("chat_client_raw"),
        config.getoption("chat_seed"),
        config.getoption("chat_timeout_factor"),
    )
    known_path, transcripts = (
        config.getoption(name) for name in ("chat_known_failures", "chat_transcripts")
    )
    try:
        filled_in(use.command, "127.0.0.1", 9)
        known = load_known_failures(known_path) if known_path is not None else KnownFailures()
    except (LaunchError, KnownFailuresError) as error:
        raise pytest.UsageError(str(error)) from None
    if transcripts is not None:
        transcripts.mkdir(parents=True, exist_ok=True)
    level = config.getoption("chat_level")
    settings, _ = client_settings(use, (), (), level, transcripts, known)
    return settings, use


def _as_options(text: str) -> str:
    """Replace the command's options in a message by those of pytest."""
    text = text.replace("a TARGET such as", "--chat-target ADDRESS such as")
    return re.sub(r"--(?=(?:launch|profile)\b)", "--chat-", text)


def _scenario_of(nodeid: str) -> Scenario | None:
    """Return the scenario with this pytest node id, or None."""
    path, _, name = nodeid.partition("::")
    for play in plays():
        if path.endswith(f"{play.__module__.replace('.', '/')}.py") and play.__name__ == name:
            return play.scenario
    client_play = client_play_of(nodeid)
    return None if client_play is None else client_play.scenario


def _what_ended(report: pytest.TestReport) -> str:
    """Return the message of the exception that ended a test."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return text.strip().partition("\n")[0]


class _Reporting(Protocol):
    """A function that makes one report of the results of all scenarios."""

    def __call__(
        self,
        results: list[ScenarioReport],
        settings: Settings,
        *,
        interrupted: bool,
        duration_s: float,
    ) -> Report: ...


class _Summary:
    """The plugin that collects results, from this process or from workers, and prints a summary."""

    def __init__(
        self,
        settings: Settings,
        known_path: Path | None,
        json_path: Path | None,
        report_of: "_Reporting",
        *,
        accepts_declared: bool,
    ) -> None:
        self._settings = settings
        self._known_path = known_path
        self._json_path = json_path
        self._report_of = report_of
        self._accepts_declared = accepts_declared
        self._last: dict[str, ScenarioReport] = {}
        self._broken_off: set[str] = set()
        self._report: Report | None = None
        self._held: Held | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the last result of each scenario: another plugin may rerun it, or abort it."""
        if report.when == "setup":
            self._broken_off.discard(report.nodeid)
        result = result_in(report)
        if report.failed and (result is None or result.status == "pass"):
            self._broken_off.add(report.nodeid)
        if report.nodeid not in self._broken_off:
            if result is not None:
                self._last[result.id] = result
        elif report.failed and (scenario := _scenario_of(report.nodeid)) is not None:
            words = f"the scenario did not come to its end: {_what_ended(report)}"
            self._last[scenario.id] = without(scenario, "unknown", words)

    @property
    def _results(self) -> list[ScenarioReport]:
        return list(self._last.values())

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail the run if a MUST is unknown, or if a known failure did not occur."""
        if not self._results:
            return
        played = {result.id for result in self._results}
        settings = self._settings
        if played != settings.scenarios:
            about = {id_ for result in self._results for id_ in result.requirements}
            settings = settings.model_copy(update={"selected": settings.requirements & about})
        self._report = self._report_of(
            self._results,
            settings,
            interrupted=exitstatus == pytest.ExitCode.INTERRUPTED,
            duration_s=sum(result.duration_s for result in self._results),
        )
        outputs, report = Outputs(), self._report
        outputs.write_json(self._json_path, report)
        accepted = self._report.otherwise if self._accepts_declared else None
        good = (accepted or self._report.verdict) is Verdict.CONFORMANT
        if self._known_path is not None:
            self._held = hold(settings.known, self._known_path, self._report)
            good = self._held.is_as_known
        if not good and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if outputs.failed:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what no failed test shows: SHOULDs, unexercised requirements, and the verdict."""
        if self._report is None:
            return
        terminalreporter.section(PROTOCOL)
        text = io.StringIO()
        console = Console(
            file=text, force_terminal=terminalreporter.hasmarkup, highlight=False, soft_wrap=True
        )
        only_should = [one for one in self._results if one.verdict is not Verdict.NON_CONFORMANT]
        print_findings(console, only_should, self._settings.again)
        print_summary(console, self._report)
        if self._report.causes or self._report.advice or self._report.deaths:
            verdict = list(verdict_lines(self._report, self._held, failures=True))
            print_conclusion(console, self._report, verdict, ())
        else:
            print_verdict(console, self._report, self._held)
        terminalreporter.write(text.getvalue())
        tell_github(self._report, self._settings.again, self._held, terminalreporter.write_line)
