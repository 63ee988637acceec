"""What a person sees of a run: its progress, and how it ended.

`conclusion` has the end of a run in which something failed."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from conformance.dialect import PLAIN
from conformance.driver.interruption import OUT_OF_TIME
from conformance.output.causes import Located, causes_of, first_findings, weight
from conformance.output.conclusion import print_conclusion, untold_lines
from conformance.output.live_table import STYLES, LiveTable, can_show
from conformance.output.progress import Progress
from conformance.output.text_diagram import octets_width, sketch, sketch_crossing
from conformance.programs.program import summary
from conformance.report.known_failures import Held, held_lines
from conformance.report.model import FindingReport, Report, ScenarioReport, Verdict
from conformance.report.octets import visible
from conformance.report.sequence_diagram import diagram_of
from conformance.report.text import WIDTH, finding_lines
from conformance.runner.session import Settings
from conformance.scenarios.registry import Scenario
from conformance.standard.requirements import Level, requirements
from conformance.target.usage import Usage

_VERDICTS: Final = {
    Verdict.CONFORMANT: "green",
    Verdict.NON_CONFORMANT: "red",
    Verdict.INCOMPLETE: "yellow",
}


class Detail(Enum):
    """How much a run prints. `QUIET`: nothing but what is wrong. `NORMAL`: a screen. `VERBOSE`: a
    line for every scenario, with what it exercised and how often, and every finding in full."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


_FIRST: Final = "sanity/first"
"""The scenario in which each server shows first how it speaks."""
_NO_CHAT: Final = "sanity"
"""Why a scenario was not played: no two clients could chat."""


def print_hint(console: Console, server: str, seen: str) -> int:
    """Say how a server that does not speak as chatproto/1 does is judged in its own terms.

    Args:
        console: where to print it.
        server: the command line's words for the server.
        seen: what the server did.

    Returns:
        The number of lines.
    """
    lines = [
        f"[bold]This server does not speak as chatproto/1 does[/]: {escape(visible(seen))}.",
        "If it is meant to, let its dialect be found, and judge it in that:",
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
    """Prints a run to a console: a context, within which a terminal shows a table of it. `page` is
    where the run writes its HTML page."""

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
        """Say once how the server is judged in its own terms."""
        if self._hints:
            self._hinted = print_hint(self._console, self._settings.server, seen)
        self._hints = False

    def on_start(self, scenario: str) -> None:
        """Show that a scenario begins."""
        self._progress.start(scenario)

    def on_result(self, result: ScenarioReport) -> None:
        """Show that a scenario is over."""
        self._progress.finish(result)
        if result.id == _FIRST and result.findings:
            self.on_strange(result.findings[0].actual)
        if self._detail is Detail.VERBOSE:
            print_result(self._console, result, counts=True)

    def on_report(self, report: Report, held: Held | None = None) -> None:
        """Print how the run ended, beside the failures that are known, if it was held against a
        file of them. A quiet one prints nothing where nothing is wrong."""
        found = list(first_findings(report.scenarios))
        is_new = held is None or not held.is_as_known
        if self._detail is Detail.QUIET:
            if found or report.verdict is not Verdict.CONFORMANT or (held is not None and is_new):
                _print_declared(self._console, report)
                for (_, finding), *_ in found if is_new else ():
                    _print_title(self._console, finding)
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
        """What to do about the first cause, or else about the first failure."""
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
            one.reason in (_NO_CHAT, "foreign") for one in report.scenarios
        ):
            steps += _probing(server)[:1]
        again = self._settings.again(result)
        steps.append(f"{again} --verbose" if result.program is None else again)
        if self._page is not None:
            steps.append(f"{_near(self._page)} has every finding, with pictures")
        else:
            steps.append("--verbose prints every finding; --html FILE writes a page of them")
        return steps


def print_result(console: Console, result: ScenarioReport, *, counts: bool = False) -> None:
    """Print the line of a scenario that is over; with `counts`, how often it exercised what."""
    broken = {one.requirement for one in result.findings if one.outcome == "fail"}
    about = " ".join(sorted(broken)) if broken else " ".join(result.requirements)
    if counts:
        times = {**dict.fromkeys(sorted(broken), 0), **result.exercised}
        about = " ".join(f"{id_}×{count}" for id_, count in times.items()) or "nothing exercised"
    reason = f"  {visible(result.reason)}" if result.reason else ""
    style = STYLES[result.status]
    console.print(
        f"[{style}]{result.status:7}[/] {result.id}  [dim]{about}[/]"
        f"  {result.duration_s:.2f} s{escape(reason)}"
    )


