"""chatproto-conformance profiles: list or print the bundled dialects."""

import click
from rich.console import Console
from rich.markup import escape

from conformance.dialect import departures
from conformance.target.bundled_profiles import shipped_names, shipped_profile, shipped_text
from conformance.target.profile import ProfileError


@click.command()
@click.argument("name", required=False)
def profiles(name: str | None) -> None:
    """List the bundled dialects, or print the profile of one.

    The list shows which requirements each dialect breaks. A printed profile is a start for your
    own.

    \b
    chatproto-conformance run --profile ack --launch "./server {port}"
    chatproto-conformance profiles ack > mine.toml
    """
    if name is not None:
        try:
            click.echo(shipped_text(name), nl=False)
        except ProfileError as error:
            raise click.UsageError(str(error)) from None
        return
    console = Console(highlight=False, soft_wrap=True)
    for one in shipped_names():
        profile = shipped_profile(one)
        ids = " ".join(departure.requirement for departure in departures(profile.dialect))
        console.print(f"[bold]{one}[/]  {escape(profile.summary)}")
        console.print(f"    departs from {ids}")
