"""A room whose log is kept elsewhere: entries out, commits in.

A replica is one node's share of a room that many nodes serve. What its own members say becomes an
`Entry` for the engine that keeps the log; what the engine has committed, this node's entries
included, enters the node's own room, in which members are cursors as ever. Nothing that a member
does takes effect before it is committed: a line is accepted, a member leaves, and a visitor is
admitted, when the entry that follows it comes back. One order for all nodes holds by construction.

A node has one entry in flight. All that comes meanwhile goes into the next, so the throughput does
not depend on the engine's latency. Since the entry names its predecessor it can be offered again
and again until it comes back: the engine stores it once (CLU-3).

Nothing here blocks, knows an engine or reads a clock. What a driver owes it: docs/cluster.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import count
from typing import Final, assert_never

from chatproto.connection import ServerConnection
from chatproto.entry import Entry
from chatproto.events import Event, Events, QuitReceived, Violation
from chatproto.limits import FLOOD, OWN_BACKLOG, Limits
from chatproto.member import Member
from chatproto.outbox import ENTRY_SIZE, Item, Leave, Outbox, write_pieces
from chatproto.room import Room
from chatproto.states import State
from chatproto.text import Charset
from chatproto.wire import Code, Notice, write_header

QUEUE_SIZE: Final = 1_048_576
"""Octets that may wait for the entry in flight before the node reads no member further."""
MARK: Final = 1.0
"""Seconds without an entry of its own after which a node writes an empty one: it shows that the
log can be reached, and keeps the node's last entry within what the engine retains."""
STALL: Final = 1.0
"""Seconds an entry is in flight from which on the node reads no member further."""
GIVE_UP: Final = 10.0
"""Seconds an entry is in flight from which on the node closes its members (CLU-5)."""
STOP_PATIENCE: Final = 0.4
"""Seconds that a stop waits for the commit of what was said before it (STOP-1)."""


class Standing(Enum):
    """How a replica stands to the log; the value says it in words."""

    LOST = "it does not follow the log: it must be started, for the first time or again"
    STARTING = "its start is not committed yet"
    SERVING = "it follows the log, and its members are served"
    UNAVAILABLE = "the log did not answer for 10 s: its members were closed, and nobody joins"
    FENCED = "another node of its name has started: it serves nobody, and never will"


@dataclass(slots=True)
class _Reader:
    """What is known of a member before it is committed; its `connection` is ahead of the room's."""

    connection: ServerConnection
    has_ended: bool = False
    said: int = 0


@dataclass(frozen=True, slots=True)
class _Flight:
    entry: Entry
    items: Sequence[Item] = ()


@dataclass(frozen=True, slots=True)
class _Head:
    """The last entry of a node that was accepted."""

    run: str
    position: int


