"""chatproto-conformance specimens: test the suite itself."""

import difflib
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from conformance.commands.exit_statuses import BROKEN_DOWN
from conformance.commands.outputs import Outputs
from conformance.selftest.judged import Judged
from conformance.selftest.matrix import MatrixError, differences, lay_out_matrix, read_matrix
from conformance.selftest.matrix_page import render_matrix
from conformance.selftest.pool import judge_specimens
from conformance.specimens import CATALOGUE, every_specimen
from conformance.specimens.clients import client_specimens

_STYLES: Final = {"caught": "green", "passed": "green", "missed": "red", "accused": "red"}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--clients", is_flag=True, help="Judge all clients instead of all servers.")
@click.option(
    "--whole",
    is_flag=True,
    help="Play all scenarios on each specimen, not only those meant for it, and judge each "
    "transcript again.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Judge each specimen N times.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the matrix as JSON.",
)
@click.option(
    "--html",
    "html_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the matrix as one HTML file.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Fail if the matrix differs from that in FILE, written by --json.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    metavar="N",
    help="Judge N specimens at once.",
)
def specimens(
    names: tuple[str, ...],
    clients: bool,
    whole: bool,
    rounds: int,
    json_path: Path | None,
    html_path: Path | None,
    compare: Path | None,
    jobs: int,
) -> None:
    """Test the suite itself on broken and legal specimens.

    The suite must catch every broken server, or with --clients every broken client, and every legal
    one must pass.

    Some faults do not show in every run, so a missed specimen is judged up to four times more. A
    legal one must never be accused. Exit status: 0 if all results are right, else 1.
    """
    for name in names:
        if name not in every_specimen():
            nearest = difflib.get_close_matches(name, every_specimen(), n=1, cutoff=0.0)[0]
            raise click.UsageError(f"no specimen {name!r}; the nearest is {nearest}")
    try:
        kept = None if compare is None else read_matrix(compare)
    except MatrixError as error:
        raise click.UsageError(str(error)) from None
    chosen = client_specimens() if clients else CATALOGUE
    console = Console(highlight=False, soft_wrap=True)
    results: list[Judged] = []
    for result in judge_specimens(names or tuple(chosen), jobs, rounds, whole=whole):
        results.append(result)
        _print(console, result)
    matrix = lay_out_matrix(results)
    outputs = Outputs()
    outputs.write(json_path, lambda: matrix.model_dump_json(indent=1, by_alias=True) + "\n")
    outputs.write(html_path, lambda: render_matrix(matrix))
    for row in matrix.specimens:
        if row.rounds > 1:
            console.print(f"{row.name}: right {row.good} of {row.rounds} times")
    console.print(matrix.tally)
    different = [] if kept is None else differences(kept, matrix)
    for line in different:
        console.print(f"[red]differs[/] {line}")
    if outputs.failed:
        sys.exit(BROKEN_DOWN)
    retold = any(result.otherwise for result in results)
    sys.exit(0 if matrix.is_good and not different and not retold else 1)


def _print(console: Console, result: Judged) -> None:
    style = _STYLES[result.outcome]
    by = "; ".join(f"{id_} by {', '.join(found)}" for id_, found in result.found.items())
    console.print(
        f"[{style}]{result.outcome:8}[/]{result.name}  [dim]{by}[/]  {result.seconds:.1f} s"
    )
    if result.missed:
        console.print(f"        not found: {' '.join(result.missed)}")
    if result.accused:
        console.print(f"        found, but not broken by it: {' '.join(result.accused)}")
    if result.otherwise:
        console.print(f"        its transcript gives other findings: {' '.join(result.otherwise)}")
