"""A transcript as one self-contained HTML file: a row for each event, with an anchor."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.output.html.template import Asset, environment
from conformance.report.excerpt import drawn
from conformance.report.model import FindingReport
from conformance.report.octets import tokens
from conformance.report.sequence_diagram import meaning
from conformance.transcript.events import Away, Event, Finish, Printed, Skipped, Start, Transcript

ROWS: Final = 2_000
"""The most events that are shown: if there are more, those nearest to the findings."""


@dataclass(frozen=True, slots=True)
class RecordRow:
    """The row of one event.

    `way` is an arrow, to or from the server. `found` are the requirements whose findings name this
    line. `left_out` counts the events before it that are not shown.
    """

    line: int
    t: float
    client: str
    way: str
    octets: str
    size: int
    cut: int
    note: str
    found: tuple[str, ...]
    left_out: int


def render_transcript(transcript: Transcript, findings: Iterable[FindingReport], file: str) -> str:
    """Render the transcript in `file` as one HTML file, with the lines of its findings marked."""
    start = transcript[0]
    assert isinstance(start, Start)
    found: dict[int, dict[str, None]] = defaultdict(dict)
    for finding in findings:
        for line in finding.evidence:
            found[line][finding.requirement] = None
    rows, previous = [], 0
    for line in _kept(len(transcript), sorted(found)):
        ids = tuple(found.get(line, ()))
        rows.append(_row(line, transcript[line - 1], ids, line - previous - 1))
        previous = line
    return (
        environment()
        .get_template("transcript.html.j2")
        .render(
            start=start, rows=rows, after=len(transcript) - previous, file=file,
            style=Asset("transcript.css"),
        )
    )  # fmt: skip


def _kept(count: int, evidence: Sequence[int]) -> list[int]:
    """Return the lines to show: all, or as many around each line of evidence as fit."""
    if count <= ROWS:
        return list(range(1, count + 1))
    around = ROWS // (2 * len(evidence) + 2)
    return sorted(
        line
        for line in {near + step for near in (1, *evidence) for step in range(-around, around)}
        | set(evidence[:ROWS])
        if 1 <= line <= count
    )


def _row(line: int, event: Event, found: tuple[str, ...], left_out: int) -> RecordRow:
    match event:
        case Start():
            note, client = f"the scenario begins, at {event.target}", ""
            way, octets, size, cut = "", "", 0, 0
        case Skipped():
            note, client = f"the scenario cannot be played: {event.detail}", ""
            way, octets, size, cut = "", "", 0, 0
        case Away():
            note, client = f"the suite was not running for {event.seconds:.1f} s", ""
            way, octets, size, cut = "", "", 0, 0
        case Printed():
            note, client = f"the server printed: {event.text}", ""
            way, octets, size, cut = "", "", 0, 0
        case Finish():
            stuck = f", interrupted: {event.interrupted}" if event.interrupted else ""
            note, client = f"the scenario is over{stuck}", ""
            way, octets, size, cut = "", "", 0, 0
        case _:
            shown = drawn(line, event)
            _, to_server, note = meaning(shown)
            client = shown.client or "server"
            way = "" if to_server is None else "→" if to_server else "←"
            octets = "".join(tokens(shown.octets, shown.runs))
            size, cut = shown.size, shown.size - shown.shown
    return RecordRow(line, event.t, client, way, octets, size, cut, note, found, left_out)
