"""An inversion: the runs of two clients, which have the same two messages in opposite orders."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from conformance.oracle import Finding
from conformance.oracle.reading.history import ClientHistory, read_history
from conformance.oracle.reading.units import ReceivedBroadcast
from conformance.report.excerpt import two_broadcasts
from conformance.transcript.events import Transcript

ORDER: Final = ("ROOM-3", "ROOM-4", "ROOM-5")
_TEXT: Final = 60
_ENDS: Final = 3

Way = Literal["sent", "received"]


class Step(BaseModel):
    """One message in a client's run.

    `text` is in Latin-1 characters. `key` marks the two messages that are inverted. `left_out`
    steps are left out before it.
    """

    model_config = ConfigDict(extra="forbid")

    line: int
    way: Way
    text: str
    key: Literal["A", "B", ""] = ""
    left_out: int = 0


class Run(BaseModel):
    """The messages that a client sent or received, in order."""

    model_config = ConfigDict(extra="forbid")

    client: str
    steps: list[Step]


class Crossing(BaseModel):
    """A run in the required order, A before B, and one with B before A."""

    model_config = ConfigDict(extra="forbid")

    right: Run
    wrong: Run


def crossing_of(finding: Finding, transcript: Transcript) -> Crossing | None:
    """Return the inversion that a finding about order shows; None for any other finding."""
    units = two_broadcasts(finding.octets)
    if finding.requirement not in ORDER or units is None or finding.client is None:
        return None
    clients = read_history(transcript).clients
    place = 2 if finding.requirement == "ROOM-3" else 0
    other = getattr(transcript[finding.evidence[place] - 1], "client", None)
    if finding.client not in clients or other not in clients:
        return None
    early, late = (unit.split(b"\n")[1] for unit in units)
    received, sent = list(_received(clients[other])), list(_sent(clients[other]))
    steps = {
        "ROOM-3": received,
        "ROOM-4": sent,
        "ROOM-5": sorted(received + sent, key=lambda step: step[0]),
    }[finding.requirement]
    right = _run(other, steps, (late, early), "AB", finding.evidence)
    steps = list(_received(clients[finding.client]))
    wrong = _run(finding.client, steps, (early, late), "BA", finding.evidence)
    return None if right is None or wrong is None else Crossing(right=right, wrong=wrong)


def _received(client: ClientHistory) -> Iterator[tuple[int, Way, bytes]]:
    for unit in client.units:
        if isinstance(unit, ReceivedBroadcast):
            yield unit.span.last, "received", unit.text


def _sent(client: ClientHistory) -> Iterator[tuple[int, Way, bytes]]:
    for line in client.lines:
        if line.text is not None:
            yield line.begun, "sent", line.text


def _run(
    client: str,
    steps: Sequence[tuple[int, Way, bytes]],
    pair: tuple[bytes, bytes],
    keys: Literal["AB", "BA"],
    evidence: Sequence[int],
) -> Run | None:
    """Return the steps around a pair of messages; None if they are not in this order here."""
    places = [_place(steps, text, evidence) for text in pair]
    if None in places:
        return None
    first, last = (place for place in places if place is not None)
    if first >= last:
        return None
    shown = [
        place
        for place in range(max(0, first - 1), min(len(steps), last + 2))
        if place < first + _ENDS or place > last - _ENDS
    ]
    marks: dict[int, Literal["A", "B"]] = (
        {first: "A", last: "B"} if keys == "AB" else {first: "B", last: "A"}
    )
    return Run(
        client=client,
        steps=[
            Step(
                line=steps[place][0],
                way=steps[place][1],
                text=steps[place][2][:_TEXT].decode("latin-1"),
                key=marks.get(place, ""),
                left_out=place - previous - 1,
            )
            for previous, place in zip([-1, *shown], shown, strict=False)
        ],
    )


def _place(
    steps: Sequence[tuple[int, Way, bytes]], text: bytes, evidence: Sequence[int]
) -> int | None:
    places = [place for place, step in enumerate(steps) if step[2] == text]
    certain = [place for place in places if steps[place][0] in evidence]
    return next(iter(certain or places), None)
