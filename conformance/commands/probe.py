"""chatproto-conformance probe: find a server's dialect by talking to it."""

import math
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from conformance.commands.exit_statuses import BROKEN_DOWN
from conformance.commands.options import find_target, target_options
from conformance.commands.outputs import Outputs
from conformance.dialect import departures
from conformance.probe.learning import Learnt
from conformance.probe.questions import probe as ask
from conformance.probe.talking import Gone
from conformance.target.address import Address
from conformance.target.profile import Profile


@click.command()
@target_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the profile to FILE instead of printing it.",
)
def probe(
    target: str | None,
    launch: str | None,
    profile_name: str | None,
    timeout_factor: float,
    output: Path | None,
) -> None:
    """Find out which dialect a server speaks, and print a profile.

    A few clients send texts that tell dialects apart. The profile shows for each setting the octets
    that prove it, and lists the open questions. With --launch, a server that crashes or hangs is
    started again. Exit status: 0 if something was found, else 3.
    """  # fmt: skip
    profile, address = find_target(target, launch, profile_name)
    if output is not None and not output.parent.is_dir():
        raise click.UsageError(f"{output}: there is no directory {output.parent}")
    learnt = _learn(profile, address, timeout_factor)
    command = None if profile.launch is None else profile.launch.command
    text = learnt.profile(target or profile.target.address, command)
    console = Console(highlight=False, soft_wrap=True)
    if output is None:
        click.echo(text, nl=False)
        return
    outputs = Outputs()
    outputs.write(output, lambda: text)
    _tell(console, learnt)
    if learnt.restarts:
        console.print(f"the server was restarted {learnt.restarts} times during the probe")
    if outputs.failed:
        # The file could not be written: print the profile instead.
        click.echo(text, nl=False)
        sys.exit(BROKEN_DOWN)
    ids = " ".join(one.requirement for one in departures(learnt.dialect))
    console.print(f"\nthis departs from {ids or 'nothing'}; the profile is in {output}")
    console.print(f"next: chatproto-conformance run --profile {output} --accept-declared")


def with_found_dialect(
    profile: Profile, address: Address, factor: float, console: Console | None, at_most: float
) -> Profile:
    """Probe a server for at most `at_most` seconds, and print the result to the console if any.

    Returns:
        The profile with the dialect that was found.
    """
    learnt = _learn(profile, address, factor, at_most)
    if console is not None:
        _tell(console, learnt)
        console.print()
    return profile.model_copy(update={"dialect": learnt.dialect})


def _learn(profile: Profile, address: Address, factor: float, at_most: float = math.inf) -> Learnt:
    try:
        return ask(address, profile.launch, factor, at_most)
    except Gone as error:
        click.echo(
            f"chatproto-conformance: nothing could be learnt about the server: {error}", err=True
        )
        sys.exit(BROKEN_DOWN)


def _tell(console: Console, learnt: Learnt) -> None:
    for one in learnt.faults:
        console.print(f"[bold]breaks {one.key}[/]  {escape(' '.join(one.why.split()))}")
    for one in learnt.departing:
        console.print(f"[bold]{one.key}[/] = {escape(repr(one.value))}")
        console.print(f"    {escape(' '.join(one.why.split()))}")
    if learnt.plain:
        console.print(f"as in chatproto/1: {', '.join(learnt.plain)}")
    for line in learnt.untold:
        console.print(f"unknown  {escape(line)}")
