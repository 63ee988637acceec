"""chatproto-conformance report: show reports as a page, as Markdown or as a badge."""

import json
import sys
from pathlib import Path

import click

from conformance.commands.exit_statuses import BROKEN_DOWN
from conformance.commands.outputs import Outputs, check_parent
from conformance.output.badge import badge_json, badge_svg
from conformance.output.html import render_page
from conformance.output.markdown import render_markdown
from conformance.report.comparison import ReportError, compare, load_report, one_line
from conformance.report.model import Report


def _show_schema(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        schema = Report.model_json_schema(by_alias=True, mode="serialization")
        click.echo(json.dumps(schema, indent=1))
        context.exit()


@click.command("report")
@click.argument(
    "paths", nargs=-1, required=True, metavar="REPORT.json…", type=click.Path(path_type=Path)
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write one self-contained HTML file.",
)
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write Markdown, for a README or a pull request.",
)
@click.option(
    "--badge",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a badge as SVG.",
)
@click.option(
    "--badge-json",
    "badge_json_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a badge as JSON for a shields.io endpoint.",
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_schema,
    help="Print the JSON Schema of a report, and exit.",
)
def report(
    paths: tuple[Path, ...],
    html: Path | None,
    markdown: Path | None,
    badge: Path | None,
    badge_json_path: Path | None,
) -> None:
    """Compare reports that were written by run --json.

    Prints a line for each, and writes them side by side as a page, as Markdown or as a badge. An
    implementation is named after its profile, or else after its report's file.

    \b
    chatproto-conformance report mine.json reference.json --html matrix.html
    """  # fmt: skip
    for path in filter(None, (html, markdown, badge, badge_json_path)):
        check_parent(path)
    try:
        comparison = compare([load_report(path) for path in paths], [path.stem for path in paths])
    except ReportError as error:
        raise click.UsageError(str(error)) from None
    outputs = Outputs()
    outputs.write(html, lambda: render_page(comparison))
    outputs.write(markdown, lambda: render_markdown(comparison))
    outputs.write(badge, lambda: badge_svg(comparison))
    outputs.write(badge_json_path, lambda: badge_json(comparison))
    for implementation in comparison.implementations:
        click.echo(one_line(implementation))
    if outputs.failed:
        sys.exit(BROKEN_DOWN)
