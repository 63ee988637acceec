"""chatproto-conformance replay: repeat a saved program, and count how often it fails."""

import sys
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from conformance.commands.exit_statuses import BROKEN_DOWN, EPILOG, STATUS
from conformance.commands.options import find_target, target_options, written_out
from conformance.commands.outputs import Outputs, check_parent, make_directory
from conformance.output.findings import print_findings, print_result
from conformance.output.repro_script import write_script
from conformance.programs.program import Program, ProgramError, describe, load, summary
from conformance.report.model import ScenarioReport
from conformance.runner.preflight import Unreachable, reach
from conformance.runner.program_trials import Trials
from conformance.runner.selection import counting
from conformance.runner.session import Session, Settings
from conformance.scenarios.registry import scenarios
from conformance.target.process import LaunchError

_SCENARIO = "gen/programs"


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@target_options
@click.option(
    "--times",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Play the program N times.",
)
@click.option(
    "--transcripts",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the transcript of a failed repetition, or of the last one, into DIR.",
)
@click.option(
    "--emit-script",
    "script",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the program as a plain Python script, to attach to a bug report. If no server is "
    "given, do only this.",
)
def replay(
    file: Path,
    target: str | None,
    launch: str | None,
    profile_name: str | None,
    timeout_factor: float,
    times: int,
    transcripts: Path | None,
    script: Path | None,
) -> None:
    """Repeat a generated program, and count how often it fails.

    FILE is a program that run has saved in chatproto-programs. TARGET and the other options are
    those of run.
    """
    try:
        program = load(file)
    except ProgramError as error:
        raise click.UsageError(str(error)) from None
    if script is not None:
        check_parent(script)
    outputs = Outputs()
    result: ScenarioReport | None = None
    if script is None or target or launch or profile_name:
        profile, address = find_target(target, launch, profile_name)
        if transcripts is not None:
            make_directory(transcripts)
        settings = Settings(
            profile=profile,
            address=str(address),
            factor=timeout_factor,
            requirements=counting(frozenset(), "should"),
            server=written_out(target, launch, profile_name, timeout_factor),
            transcripts=transcripts,
        )
        result = _replay(program, settings, times, f"chatproto-conformance replay {file}")
        outputs.look_for(transcripts, [result])
    if script is not None:
        finding = result.findings[0] if result is not None and result.findings else None
        outputs.write(script, partial(write_script, program, script.name, finding))
        if not outputs.failed:
            click.echo(f"written: {script}")
    if outputs.failed:
        sys.exit(BROKEN_DOWN)
    sys.exit(STATUS[result.verdict] if result is not None else 0)


def _replay(program: Program, settings: Settings, times: int, again: str) -> ScenarioReport:
    console = Console(highlight=False, soft_wrap=True)
    console.print(summary(program), markup=False)
    for line in describe(program):
        console.print(line, markup=False)
    session = Session(settings)
    [scenario] = (one for one in scenarios() if one.id == _SCENARIO)
    trials = Trials(session, scenario, frozenset())
    try:
        reach(settings)
        with console.status("repeating it"):
            counted = trials.count(program, times)
    except (LaunchError, Unreachable) as error:
        click.echo(f"chatproto-conformance: {error}", err=True)
        sys.exit(BROKEN_DOWN)
    finally:
        session.close()
    result = trials.report()
    print_result(console, result)
    print_findings(console, [result], lambda _: f"{again} {settings.server}")
    console.print(f"fails {counted.fails} of {counted.of}")
    return result
