"""The room behind its lock: everything that threads share, and nothing else.

The one lock protects the room (its log, its members and their cursors), the table of connections
with the flags of each, the totals, and whose turn it is. It is held for computing only: no function
here makes a system call under it. What has to be done to sockets is handed back, as deliveries and
a `Round`, and done without the lock. What they say stays true outside it: octets in the log are
written once, and what is over stays over.

Whoever sends to members, or shuts or closes their sockets, has the turn: one thread at a time, so
that a socket's octets keep their order and no socket is closed under a send. The receive thread,
having put into the log what it found to read, takes the turn if it is free, and delivers that
itself: so no other thread is woken. Where a socket does not take all it is given, or somebody has
to be seen out, it hands over to the distribute thread, which does all the rest.

Two things keep the receive thread from reading, and neither is another member's slowness (TRN-1).
Where the log has run ahead of what was delivered, it waits. A member that floods and does not read
is paused: the thread is told to watch it again when it may go on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import Enum
from socket import socket
from threading import Condition, Lock
from typing import Final

from chatproto import Charset, Delivery, Events, Limits, Member, Room, State

READ_SIZE: Final = 16_384
"""Octets of one read: few enough that, as broadcasts of one-letter lines, they fit the smallest
backlog."""
AHEAD: Final = 1_048_576
"""Octets the log may run ahead of what was delivered."""
LOOK: Final = 0.1
"""Seconds between two looks at what leavers have acknowledged."""
CHECK: Final = 30.0
"""Seconds between two looks at who still answers."""


@dataclass(eq=False, slots=True)
class Connection:
    """A member and its socket, which only the distribute thread closes.

    `is_refused`: it had left when it joined; like the member and the socket, set once. Under the
    lock: `is_read`, the receive thread may still use the socket; `is_woken`, it has been told not
    to; `has_left`, how it left is known. The receive thread's alone: `is_drained`, what it says is
    discarded. The distribute thread's alone: `is_full`, its socket is in the selector, since it
    takes no more for now.
    """

    member: Member
    socket: socket
    is_refused: bool
    is_read: bool = True
    is_woken: bool = False
    has_left: bool = False
    is_drained: bool = False
    is_full: bool = False


@dataclass(slots=True)
class Send:
    """One view of the log and the connections to send it to; then what came of it.

    `short`: how many octets those took that took less than all. `failed`: of those, the ones that
    take none ever again.
    """

    delivery: Delivery
    connections: list[Connection]
    short: dict[Connection, int]
    failed: list[Connection]


@dataclass(slots=True)
class Round:
    """What the distribute thread has to do now, and how long it may wait afterwards.

    `full`: who took less than it was given since the last round. `asks`: leavers whose system is
    to be asked what it has acknowledged. `checks`: members of whom it is time to see whether their
    systems still answer (HB-2). `resets`: those of `closes` that were given up, and are
    to be closed by a reset (LIM-3).
    """

    full: list[Connection] = field(default_factory=list)
    sends: Sequence[Send] = ()
    shuts: list[Connection] = field(default_factory=list)
    asks: list[Connection] = field(default_factory=list)
    checks: list[Connection] = field(default_factory=list)
    wakes: list[Connection] = field(default_factory=list)
    closes: list[Connection] = field(default_factory=list)
    resets: list[Connection] = field(default_factory=list)
    evicted: list[Connection] = field(default_factory=list)
    wait: float | None = None

    @property
    def is_last(self) -> bool:
        """Whether there is nothing to do after it but to wait."""
        return not self.sends and not self.shuts and not self.closes


@dataclass(slots=True)
class Totals:
    """What the server has done since it started."""

    members: int = 0
    broadcasts: int = 0
    octets: int = 0


class Turn(Enum):
    """Who may use members' sockets; where that is None there is nothing to do."""

    RECEIVER = "the receive thread, which found it free"
    DISTRIBUTOR = "the distribute thread, which may have to be woken for it"


