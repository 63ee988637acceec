"""What a person sees: progress while the run goes on, then what failed and what to do next."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from conformance.diagram import diagram_of
from conformance.render import finding_lines, visible
from conformance.report import FindingReport, Report, ScenarioReport, Verdict
from conformance.scenario import scenarios
from conformance.session import Settings
from conformance.sketch import octets_width, sketch, sketch_crossing
from conformance.standard import Level, Requirement, requirements

_STYLES = {"pass": "green", "fail": "red", "skip": "dim", "unknown": "yellow"}
_VERDICTS = {
    Verdict.CONFORMANT: "green",
    Verdict.NON_CONFORMANT: "red",
    Verdict.INCOMPLETE: "yellow",
}


class ConsoleReporter:
    """Tells the console of a run. `settings` are None where there is no run to repeat."""

    def __init__(self, console: Console, settings: Settings | None, count: int) -> None:
        self._console = console
        self._settings = settings
        self._count = count
        self._done = 0
        self._status: Status | None = console.status("") if console.is_terminal else None

    def on_start(self, scenario: str) -> None:
        if self._status is not None:
            self._status.update(f"{self._done + 1}/{self._count} {scenario}")
            self._status.start()

    def on_result(self, result: ScenarioReport) -> None:
        self._done += 1
        broken = Counter(
            finding.requirement for finding in result.findings if finding.outcome == "fail"
        )
        about = " ".join(sorted(broken)) if broken else " ".join(result.requirements)
        reason = f"  {visible(result.reason)}" if result.reason else ""
        style = _STYLES[result.status]
        self._console.print(
            f"[{style}]{result.status:7}[/] {result.id}  [dim]{about}[/]"
            f"  {result.duration_s:.2f} s{escape(reason)}"
        )

    def on_report(self, report: Report) -> None:
        if self._status is not None:
            self._status.stop()
        self.print_findings(report.scenarios)
        self._print_summary(report)

    def print_findings(self, results: Sequence[ScenarioReport]) -> None:
        """For each requirement broken, the first finding, and how many more there are."""
        found: dict[str, list[tuple[ScenarioReport, FindingReport]]] = defaultdict(list)
        for result in results:
            for finding in result.findings:
                found[finding.requirement].append((result, finding))
        command = self._settings.command if self._settings else "chatproto-conformance run …"
        for id_ in (id_ for id_ in requirements() if id_ in found):
            result, finding = found[id_][0]
            first, *rest, again = finding_lines(finding, f"{command} --only {result.id}")
            style = "red" if finding.outcome == "fail" else "yellow"
            self._console.print(f"\n[bold {style}]{escape(first)}[/]")
            for line in (*rest, *picture(finding), again):
                self._console.print(escape(line))
            if others := sorted({other.id for other, _ in found[id_][1:]} - {result.id}):
                self._console.print(f"  also in   {escape(', '.join(others))}")

    def _print_summary(self, report: Report) -> None:
        self._console.print()
        for level in Level:
            counts = Counter(one.status for one in report.requirements if one.level is level)
            said = ", ".join(f"{counts[status]} {status}" for status in counts)
            self._console.print(f"{level:7} {said}")
        for status, what in (
            ("unknown", "could not be told"),
            ("not-exercised", "never exercised in this run"),
        ):
            if ids := [one.id for one in report.requirements if one.status == status]:
                self._console.print(f"{what}: {' '.join(ids)}")
        if any(one.reason == "needs-launch" for one in report.requirements):
            self._console.print("stopping was not checked: --launch lets the suite do that")
        if any(one.reason == "sanity" for one in report.scenarios):
            self._console.print(
                "no message came back to its sender, so nothing more could be learnt and the "
                "other scenarios were not played"
            )
        style = _VERDICTS[report.verdict]
        interrupted = ", interrupted" if report.interrupted else ""
        self._console.print(
            f"{report.name or report.target}: [bold {style}]{report.verdict}[/]{interrupted} "
            f"({report.protocol}, {len(report.scenarios)} scenarios, {report.duration_s:.1f} s)"
        )


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


def print_scenarios(console: Console) -> None:
    """List every scenario."""
    for scenario in scenarios():
        console.print(f"[bold]{scenario.id}[/]  {' '.join(scenario.requirements)}")
        console.print(f"    {escape(scenario.summary)}")


def print_requirement(console: Console, requirement: Requirement) -> None:
    """Show a requirement: its text, its reason, its scenarios, and the specimens that break it."""
    from conformance.specimens import CATALOGUE

    console.print(f"[bold]{requirement.id}[/]  {escape(requirement.title)}")
    console.print(f"{requirement.level}, {requirement.kind}\n")
    console.print(escape(requirement.text))
    console.print(f"\n[bold]Why[/]  {escape(requirement.reason)}")
    console.print("\n[bold]Scenarios[/]")
    for scenario in scenarios():
        if requirement.id in scenario.requirements:
            console.print(f"  {scenario.id}  [dim]{escape(scenario.summary)}[/]")
    console.print("\n[bold]Broken by the specimens[/]")
    for specimen in CATALOGUE.values():
        if requirement.id in specimen.breaks:
            console.print(f"  {specimen.name}  [dim]{escape(specimen.summary)}[/]")
