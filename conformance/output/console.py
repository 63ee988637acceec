"""A run on a console: its progress, its findings, and its conclusion."""

import os
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from conformance.dialect import PLAIN
from conformance.output.causes import Located, causes_of, first_findings, weight
from conformance.output.conclusion import print_conclusion
from conformance.output.findings import print_findings, print_result, print_title
from conformance.output.live_table import LiveTable, can_show
from conformance.output.progress import Progress
from conformance.output.summary import (
    NO_CHAT,
    notes_of,
    print_declared,
    print_summary,
    print_verdict,
    verdict_lines,
)
from conformance.report.known_failures import Held
from conformance.report.model import Report, ScenarioReport, Verdict
from conformance.report.octets import visible
from conformance.runner.session import Settings
from conformance.scenarios.registry import FIRST, Scenario


class Detail(Enum):
    """How much a run prints.

    `QUIET`: only failures. `NORMAL`: one screen. `VERBOSE`: a line for every scenario, with what it
    exercised and how often, and every finding in full.
    """

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


def print_hint(console: Console, server: str, seen: str) -> int:
    """Print how to judge a server that speaks another dialect.

    Args:
        console: where to print it.
        server: the options that name the server.
        seen: what the server did.

    Returns:
        The number of lines.
    """
    lines = [
        f"[bold]This server does not seem to speak chatproto/1[/]: {escape(visible(seen))}.",
        "If that is intended, find its dialect, and judge it in that:",
        *(escape(f"    {step}") for step in _probing(server)),
        "",
    ]
    for line in lines:
        console.print(line)
    return len(lines)


def _probing(server: str) -> list[str]:
    return [
        f"chatproto-conformance run --probe {server}",
        f"chatproto-conformance probe -o dialect.toml {server}",
    ]


class ConsoleReporter:
    """A reporter that prints a run to a console.

    It is a context manager: within it, a terminal shows a live table. `page` is the path of the
    run's HTML page.
    """

    def __init__(
        self,
        console: Console,
        settings: Settings,
        chosen: Sequence[Scenario],
        jobs: int = 1,
        detail: Detail = Detail.NORMAL,
        page: Path | None = None,
    ) -> None:
        self._console = console
        self._hints = detail is not Detail.QUIET and settings.profile.dialect == PLAIN
        self._hinted = 0
        self._settings = settings
        self._detail = detail
        self._page = page
        self._progress = Progress([one.id for one in chosen], jobs)
        self._table: LiveTable | None = None
        if detail is not Detail.QUIET and can_show(console):
            profile = settings.profile
            target = profile.launch.command if profile.launch else settings.address
            self._table = LiveTable(console, self._progress, profile.name or target, jobs)

    def __enter__(self) -> "ConsoleReporter":
        if self._table is not None:
            self._table.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._table is not None:
            failed = any(result.findings for result in self._progress.results)
            self._table.stop(brief=failed and self._detail is not Detail.VERBOSE)

    def on_strange(self, seen: str) -> None:
        """Print once how to judge a server that speaks another dialect."""
        if self._hints:
            self._hinted = print_hint(self._console, self._settings.server, seen)
        self._hints = False

    def on_start(self, scenario: str) -> None:
        """Show that a scenario has begun."""
        self._progress.start(scenario)

    def on_result(self, result: ScenarioReport) -> None:
        """Show that a scenario is over."""
        self._progress.finish(result)
        if result.id == FIRST and result.findings:
            self.on_strange(result.findings[0].actual)
        if self._detail is Detail.VERBOSE:
            print_result(self._console, result, counts=True)

    def on_report(self, report: Report, held: Held | None = None) -> None:
        """Print the conclusion of the run, with known failures if it was compared with a file.

        A quiet run without failures prints nothing.
        """
        found = list(first_findings(report.scenarios))
        is_new = held is None or not held.is_as_known
        if self._detail is Detail.QUIET:
            if found or report.verdict is not Verdict.CONFORMANT or (held is not None and is_new):
                print_declared(self._console, report)
                for (_, finding), *_ in found if is_new else ():
                    print_title(self._console, finding)
                print_verdict(self._console, report, held)
            return
        if self._detail is Detail.VERBOSE:
            print_findings(self._console, report.scenarios, self._settings.again)
        if self._detail is Detail.VERBOSE or not found:
            print_summary(self._console, report)
        if not found:
            print_verdict(self._console, report, held)
            return
        print_conclusion(
            self._console,
            report,
            [*verdict_lines(report, held, failures=True), *map(Text, notes_of(report))],
            self._steps(report, found) if is_new else (),
            taken=self._hinted,
        )

    def _steps(self, report: Report, found: "list[list[Located]]") -> list[str]:
        """Return the next commands for the first cause, or else for the first failure."""
        server = self._settings.server
        result, finding = min((ones[0] for ones in found), key=weight)
        causes = [one for one in causes_of(report) if one.shown is not None]
        steps = [f"chatproto-conformance explain {finding.requirement}"]
        if causes and causes[0].shown is not None:
            result, _ = causes[0].shown
            steps = [f"chatproto-conformance explain {causes[0].name}"]
        if report.spoken is not None:
            steps.insert(0, f"chatproto-conformance run {report.spoken.options} {server}")
        elif not self._hinted and any(
            one.reason in (NO_CHAT, "foreign") for one in report.scenarios
        ):
            steps += _probing(server)[:1]
        again = self._settings.again(result)
        steps.append(f"{again} --verbose" if result.program is None else again)
        if self._page is not None:
            steps.append(f"{_near(self._page)} has every finding, with diagrams")
        else:
            steps.append("--verbose prints every finding; --html FILE writes a page of them")
        return steps


def _near(path: Path) -> Path:
    """Shorten a path to a relative one if it is below the working directory."""
    here = Path(os.path.relpath(path))
    return path if here.parts[:1] == ("..",) else here
