"""Sequence diagrams as text, for a console."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from conformance.report.inversion import Crossing, Run
from conformance.report.octets import escape, width
from conformance.report.sequence_diagram import Arrow, Diagram, DiagramRow, Life

_WIDTH: Final = 96
_LANE: Final = 9
_LEFT: Final = 17
"""Characters before the lanes: the sign, the time and the line of the transcript."""
_FEW: Final = 2
"""Up to this many omitted events get a sign in the next row; more get their own line."""
_STROKES: Final = {Life.OPEN: "│", Life.STALLED: "┊", Life.HALF: "╎", Life.GONE: " "}
_NAME: Final = _LANE - 2
_COLUMN: Final = 44
"""Characters of each of two histories side by side."""


def octets_width(clients: int) -> int:
    """Return how many characters a row has for octets, beside the lanes of `clients` clients."""
    return max(24, _WIDTH - _LEFT - _LANE * (clients + 1) - 1)


def sketch(diagram: Diagram) -> Iterator[str]:
    """Yield the lines of a diagram.

    A row has the time, the line of the transcript, the lanes and the octets. `>` marks the decisive
    row, `·` other evidence; carets stand under wrong octets.
    """
    names = "".join(f"{escape(name)[:_NAME]:^{_LANE}}" for name in diagram.lanes)
    yield f"  {'t/s':>7} {'line':>6} {names}".rstrip()
    for row in diagram.rows:
        if row.gap > _FEW:
            yield _left_out(row.gap)
        said = "".join(piece.text for piece in row.pieces) or row.note
        size = f"  ({row.size:,} octets)" if row.is_cut else ""
        sign = ">" if row.decisive else "·" if row.evidence else " "
        few = "⋮" if 0 < row.gap <= _FEW else ""
        lanes = _lanes(row, diagram.server)
        yield f"{sign} {row.t:7.3f} {few + str(row.line):>6} {lanes} {said}{size}"
        if any(piece.marked for piece in row.pieces):
            lanes = "".join(f"{_STROKES[life]:^{_LANE}}" for life in row.lives)
            carets = "".join(
                ("^" * max(1, width(one.text)) if one.marked else " " * width(one.text))
                for one in row.pieces
            )
            yield f"{' ' * _LEFT}{lanes} {carets}".rstrip()
    if diagram.gap:
        yield _left_out(diagram.gap)
    if any(0 < row.gap <= _FEW for row in diagram.rows):
        yield f"{' ' * _LEFT}⋮ one or two events left out"


def _left_out(count: int) -> str:
    return f"{' ' * _LEFT}… {count:,} event{'s' if count > 1 else ''} left out"


def _lanes(row: DiagramRow, server: int) -> str:
    cells = [f"{_STROKES[life]:^{_LANE}}" for life in row.lives]
    line = list("".join(cells))
    middle = [_LANE * index + _LANE // 2 for index in range(len(cells))]
    here, there = middle[row.lane], middle[server]
    if row.arrow is Arrow.ALL:
        for at in range(middle[0], middle[-1] + 1):
            line[at] = "═"
    elif row.to_server is None or here == there:
        line[here] = "●"
    else:
        low, high = sorted((here, there))
        for at in range(low, high + 1):
            line[at] = "─" if line[at] == " " or at in (low, high) else "┼"
        tip, tail = (there, here) if row.to_server else (here, there)
        rightwards = tip > tail
        heads = {
            Arrow.SEGMENT: "▶" if rightwards else "◀",
            Arrow.OPEN: "○",
            Arrow.END: "┤" if rightwards else "├",
            Arrow.RESET: "✕",
        }
        line[tip + (-1 if rightwards else 1)] = heads[row.arrow]
        line[tip] = "│"
        line[tail] = "├" if rightwards else "┤"
    return "".join(line)


def sketch_crossing(crossing: Crossing) -> Iterator[str]:
    """Yield two histories side by side; A and B are the two messages whose order differs."""
    left, right = list(_column(crossing.right)), list(_column(crossing.wrong))
    yield f"  {_title(crossing.right):<{_COLUMN}}  {_title(crossing.wrong)}"
    for one, other in zip_longest(left, right, fillvalue=""):
        yield f"  {one:<{_COLUMN}}  {other}".rstrip()


def _title(run: Run) -> str:
    ways = {step.way for step in run.steps}
    return f"{escape(run.client)}: {' and '.join(sorted(ways, reverse=True))}"[:_COLUMN]


def _column(run: Run) -> Iterator[str]:
    for step in run.steps:
        if step.left_out:
            yield f"    … {step.left_out:,} left out"
        said = escape(step.text)
        yield f"  {step.key or ' '} {'→' if step.way == 'sent' else '←'} {said}"[:_COLUMN]
