"""A lesson of `learn` on a terminal: a line if it is passed, an explanation if it is broken."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from conformance.diagnosis.families import Family, families
from conformance.diagnosis.lessons import Lesson
from conformance.output.findings import picture
from conformance.report.model import FindingReport
from conformance.report.octets import visible
from conformance.specimens import CATALOGUE
from conformance.standard.requirements import requirements

_HINTS = 2


def print_passed(console: Console, number: int, lesson: Lesson) -> None:
    """Print the line of a lesson that is passed."""
    about = f"[dim]{' '.join(lesson.requirements)}[/]"
    console.print(f"[green]✓[/] {number:2}  {lesson.title}  {about}")


def print_broken(
    console: Console,
    number: int,
    lesson: Lesson,
    finding: FindingReport,
    server: str,
    *,
    hint: bool,
    causes: Sequence[str] = (),
) -> None:
    """Print a lesson that a server breaks: its topic, the standard's text, and what came.

    With `hint`, also print likely families of faults: `causes`, or else the most common ones.
    """
    requirement = requirements()[finding.requirement]
    console.print(f"[red]✗[/] {number:2}  [bold]{lesson.title}[/]\n")
    console.print(escape(lesson.about))
    console.print(f"\n[bold]{requirement.id}[/]  {escape(requirement.title)}")
    console.print(escape("\n".join(requirement.rule)))
    if finding.before:
        console.print(f"\n[bold]Before[/]    {escape(visible(finding.before))}", end="")
    console.print(f"\n[bold]Expected[/]  {escape(visible(finding.expected))}")
    console.print(f"[bold]Actual[/]    {escape(visible(finding.actual))}")
    for line in picture(finding):
        console.print(line, markup=False, soft_wrap=True)
    again = f"chatproto-conformance learn {server}"
    if hint:
        _print_hints(console, finding.requirement, causes)
        console.print(f"Fix it, and run again:\n  {again}", markup=False, soft_wrap=True)
    else:
        console.print("Fix it, and run again; for a hint:", markup=False)
        console.print(f"  {again} --hint", markup=False, soft_wrap=True)


def _print_hints(console: Console, id_: str, causes: Sequence[str]) -> None:
    """Print the faults that may break a requirement, with their remedies."""

    def count(family: Family) -> int:
        return sum(id_ in CATALOGUE[name].breaks for name in family.specimens)

    likely = [families()[name] for name in causes]
    common = sorted(filter(count, families().values()), key=count, reverse=True)
    for family in (likely or common)[:_HINTS]:
        console.print(f"[bold]{escape(family.title)}?[/]  {escape(family.cause)}")
        console.print(f"{escape(family.remedy)}")
        console.print(f"[dim]  chatproto-conformance explain {family.name}[/]\n", soft_wrap=True)