class Replica:
    """One node of a clustered room: its members, its entries, and the log as far as it is known.

    `node` is the node's name, unique in the room. The other arguments are those of `Room`, and
    hold for this node. `room` is the local room: `send_failed`, `flushed` and `abort` go to it.
    """

    def __init__(
        self,
        node: str,
        limits: Limits = Limits(),
        charset: Charset = "utf-8",
        heartbeat: float | None = None,
    ) -> None:
        self.room: Final = Room(limits, charset, heartbeat)
        self._node = node
        self._line_limit = limits.line
        self._charset: Charset = charset
        self._own_backlog = min(OWN_BACKLOG, limits.backlog // 4)
        self._readers: dict[Member, _Reader] = {}
        self._standing = Standing.LOST
        self._trouble = "it was not started yet"
        self._run = ""
        self._base = 0
        self._position = 0
        self._last: Entry | None = None
        self._heads: dict[str, _Head] = {}
        self._outbox = Outbox()
        self._flight: _Flight | None = None
        self._is_wanted = False
        self._taken = self._committed = self._refusals = 0
        self._refused_at: int | None = None
        self._waits_since: float | None = None
        self._stops_at: float | None = None
        self._is_stalled = self._is_stopping = False
        self._numbers = count(1)

    @property
    def standing(self) -> Standing:
        return self._standing

    @property
    def trouble(self) -> str:
        """Why it is LOST or FENCED, for the operator."""
        return self._trouble

    @property
    def position(self) -> int:
        """The position of the last entry delivered: read the log on from there, inclusive."""
        return self._position

    @property
    def refusals(self) -> int:
        """Committed entries that were refused: stored a second time, or from a replaced run."""
        return self._refusals

    @property
    def largest_entry(self) -> int:
        """The octets that an entry of this node's, encoded, may have."""
        return max(ENTRY_SIZE, 3 * self._line_limit + 128) + 128

    # The log

    def start(self, run: str, end: int) -> None:
        """Begin a run, with the engine's log at position `end`; only what follows is read.

        `run` is a name that no other run has. To be called where the replica is LOST.
        """
        self._run = run
        self._position = end
        self._last = None
        self._heads.clear()
        self._standing = Standing.STARTING
        self._send(_Flight(Entry(self._node, run, None)))

    def outgoing(self) -> Entry | None:
        """The entry that the engine is to append, if there is one: the same one until it is
        delivered, however often it was offered before."""
        if (
            self._flight is None
            and self._standing is Standing.SERVING
            and (self._outbox.items or self._is_wanted)
        ):
            items = self._outbox.take()
            units = b"".join(item for item in items if isinstance(item, bytes))
            after = self._heads[self._node].position
            self._send(_Flight(Entry(self._node, self._run, after, units), items))
        return None if self._flight is None else self._flight.entry

    def deliver(self, position: int, entry: Entry) -> None:
        """Take a committed entry: each in turn, from the one after `position` on.

        One that was delivered before changes nothing. What contradicts the log so far, as a gap
        does, makes the replica LOST: it closes its members (CLU-5) and never guesses (CLU-4).
        """
        if self._standing in (Standing.LOST, Standing.FENCED):
            return
        if position <= self._position:
            if position == self._position and self._last not in (None, entry):
                self._lose(f"the log has changed: its entry {position} is another one now")
            return
        if position > self._position + 1:
            self._lose(f"entries {self._position + 1} to {position - 1} are no longer kept")
            return
        self._position = position
        self._last = entry
        self._judge(position, entry)
        if self._refused_at is not None and position >= self._refused_at:
            self._refuse()

    def refused(self, last: int | None) -> None:
        """Say that the engine does not take the entry in flight, since the last one that it has of
        this node is at position `last`, or is no longer kept (None).

        Either an earlier attempt was stored there, or the entry never will be; the log shows which.
        """
        if self._flight is not None:
            self._refused_at = last
            if last is None or self._position >= last:
                self._refuse()

    # Members

    def number(self) -> int:
        """A number for a member on a Unix-domain socket, unique in the room (MSG-2, CLU-2).

        It is written from the position of the run's start, which no other run has, the member's
        count, and how many digits that has: no two pairs are written alike.
        """
        member = str(next(self._numbers))
        return int(f"{self._base}{member}{len(member)}")

    def knock(self) -> int:
        """Note that somebody wants to join; `join` once `admits` holds for the number given back.

        What was accepted anywhere before it knocked is then behind it (ROOM-1).
        """
        self._is_wanted = True
        return self._taken + 1

    def admits(self, number: int) -> bool:
        """Whether who knocked may join now, even if only to be sent !log-unavailable."""
        return self._committed >= number or self._standing in (
            Standing.LOST,
            Standing.UNAVAILABLE,
            Standing.FENCED,
        )

    def join(self, sender: str) -> Member:
        """Admit a connection, as `Room.join` does, at the end of the log as far as it is known."""
        member = self.room.join(sender)
        if member.state is State.OPEN:
            if self._is_stopping:
                self.room.close(member, Notice(Code.SHUTTING_DOWN))
            elif self._standing is not Standing.SERVING:
                self.room.close(member, Notice(Code.LOG_UNAVAILABLE))
            else:
                connection = ServerConnection(self._line_limit, self._charset)
                self._readers[member] = _Reader(connection)
        return member

    def may_be_read(self, member: Member) -> bool:
        """Whether to go on reading a member: not while too much waits for the log, nor while the
        member says much without reading (TRN-1)."""
        reader = self._readers.get(member)
        if reader is None or member.state is not State.OPEN:
            return True
        if self._is_stalled or self._is_stopping or self._outbox.octets > QUEUE_SIZE:
            return False
        if not member.backlog:
            reader.said = 0
        return reader.said <= FLOOD or member.backlog <= self._own_backlog

    def receive(self, member: Member, octets: bytes, time: datetime) -> Events:
        """Take the octets of one read of a member's, as `Room.receive` does.

        Its lines are accepted, and it leaves, when the entry that holds them is committed.
        """
        reader = self._readers.get(member)
        if reader is None or member.state is not State.OPEN:
            return self.room.receive(member, octets, time)
        if self._is_stopping:
            return Events([], 0, None)
        events = reader.connection.receive_lazily(octets)
        header = write_header(time.replace(microsecond=0, tzinfo=None), member.sender)
        for piece in write_pieces(header, events.texts):
            self._outbox.put(piece)
            reader.said += len(piece)
        match events.ending:
            case Violation(notice=notice):
                self._outbox.put(Leave(member, notice))
            case QuitReceived():
                self._outbox.put(Leave(member))
            case None:
                pass
            case _:
                assert_never(events.ending)
        return events

    def receive_eof(self, member: Member) -> list[Event]:
        """Take a member's end of stream: it leaves with the commit of what it said (QUIT-5)."""
        reader = self._readers.get(member)
        if reader is None or member.state is not State.OPEN:
            return self.room.receive_eof(member)
        reader.has_ended = True
        events = reader.connection.receive_eof()
        if events:
            self._outbox.put(Leave(member))
        return events

    def stop(self) -> None:
        """Take no more lines; every member leaves once what was said is committed (STOP-1)."""
        self._is_stopping = True
        self._outbox.put(Leave(None))
        if self._standing is not Standing.SERVING:
            self._close_all()

    def expire(self, now: float) -> None:
        """Let time pass, as `Room.expire` does; also, notice that the log does not answer."""
        self.room.expire(now)
        for member in [each for each in self._readers if each.state is not State.OPEN]:
            del self._readers[member]
        if self._is_stopping:
            if self._stops_at is None:
                self._stops_at = now + STOP_PATIENCE
            if now >= self._stops_at:
                self._close_all()
        if self._waits_since is None:
            self._waits_since = now
        waited = now - self._waits_since
        if self._flight is None:
            self._is_wanted |= waited >= MARK and not self._is_stopping
            return
        self._is_stalled = waited >= STALL
        if waited >= GIVE_UP and self._standing in (Standing.STARTING, Standing.SERVING):
            self._standing = Standing.UNAVAILABLE
            self._close_all()

    # Within

    def _send(self, flight: _Flight) -> None:
        self._flight = flight
        self._taken += 1
        self._is_wanted = False
        self._waits_since = None

    def _judge(self, position: int, entry: Entry) -> None:
        """Accept an entry that continues its node's chain or starts one; refuse any other."""
        head = self._heads.get(entry.node)
        if head is not None:
            if entry.after is None:
                is_next = entry.run != head.run
            else:
                is_next = entry.run == head.run and entry.after >= head.position
            if not is_next:
                self._refusals += 1
                return
            if entry.after is not None and entry.after > head.position:
                self._lose(f"entry {entry.after}, of {entry.node}, never came")
                return
        self._heads[entry.node] = _Head(entry.run, position)
        if self._flight is not None and entry == self._flight.entry:
            self._commit(position, self._flight)
        elif entry.node == self._node and head is not None and head.run == self._run:
            self._standing = Standing.FENCED
            self._trouble = f"another node named {self._node} has started"
            self._abandon()
        else:
            self.room.append(entry.units)

    def _commit(self, position: int, flight: _Flight) -> None:
        if flight.entry.after is None:
            self._base = position
        self._flight = self._refused_at = self._waits_since = None
        self._is_stalled = False
        self._committed = self._taken
        self._standing = Standing.SERVING
        pieces: list[bytes] = []
        for item in flight.items:
            if isinstance(item, bytes):
                pieces.append(item)
                continue
            self.room.append(b"".join(pieces))
            pieces.clear()
            if item.member is None:
                self._close_all()
            else:
                self._leave(item.member, item.notice)
        self.room.append(b"".join(pieces))

    def _leave(self, member: Member, notice: Notice | None) -> None:
        if member.state is State.OPEN:
            self.room.close(member, notice)
            if self._readers[member].has_ended:
                self.room.receive_eof(member)

    def _close_all(self) -> None:
        """Let every member leave now, and drop what was not accepted of theirs."""
        code = Code.SHUTTING_DOWN if self._is_stopping else Code.LOG_UNAVAILABLE
        self._outbox = Outbox()
        for member in self._readers:
            self._leave(member, Notice(code))
        if self._is_stopping:
            self.room.stop()

    def _refuse(self) -> None:
        self._lose("the log does not take what this node says: its last entry is no longer kept")

    def _lose(self, trouble: str) -> None:
        self._standing = Standing.LOST
        self._trouble = trouble
        self._abandon()

    def _abandon(self) -> None:
        self._flight = self._refused_at = self._waits_since = None
        self._is_stalled = False
        self._close_all()
