"""chatproto-conformance list: the scenarios, and the requirements each is there for."""

import click
from rich.console import Console

from conformance.output.explain import print_scenarios


@click.command("list")
def list_() -> None:
    """List the scenarios, with the requirements each is there for."""
    print_scenarios(Console(highlight=False, soft_wrap=True))
