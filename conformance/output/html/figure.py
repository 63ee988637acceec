"""The layout of sequence diagrams, for SVG. Lengths are in pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from conformance.report.inversion import Crossing, Run
from conformance.report.octets import escape, width
from conformance.report.sequence_diagram import Arrow, Diagram, DiagramRow, Life

OCTETS: Final = 60
"""Characters in a row for octets."""
CHARACTER: Final = 7
"""Width of a monospaced character."""
_ROW: Final = 22
_GAP: Final = 20
_FEW: Final = 2
"""Up to this many omitted events get a sign in the next row; more get their own gap."""
_TOP: Final = 34
_FIRST_LANE: Final = 128
_LANE: Final = 84
_HALF: Final = 0.5

_COLUMN: Final = 268
_BETWEEN: Final = 150
_STEP: Final = 26
_TEXT: Final = 30


@dataclass(frozen=True, slots=True)
class Lane:
    """The vertical line of one client. `lines` are its stretches: the state, from y, to y."""

    name: str
    x: int
    is_server: bool
    lines: tuple[tuple[Life, int, int], ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Monospaced text at x. `missing` marks an empty piece, where something is absent."""

    x: int
    width: int
    text: str
    marked: bool
    missing: bool


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One row at `y`: the path of its arrow, and the texts beside it.

    `gap_y` is where the number of events omitted before it stands, or None.
    """

    y: int
    row: DiagramRow
    kind: str
    path: str
    texts: tuple[Text, ...]
    width: int
    gap_y: int | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A diagram with its layout. `x` is where octets begin; `few` is True if a row has a sign for a
    small gap."""

    width: int
    height: int
    x: int
    lanes: tuple[Lane, ...]
    lines: tuple[FigureRow, ...]
    gap: int
    caption: str
    few: bool


def lay_out(diagram: Diagram) -> Figure:
    """Lay out a diagram from top to bottom."""
    xs = [_FIRST_LANE + _LANE * index for index in range(len(diagram.lanes))]
    x = xs[-1] + 40
    lines: list[FigureRow] = []
    y = _TOP
    for row in diagram.rows:
        gap_y = None
        if row.gap > _FEW:
            gap_y = y + _GAP // 2
            y += _GAP
        texts = tuple(_texts(row, x))
        width = texts[-1].x + texts[-1].width - x if texts else 0
        here, there = xs[row.lane], xs[diagram.server]
        path = _path(row, here, there, y + _ROW // 2, (xs[0], xs[-1]))
        lines.append(FigureRow(y + _ROW // 2, row, _kind(row), path, texts, width, gap_y))
        y += _ROW
    lanes = tuple(
        Lane(name, xs[index], index == diagram.server, tuple(_lives(lines, index, y)))
        for index, name in enumerate(diagram.lanes)
    )
    few = any(0 < row.gap <= _FEW for row in diagram.rows)
    height = y + (_GAP if diagram.gap or few else 4)
    return Figure(
        x + OCTETS * CHARACTER + 96, height, x, lanes, tuple(lines), diagram.gap,
        diagram.caption, few,
    )  # fmt: skip


def _lives(lines: list[FigureRow], index: int, bottom: int) -> Iterator[tuple[Life, int, int]]:
    """Yield the stretches of a lane, each of which ends where the next begins."""
    starts = [_TOP - 8, *(line.y for line in lines)]
    lives = [lines[0].row.lives[index], *(line.row.lives[index] for line in lines)]
    for life, group in groupby(zip(starts, lives, strict=True), key=lambda pair: pair[1]):
        ys = [y for y, _ in group]
        after = next((y for y in starts if y > ys[-1]), bottom)
        if life is not Life.GONE:
            yield life, ys[0], after


def _texts(row: DiagramRow, x: int) -> Iterator[Text]:
    for piece in row.pieces:
        pixels = CHARACTER * width(piece.text)
        yield Text(x, pixels, piece.text, piece.marked, piece.marked and not piece.text)
        x += pixels


def _kind(row: DiagramRow) -> str:
    if row.arrow in (Arrow.SEGMENT, Arrow.OPEN):
        return "out" if row.to_server else "in"
    return row.arrow.value


def _path(row: DiagramRow, here: int, there: int, y: int, ends: tuple[int, int]) -> str:
    """Return an SVG path: a line with its head, or a ring if nothing travels."""
    if row.arrow is Arrow.ALL:
        return f"M{ends[0] - 12} {y}H{ends[1] + 12}"
    if row.to_server is None or here == there:
        return f"M{here - 4} {y}a4 4 0 1 1 8 0a4 4 0 1 1-8 0"
    tail, tip = (here, there) if row.to_server else (there, here)
    way = 1 if tip > tail else -1
    heads = {
        Arrow.SEGMENT: f"m{-6 * way}-4l{6 * way} 4l{-6 * way} 4",
        Arrow.OPEN: f"m{-6 * way}-4l{6 * way} 4l{-6 * way} 4",
        Arrow.END: "m0-6v12",
        Arrow.RESET: "m-5-5l10 10m0-10l-10 10",
    }
    tip -= {Arrow.END: 5, Arrow.RESET: 10}.get(row.arrow, 1) * way
    return f"M{tail} {y}H{tip}{heads[row.arrow]}"


@dataclass(frozen=True, slots=True)
class Box:
    """One step of a history. `key` is A or B for the two messages that cross, else empty."""

    y: int
    text: str
    sent: bool
    key: str
    line: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two histories with their layout.

    `threads` join a message on both sides: its key, y on the left, y on the right.
    """

    width: int
    height: int
    left: int
    right: int
    column: int
    titles: tuple[str, str]
    boxes: tuple[tuple[Box, ...], tuple[Box, ...]]
    threads: tuple[tuple[str, int, int], ...]
    crossing: tuple[float, float]
    caption: str


def lay_out_crossing(crossing: Crossing) -> Pair | None:
    """Lay out two histories side by side, the correct one on the left; None if nothing crosses."""
    boxes = tuple(_boxes(crossing.right)), tuple(_boxes(crossing.wrong))
    at = [{box.key: box.y for box in column if box.key} for column in boxes]
    if any(len(keys) != 2 for keys in at):
        return None
    first, last = (at[0]["A"], at[1]["A"]), (at[0]["B"], at[1]["B"])
    if first[0] >= last[0] or first[1] <= last[1]:
        return None
    # Both threads are straight lines, so their ends say where they cross.
    share = (last[0] - first[0]) / ((last[0] - first[0]) + (first[1] - last[1]))
    left, right = 1, 1 + _COLUMN + _BETWEEN
    return Pair(
        width=right + _COLUMN + 1,
        height=max(column[-1].y for column in boxes) + _STEP,
        left=left,
        right=right,
        column=_COLUMN,
        titles=(_title(crossing.right), _title(crossing.wrong)),
        boxes=boxes,
        threads=(("A", *first), ("B", *last)),
        crossing=(
            left + _COLUMN + _BETWEEN * share,
            first[0] + (first[1] - first[0]) * share,
        ),
        caption=f"{crossing.right.client} has A before B, {crossing.wrong.client} has B before A",
    )


def _boxes(run: Run) -> Iterator[Box]:
    y = _STEP + _STEP * _HALF
    for step in run.steps:
        y += _STEP * _HALF if step.left_out else 0
        text = escape(step.text)
        short = text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
        yield Box(int(y), short, step.way == "sent", step.key, step.line, step.left_out)
        y += _STEP


def _title(run: Run) -> str:
    ways = sorted({step.way for step in run.steps}, reverse=True)
    return f"{run.client} {' and '.join(ways)}"
