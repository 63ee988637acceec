"""What each client did and what came to it: a transcript sorted by clients."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from chatproto import Code
from conformance.dialect.model import Dialect
from conformance.oracle.reading.dialect_units import hear_units
from conformance.oracle.reading.lines import NONCE, Fate, Leaving, Line, read_lines
from conformance.oracle.reading.units import (
    ReceivedBroadcast,
    ReceivedNotice,
    ReceivedUnit,
    read_units,
)
from conformance.standard.constants import MAX_LINE_LIMIT, MIN_LINE_LIMIT
from conformance.transcript.events import (
    KILLED,
    Aborted,
    Away,
    Connected,
    Counted,
    Ended,
    Exited,
    Faulted,
    HalfClosed,
    Halted,
    InputEnded,
    Limited,
    Received,
    Refused,
    Reset,
    Restarted,
    Rested,
    Resumed,
    Rival,
    Running,
    Sent,
    Settled,
    Sought,
    Stalled,
    Start,
    Stopping,
    Transcript,
    Vanished,
    Waited,
)

_UNAVAILABLE: Final = re.compile(rb"\n!%b[^\n]*\n\Z" % Code.LOG_UNAVAILABLE.encode())
_NOTICE_SIZE: Final = 1_024
_A_NOTICE: Final = re.compile(rb"\n!.*")


class Ending(Enum):
    """How the server ended a connection."""

    ORDERLY = "end of stream"
    RESET = "reset"


@dataclass(slots=True, eq=False)
class ClientHistory:
    """One client, connected to a `node` if there are several.

    Numbers are lines of the transcript; None if a thing did not happen. `messages` are those of its
    `lines` that should be broadcast. `lost`: its node had ended, or was cut off from the room and
    said so; from then on nothing is owed to the client.
    """

    name: str
    connected: int
    label: str | None
    node: int | None = None
    segments: list[tuple[int, Sent]] = field(default_factory=list)
    reads: list[tuple[int, float, bytes]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    units: list[ReceivedUnit] = field(default_factory=list)
    notices: list[ReceivedNotice] = field(default_factory=list)
    ending: Ending | None = None
    ended: int | None = None
    ended_t: float = 0.0
    half_closed: int | None = None
    aborted: int | None = None
    aborted_after_end: bool = False
    lost: int | None = None
    stalls: list[int] = field(default_factory=list)
    resumes: list[int] = field(default_factory=list)
    waits: list[tuple[int, Waited]] = field(default_factory=list)
    cause: Leaving | None = None
    left: int | None = None
    messages: list[Line] = field(default_factory=list)
    _ats: list[int] | None = None

    def place_of(self, unit: ReceivedUnit) -> int:
        """Return the index of a unit among those of this client."""
        return bisect_left(self.units, unit.span.end, key=lambda one: one.span.end)

    def segments_of(self, line: Line) -> tuple[bytes, ...]:
        """Return the whole segments that carried a line."""
        if self._ats is None:
            self._ats = [at for at, _ in self.segments]
        first = bisect_left(self._ats, line.begun)
        if line.begun == line.done:
            return (self.segments[first][1].octets,)
        last = bisect_right(self._ats, line.done)
        return tuple(sent.octets for _, sent in self.segments[first:last])

    @property
    def was_ended_by_server(self) -> bool:
        """Whether the server ended the connection before the client left."""
        return self.ended is not None and (self.left is None or self.left > self.ended)

    @property
    def violation_was_recognised(self) -> bool:
        """Whether the server noticed the client's violation: it sent a notice, or ended the
        connection although the client had not ended its own side."""
        ended = self.ending is not None and self.half_closed is None
        return ended or bool(self.notices)

    def has_left(self, at: int) -> bool:
        """Whether the client had left by itself by a line of the transcript."""
        return self.left is not None and self.left < at and not self.was_ended_by_server

    def has_stopped_reading(self, line: Line) -> bool:
        """Whether the client had stopped reading for good when a line was sent."""
        stalls, resumes = self.stalls, self.resumes
        return bool(stalls) and len(resumes) < len(stalls) and line.done > stalls[-1]


ServerEvent = (
    Stopping
    | Exited
    | Running
    | Restarted
    | Rival
    | InputEnded
    | Rested
    | Limited
    | Halted
    | Sought
    | Counted
)


@dataclass(slots=True)
class History:
    """A whole transcript. `server` has what happened to the server's process, in order."""

    start: Start
    transcript: Transcript
    clients: dict[str, ClientHistory]
    refused: list[tuple[int, Refused]]
    server: list[tuple[int, ServerEvent]]
    settled: list[tuple[int, Settled]]
    aways: list[Away]
    faults: list[tuple[int, Faulted]]

    @property
    def stopping(self) -> tuple[int, Stopping] | None:
        """The last time the server was told to stop."""
        stops = [(at, event) for at, event in self.server if isinstance(event, Stopping)]
        return stops[-1] if stops else None

    @property
    def has_echo(self) -> bool:
        """Whether members receive their own messages."""
        return self.start.dialect is None or self.start.dialect.echo

    def time(self, line: int) -> float:
        """Return the time of a line of the transcript, in seconds."""
        return self.transcript[line - 1].t


