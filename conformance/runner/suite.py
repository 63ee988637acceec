"""One run of the suite: pytest over the scenarios, here, with the plugin's reports collected."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from chatproto import __version__
from conformance.report.model import Report, ScenarioReport, summarise
from conformance.runner.background import Beside, played_beside
from conformance.runner.preflight import Unreachable, reach
from conformance.runner.pytest_plugin import result_in
from conformance.runner.session import Settings

_PACKAGE = Path(__file__).parent.parent


class Reporter(Protocol):
    """Who is told of a run as it goes: first of all what a server sends otherwise than chatproto/1
    has it, where that is seen at a glance."""

    def on_strange(self, seen: str) -> None: ...

    def on_start(self, scenario: str) -> None: ...

    def on_result(self, result: ScenarioReport) -> None: ...


class _Collector:
    """Collects what the plugin attached to pytest's reports, from this process or workers."""

    def __init__(self, reporter: Reporter) -> None:
        self.results: list[ScenarioReport] = []
        self.broken_down = ""
        self._failure = ""
        self._reporter = reporter

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        module, _, name = nodeid.rpartition("/")[2].partition(".py::")
        section = module.removeprefix("test_")
        self._reporter.on_start(f"{section}/{name.removeprefix('test_').replace('_', '-')}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if (result := result_in(report)) is not None:
            self.results.append(result)
            self._reporter.on_result(result)
        elif report.when != "teardown":
            self._failure = report.longreprtext if report.failed else ""
        elif self._failure:
            self.broken_down = self._failure


def run_suite(
    settings: Settings,
    reporter: Reporter,
    jobs: int = 1,
    junit: Path | None = None,
    *,
    look_first: bool = True,
    one_server: bool = False,
) -> Report:
    """Play the scenarios that the settings name.

    `look_first`: make sure that there is a server before; else `Unreachable`. `one_server`: play
    all before it, and nothing beside. An interrupt ends the run with what was found by then, in a
    report that says so.
    """
    began = time.monotonic()
    collector = _Collector(reporter)
    chosen = [] if one_server else played_beside(settings)
    beside = Beside(settings, chosen)
    in_line = settings.without(play.scenario.id for play in chosen)
    arguments = [
        str(_PACKAGE / "scenarios"),
        f"--rootdir={_PACKAGE}",
        f"--config-file={Path(__file__).with_name('pytest.ini')}",
        "-pno:terminal",
        # A terminal is written to while scenarios are played.
        "--capture=no",
        "-pno:cacheprovider",
        # It collects garbage again and again when all is over.
        "-pno:unraisableexception",
        "-pconformance.runner.pytest_plugin",
        f"--chat-settings={in_line.model_dump_json()}",
    ]
    if jobs > 1:
        arguments += [f"-n{jobs}", "--maxschedchunk=1", "-pxdist.plugin"]
    if junit is not None:
        arguments.append(f"--junitxml={junit.absolute()}")
    status: int | pytest.ExitCode
    try:
        if look_first:
            reach(settings, reporter.on_strange)
        with _own_pytest():
            status = pytest.main(arguments, plugins=[collector, beside])
    except KeyboardInterrupt:
        status = pytest.ExitCode.INTERRUPTED
    if status not in (
        pytest.ExitCode.OK,
        pytest.ExitCode.TESTS_FAILED,
        pytest.ExitCode.INTERRUPTED,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    ):
        raise Unreachable(f"the run broke off: pytest ended with {status!r}")
    if collector.broken_down:
        raise Unreachable(f"the suite itself broke down:\n{collector.broken_down}")
    return report_of(
        collector.results,
        settings,
        interrupted=status == pytest.ExitCode.INTERRUPTED,
        duration_s=time.monotonic() - began,
    )


def report_of(
    results: Iterable[ScenarioReport], settings: Settings, *, interrupted: bool, duration_s: float
) -> Report:
    """Put what was found in a run with these settings together."""
    launch = settings.profile.launch
    return summarise(
        results,
        settings.selected or settings.requirements,
        managed=launch is not None,
        interrupted=interrupted,
        suite=__version__,
        target=settings.address if launch is None else launch.command,
        name=settings.profile.name,
        seed=settings.seed,
        duration_s=duration_s,
        dialect=settings.profile.dialect,
    )


@contextmanager
def _own_pytest() -> Iterator[None]:
    """Keep the options and plugins of the user's own pytest out of it."""
    outer = dict(os.environ)
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(outer)
