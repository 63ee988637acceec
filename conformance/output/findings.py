"""Findings on a console: what was expected, what came, and a diagram."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from conformance.output.causes import first_findings
from conformance.output.live_table import STYLES
from conformance.output.text_diagram import octets_width, sketch, sketch_crossing
from conformance.programs.program import summary
from conformance.report.model import FindingReport, ScenarioReport
from conformance.report.octets import visible
from conformance.report.sequence_diagram import diagram_of
from conformance.report.text import WIDTH, finding_lines
from conformance.standard.requirements import requirements


def print_result(console: Console, result: ScenarioReport, *, counts: bool = False) -> None:
    """Print the line of a finished scenario; with `counts`, how often it exercised what."""
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
        print_title(console, finding)
        for line in (*rest, *picture(finding), *_program(result), last):
            console.print(escape(line))
        if also := sorted({other.id for other, _ in others} - {result.id}):
            console.print(f"  also in   {escape(', '.join(also))}")


def _columns(console: Console) -> int:
    """Return the columns for text: the width of the console, up to a readable maximum."""
    return max(20, min(console.width, WIDTH))


def print_blame(console: Console, result: ScenarioReport) -> None:
    """Print which requirements the server and each client broke, a line each.

    Only the first finding of a requirement is printed elsewhere, so what others saw is added here.
    """
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
        console.print("nothing broken was seen")


def _program(result: ScenarioReport) -> Iterator[str]:
    """Say how often a generated program failed, and where it is saved."""
    if (one := result.program) is not None:
        yield f"  program   fails {one.fails} of {one.of}; {summary(one.program)}; {one.path}"


def print_title(console: Console, finding: FindingReport) -> None:
    style = "red" if finding.outcome == "fail" else "yellow"
    console.print(f"[bold {style}]{escape(next(finding_lines(finding, '')))}[/]")


def picture(finding: FindingReport) -> Iterator[str]:
    """Yield a finding's diagrams as text: its inversion if it has one, and its events if any."""
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
        yield "  on the screen at the end"
        yield from (f"    | {visible(row)}" for row in finding.screen)
        yield ""
