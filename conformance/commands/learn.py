"""chatproto-conformance learn: lessons in teaching order, up to the first that fails."""

import sys

import click
from rich.console import Console

from conformance.commands.exit_statuses import BROKEN_DOWN, EPILOG
from conformance.commands.options import find_target, target_options, written_out
from conformance.diagnosis.lessons import LESSONS, Lesson
from conformance.output.lesson import print_broken, print_passed
from conformance.report.model import FindingReport, Report
from conformance.runner.preflight import Unreachable
from conformance.runner.reporter import SilentReporter
from conformance.runner.selection import counting
from conformance.runner.session import Settings
from conformance.runner.suite import run_suite


@click.command(epilog=EPILOG)
@target_options
@click.option("--hint", is_flag=True, help="Print the usual cause of the failure, and its remedy.")
@click.option(
    "--from",
    "first",
    type=click.IntRange(1, len(LESSONS)),
    default=1,
    show_default=True,
    metavar="N",
    help="Start with lesson N.",
)
def learn(
    target: str | None,
    launch: str | None,
    profile_name: str | None,
    timeout_factor: float,
    hint: bool,
    first: int,
) -> None:
    """Judge a server lesson by lesson, up to the first that it fails.

    Fix the server, and run the same command again. TARGET and the other options are those of run.

    \b
    chatproto-conformance learn --launch "python server.py {port}"
    chatproto-conformance learn --launch "python server.py {port}" --hint
    """
    profile, address = find_target(target, launch, profile_name)
    server = written_out(target, launch, profile_name, timeout_factor)
    console = Console(highlight=False)
    lessons = list(enumerate(LESSONS, 1))[first - 1 :]
    for number, lesson in lessons:
        if profile.launch is None and lesson.requirements[0].startswith("STOP-"):
            console.print(f"[dim]{number:2}  {lesson.title}: only with --launch[/]")
            continue
        settings = Settings(
            profile=profile,
            address=str(address),
            factor=timeout_factor,
            requirements=counting(frozenset(), "must"),
            selected=frozenset(lesson.requirements),
            scenarios=frozenset(lesson.scenarios),
            server=server,
        )
        try:
            with console.status(f"lesson {number}: {lesson.title}"):
                report = run_suite(settings, SilentReporter(), 1)
        except Unreachable as error:
            click.echo(f"chatproto-conformance: {error}", err=True)
            sys.exit(BROKEN_DOWN)
        finding = _first(report, lesson)
        if finding is not None or report.interrupted:
            if finding is not None:
                causes = [one.family for one in report.causes]
                print_broken(console, number, lesson, finding, server, hint=hint, causes=causes)
            sys.exit(1)
        print_passed(console, number, lesson)
    console.print(
        f"\n[green]All {len(lessons)} lessons are passed.[/] Now run the whole suite:\n"
        f"  chatproto-conformance run {server}",
        soft_wrap=True,
    )


def _first(report: Report, lesson: Lesson) -> FindingReport | None:
    """Return the finding that fails the lesson: of a requirement it teaches, or else the first."""
    found = [one for each in report.scenarios for one in each.findings if one.outcome == "fail"]
    meant = [one for one in found if one.requirement in lesson.requirements]
    meant.sort(key=lambda one: lesson.requirements.index(one.requirement))
    return next(iter([*meant, *found]), None)
