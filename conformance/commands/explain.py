"""chatproto-conformance explain: explain a requirement, a scenario or a fault."""

import click
from rich.console import Console

from conformance.clients.registry import client_scenarios
from conformance.diagnosis.families import (
    Family,
    client_families,
    client_family_of,
    families,
    family_of,
)
from conformance.output.explain import print_family, print_requirement, print_scenario
from conformance.runner.selection import nearest_id
from conformance.scenarios.registry import scenarios
from conformance.standard.requirements import requirements


@click.command()
@click.argument("id_", metavar="ID")
def explain(id_: str) -> None:
    """Explain a requirement, a scenario or a fault.

    Prints a requirement's text, its reason, its scenarios, and the broken servers that fail it;
    what a scenario does and exercises; a fault's symptom, cause and remedy.

    \b
    chatproto-conformance explain QUIT-3
    chatproto-conformance explain one-read-one-message
    """
    known, console = requirements(), Console(highlight=False)
    played = {one.id: one for one in (*scenarios(), *client_scenarios())}
    if id_.upper() in known:
        print_requirement(console, known[id_.upper()])
    elif id_.lower() in played:
        print_scenario(console, played[id_.lower()])
    elif family := _family(id_.lower()):
        print_family(console, family)
    else:
        raise click.UsageError(f"no requirement, scenario or fault {id_!r}; {nearest_id(id_)}")


def _family(name: str) -> Family | None:
    """Return the family of faults with this name, or the one of the specimen with this name."""
    for known in (families(), family_of(), client_families(), client_family_of()):
        if name in known:
            return known[name]
    return None
