"""The excerpt of a transcript that shows a finding: few events and few octets, for a diagram."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from conformance.oracle import Finding
from conformance.transcript import events as tr

MAX_EVENTS: Final = 30
MAX_OCTETS: Final = 200
MAX_CLIENTS: Final = 6
_AROUND: Final = 3
"""Events shown before and after each line of evidence."""
_NOTE: Final = 160
_HEADER: Final = 36
"""Octets shown before a text, for its header."""
_RUN: Final = re.compile(rb"(.)\1{63,}", re.DOTALL)
"""At least 64 of the same octet, which are kept as one octet with their number."""

Kind = Literal[
    "connected", "refused", "sent", "received", "ended", "reset", "halfclosed", "aborted",
    "stalled", "resumed", "waited", "settled", "stopping", "exited", "running", "restarted",
    "rival", "inputended", "vanished", "sought", "rested", "limited", "halted", "counted",
    "launched", "typed", "shown", "faulted",
]  # fmt: skip
_DRIVES: Final = re.compile(
    r"(?:\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])|[\r\n])+"
)
_States: Final = (tr.Stalled, tr.Resumed, tr.HalfClosed, tr.Aborted, tr.Ended, tr.Reset)


class StretchEvent(BaseModel):
    """One event of a transcript, shortened for a diagram.

    `line` is its line in the transcript, from 1, and `t` its time in seconds. Octets are written
    as the Latin-1 characters of the same numbers. The event has `size` octets, and `cut` of them
    are left out before `octets`. `runs` are pairs of an index in `octets` and a number: the octet
    there stands for this many equal ones. `marked` are the ranges of `octets`, start and end, that
    the finding is about; where something is missing, the range is empty.
    """

    model_config = ConfigDict(extra="forbid")

    line: int
    t: float
    event: Kind
    client: str | None = None
    octets: str = ""
    cut: int = 0
    size: int = 0
    runs: list[tuple[int, int]] = []
    marked: list[tuple[int, int]] = []
    evidence: bool = False
    note: str = ""

    @property
    def shown(self) -> int:
        """How many of the event's octets are shown, with all octets of each run."""
        return len(self.octets) + sum(times - 1 for _, times in self.runs)


def stretch_of(finding: Finding, transcript: tr.Transcript) -> list[StretchEvent]:
    """Return the events around a finding's evidence, at most `MAX_EVENTS`, in order."""
    if not transcript:
        return []
    witnesses = _witnesses(finding, transcript)
    clients = _clients(finding, transcript, witnesses)
    marks = _marks(finding, transcript, clients)
    evidence = {line for line in finding.evidence if 1 <= line <= len(transcript)} | marks.keys()
    return [
        drawn(
            line,
            transcript[line - 1],
            marks.get(line, []),
            max(0, witnesses.get(line, 0) - _HEADER),
            is_evidence=line in evidence,
        )
        for line in _chosen(transcript, sorted(evidence | witnesses.keys()), clients)
    ]


def _witnesses(finding: Finding, transcript: tr.Transcript) -> dict[int, int]:
    """Find the event in which another client received a message that the finding's client missed.

    Returns:
        For its line, the index of the message's text; and 0 for the line at which the client that
        missed it next received something.
    """
    if finding.octets or not finding.wanted or not finding.evidence:
        return {}
    came: dict[int, int] = {}
    missed: int | None = None
    for line in range(max(1, finding.evidence[0]), len(transcript) + 1):
        event = transcript[line - 1]
        if not isinstance(event, tr.Received):
            continue
        if event.client == finding.client:
            missed = missed or line
        elif not came and finding.wanted in event.octets:
            came[line] = event.octets.index(finding.wanted)
        if came and missed is not None:
            return came | {missed: 0}
    return came


def _clients(
    finding: Finding, transcript: tr.Transcript, witnesses: Iterable[int]
) -> frozenset[str]:
    """Return the clients to draw: the finding's client, those of the evidence, and witnesses."""
    named = [] if finding.client is None else [finding.client]
    for line in (*finding.evidence, *witnesses):
        client = getattr(transcript[line - 1], "client", None) if line <= len(transcript) else None
        if client is not None:
            named.append(client)
    return frozenset(list(dict.fromkeys(named))[:MAX_CLIENTS])


