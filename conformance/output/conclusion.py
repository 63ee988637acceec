"""The conclusion of a run with failures, for a console: the verdict, the causes, the unexplained
failures, and the next commands, in at most 40 lines of 80 columns.

It is shortened in steps until it fits. `--verbose`, the page and the files have the rest.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.text import Text

from conformance.output.causes import (
    Located,
    Told,
    causes_of,
    decides,
    head_of,
    picture_of,
    printed_of,
    spoken_words,
    unexplained_of,
)
from conformance.report.model import Report
from conformance.report.octets import visible, width
from conformance.standard.requirements import requirements

LINES: Final = 40
"""The most lines of the conclusion at 80 columns."""
_COLUMNS: Final = 80
_WIDEST: Final = 100
_LABEL: Final = 10
_DEATHS: Final = 3
"""The most kinds of deaths that are named."""
_STYLES: Final = {"almost certain": "bold red", "likely": "bold red", "possible": "bold yellow"}


@dataclass(frozen=True, slots=True)
class _Room:
    """How much is printed.

    The number of causes with an example (`pictures`), of causes with a reason (`whys`), of other
    failures, of lines that the server printed, of sentences for each cause, and whether ids are
    printed.
    """

    pictures: int
    whys: int
    others: int
    printed: int
    sentences: int
    ids: bool


_ROOMS: Final = (
    _Room(3, 3, 12, 6, 9, ids=True),
    _Room(3, 3, 6, 5, 9, ids=True),
    _Room(3, 3, 5, 4, 2, ids=True),
    _Room(2, 3, 4, 4, 2, ids=False),
    _Room(2, 3, 3, 3, 2, ids=False),
    _Room(1, 3, 3, 3, 2, ids=False),
    _Room(1, 3, 2, 3, 1, ids=False),
    _Room(1, 2, 2, 2, 1, ids=False),
    _Room(1, 1, 1, 2, 1, ids=False),
    _Room(0, 1, 1, 2, 1, ids=False),
    _Room(0, 0, 1, 2, 1, ids=False),
)
"""The steps of shortening, from the most to the least."""


def print_conclusion(
    console: Console,
    report: Report,
    verdict: Sequence[Text],
    next_steps: Sequence[str],
    *,
    taken: int = 0,
) -> None:
    """Print the conclusion: the lines of the verdict, the causes of the failures, the next steps.

    Args:
        console: where to print it.
        report: the report of the run.
        verdict: the lines that say the verdict.
        next_steps: the commands to try next.
        taken: how many of the lines are used up already.
    """
    columns = max(20, min(console.width, _WIDEST))
    most = (LINES - taken) * _COLUMNS // min(columns, _COLUMNS)
    for room in _ROOMS:
        head = [part for line in verdict for part in _folded(line, console, columns)]
        lines = [*head, *_body(report, columns, room), *_next(next_steps)]
        if sum(_rows(line, columns) for line in lines) <= most:
            break
    for line in lines:
        console.print(line, soft_wrap=True)


def _rows(line: Text, columns: int) -> int:
    """Return how many rows a line takes on a terminal."""
    return max(1, -(-width(line.plain) // columns))


def _body(report: Report, columns: int, room: _Room) -> Iterator[Text]:
    told = causes_of(report)
    at_once = any(map(decides, report.deaths))
    if at_once:
        yield from _deaths(report, columns, room)
    if spoken := spoken_words(report):
        yield Text()
        for line in textwrap.wrap(spoken, columns):
            yield Text(line, "bold")
    for number, cause in enumerate(told, 1):
        yield Text()
        yield from _cause(number, cause, columns, room)
    yield from _others(report, columns, room, is_all=not told and not report.deaths)
    if not at_once:
        yield from _deaths(report, columns, room)
    if report.causes or report.unexplained or any(one.findings for one in report.scenarios):
        yield from _printed(report, columns, room)
    yield from _rest(report, columns, room)


def _cause(number: int, cause: Told, columns: int, room: _Room) -> Iterator[Text]:
    for line in textwrap.wrap(f"{number}. {cause.head}", columns, subsequent_indent="   "):
        yield Text(line, _STYLES.get(cause.sure, "bold"))
    if room.ids and cause.explains:
        yield from _wrapped(" ".join(cause.explains), columns, "dim")
    if number <= room.whys:
        yield from _wrapped(_sentences(cause.why, room.sentences), columns)
    if cause.remedy:
        yield from _wrapped(f"Remedy: {_sentences(cause.remedy, max(2, room.sentences))}", columns)
    if cause.shown is not None and number <= room.pictures:
        yield from _picture(cause.shown, columns)
    for rival in cause.rivals:
        yield from _wrapped(f"or: {rival.head}", columns, _STYLES["possible"])
        if number <= room.whys and room.sentences > 1:
            yield from _wrapped(_sentences(rival.why, 1), columns, indent=7)


def _picture(shown: Located, columns: int) -> Iterator[Text]:
    left = 3 + _LABEL
    for fact in picture_of(shown[1], max(8, columns - left - 1)):
        line = Text(f"   {fact.label:{_LABEL}}", "dim")
        yield line.append(fact.text, "" if fact.label != "came" else "bold")
        if fact.marked:
            yield Text(f"{' ' * (left + width(fact.before))}^", "red")


def _others(report: Report, columns: int, room: _Room, *, is_all: bool) -> Iterator[Text]:
    """Yield the failures that no cause explains, one line each.

    If there is no cause at all, the first also gets its example.
    """
    others = unexplained_of(report)
    if not others:
        return
    yield Text()
    yield Text("What failed:" if is_all else "Not explained:", "bold")
    for _, finding in others[: room.others]:
        title = requirements()[finding.requirement].title
        line = f"   {finding.requirement:7} {title}: {visible(finding.actual)}"
        yield Text(_cut(line, columns))
    if len(others) > room.others:
        more = " ".join(finding.requirement for _, finding in others[room.others :])
        yield Text(_cut(f"   and {len(others) - room.others} more: {more}", columns))
    if is_all and room.pictures:
        yield Text()
        yield Text(f"   {others[0][1].requirement} in {others[0][0].id}:"[:columns], "dim")
        yield from _picture(others[0], columns)


def _deaths(report: Report, columns: int, room: _Room) -> Iterator[Text]:
    """Yield the deaths of the server: the most frequent one in detail, others in one line."""
    if report.deaths:
        yield Text()
    for number, death in enumerate(report.deaths[:_DEATHS]):
        yield from _in_two_rows(head_of(death), columns, "bold red")
        if number:
            continue
        if death.before:
            yield Text(_cut(f"   after     {visible(death.before)}", columns))
        is_said = death.error and len(death.printed) == 1
        if not is_said:
            yield from _said(death.printed, room.printed, columns)
        if death.explains and room.ids:
            yield from _wrapped(f"Only this breaks {' '.join(death.explains)}", columns)


def _printed(report: Report, columns: int, room: _Room) -> Iterator[Text]:
    if lines := printed_of(report):
        yield Text()
        yield Text("The server printed:", "bold")
    yield from _said(lines, room.printed, columns)


def _said(lines: Sequence[str], most: int, columns: int) -> Iterator[Text]:
    """So many lines at most that a server printed, two rows each: what names an error stands first
    or last, never between."""
    for line in lines if len(lines) <= most else [*lines[: most - 1], lines[-1]]:
        yield from _in_two_rows(line.expandtabs(4), columns, indent=3)


def _in_two_rows(text: str, columns: int, style: str = "", indent: int = 0) -> Iterator[Text]:
    rows = textwrap.wrap(
        visible(text),
        columns,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        max_lines=2,
        placeholder="…",
    )
    yield from (Text(row, style) for row in rows)


def untold_lines(report: Report) -> Iterator[str]:
    """Say what a run could not decide, a line for each reason."""
    unknown: dict[str, list[str]] = {}
    for one in report.requirements:
        if one.status == "unknown":
            unknown.setdefault(visible(one.reason or ""), []).append(one.id)
    for reason, ids in unknown.items():
        yield f"Undecided: {' '.join(ids)}{f' ({reason})' if reason else ''}"
    never = [one.id for one in report.requirements if one.status == "not-exercised"]
    if never:
        yield f"Never exercised: {' '.join(never)}"


def _rest(report: Report, columns: int, room: _Room) -> Iterator[Text]:
    """Yield the declared failures, and what the run could not decide."""
    lines = list(untold_lines(report))[: room.others]
    if declared := [one.id for one in report.requirements if one.declared]:
        lines.insert(0, f"Declared broken by the profile: {' '.join(declared)}")
    if lines:
        yield Text()
    for line in lines:
        yield Text(_cut(line, columns))


def _next(steps: Sequence[str]) -> Iterator[Text]:
    if steps:
        yield Text()
    for label, step in zip(["next:", *[""] * len(steps)], steps, strict=False):
        yield Text(f"{label:5} {step}")


def _folded(line: Text, console: Console, columns: int) -> Iterator[Text]:
    for part in line.wrap(console, columns):
        part.rstrip()
        yield part


def _wrapped(text: str, columns: int, style: str = "", indent: int = 3) -> Iterator[Text]:
    for line in textwrap.wrap(visible(text), columns - indent):
        yield Text(f"{' ' * indent}{line}", style)


def _sentences(text: str, count: int) -> str:
    """Return the last sentences of a text: the first ones only lead to the point."""
    sentences = text.replace(". ", ".\n").splitlines()
    return " ".join(sentences[-count:])


def _cut(line: str, columns: int) -> str:
    if width(line) <= columns:
        return line
    while width(line) >= columns:
        line = line[:-1]
    return f"{line}…"