class LockedRoom:
    """The room for many threads. `wake` rouses the distribute thread, and `wake_receiver` the
    receive thread; they are called unlocked."""

    def __init__(
        self,
        limits: Limits,
        charset: Charset,
        heartbeat: float | None,
        time_zone: tzinfo,
        wake: Callable[[], None],
        wake_receiver: Callable[[], None],
    ) -> None:
        self._lock = Lock()
        self._may_go_on = Condition(self._lock)
        self._room = Room(limits, charset, heartbeat)
        self._connections: dict[Member, Connection] = {}
        self._paused: set[Connection] = set()
        self._to_watch: list[Connection] = []
        self._totals = Totals()
        self._turn: Turn | None = None
        self._has_chores = self._is_held_up = False
        self._full: list[Connection] = []
        self._wake = wake
        self._wake_receiver = wake_receiver
        self._time_zone = time_zone
        self._ahead = min(AHEAD, limits.backlog // 4)
        self._next_look = self._next_check = 0.0
        self._stopped = False
        self._served: tuple[Member, ...] = ()
        self._to_serve: list[Connection] = []

    def join(self, socket: socket, sender: str) -> Connection:
        """Take an accepted connection (ROOM-1), once the receive thread watches the one before.

        One over capacity has left already (LIM-5).
        """
        with self._lock:
            while self._to_watch:  # else who joins in thousands holds up the members
                self._may_go_on.wait()
            member = self._room.join(sender)
            is_refused = member.state is not State.OPEN
            connection = Connection(member, socket, is_refused, has_left=is_refused)
            self._connections[member] = connection
            self._totals.members += 1
            self._to_watch.append(connection)
            wakes = is_refused and self._leave_chores()
        self._wake_receiver()
        if wakes:
            self._wake()
        return connection

    def to_watch(self) -> list[Connection] | None:
        """Give the receive thread whom it is to read from now on: newcomers, and who was paused.

        None once the server has stopped and no connection is left.
        """
        with self._lock:
            connections, self._to_watch = self._to_watch, []
            self._may_go_on.notify_all()
            return None if self._stopped and not self._connections else connections

    def receive(
        self, connection: Connection, octets: bytes
    ) -> tuple[Events, bool, Sequence[Send]] | None:
        """Take what was read; tell whether the member is paused, to be watched no more for now.

        None where the member is over. Where the log has run ahead there are sends, and the turn is
        the caller's: make them, and report by `helped`.
        """
        member = connection.member
        with self._lock:
            while self._turn is not None and self._room.undelivered > self._ahead:
                self._is_held_up = True
                self._may_go_on.wait()
            self._is_held_up = False
            members = self._room.members
            if member not in members:
                return None
            before = len(members)
            events = self._room.receive(member, octets, datetime.now(self._time_zone))
            self._totals.broadcasts += len(events.texts)
            wakes = False
            if events.ending is not None or len(members) < before:
                connection.has_left |= events.ending is not None
                wakes = self._leave_chores()
            is_paused = member.is_flooding
            if is_paused:
                self._paused.add(connection)
            sends = self._take_turn() if self._room.undelivered > self._ahead else ()
        if wakes:
            self._wake()
        return events, is_paused, sends

    def take_turn(self) -> Sequence[Send]:
        """Give the receive thread what there is to send, and the turn, where nobody has it."""
        with self._lock:
            return self._take_turn()

    def _take_turn(self) -> Sequence[Send]:
        if self._turn is not None:
            return ()
        sends = self._sends()
        self._turn = Turn.RECEIVER if sends else None
        return sends

    def helped(self, sends: Sequence[Send]) -> Sequence[Send]:
        """Say what came of the receive thread's sends; give it more, or take the turn from it."""
        with self._lock:
            goes_on = self._report(sends) and not self._has_chores
            resumes = self._resume()
            self._turn = None if goes_on else Turn.DISTRIBUTOR
            more = self._take_turn() if self._room.undelivered else ()
        if not goes_on:
            self._wake()
        if resumes:
            self._wake_receiver()
        return more

    def end_reading(self, connection: Connection, orderly: bool) -> bool:
        """Take the receive thread's last word of a member: its end of stream, or that it is lost.

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
            wakes = self._leave_chores()
        if wakes:
            self._wake()
        return was_open

    def stop(self) -> None:
        """Accept no more lines, and let every member leave (STOP-1)."""
        with self._lock:
            self._room.stop()
            self._stopped = True
            for connection in self._connections.values():
                connection.has_left = True
            wakes = self._leave_chores()
        if wakes:
            self._wake()

    def members(self) -> list[tuple[str, State, int]]:
        """Every connection's sender, state and backlog."""
        with self._lock:
            return [(each.sender, each.state, each.backlog) for each in self._room.members]

    def totals(self) -> Totals:
        with self._lock:
            return Totals(self._totals.members, self._totals.broadcasts, self._room.octets)

    def next_round(self, now: float, writable: Sequence[Connection]) -> Round | None:
        """Find what the distribute thread has to do; `writable` are sockets that take more again.

        None once the server has stopped and no connection is left. Where a round has nothing to
        do, the thread sleeps until it is woken, or `Round.wait`, or a full socket takes more.
        """
        round_ = Round()
        with self._lock:
            if self._stopped and not self._connections:
                return None
            for connection in writable:
                self._room.writable(connection.member)
            self._has_chores = self._turn is Turn.RECEIVER
            if self._has_chores:
                return round_  # that thread hands over as soon as it can, and wakes this one
            round_.full, self._full = self._full, []
            round_.wait = self._room.expire(now)
            round_.sends = self._sends()
            self._see_leavers_out(round_, now)
            self._turn = None if round_.is_last else Turn.DISTRIBUTOR
            resumes = self._resume()
        if resumes:
            self._wake_receiver()
        return round_

    def finish(
        self,
        sends: Sequence[Send],
        shuts: Sequence[Connection],
        unacknowledged: Mapping[Connection, int | None],
        dead: Sequence[Connection],
    ) -> None:
        """Say what came of a round: of its sends, of its shuts (QUIT-3), and of what it asked."""
        with self._lock:
            self._report(sends)
            for connection in shuts:
                self._room.flushed(connection.member)
            for connection, octets in unacknowledged.items():
                if octets is not None:
                    self._room.unacknowledged(connection.member, octets)
            for connection in dead:
                connection.has_left = True
                self._room.abort(connection.member)
            resumes = self._resume()
        if resumes:
            self._wake_receiver()

    def _sends(self) -> list[Send]:
        sends = []
        for delivery in self._room.deliveries():
            if self._served is not delivery.members:
                self._served = delivery.members
                self._to_serve = [self._connections[each] for each in delivery.members]
            sends.append(Send(delivery, self._to_serve, {}, []))
        return sends

    def _report(self, sends: Sequence[Send]) -> bool:
        """Tell the room what came of sends; whether each socket took all it was given."""
        all_took_all = True
        for send in sends:
            for connection in send.failed:
                self._room.send_failed(connection.member)
            if send.short:
                all_took_all = False
                self._full += [each for each in send.short if each not in send.failed]
                short = {each.member: octets for each, octets in send.short.items()}
                self._room.delivered(send.delivery, short)
            else:
                self._room.delivered(send.delivery)
        return all_took_all

    def _resume(self) -> bool:
        """Let the receive thread go on, and find whom it may watch again; whether to wake it."""
        if self._is_held_up:
            self._may_go_on.notify_all()
        if self._paused:
            resumed = [each for each in self._paused if not each.member.is_flooding]
            self._paused.difference_update(resumed)
            self._to_watch += resumed
        return bool(self._to_watch)

    def _see_leavers_out(self, round_: Round, now: float) -> None:
        """Find whose write side is to be shut, whom to ask, and whose connection is over."""
        for member in self._room.leavers:
            if member.state is not State.LINGERING and not member.backlog:
                round_.shuts.append(self._connections[member])
        if now >= self._next_look:
            self._next_look = now + LOOK
            round_.asks = [self._connections[member] for member in self._room.leavers]
        if len(self._connections) > len(self._room.members):
            for member in self._connections.keys() - self._room.members:
                self._end(self._connections[member], round_)
        if now >= self._next_check:
            self._next_check = now + CHECK
            round_.checks = list(self._connections.values())  # none that this round closes
        until_check = self._next_check - now
        round_.wait = until_check if round_.wait is None else min(round_.wait, until_check)

    def _end(self, connection: Connection, round_: Round) -> None:
        """Close what is over once its receive thread has ended; until then, end that thread."""
        if not connection.has_left:
            connection.has_left = True
            round_.evicted.append(connection)
        if not connection.is_read:
            del self._connections[connection.member]
            round_.closes.append(connection)
            if connection.member.state is State.ABORTED:
                round_.resets.append(connection)
        elif not connection.is_woken:
            connection.is_woken = True
            round_.wakes.append(connection)

    def _leave_chores(self) -> bool:
        """Note that there is more to do than to deliver, which is the distribute thread's.

        Tells whether to wake it for that: whoever has the turn sees it without.
        """
        self._has_chores = True
        if self._turn is not None:
            return False
        self._turn = Turn.DISTRIBUTOR
        return True
