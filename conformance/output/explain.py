"""Explains a requirement, a scenario or a fault on a terminal, wrapped to its width."""

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from conformance.clients.registry import client_scenarios
from conformance.diagnosis.families import Family
from conformance.oracle.attribution import rows_of, words_of
from conformance.oracle.clients.facts import ATTRIBUTIONS
from conformance.scenarios.registry import Scenario, scenarios
from conformance.specimens import every_specimen
from conformance.standard.markup import Block, Spans, blocks
from conformance.standard.requirements import Requirement, requirements


def print_scenarios(console: Console) -> None:
    """Print every scenario."""
    for scenario in scenarios():
        console.print(f"[bold]{scenario.id}[/]  {' '.join(scenario.requirements)}")
        console.print(f"    {escape(scenario.summary)}")


def print_scenario(console: Console, scenario: Scenario) -> None:
    """Print a scenario: what it does, and the requirements it exercises."""
    console.print(f"[bold]{scenario.id}[/]\n")
    console.print(escape(scenario.summary))
    console.print("\n[bold]Requirements[/]")
    for id_ in scenario.requirements:
        requirement = requirements()[id_]
        console.print(f"  {id_} {requirement.level}  [dim]{escape(requirement.title)}[/]")


def print_requirement(console: Console, requirement: Requirement) -> None:
    """Print a requirement: its text, its reason, the findings that break it, its scenarios, and the
    specimens that break it."""
    console.print(f"[bold]{requirement.id}[/]  {escape(requirement.title)}")
    console.print(f"{requirement.level}, {requirement.kind}\n")
    _print_text(console, requirement.text)
    console.print("\n[bold]Why[/]")
    _print_text(console, requirement.reason)
    console.print("\n[bold]Found broken by[/]")
    for row in rows_of(requirement.id):
        _print_item(console, str(row.kind))
        for words in words_of(row):
            console.print(Padding(f"[dim]{escape(words)}[/]", (0, 0, 0, 6), expand=False))
    for kind, attribution in ATTRIBUTIONS.items():
        if requirement.id in (attribution.requirement, *attribution.treated):
            _print_item(console, str(kind))
    console.print("\n[bold]Scenarios[/]")
    for scenario in (*scenarios(), *client_scenarios()):
        if requirement.id in scenario.requirements:
            _print_item(console, f"{scenario.id}  [dim]{escape(scenario.summary)}[/]")
    console.print("\n[bold]Broken by the specimens[/]")
    for specimen in every_specimen().values():
        if requirement.id in specimen.breaks:
            _print_item(console, f"{specimen.name}  [dim]{escape(specimen.summary)}[/]")


def print_family(console: Console, family: Family) -> None:
    """Print a family of faults: its symptom, its cause, and its remedy."""
    console.print(f"[bold]{family.name}[/]  {escape(family.title)}\n")
    console.print(escape(family.symptom))
    for head, text in (("Why", family.cause), ("Remedy", family.remedy)):
        console.print(f"\n[bold]{head}[/]")
        console.print(escape(text))
    for head, code in (("Wrong", family.wrong), ("Right", family.right)):
        console.print(f"\n[bold]{head}[/]")
        for line in code.strip("\n").splitlines():
            console.print(f"    {line}", markup=False, soft_wrap=True)
    console.print("\n[bold]Where it comes from[/]")
    console.print(escape(family.origin))
    console.print("\n[bold]Breaks[/]")
    for id_ in family.breaks:
        _print_item(console, f"{id_}  [dim]{escape(requirements()[id_].title)}[/]")
    console.print("\n[bold]Specimens[/]")
    for name in family.specimens:
        _print_item(console, f"{name}  [dim]{escape(every_specimen()[name].summary)}[/]")


def _print_text(console: Console, text: str) -> None:
    for number, block in enumerate(blocks(text)):
        if number:
            console.print()
        for part in _rendered(block):
            console.print(part)


def _rendered(block: Block) -> list[RenderableType]:
    match block.kind:
        case "paragraph":
            [[spans]] = block.rows
            return [escape(_plain(spans))]
        case "list":
            return [_hanging("- ", escape(_plain(spans))) for [spans] in block.rows]
        case "table":
            head, *rows = block.rows
            table = Table(*(escape(_plain(spans)) for spans in head), box=None, pad_edge=False)
            for row in rows:
                table.add_row(*(escape(_plain(spans)) for spans in row))
            return [table]


def _print_item(console: Console, text: str) -> None:
    console.print(Padding(text, (0, 0, 0, 2), expand=False))


def _hanging(mark: str, text: str) -> Table:
    grid = Table.grid()
    grid.add_row(mark, text)
    return grid


def _plain(spans: Spans) -> str:
    return "".join(span.text for span in spans)
