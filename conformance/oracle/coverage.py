"""Coverage: how often a transcript exercised each requirement. An unexercised one did not pass."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Final

from chatproto.text import REPLACEMENT
from conformance.oracle.case import Case
from conformance.oracle.reading.history import ClientHistory, Ending
from conformance.oracle.reading.lines import Fate, Leaving, Line
from conformance.oracle.reading.units import ReceivedBroadcast, ReceivedHeartbeat
from conformance.standard.constants import MAX_BACKLOG, MEMBERS, MIN_BACKLOG
from conformance.transcript.events import (
    KILLED,
    Counted,
    InputEnded,
    Limited,
    Restarted,
    Rested,
    Rival,
    Sought,
    Stopping,
)

_SEPARATOR: Final = re.compile("[\r\v\f\0\x85\u2028\u2029]")
_USUAL: Final = bytes(range(0x20, 0x7F))
_BY_ANY_MESSAGE: Final = ("MSG-1", "MSG-2", "MSG-4", "MSG-5", "ROOM-2")
_SILENCE: Final = 2.0


def exercised(case: Case) -> Counter[str]:
    """Count how often the transcript puts each requirement to the test."""
    counts: Counter[str] = Counter()
    messages = [line for line in case.came if line.text is not None]
    if messages:
        counts.update(dict.fromkeys(_BY_ANY_MESSAGE, len(messages)))
    counts.update(chain.from_iterable(_by_message(case, line) for line in messages))
    counts.update(chain.from_iterable(_by_client(case, client) for client in case.clients))
    _by_room(case, counts)
    _by_nodes(case, counts)
    for _, event in case.history.server:
        match event:
            case Stopping() | InputEnded():
                counts["STOP-1"] += 1
            case Restarted():
                counts["STOP-2"] += 1
            case Rival():
                counts["STOP-3"] += 1
            case Rested():
                counts["RES-1"] += 1
            case Sought():
                counts["HB-2"] += 1
            case Limited() | Counted():
                counts["RES-2"] += 1
            case _:
                pass
    return counts


def _by_message(case: Case, line: Line) -> Iterator[str]:
    """Yield what a message that came, right or wrong, exercises more than any message does."""
    raw, text = line.octets, line.text or b""
    if "TRN-1" in line.exercises:
        yield "TRN-1"
    segments = case.segments(line)
    if len(segments) > 1 or segments[0] != raw + b"\n":
        yield "FRM-1"
    if raw != text or raw.translate(None, _USUAL):
        yield from _by_text(raw, text)
    if text.strip(b"/")[:4].lower() == b"quit":
        yield "QUIT-2"
    if len(raw) >= 1_000:
        yield "LIM-1"
    if len(case.came[line]) > 1:
        yield "MSG-3"


def _by_text(raw: bytes, text: bytes) -> Iterator[str]:
    """Yield what a line exercises whose text is not plain."""
    sent, shown = raw.decode(), text.decode()
    if _SEPARATOR.search(sent.strip("\r")):
        yield "FRM-2"
    if raw.endswith(b"\r"):
        yield "FRM-3"
    if not raw.isascii():
        yield from ("TXT-1", "TXT-5")
    if len(sent) != len(shown):
        yield "TXT-3"
    if REPLACEMENT in shown and REPLACEMENT not in sent:
        yield "TXT-4"


def _by_client(case: Case, client: ClientHistory) -> list[str]:
    ids = []
    if client.units or client.waits:
        ids.append("TRN-2")
    run = case.runs[client.name]
    if len(run) > 1:
        ids += ["ROOM-1", "ROOM-6"]
    if any(isinstance(unit, ReceivedHeartbeat) for unit in client.units):
        ids.append("HB-2")
    fates = Counter(line.fate for line in client.lines)
    if fates[Fate.BLANK]:
        ids.append("HB-1")
    times = [0.0, *(line.t for line in client.lines), case.history.time(client.connected)]
    if run and case.history.transcript[-1].t - max(times) >= _SILENCE:
        ids.append("HB-3")
    seen = [unit.span.t for unit in client.units if isinstance(unit, ReceivedBroadcast)]
    sent = sorted({line.t for line in client.lines})
    if seen and any(later - earlier >= _SILENCE for earlier, later in pairwise(sent)):
        ids.append("HB-3")
    match client.cause:
        case Leaving.QUIT:
            ids += ["QUIT-1", "QUIT-3"]
            if fates[Fate.AFTER_QUIT]:
                ids.append("QUIT-4")
        case Leaving.END_OF_STREAM:
            ids.append("QUIT-5")
            if fates[Fate.INCOMPLETE]:
                ids.append("FRM-4")
        case Leaving.VIOLATION if client.violation_was_recognised:
            ids += ["ERR-1", "ERR-2", "ERR-3"]
            ids += [
                "LIM-2" if line.code == "line-too-long" else "TXT-2"
                for line in client.lines
                if line.fate is Fate.VIOLATION
            ]
        case Leaving.VIOLATION | Leaving.RESET | None:
            pass
    if client.stalls:
        waited = case.backlog.waiting(client)
        if waited >= MIN_BACKLOG * 9 // 10:
            ids.append("LIM-3")
        if client.was_ended_by_server or waited >= MAX_BACKLOG:
            ids.append("LIM-4")
    if case.history.start.capacity is not None and "room-full" in [
        notice.code for notice in client.notices
    ]:
        ids.append("LIM-5")
    return ids


def _by_room(case: Case, counts: Counter[str]) -> None:
    members = [client for client in case.clients if case.runs[client.name]]
    speakers = {line.client for line in case.came}
    for client in members:
        by_sender = Counter([tie.line.client for tie in case.runs[client.name]])
        if len(members) > 1 and len(by_sender) > 1 and by_sender.total() > 3:
            counts["ROOM-3"] += 1
        if any(count > 1 for count in by_sender.values()):
            counts["ROOM-4"] += 1
        if len(speakers) > 1 and by_sender.keys() != {client.name}:
            counts["ROOM-5"] += 1
    for client in case.clients:
        if client.left is not None and client.ending is not Ending.RESET:
            later = [line for line in case.came if line.begun > client.left]
            if any(line.client != client.name for line in later):
                counts["ROOM-7"] += 1
    if len(members) >= MEMBERS:
        counts["LIM-6"] += 1


def _by_nodes(case: Case, counts: Counter[str]) -> None:
    """Count what exercises the requirements for clusters."""
    node = {client.name: client.node for client in case.clients}
    if len(set(node.values())) < 2:
        return
    for line, ties in case.came.items():
        counts["CLU-1"] += any(node[name] != node[line.client] for name in ties)
    speakers = {line.client for line in case.came}
    counts["CLU-2"] += len({node[name] for name in speakers}) > 1
    for _, fault in case.history.faults:
        counts["CLU-3" if fault.name == KILLED else "CLU-5"] += fault.healed
        counts["CLU-4"] += fault.healed
    for id_ in [id_ for id_, count in counts.items() if not count]:
        del counts[id_]
