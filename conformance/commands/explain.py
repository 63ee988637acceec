"""chatproto-conformance explain: a requirement or a scenario, in words."""

import click
from rich.console import Console

from conformance.output.explain import print_requirement, print_scenario
from conformance.runner.selection import nearest_id
from conformance.scenarios.registry import scenarios
from conformance.standard.requirements import requirements


@click.command()
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
