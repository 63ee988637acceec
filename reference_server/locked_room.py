"""The room behind its lock: everything that threads share, and nothing else.

The one lock protects the room (its log, its members and their cursors), the table of connections
with the flags of each, the totals, and whether the distribute thread sleeps. It is held for
computing only: no function here makes a system call under it. What has to be done to sockets is
handed back, as a `Round`, and done by the distribute thread without the lock. What a `Round` says
stays true outside it: octets in the log are written once, and what is over stays over.

Two things make a receive thread wait here, and neither is another member's slowness (TRN-1): the
log has run ahead of the distribute thread, or its own member floods and does not read.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from socket import socket
from threading import Condition, Lock
from typing import Final

from chatproto import Charset, Events, Limits, Member, Room, State

READ_SIZE: Final = 16_384
"""Octets of one read: few enough that, as broadcasts of one-letter lines, they fit the smallest
backlog."""
AHEAD: Final = 1_048_576
"""Octets the log may run ahead of the distribute thread."""
TICK: Final = 0.1
"""Seconds between two looks at leavers."""


@dataclass(eq=False, slots=True)
class Connection:
    """A member and its socket, which the distribute thread alone closes.

    `is_refused`: it had left when it joined; like the member and the socket, set once. Under the
    lock: `is_read`, its receive thread may still use the socket; `is_woken`, that thread was told
    to end; `has_left`, how it left is known. The distribute thread's alone: `is_full`, the socket
    takes no more for now.
    """

    member: Member
    socket: socket
    is_refused: bool
    is_read: bool = True
    is_woken: bool = False
    has_left: bool = False
    is_full: bool = False


@dataclass(slots=True)
class Round:
    """What the distribute thread has to do now, and how long it may wait afterwards.

    `resets` are those of `closes` that were given up, and are to be closed by a reset (LIM-3).
    """

    sends: list[tuple[Connection, memoryview]] = field(default_factory=list)
    shuts: list[Connection] = field(default_factory=list)
    wakes: list[Connection] = field(default_factory=list)
    closes: list[Connection] = field(default_factory=list)
    resets: list[Connection] = field(default_factory=list)
    evicted: list[Connection] = field(default_factory=list)
    wait: float | None = None


@dataclass(slots=True)
class Totals:
    """What the server has done since it started."""

    members: int = 0
    broadcasts: int = 0
    octets: int = 0


class LockedRoom:
    """The room for many threads. `wake` rouses the distribute thread; it is called unlocked."""

    def __init__(
        self,
        limits: Limits,
        charset: Charset,
        heartbeat: float | None,
        time_zone: tzinfo,
        wake: Callable[[], None],
    ) -> None:
        self._lock = Lock()
        self._may_go_on = Condition(self._lock)
        self._room = Room(limits, charset)
        self._connections: dict[Connection, None] = {}
        self._waiting: set[Connection] = set()
        self._totals = Totals()
        self._distributed = 0
        self._sleeps = False
        self._wake = wake
        self._time_zone = time_zone
        self._heartbeat = heartbeat or None
        self._ahead = min(AHEAD, limits.backlog // 4)
        self._next_tick = 0.0
        self._next_heartbeat: float | None = None
        self._stopped = False

    def join(self, socket: socket, sender: str) -> Connection:
        """Take an accepted connection (ROOM-1); one over capacity has left already (LIM-5)."""
        with self._lock:
            member = self._room.join(sender)
            is_refused = member.state is not State.OPEN
            connection = Connection(member, socket, is_refused, has_left=is_refused)
            self._connections[connection] = None
            self._totals.members += 1
            wake = is_refused and self._rouse()
        if wake:
            self._wake()
        return connection

    def receive(self, connection: Connection, octets: bytes) -> Events | None:
        """Take one read of a member's, after waiting where it must; None: read no more."""
        member = connection.member
        with self._lock:
            if not self._may_be_read(connection):
                self._waiting.add(connection)
                while not self._may_be_read(connection):
                    self._may_go_on.wait()
                self._waiting.remove(connection)
            if member.state in (State.CLOSED, State.ABORTED):
                return None
            before, state = self._room.octets, member.state
            events = self._room.receive(member, octets, datetime.now(self._time_zone))
            connection.has_left |= events.ending is not None
            self._totals.broadcasts += events.messages
            wake = (self._room.octets > before or member.state is not state) and self._rouse()
        if wake:
            self._wake()
        return events

    def end_reading(self, connection: Connection, orderly: bool) -> bool:
        """Take the receive thread's last word: the member's end of stream, or that it is lost.

        Tells whether that is what made it leave. The thread uses the socket no more.
        """
        with self._lock:
            was_open = connection.member.state is State.OPEN
            connection.has_left |= was_open
            if orderly:
                self._room.receive_eof(connection.member)
            else:
                self._room.abort(connection.member)
            connection.is_read = False
            wake = self._rouse()
        if wake:
            self._wake()
        return was_open

    def stop(self) -> None:
        """Accept no more lines, and let every member leave (STOP-1)."""
        with self._lock:
            self._room.stop()
            self._stopped = True
            for connection in self._connections:
                connection.has_left = True
            wake = self._rouse()
        if wake:
            self._wake()

    def members(self) -> list[tuple[str, State, int]]:
        """Every connection's sender, state and backlog."""
        with self._lock:
            return [(each.sender, each.state, each.backlog) for each in self._room.members]

    def totals(self) -> Totals:
        with self._lock:
            return Totals(self._totals.members, self._totals.broadcasts, self._room.octets)

    def next_round(self, now: float) -> Round | None:
        """Find what is to be done; None once the server has stopped and no connection is left.

        Where a round has nothing to send or to shut, the distribute thread sleeps until `wake`,
        or `Round.wait`, or a full socket takes more.
        """
        round_ = Round()
        with self._lock:
            if self._stopped and not self._connections:
                return None
            self._keep_time(now)
            behind = 0
            has_leavers = False
            for connection in self._connections:
                member = connection.member
                state = member.state
                has_leavers |= state is not State.OPEN
                match state:
                    case State.OPEN | State.FLUSHING | State.FLUSHING_ENDED:
                        pending = member.pending()
                        if not pending:
                            if state is not State.OPEN:
                                round_.shuts.append(connection)
                        elif not connection.is_full:
                            round_.sends.append((connection, pending))
                            if state is State.OPEN:
                                behind = max(behind, member.backlog)
                    case State.LINGERING:
                        pass
                    case State.CLOSED | State.ABORTED:
                        self._end(connection, round_)
            for connection in round_.closes:
                del self._connections[connection]
            self._distributed = self._room.octets - behind
            if any(map(self._may_be_read, self._waiting)):
                self._may_go_on.notify_all()
            round_.wait = self._wait(now, has_leavers)
            self._sleeps = not round_.sends and not round_.shuts
        return round_

    def sent(self, outcomes: list[tuple[Connection, int]]) -> None:
        """Say how many octets the socket of each took; of a lost one -1."""
        with self._lock:
            for connection, octets in outcomes:
                if octets > 0:
                    connection.member.sent(octets)
                elif octets < 0:
                    self._room.send_failed(connection.member)

    def flushed(self, connections: list[Connection]) -> None:
        """Say that the write side of each is shut (QUIT-3)."""
        with self._lock:
            for connection in connections:
                self._room.flushed(connection.member)

    def _may_be_read(self, connection: Connection) -> bool:
        member = connection.member
        if member.state is not State.OPEN:
            return True
        if self._room.octets - self._distributed > self._ahead:
            return False
        return not member.is_flooding

    def _rouse(self) -> bool:
        """Note that the distribute thread has work; tell whether it sleeps and must be woken."""
        sleeps, self._sleeps = self._sleeps, False
        return sleeps

    def _end(self, connection: Connection, round_: Round) -> None:
        """Close what is over once its receive thread has ended; until then, end that thread."""
        if not connection.has_left:
            connection.has_left = True
            round_.evicted.append(connection)
        if not connection.is_read:
            round_.closes.append(connection)
            if connection.member.state is State.ABORTED:
                round_.resets.append(connection)
        elif not connection.is_woken:
            connection.is_woken = True
            round_.wakes.append(connection)

    def _keep_time(self, now: float) -> None:
        if now >= self._next_tick:
            self._next_tick = now + TICK
            self._room.expire(now)
        if self._heartbeat is not None:
            if self._next_heartbeat is None:
                self._next_heartbeat = now + self._heartbeat
            elif now >= self._next_heartbeat:
                self._next_heartbeat = now + self._heartbeat
                self._room.heartbeat()

    def _wait(self, now: float, has_leavers: bool) -> float | None:
        if has_leavers:
            return max(0.0, self._next_tick - now)
        if self._next_heartbeat is not None:
            return max(0.0, self._next_heartbeat - now)
        return None
