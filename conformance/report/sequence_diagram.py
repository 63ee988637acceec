"""A failure as a sequence diagram: a lane for each client and the server, a row for each event.

The diagram is data: `output.text_diagram` writes it as text, `output.html` draws it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from conformance.report.excerpt import StretchEvent
from conformance.report.model import FindingReport
from conformance.report.octets import escape, start_of, tokens, width

SERVER: Final = "server"
_DECISIVE: Final = (
    ("exited",),
    ("reset", "refused", "ended", "running", "rival", "restarted", "rested", "sought"),
    ("stalled",),
)
"""The kinds of evidence that show a failure by themselves, the most telling first."""


class Arrow(StrEnum):
    """The kind of a row: an arrow between a client and the server, or a mark on one lane."""

    SEGMENT = "segment"
    END = "end"
    RESET = "reset"
    OPEN = "open"
    MARK = "mark"
    ALL = "all"


class Life(StrEnum):
    """The state of a lane: open, not reading, half-closed, or gone."""

    OPEN = "open"
    STALLED = "stalled"
    HALF = "half"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of visible text, `marked` if the finding is about it. It is empty where text is
    missing."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class DiagramRow:
    """The row of one event.

    `lane` is the index of the client's or the server's lane. `to_server` is the direction; None if
    nothing is sent. `gap` events are left out before it. `lives` are the states of all lanes. One
    row of a diagram is `decisive`: it is the failure itself. `is_cut`: not all octets are shown.
    """

    line: int
    t: float
    arrow: Arrow
    lane: int
    to_server: bool | None
    pieces: tuple[Piece, ...]
    size: int
    note: str
    evidence: bool
    gap: int
    lives: tuple[Life, ...]
    decisive: bool
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Diagram:
    """A sequence diagram.

    `lanes` are the names of the lanes from left to right, and `server` is the index of the
    server's. `gap` events are left out after the last row.
    """

    lanes: tuple[str, ...]
    server: int
    rows: tuple[DiagramRow, ...]
    gap: int

    @property
    def caption(self) -> str:
        clients = ", ".join(self.lanes[: self.server] + self.lanes[self.server + 1 :])
        wrong = next((row for row in self.rows if any(one.marked for one in row.pieces)), None)
        where = "" if wrong is None else f"; what is wrong came with line {wrong.line}"
        with_whom = f" with {clients}" if clients else ""
        return f"{len(self.rows)} events of the server{with_whom}{where}"


def diagram_of(finding: FindingReport, room: int) -> Diagram | None:
    """Make the diagram of a finding, with octets cut to `room` columns in each row.

    Returns None if the report has no events for the finding.
    """
    stretch = finding.stretch
    if not stretch:
        return None
    clients = list(dict.fromkeys(one.client for one in stretch if one.client is not None))
    lanes = (*clients[:1], SERVER, *clients[1:])
    server = min(1, len(clients))
    places = {name: index if index < server else index + 1 for index, name in enumerate(clients)}
    rows = tuple(_rows(stretch, places, server, len(lanes), room))
    # No diagram shows the events of the start and the finish.
    return Diagram(lanes, server, rows, max(0, finding.lines - 1 - stretch[-1].line))


def _rows(
    stretch: Sequence[StretchEvent], places: dict[str, int], server: int, count: int, room: int
) -> Iterator[DiagramRow]:
    lives = [Life.OPEN] * count
    decisive = _decisive(stretch)
    previous = 1
    for event in stretch:
        lane = server if event.client is None else places[event.client]
        arrow, to_server, note = meaning(event)
        pieces = _pieces(event, room) if event.event in ("sent", "received") else ()
        match event.event:
            case "stalled":
                lives[lane] = Life.STALLED
            case "resumed":
                lives[lane] = Life.OPEN
            case "halfclosed":
                lives[lane] = Life.HALF
        yield DiagramRow(
            line=event.line,
            t=event.t,
            arrow=arrow,
            lane=lane,
            to_server=to_server,
            pieces=pieces,
            size=event.size,
            note=note,
            evidence=event.evidence,
            gap=max(0, event.line - previous - 1),
            lives=tuple(lives),
            decisive=event.line == decisive,
            is_cut=bool(event.runs) or any(piece.text == "…" for piece in pieces),
        )
        if event.event in ("ended", "reset", "aborted", "exited", "refused"):
            lives[lane] = Life.GONE
        elif event.event == "restarted":
            lives[lane] = Life.OPEN
        previous = event.line


def _decisive(stretch: Sequence[StretchEvent]) -> int | None:
    """Return the line of the event that is the failure.

    It is the one with the first wrong octet, else the end of the process or of a connection, else
    a stall, else the last evidence.
    """
    marked = next((one.line for one in stretch if one.marked), None)
    if marked is not None:
        return marked
    evidence = [one for one in stretch if one.evidence]
    for kinds in _DECISIVE:
        for one in reversed(evidence):
            if one.event in kinds:
                return one.line
    stalls = [one.line for one in stretch if one.event == "stalled"]
    return stalls[-1] if stalls else evidence[-1].line if evidence else None


def meaning(event: StretchEvent) -> tuple[Arrow, bool | None, str]:
    """Return the arrow of an event, its direction, and a text."""
    note = escape(event.note)
    with_note = f": {note}" if note else ""
    match event.event:
        case "sent":
            return Arrow.SEGMENT, True, ""
        case "received":
            return Arrow.SEGMENT, False, ""
        case "ended":
            return Arrow.END, False, "end of stream"
        case "reset":
            return Arrow.RESET, False, "reset by the server"
        case "halfclosed":
            return Arrow.END, True, "half-close: writes no more"
        case "aborted":
            return Arrow.RESET, True, "reset by the client"
        case "connected":
            return Arrow.OPEN, True, f"connects{f' as {note}' if note else ''}"
        case "refused":
            return Arrow.RESET, False, f"cannot connect{with_note}"
        case "stalled":
            return Arrow.MARK, None, "stops reading"
        case "resumed":
            return Arrow.MARK, None, "reads again"
        case "vanished":
            return Arrow.MARK, None, "vanishes: answers nothing more"
        case "waited":
            return Arrow.MARK, None, f"waits in vain, {note}"
        case "settled":
            return Arrow.ALL, None, f"everything is received by {note}"
        case "stopping":
            return Arrow.MARK, None, f"is told to stop{with_note}"
        case "exited":
            whose = "the server" if event.client is None else "the client"
            return Arrow.MARK, None, f"{whose}'s process ends{with_note}"
        case "running":
            return Arrow.MARK, None, note
        case "restarted":
            return Arrow.MARK, None, f"is launched again{with_note}"
        case "rival":
            return Arrow.MARK, None, f"a second server is launched{with_note}"
        case "inputended":
            return Arrow.MARK, None, "standard input ends"
        case "launched":
            return Arrow.MARK, None, f"is launched: {note}"
        case "typed":
            return Arrow.MARK, None, f"its user types: {note}"
        case "shown":
            return Arrow.MARK, None, f"it shows: {note}"
        case "rested" | "limited" | "halted" | "counted" | "sought" | "faulted":
            return Arrow.MARK, None, note


def _pieces(event: StretchEvent, room: int) -> tuple[Piece, ...]:
    """Split octets into pieces of visible text that fit `room` and show the first marked octet."""
    edges = {place for mark in event.marked for place in mark}
    shown = tokens(event.octets, event.runs, edges)
    marks = [(start_of(shown, low), high) for low, high in event.marked]
    first, last = marks[0] if marks else (0, 0)
    # Show all of the first mark if it fits, and before it what fits.
    before = max(room // 6, min(room // 2, room - width("".join(shown[first:last])) - 1))
    start = 0
    while start < first and width("".join(shown[start:first])) > before:
        start += 1
    end, left = start, room
    while end < len(shown) and width(shown[end]) <= left:
        left -= width(shown[end])
        end += 1
    pieces = [Piece("…")] if event.cut + start else []
    at = start
    for low, high in marks:
        if not start <= low <= end:
            continue
        if at < low:
            pieces.append(Piece("".join(shown[at:low])))
        pieces.append(Piece("".join(shown[low : min(high, end)]), marked=True))
        at = max(at, min(high, end))
    if at < end:
        pieces.append(Piece("".join(shown[at:end])))
    if end < len(shown) or event.cut + event.shown < event.size:
        pieces.append(Piece("…"))
    return tuple(pieces)