def _chosen(
    transcript: tr.Transcript, evidence: Sequence[int], clients: frozenset[str]
) -> list[int]:
    lines = [
        line for line, event in enumerate(transcript, 1) if _is_of(event, clients, line in evidence)
    ]
    places = [bisect_left(lines, line) for line in evidence if line in lines]
    places = places or [len(lines) - 1]

    def distance(place: int) -> int:
        after = bisect_left(places, place)
        return min(abs(place - one) for one in places[max(0, after - 1) : after + 1])

    near = [
        place
        for place, line in enumerate(lines)
        if distance(place) <= _AROUND
        or isinstance(transcript[line - 1], _States)
        or _is_between(place, lines, places, transcript)
    ]
    near.sort(key=lambda place: (min(distance(place), _AROUND + 1), place))
    return sorted(lines[place] for place in near[:MAX_EVENTS])


def _is_between(
    place: int, lines: Sequence[int], places: Sequence[int], transcript: tr.Transcript
) -> bool:
    """Whether this is a segment of one client between two lines of evidence that are its too."""
    after = bisect_left(places, place)
    if not 0 < after < len(places):
        return False
    around = (places[after - 1], place, places[after])
    events = [transcript[lines[one] - 1] for one in around]
    segments = [event for event in events if isinstance(event, tr.Sent)]
    return len(segments) == len(events) and len({one.client for one in segments}) == 1


def _is_of(event: tr.Event, clients: frozenset[str], is_evidence: bool) -> bool:
    match event:
        case tr.Start() | tr.Finish() | tr.Skipped() | tr.Away() | tr.Printed():
            return False
        case tr.Settled():
            return not clients.isdisjoint(event.clients)
        case _:
            client = getattr(event, "client", None)
            return is_evidence or client is None or client in clients


def drawn(
    line: int,
    event: tr.Event,
    marks: Sequence[tuple[int, int]] = (),
    cut: int = 0,
    *,
    is_evidence: bool = False,
) -> StretchEvent:
    """Return an event for a diagram, with its octets from `cut` on, or around the marked ones."""
    assert not isinstance(event, tr.Start | tr.Finish | tr.Skipped | tr.Away | tr.Printed)
    whole = StretchEvent(
        line=line,
        t=round(event.t, 6),
        event=event.event,
        client=getattr(event, "client", None),
        evidence=is_evidence,
        note=_note(event)[:_NOTE],
    )
    if isinstance(event, tr.Sent | tr.Received):
        _fill(whole, event.octets, marks, cut)
    return whole


