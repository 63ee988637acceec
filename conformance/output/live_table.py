"""The live table that a terminal shows during a run. It stays as the summary."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO, Final, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from conformance.output.progress import Progress, Section
from conformance.report.comparison import Status
from conformance.report.model import ScenarioReport
from conformance.report.octets import visible
from conformance.standard.requirements import requirements

STYLES: Final[dict[str, str]] = {"pass": "green", "fail": "red", "skip": "dim", "unknown": "yellow"}
"""The style of each status of a scenario."""
_BESIDES: Final = 4
"""Lines kept free of running scenarios: the title, the total, and two for failures."""
_PER_SECOND: Final = 5
"""How often the table is drawn, per second."""


def can_show(console: Console) -> bool:
    """True if the console is a terminal that can move its cursor and show the symbols."""
    return (
        console.is_interactive
        and console.file.isatty()
        and not console.is_dumb_terminal
        and console.encoding.startswith("utf")
    )


class _WholeFrames:
    """A terminal to which each write is one synchronised update, if it supports that.

    Each frame first erases the previous one, which would flicker if it were shown in two parts.
    """

    def __init__(self, terminal: IO[str]) -> None:
        self._terminal = terminal

    def write(self, text: str) -> int:
        return self._terminal.write(f"\x1b[?2026h{text}\x1b[?2026l")

    def __getattr__(self, name: str) -> object:
        return getattr(self._terminal, name)


class LiveTable:
    """A table of a run's progress, redrawn several times a second until `stop`."""

    def __init__(self, console: Console, progress: Progress, title: str, jobs: int) -> None:
        self._console = console
        self._terminal = console.file
        self._progress = progress
        self._title = visible(" ".join(title.split()))
        self._jobs = jobs
        self._over = False
        self._brief = False
        self._live = Live(
            console=console,
            refresh_per_second=_PER_SECOND,
            get_renderable=self._table,
            vertical_overflow="crop",
        )

    def start(self) -> None:
        """Draw the table, and keep redrawing it."""
        self._console.file = cast(IO[str], _WholeFrames(self._terminal))
        self._live.start(refresh=True)

    def stop(self, *, brief: bool = False) -> None:
        """Replace the table with a summary, and leave the cursor below it.

        Args:
            brief: Show the total alone.
        """
        self._over = True
        self._brief = brief
        self._live.stop()
        self._console.file = self._terminal

    def _table(self) -> Group:
        size = self._console.size
        # A line of the full width, or a table of the full height, would scroll the terminal.
        width, height = max(1, size.width - 1), max(1, size.height - 1)
        lines = summary(self._progress, self._title)
        if self._brief:
            lines = lines[-1:]
        if not self._over:
            lines = table(self._progress, self._title, self._jobs, height)
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return Group(*lines)


def summary(progress: Progress, title: str) -> list[Text]:
    """Return the lines of a finished run's table."""
    sections = [
        replace(section, running=0, left=section.left + section.running)
        for section in progress.sections()
    ]
    return [Text(title, "bold"), *map(_section, sections), _total(progress)]


def table(progress: Progress, title: str, jobs: int, height: int) -> list[Text]:
    """Return the lines of a running run's table.

    If they do not all fit, the sections in which nothing runs are left out first, then the title,
    then failures.

    Args:
        jobs: How many scenarios run at a time.
        height: The most lines to return.
    """
    sections = progress.sections()
    playing = list(_playing(progress, max(1, min(jobs, height - _BESIDES - len(sections)))))
    failures = [result for result in progress.results if result.status == "fail"]
    least = 1 + len(playing) + min(1, len(failures))
    if height < least + 1 + len(sections):
        sections = [section for section in sections if section.running][: max(0, height - least)]
    lines = [*map(_section, sections), _total(progress), *playing]
    if height >= least + 1 + len(sections):
        lines.insert(0, Text(title, "bold"))
    lines += _failed(failures, max(0, height - len(lines)))
    return lines[:height]


def _section(section: Section) -> Text:
    line = Text(f"  {section.name:7}")
    for result in section.results:
        line.append(Status(result.status).symbol, STYLES[result.status])
    line.append("›" * section.running, "bold")
    line.append("·" * section.left, "dim")
    line.append(" " * max(0, 12 - section.total))
    line.append(f"{len(section.results):3}/{section.total}".ljust(8))
    return line.append_text(_counts(section.results))


def _total(progress: Progress) -> Text:
    results = progress.results
    line = Text("  total  ")
    line.append(_time(progress).ljust(12))
    line.append(f"{len(results):3}/{progress.total}".ljust(8))
    return line.append_text(_counts(results)).append(_left(progress))


def _counts(results: Sequence[ScenarioReport]) -> Text:
    counts = Counter[str](result.status for result in results)
    said = [
        Text(f"{counts[status]} {status}", STYLES[status]) for status in STYLES if counts[status]
    ]
    return Text("  ").join(said)


def _time(progress: Progress) -> str:
    return _clock(progress.elapsed)


def _left(progress: Progress) -> str:
    left = progress.left
    if len(progress.results) == progress.total:
        return ""
    return "" if left is None else f"   about {_clock(max(1.0, left))} left"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _playing(progress: Progress, slots: int) -> Iterator[Text]:
    """Yield `slots` lines, even if fewer scenarios run, so that the table keeps its height."""
    running = progress.running
    for index in range(slots):
        line = Text("now    " if index == 0 else "       ")
        if index == slots - 1 and len(running) > slots:
            line.append(f"  and {len(running) - slots + 1} more", "dim")
        elif index < len(running):
            id_, seconds = running[index]
            line.append(f"  {id_}").append(f"  {seconds:.0f} s", "dim")
        elif index == 0 and not progress.results:
            line.append("  looking for the server")
        yield line


def _failed(failures: Sequence[ScenarioReport], room: int) -> Iterator[Text]:
    """Yield the last failures, one a line, in at most `room` lines."""
    shown = failures if len(failures) <= room else failures[len(failures) - max(0, room - 1) :]
    for index, result in enumerate(shown if room else ()):
        broken = {one.requirement for one in result.findings if one.outcome == "fail"}
        line = Text("failed   " if index == 0 else "         ", "red")
        line.append(" ".join(id_ for id_ in requirements() if id_ in broken), "bold")
        yield line.append(f"  {result.id}")
    if room and len(shown) < len(failures):
        yield Text(f"         and {len(failures) - len(shown)} before", "dim")