def print_findings(
    console: Console, results: Sequence[ScenarioReport], again: Callable[[ScenarioReport], str]
) -> None:
    """Print the first finding of each broken requirement, and the scenarios of the others.

    Args:
        console: where to print them.
        results: the scenarios of a run.
        again: returns the command that plays a scenario again.
    """
    for (result, finding), *others in first_findings(results):
        _, *rest, last = finding_lines(finding, again(result), _columns(console))
        console.print()
        _print_title(console, finding)
        for line in (*rest, *picture(finding), *_program(result), last):
            console.print(escape(line))
        if also := sorted({other.id for other, _ in others} - {result.id}):
            console.print(f"  also in   {escape(', '.join(also))}")


def _columns(console: Console) -> int:
    """Columns for words: as many as there are, and no more than are read with ease."""
    return max(20, min(console.width, WIDTH))


def print_blame(console: Console, result: ScenarioReport) -> None:
    """Say who broke what in a conversation, a line each: the server, and which client. Of findings
    that are not printed, for others of their requirement are, it says what was seen."""
    blame: dict[str, dict[str, FindingReport]] = defaultdict(dict)
    printed: dict[str, FindingReport] = {}
    for finding in result.findings:
        printed.setdefault(finding.requirement, finding)
        if finding.outcome == "fail":
            by_server = requirements()[finding.requirement].kind.binds_servers
            who = "the server" if by_server else f"client {finding.client}"
            blame[who].setdefault(finding.requirement, finding)
    console.print()
    for who, findings in blame.items():
        said = [
            id_ if one is printed[id_] else f"{id_} ({one.actual})" for id_, one in findings.items()
        ]
        console.print(f"{who} broke {' '.join(said)}", markup=False)
    if not blame:
        console.print("nothing was seen broken")


def _program(result: ScenarioReport) -> Iterator[str]:
    """How often a generated program failed, and where it is saved."""
    if (one := result.program) is not None:
        yield f"  program   fails {one.fails} of {one.of}; {summary(one.program)}; {one.path}"


def _print_title(console: Console, finding: FindingReport) -> None:
    style = "red" if finding.outcome == "fail" else "yellow"
    console.print(f"[bold {style}]{escape(next(finding_lines(finding, '')))}[/]")


def print_summary(console: Console, report: Report) -> None:
    """Print how many requirements of each level passed, what could not be told, and why."""
    console.print()
    for level in Level:
        counts = Counter(
            "fail, declared" if one.is_only_declared else one.status
            for one in report.requirements
            if one.level is level
        )
        said = ", ".join(f"{counts[status]} {status}" for status in counts)
        console.print(f"{level:7} {said}")
    for line in untold_lines(report):
        console.print(line, markup=False)
    _print_declared(console, report)
    if report.usage is not None:
        console.print(f"server  {_usage(report.usage)}", markup=False)
    for line in outage_lines(report):
        console.print(line, markup=False)
    for note in notes_of(report):
        console.print(note, markup=False)


def notes_of(report: Report) -> Iterator[str]:
    """Why a run covers less than the whole standard, a line each."""
    if late := sum(one.reason == OUT_OF_TIME for one in report.scenarios):
        yield (
            f"The run reached its time limit before {late} scenarios were over: --time-limit gives "
            "it longer."
        )
    if any(one.reason == "needs-launch" for one in report.requirements):
        yield "Stopping was not checked: --launch lets the suite do that."
    if any(one.reason == _NO_CHAT for one in report.scenarios):
        yield (
            "No two clients could chat, so nothing more could be learnt, and the other scenarios "
            "were not played."
        )
    if any(one.reason == "first" for one in report.scenarios):
        yield (
            "The client did not connect, showed nothing, or flooded its display. Nothing more "
            "could be learnt, and the other scenarios were not played."
        )
    if any(one.reason == "foreign" for one in report.scenarios):
        yield (
            "What came has not the form of chatproto/1, so nothing more could be told, and the "
            "other scenarios were not played: --probe finds the server's dialect first."
        )


def outage_lines(report: Report) -> Iterator[str]:
    """For each kind of fault of a cluster the longest silence of members that it did not touch."""
    longest: dict[str, tuple[float, float]] = {}
    for one in (one for result in report.scenarios for one in result.outages):
        silence, resumed = longest.get(one.fault, (0.0, 0.0))
        longest[one.fault] = max(silence, one.silence), max(resumed, one.resumed)
    for fault, (silence, resumed) in longest.items():
        yield (
            f"fault   {fault}: longest silence {silence:.1f} s, "
            f"messages {resumed:.1f} s after it was healed"
        )


