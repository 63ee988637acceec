"""chatproto-conformance report: what runs found, as a page, as Markdown, as a badge."""

from pathlib import Path

import click

from conformance.output.badge import badge_json, badge_svg
from conformance.output.html import render_page
from conformance.output.markdown import render_markdown
from conformance.report.comparison import ReportError, compare, load_report, one_line


@click.command("report")
@click.argument(
    "paths", nargs=-1, required=True, metavar="REPORT.json…", type=click.Path(path_type=Path)
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write one HTML file that needs no network.",
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
    help="Write a badge as the JSON of a shields.io endpoint.",
)
def report(
    paths: tuple[Path, ...],
    html: Path | None,
    markdown: Path | None,
    badge: Path | None,
    badge_json_path: Path | None,
) -> None:
    """Put the reports of run --json side by side, and print a line for each.

    An implementation is called by the name in its profile, or else by its report's file.

    \b
    chatproto-conformance report mine.json reference.json --html matrix.html
    """  # fmt: skip
    try:
        comparison = compare([load_report(path) for path in paths], [path.stem for path in paths])
    except ReportError as error:
        raise click.UsageError(str(error)) from None
    for path, render in (
        (html, render_page),
        (markdown, render_markdown),
        (badge, badge_svg),
        (badge_json_path, badge_json),
    ):
        if path is not None:
            write(path, render(comparison))
    for implementation in comparison.implementations:
        click.echo(one_line(implementation))


def write(path: Path, text: str) -> None:
    """Write a file as UTF-8; a usage error where that cannot be done."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None


def check_directory(path: Path) -> None:
    """A usage error where this is no directory, and cannot become one."""
    nearest = next(there for there in (path, *path.absolute().parents) if there.exists())
    if not nearest.is_dir():
        raise click.UsageError(f"{path}: {nearest} is no directory")


def make_directory(path: Path) -> None:
    """Make a directory where there is none; a usage error where that cannot be done."""
    check_directory(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
