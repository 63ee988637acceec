"""The room is a log, and a member is a cursor into it.

Every member receives the same octets in the same order, so a message is written once, at the
log's end, and a member is the position up to which it has been sent. Joining takes the position
at the end; delivering sends what lies between; leaving fixes what is still owed; a member that
falls too far behind is evicted. One order for all (ROOM-3), one encoding (MSG-3), no gap and no
interleaving (ROOM-6) hold by construction.

Nothing here blocks, knows a socket or reads a clock. A room is not thread-safe: one lock around
every call, and the views `Member.pending` gave stay true outside it.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chatproto.connection import MAX_LINE_LIMIT, MIN_LINE_LIMIT, ServerConnection
from chatproto.errors import LocalProtocolError
from chatproto.events import Event, Events, QuitReceived, Violation
from chatproto.log import SEGMENT_SIZE, Log
from chatproto.sender import is_sender
from chatproto.states import State
from chatproto.text import Charset
from chatproto.wire import (
    Code,
    Heartbeat,
    Notice,
    encode,
    encode_broadcasts,
    write_header,
)

MIN_BACKLOG: Final = 1_048_576
"""Octets that may always wait for a member (LIM-3)."""
MAX_BACKLOG: Final = 48 * 1_048_576
"""The greatest backlog a room may be given: with what the kernels hold it stays under LIM-3's
64 MiB."""
LINGER: Final = 1.0
"""Seconds a closing connection is read after its write side is shut (QUIT-3)."""
GIVE_UP: Final = 2.5
"""Seconds after the room has stopped when those who do not read are given up (STOP-1)."""
FLOOD: Final = 16_384
"""Octets broadcast for a member that has not caught up meanwhile, from which on it floods."""
OWN_BACKLOG: Final = 524_288
"""Octets that may wait for a member that floods before it is read no further."""

# Broadcasts written at once: many, and yet so few that, as lines go, the octets fit into memory
# the process has. Taking new pages for them would cost more than all the rest.
_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True)
class Limits:
    """What a room bounds; a value outside its range raises `ValueError`.

    `line`: octets before the LF, 1,024 to 1,048,576 (LIM-1, LIM-2). `backlog`: octets waiting
    for a member before it is evicted, 1 to 48 MiB (LIM-3). `members`: connections at once, None
    for no bound (LIM-5, LIM-6). `patience`: seconds a leaver may take nothing of what it is owed.
    """

    line: int = 65_536
    backlog: int = 8 * 1_048_576
    members: int | None = None
    patience: float = 30.0

    def __post_init__(self) -> None:
        if not MIN_LINE_LIMIT <= self.line <= MAX_LINE_LIMIT:
            raise ValueError(
                f"line is from {MIN_LINE_LIMIT} to {MAX_LINE_LIMIT} octets, not {self.line}"
            )
        if not MIN_BACKLOG <= self.backlog <= MAX_BACKLOG:
            raise ValueError(
                f"backlog is from {MIN_BACKLOG} to {MAX_BACKLOG} octets, not {self.backlog}"
            )
        if self.members is not None and self.members < 1:
            raise ValueError(f"members is at least 1, or None for no bound, not {self.members}")
        if not self.patience > 0:
            raise ValueError(f"patience is more than 0 seconds, not {self.patience}")


class Member:
    """One connection to a room: its state, and the octets it is owed. Made by `Room.join`."""

    def __init__(
        self, sender: str, connection: ServerConnection, log: Log, own_backlog: int
    ) -> None:
        self._sender = sender
        self._connection = connection
        self._log = log
        self._own_backlog = own_backlog
        self._said = 0
        self._position = log.end
        self._owed: deque[memoryview] | None = None
        self._deadline: float | None = None

    @property
    def sender(self) -> str:
        """Its SENDER in broadcasts (MSG-2)."""
        return self._sender

    @property
    def state(self) -> State:
        return self._connection.state

    @property
    def backlog(self) -> int:
        """Octets owed and not yet sent (LIM-3)."""
        if self._owed is None:
            return self._log.end - self._position
        return sum(map(len, self._owed))

    @property
    def is_flooding(self) -> bool:
        """Whether to read it no further for now: it says much and does not read it (TRN-1).

        It ends when `sent` has brought its backlog down, or when it has left.
        """
        return self._said > FLOOD and self.state is State.OPEN and self.backlog > self._own_backlog

    def pending(self) -> memoryview:
        """The next octets to send, at most a segment; empty where nothing waits."""
        if self._owed is None:
            return self._log.read(self._position)
        return self._owed[0] if self._owed else memoryview(b"")

    def sent(self, octets: int) -> None:
        """Say how many of the octets that `pending` showed have been sent.

        The member may have left or been given up since `pending`; what was sent still counts.
        Raises `LocalProtocolError` for more than was pending, or less than nothing.
        """
        if self.state is State.ABORTED:
            return
        waiting = self.backlog if self._owed is None else len(self.pending())
        if not 0 <= octets <= waiting:
            raise LocalProtocolError(f"{octets} octets cannot have been sent: {waiting} waited")
        if not octets:
            return
        self._deadline = None
        if self._owed is None:
            self._position += octets
            if self._position == self._log.end:
                self._said = 0
        else:
            self._owed[0] = self._owed[0][octets:]
            if not self._owed[0]:
                self._owed.popleft()

    def _leave(self, farewell: bytes = b"") -> None:
        """Fix what it is owed: the log up to now, and a last word.

        Views of the segments are kept, not the position, so that a leaver who reads slowly
        neither holds the log back nor is evicted for what the room says later.
        """
        if self._owed is not None:
            return
        self._owed = deque()
        while self._position < self._log.end:
            view = self._log.read(self._position)
            self._owed.append(view)
            self._position += len(view)
        if farewell:
            self._owed.append(memoryview(farewell))

    def _is_due(self, now: float, wait: float) -> bool:
        """Tell whether `wait` seconds have passed since the first time of asking, or of `sent`."""
        if self._deadline is None:
            self._deadline = now + wait
        return now >= self._deadline


class Room:
    """All members and the log they read; the whole server but for its sockets.

    `charset` is of what clients send (TXT-1). `heartbeat`: seconds between the heartbeats that
    `expire` sends, None or 0 for none (HB-2).
    """

    def __init__(
        self,
        limits: Limits = Limits(),
        charset: Charset = "utf-8",
        heartbeat: float | None = None,
    ) -> None:
        self._limits = limits
        self._charset: Charset = charset
        self._log = Log()
        self._members: dict[Member, None] = {}
        self._stopped = False
        self._gives_up_at: float | None = None
        self._heartbeat = heartbeat or None
        self._next_heartbeat: float | None = None

    @property
    def members(self) -> Collection[Member]:
        """Every connection that is not over yet, leavers included, in the order they joined."""
        return self._members.keys()

    @property
    def octets(self) -> int:
        """Octets the room has said since it opened."""
        return self._log.end

    def join(self, sender: str) -> Member:
        """Take a connection the server has accepted (ROOM-1).

        Where the room is full (LIM-5) or stopped, the member given back has left already and
        is owed one notice. Raises `LocalProtocolError` where `sender` is none (MSG-2).
        """
        if not is_sender(sender):
            raise LocalProtocolError(f"not a sender: {sender!r}")
        connection = ServerConnection(self._limits.line, self._charset)
        own_backlog = min(OWN_BACKLOG, self._limits.backlog // 4)
        member = Member(sender, connection, self._log, own_backlog)
        full = self._limits.members is not None and len(self._members) >= self._limits.members
        self._members[member] = None
        if self._stopped:
            self.close(member, Notice(Code.SHUTTING_DOWN))
        elif full:
            self.close(member, Notice(Code.ROOM_FULL, f"{self._limits.members} are connected"))
        return member

    def receive(self, member: Member, octets: bytes, time: datetime) -> Events:
        """Take the octets of one read of a member's; its messages enter the log (ROOM-2).

        `time` goes into the headers: the server's clock in the time zone it shows, as
        `datetime.now(UTC)` gives it (MSG-4, MSG-5).
        The events given back are what has happened, for a driver's own account; all that is to
        be done about them is done.
        """
        events = member._connection.receive_lazily(octets)
        before = self._log.end
        header = write_header(time.replace(microsecond=0, tzinfo=None), member.sender)
        for at in range(0, events.messages, _AT_ONCE):
            self._log.append(encode_broadcasts(header, events.texts[at : at + _AT_ONCE]))
        match events.ending:
            case Violation(notice=notice):
                member._leave(encode(notice))
            case QuitReceived():
                member._leave()
            case None:  # pragma: no branch
                pass
        member._said += self._log.end - before
        self._settle(before)
        return events

    def receive_eof(self, member: Member) -> list[Event]:
        """Take a member's end of stream: it leaves, and is owed all up to here (QUIT-5)."""
        events = member._connection.receive_eof()
        member._leave()
        self._forget_if_over(member)
        return events

    def flushed(self, member: Member) -> None:
        """Say that nothing is pending for a leaver and its write side is shut (QUIT-3)."""
        member._connection.flushed()
        member._deadline = None
        self._forget_if_over(member)

    def send_failed(self, member: Member) -> None:
        """Say that the connection takes no more octets: the member is owed nothing more.

        While it is open it is read on, since what it said before its end counts (QUIT-5); its
        end of stream, or an error in its place, comes after that. A leaver is given up.
        """
        if member.state is State.OPEN:
            member._owed = deque()
        else:
            self.abort(member)

    def abort(self, member: Member) -> None:
        """Give a member up: its connection is lost (ROOM-7). It is owed nothing more."""
        member._connection.abort()
        member._owed = deque()
        self._forget_if_over(member)

    def append(self, units: bytes) -> None:
        """Write whole units at the log's end that were encoded elsewhere; nothing is checked.

        For a room whose log is kept outside it (`Replica`).
        """
        before = self._log.end
        self._log.append(units)
        self._settle(before)

    def close(self, member: Member, notice: Notice | None = None) -> None:
        """Let a member leave by the server's decision, owed all up to here and a notice (ERR-3)."""
        member._connection.close()
        member._leave(b"" if notice is None else encode(notice))

    def heartbeat(self) -> None:
        """Send every member an empty line, between units as all else in the log (HB-2).

        `expire` does so by itself, where the room was made with a `heartbeat`.
        """
        self.append(encode(Heartbeat()))

    def stop(self) -> None:
        """Take no more lines; every member leaves, owed all up to here and a notice (STOP-1)."""
        self._stopped = True
        for member in self._members:
            self.close(member, Notice(Code.SHUTTING_DOWN))

    def expire(self, now: float) -> None:
        """Let time pass, in seconds of any monotonic clock; to be called a few times a second.

        Ends what has lingered for 1 s, and gives up a leaver that took nothing of what it is
        owed for as long as `Limits.patience`. From 2.5 s after the first call that follows
        `stop`, waits for nothing: no timer but this is needed to end in time (STOP-1). Sends
        heartbeats, where the room has them.
        """
        if self._heartbeat is not None:
            if self._next_heartbeat is not None and now >= self._next_heartbeat:
                self._next_heartbeat = None
                self.heartbeat()
            if self._next_heartbeat is None:
                self._next_heartbeat = now + self._heartbeat
        if self._stopped and self._gives_up_at is None:
            self._gives_up_at = now + GIVE_UP
        gives_up = self._gives_up_at is not None and now >= self._gives_up_at
        for member in tuple(self._members):
            match member.state:
                case State.LINGERING:
                    if gives_up or member._is_due(now, LINGER):
                        member._connection.lingered()
                        self._forget_if_over(member)
                case State.FLUSHING | State.FLUSHING_ENDED:
                    if gives_up or member._is_due(now, self._limits.patience):
                        self.abort(member)
                case State.OPEN | State.CLOSED | State.ABORTED:  # pragma: no branch
                    pass

    def _settle(self, before: int) -> None:
        """Where the log has begun a new segment, evict who lags (LIM-3) and forget what no one
        needs."""
        if before // SEGMENT_SIZE == self._log.end // SEGMENT_SIZE:
            return
        needed = self._log.end
        for member in tuple(self._members):
            if member._owed is None:
                if member.backlog > self._limits.backlog:
                    self.abort(member)
                else:
                    needed = min(needed, member._position)
        self._log.forget(needed)

    def _forget_if_over(self, member: Member) -> None:
        if member.state in (State.CLOSED, State.ABORTED):
            self._members.pop(member, None)
