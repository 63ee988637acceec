"""The summary of a run, for a console: how many requirements of each level passed, what is
undecided, which resources the server used, and the verdict."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from conformance.driver.interruption import OUT_OF_TIME
from conformance.output.conclusion import untold_lines
from conformance.report.known_failures import Held, held_lines
from conformance.report.model import Report, Verdict
from conformance.report.octets import visible
from conformance.standard.requirements import Level
from conformance.target.usage import Usage

_VERDICTS: Final = {
    Verdict.CONFORMANT: "green",
    Verdict.NON_CONFORMANT: "red",
    Verdict.INCOMPLETE: "yellow",
}
NO_CHAT: Final = "sanity"
"""The reason for a skip: no two clients could chat."""


def print_summary(console: Console, report: Report) -> None:
    """Print how many requirements of each level passed, and what is undecided and why."""
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
    print_declared(console, report)
    if report.usage is not None:
        console.print(f"server  {_usage(report.usage)}", markup=False)
    for line in outage_lines(report):
        console.print(line, markup=False)
    for note in notes_of(report):
        console.print(note, markup=False)


def notes_of(report: Report) -> Iterator[str]:
    """Say why a run does not cover the whole standard, a line for each reason."""
    if late := sum(one.reason == OUT_OF_TIME for one in report.scenarios):
        left = _scenarios(late)
        yield f"The run reached its time limit before {left} were over: raise --time-limit."
    if any(one.reason == "needs-launch" for one in report.requirements):
        yield "Stopping was not checked: the suite must start the server itself (--launch)."
    if any(one.reason == NO_CHAT for one in report.scenarios):
        yield ("No two clients could chat, so the other scenarios were not played.")
    if any(one.reason == "first" for one in report.scenarios):
        yield (
            "The client did not connect, showed nothing, or flooded its display, so the other "
            "scenarios were not played."
        )
    if any(one.reason == "foreign" for one in report.scenarios):
        yield (
            "The server does not send the format of chatproto/1, so the other scenarios were not "
            "played: --probe finds its dialect first."
        )


def outage_lines(report: Report) -> Iterator[str]:
    """Yield for each fault of a cluster the longest silence of members at other nodes."""
    longest: dict[str, tuple[float, float]] = {}
    for one in (one for result in report.scenarios for one in result.outages):
        silence, resumed = longest.get(one.fault, (0.0, 0.0))
        longest[one.fault] = max(silence, one.silence), max(resumed, one.resumed)
    for fault, (silence, resumed) in longest.items():
        yield (
            f"fault   {fault}: longest silence {silence:.1f} s, "
            f"messages {resumed:.1f} s after it was healed"
        )


def print_declared(console: Console, report: Report) -> None:
    """Print the requirements that the profile declares broken, a line each."""
    for one in report.requirements:
        if one.declared:
            more = ", and more is broken" if one.undeclared else ""
            said = f"{one.id} {one.level} — {one.title}: {', '.join(one.declared)}{more}"
            console.print(f"declared  {escape(visible(said))}")


def _usage(usage: Usage) -> str:
    """Say which resources the server used: before, at most, and after."""
    before, most, after = usage.before, usage.most, usage.after
    megabytes = [f"{figures.memory / 1e6:.0f}" for figures in (before, most, after)]
    return (
        f"memory {megabytes[0]} → {megabytes[2]} MB (most {megabytes[1]}), "
        f"descriptors {before.descriptors} → {after.descriptors} (most {most.descriptors}), "
        f"threads {before.threads} → {after.threads} (most {most.threads}), "
        f"processor {max(0.0, after.cpu_s - before.cpu_s):.1f} s of {usage.seconds:.1f} s"
    )


def _beyond(report: Report) -> str:
    """Say what the verdict would be without the declared failures; empty without a dialect."""
    if report.otherwise is None:
        return ""
    if report.otherwise is Verdict.NON_CONFORMANT:
        return ", with undeclared failures"
    return f", {report.otherwise} except for declared failures"


def print_verdict(console: Console, report: Report, held: Held | None = None) -> None:
    """Print the verdict in one line, after the lines about known failures."""
    for line in verdict_lines(report, held):
        console.print(line, soft_wrap=True)


def verdict_lines(
    report: Report, held: Held | None = None, *, failures: bool = False
) -> Iterator[Text]:
    """Yield the verdict in one line, after the lines about known failures.

    With `failures`, the line counts the failures.
    """
    if held is not None:
        yield from map(Text, held_lines(held))
    interrupted = ", interrupted" if report.interrupted else ""
    if held is not None and held.as_known and held.is_as_known:
        interrupted += ", as known"
    line = Text(f"{visible(report.name or report.target)}: ")
    line.append(report.verdict_in_words, f"bold {_VERDICTS[report.verdict]}")
    line.append(
        f"{interrupted}{_beyond(report)} "
        f"({report.protocol}, {_scenarios(len(report.scenarios))}, {report.duration_s:.1f} s)"
    )
    if failures and (counts := _counts(report)):
        line.append(f": {counts}")
    yield line


def _scenarios(count: int) -> str:
    return "1 scenario" if count == 1 else f"{count} scenarios"


def _counts(report: Report) -> str:
    """Say how many requirements of each level fail."""
    said = []
    for level in Level:
        of = [one for one in report.requirements if one.level is level]
        failed = sum(one.status == "fail" for one in of)
        if failed:
            said.append(f"{failed} of {len(of)} {level}s")
    return f"{' and '.join(said)} fail" if said else ""


def print_durations(console: Console, report: Report, count: int, jobs: int) -> None:
    """Print how long each section, the rest and the slowest scenarios took.

    Args:
        console: where to print it.
        report: the report of the run.
        count: how many of the slowest scenarios to print.
        jobs: the number of lanes.
    """
    sections: dict[str, float] = defaultdict(float)
    for one in report.scenarios:
        sections[one.id.partition("/")[0]] += one.duration_s
    between = max(0.0, report.duration_s * jobs - sum(sections.values()))
    console.print("\nseconds by section")
    slowest_first = sorted(sections.items(), key=lambda item: -item[1])
    for name, seconds in [*slowest_first, ("launching, closing, the rest", between)]:
        console.print(f"{seconds:8.2f}  {name}")
    console.print("the slowest scenarios")
    slowest = sorted(report.scenarios, key=lambda one: -one.duration_s)
    for one in slowest[:count]:
        console.print(f"{one.duration_s:8.2f}  {one.id}")
