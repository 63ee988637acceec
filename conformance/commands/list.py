"""chatproto-conformance list: list the scenarios and the requirements that each exercises."""

import click
from rich.console import Console

from conformance.output.explain import print_scenarios


@click.command("list")
def list_() -> None:
    """List the scenarios and the requirements that each exercises."""
    print_scenarios(Console(highlight=False, soft_wrap=True))
