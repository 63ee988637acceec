"""A run in a GitHub workflow: the step summary, and annotations."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from conformance.output.causes import cause_of, first_findings
from conformance.output.markdown import render_markdown
from conformance.report.comparison import Status, compare, status_of
from conformance.report.known_failures import Held
from conformance.report.model import Report, ScenarioReport
from conformance.report.octets import visible
from conformance.standard.requirements import Level


def tell_github(
    report: Report,
    again: Callable[[ScenarioReport], str],
    held: Held | None,
    say: Callable[[str], object],
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Write the step summary and annotations in a GitHub workflow; do nothing elsewhere.

    Args:
        report: the report of the run.
        again: returns the command that plays a scenario again.
        held: the comparison with known failures, if there is one.
        say: prints a line.
        environment: the environment variables.
    """
    if summary := environment.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(render_markdown(compare([report])))
        except OSError as error:
            say(f"cannot write the step summary {summary}: {error.strerror}")
    if environment.get("GITHUB_ACTIONS") == "true":
        for line in annotations(report, again, held):
            say(line)


def annotations(
    report: Report, again: Callable[[ScenarioReport], str], held: Held | None = None
) -> Iterator[str]:
    """Yield a workflow command for each requirement that failed or is undecided.

    It is an error if it decides the verdict, a warning if it is declared or a SHOULD, and a notice
    if it is known to fail.
    """
    first = {
        finding.requirement: (result, finding)
        for (result, finding), *_ in first_findings(report.scenarios)
    }
    known = set(held.as_known) - {one.requirement for one, *_ in held.otherwise} if held else set()
    for one in report.requirements:
        status = status_of(one)
        if status in (Status.PASS, Status.SKIP, Status.NOT_EXERCISED):
            continue
        what = f"{one.level} {status.word.removeprefix('SHOULD ')}: {one.title}"
        if one.id in first:
            result, finding = first[one.id]
            if cause := cause_of(report, one.id):
                what += f"\n{cause.title} ({cause.sure}: explain {cause.name})"
            what += f"\nexpected {finding.expected}\nactual {finding.actual}"
            what += f"\nbefore {finding.before}" if finding.before else ""
            what += "".join(f"\nprinted {line}" for line in finding.printed)
            what += f"\n{again(result)}"
        elif one.reason:
            what += f"\n{one.reason}"
        decides = one.level is Level.MUST and status is not Status.DECLARED
        kind = "error" if decides else "warning"
        yield command("notice" if one.id in known else kind, one.id, what)
    if held is not None:
        for id_ in held.passed:
            yield command("error", id_, f"known to fail, but passed: remove it from {held.path}")


def command(kind: str, title: str, text: str) -> str:
    """Return a workflow command, with everything in its text escaped."""
    shown = "\n".join(visible(line) for line in text.splitlines())
    data = shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    name = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{kind} title={name.replace(':', '%3A').replace(',', '%2C')}::{data}"
