"""chatproto-conformance judge: judge a transcript again."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from conformance.commands.exit_statuses import EPILOG, STATUS
from conformance.output.findings import print_blame, print_findings, print_result
from conformance.report.build import judged_again
from conformance.transcript.events import Start
from conformance.transcript.files import TranscriptError, read, schema


def _show_schema(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(json.dumps(schema(), indent=1))
        context.exit()


@click.command(epilog=EPILOG)
@click.argument("transcript", type=click.Path(path_type=Path))
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_schema,
    help="Print the JSON Schema of a line of a transcript, and exit.",
)
def judge(transcript: Path) -> None:
    """Judge a kept transcript again.

    It was written by run --transcripts or watch --transcript: JSON lines, one event per line.
    """
    try:
        events = read(transcript)
    except TranscriptError as error:
        raise click.UsageError(str(error)) from None
    result = judged_again(events)
    console = Console(highlight=False, soft_wrap=True)
    print_result(console, result)
    start = events[0]
    if isinstance(start, Start) and start.watched:
        print_findings(console, [result], lambda _: f"chatproto-conformance judge {transcript}")
        print_blame(console, result)
    else:
        again = "chatproto-conformance run … --only"
        print_findings(console, [result], lambda one: f"{again} {one.id}")
    sys.exit(STATUS[result.verdict])
