"""The room is a log, and a member is a cursor into it.

Why a log. A chat server is usually a list of queues: each message is copied to the end of every
member's. Then the order is as good as the locking around the copies, a slow member's queue grows
in secret, and a broadcast costs a copy a member. Here a message is written once, at the end of one
append-only log of octets (`log`), and a member is the position up to which it has been sent
(`cursors`). Joining takes the position at the end; delivering sends what lies between; leaving
fixes what is still owed. So what the standard asks for holds by construction: one order for all
(ROOM-3), one encoding (MSG-3), no gap, and nothing interleaved (ROOM-6). A slow member is a
cursor that lags: it costs the others nothing, its backlog is a subtraction, and evicting it is
forgetting a number.

What happens between a read and a broadcast. `receive` gives the octets to the member's
`ServerConnection`, which says what they are: texts, and perhaps an ending. The texts go into the
log under one header, as octets, and that is all: nothing is queued, nobody is told. The driver then
asks for `deliveries`. Members who stand at one position are one group and are owed the same octets,
so a delivery is a view of the log and all members to send it to; in a room that keeps up there is
one delivery, whatever the number of members. What each socket took goes back through `delivered`.
`reference_server/locked_room.py` says which thread does so there.

What a leaver is. It leaves the log: `Member` then holds views of what it is still owed, up to the
moment it left, and a last notice. So it neither holds the log back nor receives what was said
after it had left (ROOM-1).

What it costs, and its warts.
- The log is kept from the slowest position on, in segments of 256 KiB. One member that lags
  by 8 MiB keeps 8 MiB; a thousand of them keep the same 8 MiB. Leavers keep their segments alive.
- Evictions, and forgetting, happen when a segment is begun, not with each message. So a backlog may
  exceed its limit by a segment and one read.
- A member that lags stays alone until it has caught up to another's position exactly. The worst
  case, all members at different positions, is what a list of queues always is.
- A driver that never asks for `deliveries`, but serves each member by `pending` and `sent`, has no
  groups. That is right for a task a member, which wakes for its own member anyway.
- A member says "too much" (`is_flooding`) by what it has said and not yet been sent back. This is a
  guard of the log, not a judgement: the standard only lets a server read it more slowly (TRN-1).

Nothing here blocks, knows a socket or reads a clock. A room is not thread-safe: one lock around
every call. The views that `deliveries` and `Member.pending` give stay true outside it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, assert_never

from chatproto.connection import ServerConnection
from chatproto.cursors import Cursors, Group
from chatproto.errors import LocalProtocolError
from chatproto.events import Event, Events, QuitReceived, Violation
from chatproto.limits import GIVE_UP, OWN_BACKLOG, TICK, Limits
from chatproto.log import SEGMENT_SIZE, Log
from chatproto.member import Member
from chatproto.sender import is_sender
from chatproto.states import State
from chatproto.text import Charset
from chatproto.wire import (
    Code,
    Heartbeat,
    Notice,
    TimeWriter,
    encode,
    encode_broadcasts,
)

# Broadcasts written at once: many, and yet so few that, as lines go, the octets fit into memory
# the process has. Taking new pages for them would cost more than all the rest.
_AT_ONCE: Final = 1024
_CODES: Final = frozenset(Code)
_ALL_TOOK_ALL: Final[Mapping[Member, int]] = MappingProxyType({})


@dataclass(eq=False, slots=True)
class Delivery:
    """The next octets of all members that stand at one position. Made by `Room.deliveries`."""

    octets: memoryview
    members: tuple[Member, ...]
    _group: Group[Member] | None = field(default=None, repr=False)


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
        if heartbeat is not None and not heartbeat >= 0:
            raise ValueError(f"heartbeat is in seconds, or None for none, not {heartbeat}")
        ServerConnection(limits.line, charset)  # refuses a charset that is none
        self._limits = limits
        self._charset: Charset = charset
        self._log = Log()
        self._times = TimeWriter()
        self._cursors: Cursors[Member] = Cursors()
        self._members: dict[Member, None] = {}
        self._leavers: dict[Member, None] = {}
        self._refused: set[Member] = set()
        self._stopped = False
        self._gives_up_at: float | None = None
        self._heartbeat = heartbeat or None
        self._next_heartbeat: float | None = None

    @property
    def members(self) -> Collection[Member]:
        """Every connection that is not over yet, leavers included, in the order they joined."""
        return self._members.keys()

    @property
    def leavers(self) -> Collection[Member]:
        """The members that have left and whose connections are not over yet."""
        return self._leavers.keys()

    @property
    def undelivered(self) -> int:
        """Octets of the log that not all members have been given that would take them.

        Who took less than it was given, and is not `writable`, does not count. Read nobody while
        this is large, so that the log does not run ahead of the sends.
        """
        end = self._log.end
        return end - self._cursors.lowest(end)

    @property
    def octets(self) -> int:
        """Octets the room has said since it opened."""
        return self._log.end

    def join(self, sender: str) -> Member:
        """Take a connection the server has accepted (ROOM-1).

        Where the room is full (LIM-5) or stopped, the member given back has left already and
        is owed one notice; it is seen out as any leaver is. Raises `LocalProtocolError` where
        `sender` is none (MSG-2).
        """
        if not is_sender(sender):
            raise LocalProtocolError(f"not a sender: {sender!r}")
        refusal = self._refusal()
        connection = ServerConnection(self._limits.line, self._charset, admitted=refusal is None)
        own_backlog = min(OWN_BACKLOG, self._limits.backlog // 4)
        member = Member(sender, connection, self._log, self._cursors, own_backlog)
        self._members[member] = None
        if refusal is not None:
            self._refused.add(member)
            self._leave(member, encode(refusal))
        return member

    def receive(self, member: Member, octets: bytes, time: datetime) -> Events:
        """Take the octets of one read of a member's; its messages enter the log (ROOM-2).

        `time` goes into the headers: the server's clock in the time zone it shows, as
        `datetime.now(UTC)` gives it (MSG-4, MSG-5). Read little at a time, 16 KiB say, and send
        before you read on: what has been said and not been offered counts as backlog (LIM-3).
        Do not read a member while `Member.is_flooding`. After `receive_eof` there is nothing to
        receive: that raises `LocalProtocolError`.

        The events given back are what has happened, for a driver's own account; all that is to
        be done about them is done.
        """
        self._check_own(member)
        if not isinstance(time, datetime):
            raise TypeError(f"time is a datetime, not {type(time).__name__}")
        events = member._connection.receive_lazily(octets)
        before, texts = self._log.end, events.texts
        if texts:
            header = f"{self._times.write(time)} {member._sender}\n"
            for at in range(0, len(texts), _AT_ONCE):
                self._log.append(encode_broadcasts(header, texts[at : at + _AT_ONCE]))
            member._note_said(before)
        match events.ending:
            case None:
                pass
            case Violation(notice=notice):
                self._leave(member, encode(notice))
            case QuitReceived():
                self._leave(member)
            case _:
                assert_never(events.ending)
        self._settle(before)
        return events

    def receive_eof(self, member: Member) -> list[Event]:
        """Take a member's end of stream: it leaves, and is owed all up to here (QUIT-5).

        Say it for a half-close too, and keep your own side open until all is sent and `flushed`.
        An error in place of the end is `abort`.
        """
        self._check_own(member)
        events = member._connection.receive_eof()
        self._leave(member)
        self._forget_if_over(member)
        return events

    def deliveries(self) -> list[Delivery]:
        """Say what is to be sent now: octets, and all the members they are the next ones for.

        Send them to each, without waiting for any, and report by `delivered` each delivery there
        is before you ask again; the views stay true meanwhile, whoever speaks or goes. Members
        that took less than they were given are left out until `writable`. Who spoke last is the
        first of a delivery's members: it may say more while the others are sent theirs.
        """
        end = self._log.end
        found: list[Delivery] = []
        for group in self._cursors.groups():
            if group.position < end and not group.is_held:
                octets = self._log.read(group.position)
                group.reversed = group.reversed or tuple(reversed(group.readers))
                found.append(Delivery(octets, group.reversed, group))
        if self._leavers:
            found += [
                Delivery(member._owed[0], (member,))
                for member in self._leavers
                if member._owed and not member._is_full
            ]
        return found

    def delivered(self, delivery: Delivery, short: Mapping[Member, int] = _ALL_TOOK_ALL) -> None:
        """Say that a delivery was made: each member took all of it, but for those in `short`.

        `short` says how many octets each of those took, 0 where none. They are offered nothing
        more until `writable`. For one whose connection has failed, say `send_failed` as well.
        """
        octets, group = len(delivery.octets), delivery._group
        for member, taken in short.items():
            member._is_full = True
            if member in self._cursors:
                self._cursors.hold(member)
            member.sent(taken)
        if group is None or len(group.readers) + len(short) < len(delivery.members):
            # Who has left meanwhile is in the log no more, but has been sent this.
            for member in delivery.members:
                if member not in short and (group is None or member not in group.readers):
                    member.sent(octets)
        if group is not None and group.readers:
            self._cursors.advance_group(group, octets)

    def writable(self, member: Member) -> None:
        """Say that a member takes octets again, after it took less than it was given."""
        self._check_own(member)
        member._is_full = False
        if member in self._cursors:
            self._cursors.release(member)

    def flushed(self, member: Member) -> None:
        """Say that nothing is pending for a leaver and its write side is shut (QUIT-3).

        Read on until its end of stream, or until it is over. Raises `LocalProtocolError` while
        it is a member, or is owed anything.
        """
        self._check_own(member)
        if member._owed:
            raise LocalProtocolError(f"{member.backlog} octets are owed to {member.sender}")
        member._connection.flushed()
        member._stalls_since = None
        self._forget_if_over(member)

    def unacknowledged(self, member: Member, octets: int) -> None:
        """Say how much of what was sent to a leaver its system has not acknowledged (QUIT-3).

        For a driver that can ask (SIOCOUTQ), a few times a second, before `expire`. The second
        of lingering then counts from when all is acknowledged, and a leaver that reads slowly is
        not given up. For one that cannot ask, the linger is 10 s.
        """
        self._check_own(member)
        member._note_acknowledged(octets)

    def send_failed(self, member: Member) -> None:
        """Say that the connection takes no more octets: the member is owed nothing more.

        While it is open it is read on, since what it said before its end counts (QUIT-5); its
        end of stream, or an error in its place, comes after that. A leaver is given up.
        """
        self._check_own(member)
        if member.state is State.OPEN:
            member._forget_owed()
        else:
            self.abort(member)

    def abort(self, member: Member) -> None:
        """Give a member up: its connection is lost (ROOM-7). It is owed nothing more.

        Close it by a reset, as whatever is `ABORTED`.
        """
        self._check_own(member)
        member._connection.abort()
        member._forget_owed()
        self._forget_if_over(member)

    def append(self, units: bytes) -> None:
        """Write whole units at the log's end that were encoded elsewhere; nothing is checked.

        For a room whose log is kept outside it (`Replica`).
        """
        before = self._log.end
        self._log.append(units)
        self._settle(before)

    def close(self, member: Member, notice: Notice | None = None) -> None:
        """Let a member leave by the server's decision, owed all up to here and a notice (ERR-3).

        A code of your own begins with `x-`; any other that is not in `Code` is reserved, and
        raises `LocalProtocolError`.
        """
        self._check_own(member)
        if notice is not None and notice.code not in _CODES and not notice.code.startswith("x-"):
            raise LocalProtocolError(f"{notice.code} is reserved: your own begin with x-")
        member._connection.close()
        self._leave(member, b"" if notice is None else encode(notice))

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

    def expire(self, now: float) -> float | None:
        """Let time pass, in seconds of any monotonic clock.

        Call it a few times a second; or when something has happened, and otherwise after as many
        seconds as it gives back, None for no need. It ends lingers (QUIT-3), and gives up a leaver
        that has taken nothing for 10 s or has been leaving for 60. From 2.5 s after the first call
        that follows `stop`, it waits for nothing: no other timer is needed to end in time
        (STOP-1). It sends heartbeats, where the room has them.
        """
        if self._stopped and self._gives_up_at is None:
            self._gives_up_at = now + GIVE_UP
        gives_up = self._gives_up_at is not None and now >= self._gives_up_at
        for member in tuple(self._leavers):
            member._start_clocks(now)
            if gives_up or member._is_late(now):
                self._give_up(member)
        if self._heartbeat is not None:
            self._beat(now, self._heartbeat)
        if self._leavers:
            return TICK
        return None if self._next_heartbeat is None else self._next_heartbeat - now

    def _beat(self, now: float, every: float) -> None:
        if self._next_heartbeat is not None and now >= self._next_heartbeat:
            self._next_heartbeat = None
            self.heartbeat()
        if self._next_heartbeat is None:
            self._next_heartbeat = now + every

    def _refusal(self) -> Notice | None:
        """Say why who connects now is not admitted; None where it is."""
        most = self._limits.members
        if self._stopped:
            return Notice(Code.SHUTTING_DOWN)
        if most is not None and len(self._members) - len(self._refused) >= most:
            return Notice(Code.ROOM_FULL, f"{most} are connected")
        return None

    def _leave(self, member: Member, farewell: bytes = b"") -> None:
        member._leave(farewell)
        if member in self._members:
            self._leavers[member] = None

    def _give_up(self, member: Member) -> None:
        if member.state is State.LINGERING:
            member._connection.lingered()
            self._forget_if_over(member)
        else:
            self.abort(member)

    def _settle(self, before: int) -> None:
        """Where the log has begun a new segment, evict who lags (LIM-3) and forget what no one
        needs."""
        end = self._log.end
        if before // SEGMENT_SIZE != end // SEGMENT_SIZE:
            for member in self._cursors.before(end - self._limits.backlog):
                self.abort(member)
            self._log.forget(self._cursors.lowest(end, held=True))

    def _check_own(self, member: Member) -> None:
        if member._log is not self._log:
            raise LocalProtocolError(f"{member.sender} is a member of another room")

    def _forget_if_over(self, member: Member) -> None:
        if member.state in (State.CLOSED, State.ABORTED):
            self._members.pop(member, None)
            self._leavers.pop(member, None)
            self._refused.discard(member)
