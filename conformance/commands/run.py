"""chatproto-conformance run: judge a server by scenarios, and report the findings."""

import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import click

from conformance.commands.exit_statuses import BROKEN_DOWN, EPILOG
from conformance.commands.options import (
    Wanted,
    console_options,
    find_target,
    judgement_options,
    pass_wanted,
    report_options,
    target_options,
    written_out,
)
from conformance.commands.outputs import check_directory, check_parent
from conformance.commands.probe import with_found_dialect
from conformance.commands.results import Results
from conformance.dialect import PLAIN
from conformance.output.console import ConsoleReporter, Detail
from conformance.output.gradescope import POINTS, gradescope_without_server, render_gradescope
from conformance.report.model import FOR_CLUSTERS, FOR_SERVERS
from conformance.runner.preflight import Unreachable
from conformance.runner.selection import select
from conformance.runner.session import Settings
from conformance.runner.suite import lanes_for, run_suite
from conformance.standard.constants import DEAD_PEER
from conformance.target.address import SharedRoom

_EXAMPLES: Final = 20
_TIME_LIMIT: Final = 60.0
_CLUSTERED: Final = 180.0
"""The time limit in seconds for several nodes: scenarios run one by one, and faults take time."""
_PROBING: Final = 0.6
"""The part of the time limit within which --probe must find the dialect."""
_EPILOG: Final = (
    EPILOG
    + """
\b
With --accept-declared:
  1  more is broken than the profile declares

\b
With --known-failures:
  0  also: non-conformant, but all failures are known
  1  an unknown failure
  5  no unknown failure, but a known one passed, or failed with another message than pinned
"""
)


@click.command(epilog=_EPILOG)
@target_options
@click.option(
    "--nodes",
    type=click.IntRange(2, 9),
    metavar="N",
    help="Launch N nodes that serve one room. {node}, a different name for each, and {room} are "
    "filled in.",
)
@report_options
@click.option(
    "--gradescope",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the report as Gradescope's results.json, with a test for each requirement.",
)
@click.option(
    "--points",
    type=click.FloatRange(min=0),
    nargs=2,
    default=tuple(POINTS.values()),
    show_default=True,
    metavar="MUST SHOULD",
    help="Points for each MUST and each SHOULD, with --gradescope.",
)
@judgement_options
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    metavar="N",
    help="Play N generated programs. The default is 20, and none once a MUST has failed.",
)
@click.option(
    "--programs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("chatproto-programs"),
    show_default=True,
    metavar="DIR",
    help="Save generated programs that fail in DIR.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of every random choice, to repeat a run.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Play N scenarios at a time, each on its own server with --launch. The default is 8 if "
    "each server can have a free port, and up to 16 while the processors are idle, else 1.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=1),
    metavar="S",
    help="End the run after S seconds, whatever the server does, and report what was found. The "
    "default is 60, or 180 for several nodes, times the timeout factor.",
)
@click.option(
    "--isolate",
    is_flag=True,
    help="Launch a new server for each scenario, so that no state is carried over.",
)
@click.option(
    "--dead-peers",
    is_flag=True,
    help="Also let peers vanish without a packet, and wait up to 5 minutes until the server finds "
    "them (HB-2). Linux only. The default time limit is 5 minutes longer.",
)
@console_options
@click.option(
    "--probe",
    "probes",
    is_flag=True,
    help="First find the server's dialect, then judge the server in it.",
)
@click.option(
    "--accept-declared",
    is_flag=True,
    help="Ignore failures that the profile declares: exit with 0 if there are no others.",
)
@pass_wanted
def run(
    wanted: Wanted,
    target: str | None,
    launch: str | None,
    profile_name: str | None,
    nodes: int | None,
    gradescope: Path | None,
    points: tuple[float, float],
    only: Sequence[tuple[str, ...]],
    skip: Sequence[tuple[str, ...]],
    level: str,
    timeout_factor: float,
    examples: int | None,
    programs: Path,
    seed: int,
    jobs: int | None,
    time_limit: float | None,
    isolate: bool,
    dead_peers: bool,
    probes: bool,
    accept_declared: bool,
) -> None:
    """Judge a server.

    TARGET is tcp://HOST:PORT, tcp://[::1]:PORT or unix:/PATH. Several TARGETs are nodes of one
    room: clients are spread over them. With --nodes the suite starts the nodes itself, and injects
    faults.

    With --launch the suite starts the server itself, on TARGET or on a free port, and also checks
    how it stops and starts. A summary of up to 40 lines groups the failures by cause. --verbose,
    --html and the other files have every finding.
    """  # fmt: skip
    profile, address = find_target(target, launch, profile_name, nodes)
    if isolate and profile.launch is None:
        raise click.UsageError(
            "--isolate needs --launch: the suite cannot restart what runs already"
        )
    if probes and profile.dialect != PLAIN:
        raise click.UsageError("--probe finds a dialect, and the profile has one: leave one out")
    has_room = profile.launch is None or address.with_free_port() != address
    if jobs is not None and jobs > 1 and not has_room:
        raise click.UsageError(
            f"-j {jobs} launches {jobs} servers, and {address} has room for one: leave TARGET out, "
            "or give it port 0, so that each gets a free port"
        )
    clustered = profile.cluster is not None or isinstance(address, SharedRoom)
    if jobs is not None and jobs > 1 and clustered:
        raise click.UsageError(
            f"-j {jobs} would let {jobs} scenarios share one room: with several nodes, scenarios "
            "are played one at a time"
        )
    chosen, counting, selected = select(
        only, skip, level, kinds=FOR_CLUSTERS if clustered else FOR_SERVERS
    )
    if gradescope is not None:
        check_parent(gradescope)
    results = Results(wanted)
    check_directory(programs)
    server = written_out(target, launch, profile_name, timeout_factor, nodes)
    usual = (_CLUSTERED if clustered else _TIME_LIMIT) + (DEAD_PEER if dead_peers else 0.0)
    seconds = time_limit or usual * max(1.0, timeout_factor)
    if probes:
        told = None if results.detail is Detail.QUIET else results.console
        began = time.monotonic()
        profile = with_found_dialect(profile, address, timeout_factor, told, _PROBING * seconds)
        seconds = max(1.0, seconds - (time.monotonic() - began))
    settings = Settings(
        profile=profile,
        address=str(address),
        seed=seed,
        factor=timeout_factor,
        requirements=counting,
        selected=selected,
        scenarios=frozenset(one.id for one in chosen),
        transcripts=wanted.transcripts and wanted.transcripts.absolute(),
        isolate=isolate,
        examples=_EXAMPLES if examples is None else examples,
        examples_asked=examples is not None,
        time_limit=seconds,
        dead_peers=dead_peers,
        programs=programs,
        server=server,
        known=results.known,
    )
    lanes = jobs or lanes_for(settings)
    reporter = ConsoleReporter(
        results.console, settings, chosen, lanes, results.detail, wanted.page
    )
    try:
        with reporter:
            report = run_suite(settings, reporter, jobs)
    except Unreachable as error:
        click.echo(f"chatproto-conformance: {error}", err=True)
        results.outputs.write(gradescope, partial(gradescope_without_server, str(error)))
        sys.exit(BROKEN_DOWN)
    worth = dict(zip(POINTS, points, strict=True))
    results.outputs.write(gradescope, lambda: render_gradescope(report, settings.again, worth))
    results.conclude(report, settings, reporter, lanes, accept_declared=accept_declared)
