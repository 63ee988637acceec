"""Judges what real clients said to a real server, as `watch` recorded it.

A watch sees everything of its own members, and nothing of others. So before the oracle judges its
transcript, this module takes out what the oracle could not account for: broadcasts of members that
connected directly, and lines with the same text that nobody can tell apart. A finding is in doubt
if something unseen may be the reason: a stop, a full room, another charset. What clients sent is
checked against CLI-4.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from chatproto.sender import is_sender
from chatproto.text import decode, fault, make_safe, trim
from conformance.oracle.findings import Finding, Outcome
from conformance.oracle.reading.history import ClientHistory, History, read_history
from conformance.oracle.reading.lines import Fate, Line
from conformance.oracle.reading.units import ReceivedBroadcast
from conformance.standard.constants import MAX_LINE_LIMIT, MIN_LINE_LIMIT, STOP
from conformance.transcript.events import Connected, Event, Received, Sent, Transcript

_CHARSET: Final = ("TXT-1", "TXT-2")
_CAPACITY: Final = ("LIM-5", "LIM-6")
_ALIKE: Final = 50
"""How many lines of one member with the same text are told apart: more would take too long."""
_HEADER_TIME: Final = len("YYYYMMDD HH:MM:SS ")
_BACKLOG: Final = ("evicted-early", "never-heard")
_STOPPED: Final = ("put-out", "cut-off", "reset-leaver", "wrong-code")

Range = tuple[int, int]
"""A range of octets in a client's stream: its start and its end."""