def read_history(transcript: Transcript) -> History:
    """Sort a transcript, which begins with its `Start`, by clients."""
    start = transcript[0]
    if not isinstance(start, Start):
        raise TypeError("a transcript begins with its start")
    history = History(start, transcript, {}, [], [], [], [], [])
    clients = history.clients
    for at, event in enumerate(transcript, 1):
        match event:
            case Connected(client=name, label=label, node=node):
                clients[name] = ClientHistory(name, at, label, node)
            case Refused():
                history.refused.append((at, event))
            case Sent(client=name):
                clients[name].segments.append((at, event))
            case Received(t=t, client=name, octets=octets):
                clients[name].reads.append((at, t, octets))
            case Ended(t=t, client=name) | Reset(t=t, client=name):
                client = clients[name]
                if client.lost is None and _is_unavailable(history, client):
                    client.lost = at
                if client.lost is not None:
                    continue
                client.ending = Ending.ORDERLY if isinstance(event, Ended) else Ending.RESET
                client.ended, client.ended_t = at, t
            case HalfClosed(client=name):
                clients[name].half_closed = at
            case Aborted(client=name, after_end=after_end):
                clients[name].aborted = at
                clients[name].aborted_after_end = after_end
            case Vanished(client=name):
                clients[name].aborted = at
            case Stalled(client=name):
                clients[name].stalls.append(at)
            case Resumed(client=name):
                clients[name].resumes.append(at)
            case Waited(client=name):
                if name in clients:
                    clients[name].waits.append((at, event))
            case Faulted():
                history.faults.append((at, event))
                if event.name == KILLED and not event.healed:
                    _lose(clients.values(), event.node, at)
            case Away():
                history.aways.append(event)
            case Settled():
                history.settled.append((at, event))
            case (
                Stopping()
                | Exited()
                | Running()
                | Restarted()
                | Rival()
                | InputEnded()
                | Rested()
                | Limited()
                | Halted()
                | Sought()
                | Counted()
            ):
                history.server.append((at, event))
            case _:
                pass
    dialect = start.dialect
    known: dict[bytes, ReceivedBroadcast] = {}
    for client in clients.values():
        reads = client.reads
        client.units = list(
            read_units(reads, known) if dialect is None else hear_units(reads, dialect, known)
        )
        client.notices = [unit for unit in client.units if isinstance(unit, ReceivedNotice)]
    limit = _line_limit(history)
    for client in clients.values():
        _read_lines(client, limit, dialect)
    return history


def _lose(clients: Iterable[ClientHistory], node: int | None, at: int) -> None:
    """Note that a node's members are lost, since it has ended (CLU-3)."""
    for client in clients:
        if client.node == node and client.ended is None and client.aborted is None:
            client.lost = at


def _is_unavailable(history: History, client: ClientHistory) -> bool:
    """Whether a client was told that its node cannot reach the room, and a fault explains that
    (CLU-5)."""
    if not any(fault.node in (None, client.node) for _, fault in history.faults):
        return False
    end = b"".join(octets for _, _, octets in client.reads[-8:])[-_NOTICE_SIZE:]
    return _UNAVAILABLE.search(b"\n" + end) is not None


def _line_limit(history: History) -> int:
    """Find the server's line limit, as far as this transcript shows it: the longest line it took.

    The server may choose its limit (LIM-1, LIM-2): a line longer than every server takes, and not
    longer than the greatest limit, is a message if it was broadcast, and else a violation.
    """
    longest = MIN_LINE_LIMIT
    longer: list[bytes] = []
    for client in history.clients.values():
        *lines, rest = b"".join(sent.octets for _, sent in client.segments).split(b"\n")
        if max(map(len, lines), default=0) > MIN_LINE_LIMIT:
            if _was_refused_for(client, offending := max(lines, key=len), rest):
                lines.remove(offending)
            longer += (line for line in lines if MIN_LINE_LIMIT < len(line) <= MAX_LINE_LIMIT)
        was_refused = client.ending is not None and client.half_closed is None
        if len(rest) <= MAX_LINE_LIMIT and not was_refused and not client.notices:
            longest = max(longest, len(rest))
    if longer:
        came = {
            nonce
            for client in history.clients.values()
            for octets in _apart_from_notices(client)
            for nonce in NONCE.findall(octets)
        }
        longer.sort(key=len, reverse=True)
        taken = (line for line in longer if came.intersection(NONCE.findall(line)))
        longest = max(longest, len(next(taken, b"")))
    return longest


def _was_refused_for(client: ClientHistory, longest: bytes, rest: bytes) -> bool:
    """Whether the server refused a client's longest line as too long, and did not broadcast it
    whole all the same. If the last line, which has no LF, is longer, it may have refused that."""
    if len(rest) >= len(longest) or Code.LINE_TOO_LONG not in (one.code for one in client.notices):
        return False
    return not any(longest.strip() in octets for octets in _apart_from_notices(client))


def _apart_from_notices(client: ClientHistory) -> Iterator[bytes]:
    """Yield what came to a client without its notices, which may repeat what they refuse."""
    if client.notices:
        yield _A_NOTICE.sub(b"", b"\n" + b"".join(octets for _, _, octets in client.reads))
    else:
        yield from (octets for _, _, octets in client.reads)


def _read_lines(client: ClientHistory, limit: int, dialect: Dialect | None) -> None:
    client.lines, left = read_lines(client.name, client.segments, limit, dialect)
    client.messages = [line for line in client.lines if line.fate is Fate.MESSAGE]
    if left is not None:
        client.cause, client.left = left
    elif client.half_closed is not None:
        client.cause, client.left = Leaving.END_OF_STREAM, client.half_closed
    gone = client.aborted if client.lost is None else client.lost
    if gone is not None and client.ended is None and not client.aborted_after_end:
        client.cause, client.left = Leaving.RESET, gone
