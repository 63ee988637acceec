"""chatproto-conformance clients: judge a client, with the suite as its server."""

import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from conformance.clients.registry import client_scenarios
from conformance.clients.use import SILENCE, Use
from conformance.commands.exit_statuses import BROKEN_DOWN, EPILOG
from conformance.commands.options import (
    Wanted,
    console_options,
    judgement_options,
    pass_wanted,
    report_options,
)
from conformance.commands.results import Results
from conformance.oracle.clients import RAW
from conformance.output.console import ConsoleReporter
from conformance.report.known_failures import KnownFailures
from conformance.runner.client_suite import run_client_suite
from conformance.runner.lanes import LANES
from conformance.runner.selection import select
from conformance.runner.session import Settings
from conformance.scenarios.registry import Scenario
from conformance.standard.requirements import Scope
from conformance.target.process import LaunchError
from conformance.target.profile import Launch, Profile
from conformance.transcript.events import Way

_TIME_LIMIT: Final = 30.0


@click.command(epilog=EPILOG)
@click.option(
    "--launch",
    required=True,
    metavar="COMMAND",
    help="The command that starts the client; {host}, {port} and {address} are filled in.",
)
@click.option("--pipe", is_flag=True, help="Run the client on pipes instead of a terminal.")
@click.option(
    "--adapter",
    type=click.Choice(["jsonl"]),
    help="The client speaks JSON lines, as an adapter for a library does.",
)
@click.option(
    "--leave",
    default="/quit",
    show_default=True,
    metavar="WORD",
    help="The line its user types to leave. If the client sends it as a message, its input is "
    "ended instead.",
)
@click.option(
    "--raw",
    is_flag=True,
    help="The client does not know the protocol, like nc or telnet: judge it by CLI-1, 3, 5, 9 and "
    "12.",
)
@report_options
@judgement_options
@click.option(
    "--silence",
    type=click.FloatRange(min=0.1),
    default=SILENCE,
    show_default=True,
    metavar="SECONDS",
    help="How long the server is silent after the client has left. The standard allows up to 30.",
)
@click.option(
    "--timeout-factor",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="X",
    help="Multiply every deadline by X.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=1),
    metavar="S",
    help="End the run after S seconds, whatever the client does, and report what was found. The "
    "default is 30, plus what --silence adds to its default, times the timeout factor.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of the random words."
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=LANES,
    show_default=True,
    metavar="N",
    help="Play N scenarios at once.",
)
@console_options
@pass_wanted
def clients(
    wanted: Wanted,
    launch: str,
    pipe: bool,
    adapter: str | None,
    leave: str,
    raw: bool,
    only: Sequence[tuple[str, ...]],
    skip: Sequence[tuple[str, ...]],
    level: str,
    silence: float,
    timeout_factor: float,
    time_limit: float | None,
    seed: int,
    jobs: int,
) -> None:
    """Judge a client.

    The suite is the client's server, types its input, and reads its display.

    \b
    chatproto-conformance clients --launch "python client.py {host} {port}"
    chatproto-conformance clients --raw --launch "nc {host} {port}"
    """
    if pipe and adapter:
        raise click.UsageError("--pipe and --adapter exclude each other: give one of them")
    way: Way = "jsonl" if adapter else "pipe" if pipe else "terminal"
    results = Results(wanted)
    use = Use(launch, way, leave, raw, seed, timeout_factor, silence)
    usual = (_TIME_LIMIT + max(0.0, silence - SILENCE)) * max(1.0, timeout_factor)
    settings, chosen = client_settings(
        use, only, skip, level, wanted.transcripts, results.known, time_limit or usual
    )
    reporter = ConsoleReporter(results.console, settings, chosen, jobs, results.detail, wanted.page)
    try:
        with reporter:
            report = run_client_suite(use, settings, reporter, jobs)
    except LaunchError as error:
        click.echo(f"chatproto-conformance: {error}", err=True)
        sys.exit(BROKEN_DOWN)
    results.conclude(report, settings, reporter, jobs)


def client_settings(
    use: Use,
    only: Sequence[tuple[str, ...]],
    skip: Sequence[tuple[str, ...]],
    level: str,
    transcripts: Path | None,
    known: KnownFailures,
    time_limit: float = math.inf,
) -> tuple[Settings, list[Scenario]]:
    """Return the settings of a run against a client, and the scenarios that it plays."""
    chosen, counting, selected = select(
        only, skip, level, register=client_scenarios(), kinds=(Scope.CLIENT,)
    )
    if use.raw:
        counting, selected = counting & RAW, selected & RAW
    settings = Settings(
        profile=Profile(launch=Launch(command=use.command)),
        address="tcp://127.0.0.1:0",
        seed=use.seed,
        factor=use.factor,
        requirements=counting,
        selected=selected,
        scenarios=frozenset(one.id for one in chosen),
        transcripts=transcripts and transcripts.absolute(),
        server=f"--launch {shlex.quote(use.command)} {use.options}".rstrip(),
        known=known,
        time_limit=time_limit,
        command="clients",
    )
    return settings, chosen