def _fill(event: StretchEvent, octets: bytes, marks: Sequence[tuple[int, int]], cut: int) -> None:
    """Put octets into an event: each long run as one octet, and the rest cut around the marks."""
    edges = sorted({place for mark in marks for place in mark})
    runs = list(_runs(octets, edges))

    starts = [start for start, _ in runs]
    gone = list(accumulate((end - 1 - start for start, end in runs), initial=0))

    def place(index: int) -> int:
        """Return the index of an octet after each run has become one octet."""
        before = bisect_left(starts, index)
        within = max(0, runs[before - 1][1] - 1 - index) if before else 0
        return index - gone[before] + within

    parts, at = [], 0
    for start, end in runs:
        parts.append(octets[at : start + 1])
        at = end
    drawn_together = b"".join((*parts, octets[at:]))
    places = [(place(start), place(end)) for start, end in marks]
    first = max(0, places[0][0] - MAX_OCTETS // 2) if places else place(cut)
    first = max(0, min(first, len(drawn_together) - MAX_OCTETS))
    shown = drawn_together[first : first + MAX_OCTETS]
    event.octets, event.size = shown.decode("latin-1"), len(octets)
    counts = [(place(start) - first, end - start) for start, end in runs]
    event.cut = first + sum(times - 1 for index, times in counts if index < 0)
    event.runs = [(index, times) for index, times in counts if 0 <= index < len(shown)]
    event.marked = [
        (max(0, start - first), min(end - first, len(shown)))
        for start, end in places
        if start - first <= len(shown) and end >= first
    ]


def _runs(octets: bytes, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Find the long runs of one octet, split at these edges."""
    for match in _RUN.finditer(octets) if len(octets) > MAX_OCTETS else ():
        start, end = match.span()
        places = [start, *(edge for edge in edges if start < edge < end), end]
        yield from pairwise(places)


def _note(event: tr.Event) -> str:
    """Return the details of an event in words."""
    match event:
        case tr.Connected(label=label):
            return label or ""
        case tr.Refused(error=error):
            return error
        case tr.Waited(what=what, seconds=seconds):
            return f"{seconds:g} s for {what}"
        case tr.Settled(clients=clients):
            return " ".join(clients)
        case tr.Stopping(way=way):
            return way
        case tr.Exited(status=status):
            return f"status {status}"
        case tr.Running(seconds=seconds):
            return f"still running after {seconds:g} s"
        case tr.Restarted(error=error):
            return error or ""
        case tr.Rested(seconds=seconds, cpu_s=cpu_s):
            return f"{cpu_s:.2f} s of processor time in {seconds:.1f} s"
        case tr.Sought(seconds=seconds, found=found):
            known = "ended" if found else "held"
            return f"its connection is {known} by the server's system after {seconds:.0f} s"
        case tr.Counted(members=members, descriptors=open_):
            return f"{open_} descriptors after {members} have come and gone"
        case tr.Limited(ended=over):
            return "descriptors are free again" if over else "no descriptor is free"
        case tr.Halted(ended=over):
            return "the server runs again" if over else "the server is paused"
        case tr.Launched(command=command):
            return command
        case tr.Typed(text=text, how=how):
            return text if how == "line" else f"({how}) {text}"
        case tr.Shown(octets=octets):
            return plain_words(octets)
        case tr.Faulted(name=name, node=node, healed=healed):
            where = "" if node is None else f"node {node} "
            return f"{where}{name}{', healed' if healed else ''}"
        case tr.Rival(status=status, seconds=seconds, output=output):
            ended = f"status {status}" if status is not None else f"running after {seconds:g} s"
            return f"{ended}: {output}" if output else ended
        case _:
            return ""


def plain_words(octets: bytes) -> str:
    """Return about what a terminal would show of octets: control sequences are left out."""
    return _DRIVES.sub(" ", octets.decode(errors="replace"))


def _marks(
    finding: Finding, transcript: tr.Transcript, clients: frozenset[str]
) -> dict[int, list[tuple[int, int]]]:
    """Find the octets that the finding is about: for each line of the transcript, their ranges."""
    marks: dict[int, list[tuple[int, int]]] = {}
    if not finding.octets:
        return marks
    evidence = [line for line in finding.evidence if 1 <= line <= len(transcript)]
    units = two_broadcasts(finding.octets)
    names = sorted(clients) if units or finding.client is None else [finding.client]
    for name in names:
        reads = _reads(transcript, name, evidence, len(finding.octets))
        for octets in units or (finding.octets,):
            skip = 0 if units else finding.wrong or 0
            for line, start, end in _places(octets, skip, reads, frozenset(evidence)):
                marks.setdefault(line, []).append((start, end))
    return {line: sorted(set(ranges)) for line, ranges in marks.items()}


def two_broadcasts(octets: bytes) -> tuple[bytes, bytes] | None:
    """Split the octets of a finding about order into its two broadcasts; None for any others."""
    lines = octets.split(b"\n")
    if len(lines) != 5 or lines[4] or not (lines[0][:1].isdigit() and lines[2][:1].isdigit()):
        return None
    return b"\n".join(lines[:2]) + b"\n", b"\n".join(lines[2:4]) + b"\n"


def _reads(
    transcript: tr.Transcript, client: str, evidence: Sequence[int], wanted: int
) -> list[tuple[int, bytes]]:
    """Return a client's reads from its first to its last evidence, and `wanted` octets before."""
    own = [line for line in evidence if getattr(transcript[line - 1], "client", None) == client]
    first, last = (own[0], own[-1]) if own else (len(transcript), len(transcript))
    first, last = min(first, last), max(first, last)
    reads: list[tuple[int, bytes]] = []
    before = 0
    for line in range(last, 0, -1):
        event = transcript[line - 1]
        if isinstance(event, tr.Received) and event.client == client:
            reads.append((line, event.octets))
            before += len(event.octets) if line < first else 0
            if before >= wanted:
                break
    return reads[::-1]


def _places(
    octets: bytes, skip: int, reads: Sequence[tuple[int, bytes]], evidence: frozenset[int]
) -> Iterator[tuple[int, int, int]]:
    """Find octets in reads, without their first `skip`: line, start and end in each read.

    If they occur several times, the last occurrence that touches the evidence counts, or else the
    last one.
    """
    stream = b"".join(part for _, part in reads)
    best: tuple[bool, list[tuple[int, int, int]]] = (False, [])
    at = stream.find(octets)
    while at >= 0:
        found = list(_split(at + skip, at + len(octets), reads))
        touches = any(line in evidence for line, _, _ in found)
        if touches >= best[0]:
            best = (touches, found)
        at = stream.find(octets, at + 1)
    return iter(best[1])


def _split(
    start: int, end: int, reads: Sequence[tuple[int, bytes]]
) -> Iterator[tuple[int, int, int]]:
    offset = 0
    for line, part in reads:
        low, high = max(start - offset, 0), min(end - offset, len(part))
        if low < high or (start == end and 0 < low == high):
            yield line, low, high
        offset += len(part)