def accounted_for(transcript: Transcript) -> list[Event]:
    """Take out of a transcript what a watch cannot account for. The number of events stays."""
    transcript = _without_long_lines(transcript)
    history = read_history(transcript)
    labels = _labels(history)
    owners: dict[str, list[ClientHistory]] = defaultdict(list)
    said: dict[str, dict[bytes, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for client in history.clients.values():
        label = labels[client.name]
        if label is not None:
            owners[label].append(client)
            for line in client.messages:
                said[label][line.text or b""].append(line)
    unclear = {
        (unit.sender, unit.text)
        for client in history.clients.values()
        for unit in _broadcasts(client)
        if unit.sender is not None and _is_anothers(unit, owners, said)
    }
    for label, texts in said.items():
        for text, lines in texts.items():
            if len(lines) > _ALIKE or (len(lines) > 1 and not _is_clear(history, label, lines)):
                unclear.add((label, text))
    sent: dict[str, list[Range]] = {}
    received: dict[str, list[Range]] = {}
    for client in history.clients.values():
        label = labels[client.name]
        sent[client.name] = [
            place
            for place, line in _places(client)
            if line.fate is Fate.MESSAGE and (label is None or (label, line.text) in unclear)
        ]
        received[client.name] = [
            (unit.span.start, unit.span.end)
            for unit in _broadcasts(client)
            if (unit.sender, unit.text) in unclear
        ]
    return [
        replace(event, label=labels[event.client] or event.label)
        if isinstance(event, Connected)
        else event
        for event in _without(transcript, sent, received)
    ]


def _labels(history: History) -> dict[str, str | None]:
    """Find what headers call each client, if that is certain.

    It is the client's address, if any header has it or all must have it; else the one label with
    which several of its messages, and no others, came back.
    """
    clients = history.clients.values()
    seen = {unit.sender for client in clients for unit in _broadcasts(client)}
    labels: dict[str, str | None] = {}
    for client in clients:
        if client.label is None or client.label not in seen:
            learnt = _learnt(client)
            known = client.label if history.start.addresses == "same" else None
            labels[client.name] = learnt or known
        else:
            labels[client.name] = client.label
    return labels


def _learnt(client: ClientHistory) -> str | None:
    """Find the only sender, in what came to a client, that said just what the client said, in
    order."""
    own = client.messages
    came: dict[str, list[ReceivedBroadcast]] = defaultdict(list)
    for unit in _broadcasts(client):
        if unit.sender is not None:
            came[unit.sender].append(unit)
    alike = [
        sender
        for sender, units in came.items()
        if 1 < len(units) <= len(own)
        and all(
            unit.text == line.text and line.begun < unit.span.first
            for unit, line in zip(units, own, strict=False)
        )
    ]
    return alike[0] if len(alike) == 1 else None


def _broadcasts(client: ClientHistory) -> Iterator[ReceivedBroadcast]:
    return (unit for unit in client.units if isinstance(unit, ReceivedBroadcast))


def _is_anothers(
    unit: ReceivedBroadcast,
    owners: dict[str, list[ClientHistory]],
    said: dict[str, dict[bytes, list[Line]]],
) -> bool:
    """Whether a broadcast is from a member that the watch does not see: its label belongs to nobody
    here, or to somebody who has left and did not say it."""
    if unit.sender is None or not is_sender(unit.sender):
        return False
    here = owners.get(unit.sender, [])
    gone = all(one.ended is not None and one.ended < unit.span.first for one in here)
    return gone and unit.text not in said.get(unit.sender, {})


def _is_clear(history: History, label: str, lines: list[Line]) -> bool:
    """Whether it is known which of these equal lines came to each member: it was a member before
    the first was said, or not before the last had come."""
    author = lines[0].client
    if any(line.client != author for line in lines):
        return False
    text, first = lines[0].text, lines[0].begun
    own = [
        unit.span.last
        for unit in _broadcasts(history.clients[author])
        if unit.sender == label and unit.text == text
    ]
    last = own[-1] if len(own) == len(lines) else len(history.transcript) + 1
    for client in history.clients.values():
        gone = client.ended or client.aborted
        if client.name == author or client.connected > last or (gone is not None and gone < first):
            continue
        if next((unit.span.last for unit in _broadcasts(client)), first) >= first:
            return False
    return True


def _places(client: ClientHistory) -> Iterator[tuple[Range, Line]]:
    """Yield each line of a client, with the range in which it lies in its stream, LF included."""
    sent = b"".join(sent.octets for _, sent in client.segments)
    start = 0
    for line in client.lines:
        end = sent.find(b"\n", start) + 1 or len(sent)
        yield (start, end), line
        start = end


def _without_long_lines(transcript: Transcript) -> list[Event]:
    """Leave out lines that only some servers refuse, unless this one sent a notice of it; and what
    their senders said afterwards, if the server may have refused them."""
    if not any(map(_holds_a_long_line, _streams(transcript).values())):
        return list(transcript)
    history = read_history(transcript)
    came = {unit.text for client in history.clients.values() for unit in _broadcasts(client)}
    said = {client.name: list(_raw_lines(client)) for client in history.clients.values()}
    unclear: set[bytes | None] = set()
    for client in history.clients.values():
        told = any(notice.code == "line-too-long" for notice in client.notices)
        cut = False
        for _, line, text in said[client.name]:
            if cut or (_is_long(line) and (text in came or not told)):
                unclear.add(text)
                # Nobody knows whether a connection that ended did so because of this line.
                cut = cut or (text not in came and client.ending is not None)
    unclear.discard(None)
    lines = {
        name: [place for place, _, text in all_lines if text in unclear]
        for name, all_lines in said.items()
    }
    broadcasts = {
        client.name: [
            (unit.span.start, unit.span.end) for unit in _broadcasts(client) if unit.text in unclear
        ]
        for client in history.clients.values()
    }
    return _without(transcript, lines, broadcasts)


def _raw_lines(client: ClientHistory) -> Iterator[tuple[Range, bytes, bytes | None]]:
    """Yield the complete lines that a client sent, each with its range and, if it decodes, its
    text."""
    start = 0
    for line in b"".join(sent.octets for _, sent in client.segments).split(b"\n")[:-1]:
        end = start + len(line) + 1
        text = None if fault(line) else make_safe(trim(decode(line))).encode()
        yield (start, end), line, text
        start = end


def _is_long(line: bytes) -> bool:
    """Whether some servers refuse a line for its length, and others do not."""
    return MIN_LINE_LIMIT < len(line) <= MAX_LINE_LIMIT


def _streams(transcript: Transcript) -> dict[str, bytes]:
    """Join what each client sent."""
    sent: dict[str, list[bytes]] = defaultdict(list)
    for event in transcript:
        if isinstance(event, Sent):
            sent[event.client].append(event.octets)
    return {client: b"".join(octets) for client, octets in sent.items()}


def _holds_a_long_line(octets: bytes) -> bool:
    return max(map(len, octets.split(b"\n"))) > MIN_LINE_LIMIT


def _without(
    transcript: Transcript, sent: dict[str, list[Range]], received: dict[str, list[Range]]
) -> list[Event]:
    """Leave octets out of what was sent and received."""
    said, heard = defaultdict[str, int](int), defaultdict[str, int](int)
    events: list[Event] = []
    for event in transcript:
        if isinstance(event, Sent):
            octets = _cut(event.octets, said[event.client], sent.get(event.client, []))
            said[event.client] += len(event.octets)
            events.append(event if octets is event.octets else replace(event, octets=octets))
        elif isinstance(event, Received):
            octets = _cut(event.octets, heard[event.client], received.get(event.client, []))
            heard[event.client] += len(event.octets)
            events.append(event if octets is event.octets else replace(event, octets=octets))
        else:
            events.append(event)
    return events


def _cut(octets: bytes, start: int, ranges: list[Range]) -> bytes:
    """Cut ranges of a stream out of octets that begin at `start` in it."""
    end = start + len(octets)
    place = bisect_left(ranges, start, key=lambda one: one[1])
    kept: list[bytes] = []
    at = start
    while place < len(ranges) and ranges[place][0] < end:
        kept.append(octets[at - start : max(at, ranges[place][0]) - start])
        at = min(end, ranges[place][1])
        place += 1
    return b"".join([*kept, octets[at - start :]]) if at > start or kept else octets


def in_doubt(finding: Finding, history: History) -> Finding:
    """Make a finding unknown if something that the watch did not see may be the reason."""
    reason = _doubt(finding, history)
    if reason is None or finding.outcome is Outcome.UNKNOWN:
        return finding
    return replace(finding, outcome=Outcome.UNKNOWN, actual=f"{finding.actual}; {reason}")


def _doubt(finding: Finding, history: History) -> str | None:
    """Say what unseen thing may be the reason for a finding; None if there is none."""
    if finding.by_time:
        return "a watch does not know how busy the machines are"
    if finding.requirement in _CHARSET or b"!invalid-text" in finding.octets:
        return "a watch does not know for which charset the server is configured"
    if finding.requirement in _CAPACITY:
        return "a watch does not know who else is there, and how many the server takes"
    if finding.kind in _BACKLOG:
        return "a watch does not know what else waited for it"
    if finding.kind == "label":
        labels = {client.label for client in history.clients.values()}
        if finding.octets[_HEADER_TIME:].decode("latin-1") not in labels:
            return "a watch does not know whether somebody else said the same"
    at_the_end = finding.kind == "lost" and "at-the-end" in finding.signs
    if finding.kind not in _STOPPED and not at_the_end:
        return None
    client = history.clients.get(finding.client or "")
    may_be_refused = client is not None and any(_is_long(line) for _, line, _ in _raw_lines(client))
    if finding.kind in _STOPPED and may_be_refused:
        return "a watch does not know how long lines the server allows"
    if finding.kind == "put-out" and client is not None and client.notices:
        return "the server gave its reason"
    evidence = [history.time(at) for at in finding.evidence]
    when = evidence[0] if at_the_end else max(evidence)
    if not any(_stayed(history, client, when) for client in history.clients.values()):
        return "a watch does not see whether the server was being stopped"
    return None


def _stayed(history: History, client: ClientHistory, when: float) -> bool:
    """Whether the server kept a connection open for so long after a time that it cannot have been
    stopping: it would have ended the connection."""
    ends = (history.time(at) for at in (client.ended, client.left, client.aborted) if at)
    end = min(ends, default=history.transcript[-1].t)
    return history.time(client.connected) < when and end > when + STOP


def broken_by_clients(history: History) -> Iterator[Finding]:
    """Find the clients that sent a line that is not UTF-8, is too long, or lacks its LF (CLI-4)."""
    for client in history.clients.values():
        for line in client.lines:
            size = len(line.octets)
            if line.fate is Fate.VIOLATION and size <= MIN_LINE_LIMIT:
                yield _of_client(client, line, "a line of UTF-8", "a line that does not decode")
            elif line.fate is Fate.INCOMPLETE and client.half_closed is not None:
                yield _of_client(
                    client, line, "an LF behind each line", "its stream ends within a line"
                )
            elif line.fate in (Fate.MESSAGE, Fate.VIOLATION) and size > MIN_LINE_LIMIT:
                told = any(notice.code == "line-too-long" for notice in client.notices)
                found = _of_client(client, line, "at most 1,024 octets", f"{size:,} octets")
                yield (
                    found
                    if told
                    else replace(
                        found,
                        outcome=Outcome.UNKNOWN,
                        actual=f"{found.actual}; it may have been told that the server allows more",
                    )
                )


def _of_client(client: ClientHistory, line: Line, expected: str, actual: str) -> Finding:
    return Finding(
        "CLI-4",
        expected,
        actual,
        tuple(dict.fromkeys((line.begun, line.done))),
        client.name,
        line.octets,
        segments=client.segments_of(line)[:3],
    )
