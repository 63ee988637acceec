"""chatproto-conformance: judge any server of chatproto/1 over a socket."""

import json
import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from chatproto import __version__
from conformance.commands.probe import probe as probe_command
from conformance.commands.profiles import profiles as profiles_command
from conformance.commands.replay import replay as replay_command
from conformance.commands.report import report as report_command
from conformance.commands.run import EPILOG, STATUS
from conformance.commands.run import run as run_command
from conformance.commands.specimens import specimens as specimens_command
from conformance.output.console import (
    print_findings,
    print_requirement,
    print_result,
    print_scenario,
    print_scenarios,
)
from conformance.report.model import judged_again
from conformance.runner.selection import nearest_id
from conformance.scenarios.registry import scenarios
from conformance.standard.requirements import requirements
from conformance.transcript.files import TranscriptError, read, schema


@click.group(epilog=EPILOG)
@click.version_option(__version__, package_name="chatproto")
def main() -> None:
    """Judge any chat server that claims chatproto/1, over a socket.

    \b
    chatproto-conformance run tcp://127.0.0.1:9999
    chatproto-conformance run --launch "python server.py {port}"
    chatproto-conformance explain QUIT-3
    """
    # Ended by either signal, a run reports what it has, and leaves no server behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@main.command("list")
def list_() -> None:
    """List the scenarios, with the requirements each is there for."""
    print_scenarios(Console(highlight=False, soft_wrap=True))


@main.command()
@click.argument("id_", metavar="ID")
def explain(id_: str) -> None:
    """Explain a requirement, ID, by its text, its reason, its scenarios, and what breaks it; or a
    scenario by what it does, and what it is there for."""
    known, console = requirements(), Console(highlight=False)
    played = {one.id: one for one in scenarios()}
    if id_.upper() in known:
        print_requirement(console, known[id_.upper()])
    elif id_.lower() in played:
        print_scenario(console, played[id_.lower()])
    else:
        raise click.UsageError(f"no requirement or scenario {id_!r}; {nearest_id(id_)}")


def _show_schema(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(json.dumps(schema(), indent=1))
        context.exit()


@main.command(epilog=EPILOG)
@click.argument("transcript", type=click.Path(path_type=Path))
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_schema,
    help="Print the JSON Schema of a transcript's line, and judge nothing.",
)
def judge(transcript: Path) -> None:
    """Judge a transcript again, as written by run --transcripts: JSON lines, an event a line."""
    try:
        events = read(transcript)
    except TranscriptError as error:
        raise click.UsageError(str(error)) from None
    result = judged_again(events)
    console = Console(highlight=False, soft_wrap=True)
    print_result(console, result)
    print_findings(console, [result], lambda one: f"chatproto-conformance run … --only {one.id}")
    sys.exit(STATUS[result.verdict])


main.add_command(run_command)
main.add_command(replay_command)
main.add_command(profiles_command)
main.add_command(probe_command)
main.add_command(report_command)
main.add_command(specimens_command)