def _print_declared(console: Console, report: Report) -> None:
    """Print the requirements that the profile declares the server to break, a line each."""
    for one in report.requirements:
        if one.declared:
            more = ", and more was found" if one.undeclared else ""
            said = f"{one.id} {one.level} — {one.title}: {', '.join(one.declared)}{more}"
            console.print(f"declared  {escape(visible(said))}")


def _usage(usage: Usage) -> str:
    """The resources that the server took: before, at most, and after."""
    before, most, after = usage.before, usage.most, usage.after
    megabytes = [f"{figures.memory / 1e6:.0f}" for figures in (before, most, after)]
    return (
        f"memory {megabytes[0]} → {megabytes[2]} MB (most {megabytes[1]}), "
        f"descriptors {before.descriptors} → {after.descriptors} (most {most.descriptors}), "
        f"threads {before.threads} → {after.threads} (most {most.threads}), "
        f"processor {max(0.0, after.cpu_s - before.cpu_s):.1f} s of {usage.seconds:.1f} s"
    )


def _beyond(report: Report) -> str:
    """What the verdict would be without what the dialect declares; empty where there is none."""
    if report.otherwise is None:
        return ""
    if report.otherwise is Verdict.NON_CONFORMANT:
        return ", beyond what is declared"
    return f", {report.otherwise} but for what is declared"


def print_verdict(console: Console, report: Report, held: Held | None = None) -> None:
    """Print the verdict in a line, after what is to be said of failures that are known."""
    for line in verdict_lines(report, held):
        console.print(line, soft_wrap=True)


def verdict_lines(
    report: Report, held: Held | None = None, *, failures: bool = False
) -> Iterator[Text]:
    """The verdict in a line, with `failures` counted, after what is to be said of failures that are
    known."""
    if held is not None:
        yield from map(Text, held_lines(held))
    interrupted = ", interrupted" if report.interrupted else ""
    if held is not None and held.as_known and held.is_as_known:
        interrupted += ", as known"
    line = Text(f"{visible(report.name or report.target)}: ")
    line.append(report.verdict_in_words, f"bold {_VERDICTS[report.verdict]}")
    line.append(
        f"{interrupted}{_beyond(report)} "
        f"({report.protocol}, {len(report.scenarios)} scenarios, {report.duration_s:.1f} s)"
    )
    if failures and (counts := _counts(report)):
        line.append(f": {counts}")
    yield line


def _counts(report: Report) -> str:
    """How many requirements of each level fail, in words."""
    said = []
    for level in Level:
        of = [one for one in report.requirements if one.level is level]
        failed = sum(one.status == "fail" for one in of)
        if failed:
            said.append(f"{failed} of {len(of)} {level}s")
    return f"{' and '.join(said)} fail" if said else ""


def print_durations(console: Console, report: Report, count: int, jobs: int) -> None:
    """Print where the time of the lanes went: each section, the rest, and the slowest scenarios.

    Args:
        console: where to print it.
        report: the run.
        count: how many of the slowest scenarios are named.
        jobs: the number of lanes.
    """
    sections: dict[str, float] = defaultdict(float)
    for one in report.scenarios:
        sections[one.id.partition("/")[0]] += one.duration_s
    between = max(0.0, report.duration_s * jobs - sum(sections.values()))
    console.print("\nseconds by section")
    slowest_first = sorted(sections.items(), key=lambda item: -item[1])
    for name, seconds in [*slowest_first, ("launching, letting go, the rest", between)]:
        console.print(f"{seconds:8.2f}  {name}")
    console.print("the slowest scenarios")
    slowest = sorted(report.scenarios, key=lambda one: -one.duration_s)
    for one in slowest[:count]:
        console.print(f"{one.duration_s:8.2f}  {one.id}")


def _near(path: Path) -> Path:
    """A path as one would type it here: relative where it leads down from here."""
    here = Path(os.path.relpath(path))
    return path if here.parts[:1] == ("..",) else here


def picture(finding: FindingReport) -> Iterator[str]:
    """A finding's diagram as text, after its crossing where it has one; nothing without events."""
    if finding.crossing is not None:
        yield ""
        yield from sketch_crossing(finding.crossing)
    clients = {event.client for event in finding.stretch if event.client is not None}
    diagram = diagram_of(finding, octets_width(len(clients)))
    if diagram is not None:
        yield ""
        yield from sketch(diagram)
        yield ""
    if finding.screen:
        yield "  on the screen in the end"
        yield from (f"    | {visible(row)}" for row in finding.screen)
        yield ""
