"""Servers with a fault of membership: a leaver harms others, or one hears what it should not."""

import sys
from collections import deque
from collections.abc import Iterable
from functools import partial

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import ALL, LOSS, LOST, ORDER, fault


@fault("ROOM-7", "closes the newest member with one that resets", may_break=LOST)
class ResetTakesAnother(BaseServer):
    def on_reset(self, member: Member) -> None:
        super().on_reset(member)
        if self.members:
            self.leave(next(reversed(self.members)))


@fault("ROOM-7", "closes the newest member with one that quits", may_break=f"{LOST} QUIT-1 ERR-3")
class QuitTakesAnother(BaseServer):
    def on_quit(self, member: Member) -> None:
        super().on_quit(member)
        if self.members:
            self.leave(next(reversed(self.members)))


@fault("ROOM-7", "ends when a member resets", may_break=ALL)
class ResetEndsTheServer(BaseServer):
    def on_reset(self, member: Member) -> None:
        raise ConnectionResetError(f"{member.label} went away")


@fault("ROOM-7", "ends when it writes to a member that has gone", may_break=ALL)
class WriteEndsTheServer(BaseServer):
    """As SIGPIPE ends a program that does not ignore it."""

    def write(self, member: Member) -> int:
        try:
            return super().write(member)
        except ConnectionError:
            sys.exit(141)


@fault(
    "ROOM-7",
    "loses the message after a member has left",
    may_break=f"{LOST} QUIT-1 ERR-2 LIM-2 TXT-4",
)
class LeavingLosesOne(BaseServer):
    someone_left = False

    def leave(self, member: Member, last: bytes = b"") -> None:
        super().leave(member, last)
        self.someone_left = True

    def on_message(self, sender: Member, text: str) -> None:
        if self.someone_left:
            self.someone_left = False
        else:
            super().on_message(sender, text)


@fault(
    "ROOM-7",
    "repeats its last broadcast to all when a member goes",
    may_break=f"{LOSS} ROOM-4 ROOM-5 QUIT-1 ERR-2 LIM-3",
)
class LeavingRepeatsOne(BaseServer):
    last_unit = b""

    def broadcast(self, sender: Member, unit: bytes) -> None:
        self.last_unit = unit
        super().broadcast(sender, unit)

    def close(self, member: Member) -> None:
        if not member.closed and not self.stopping:
            for other in tuple(self.members):
                if other is not member:
                    self.deliver(other, self.last_unit)
        super().close(member)


@fault(
    "ROOM-7",
    "hears nothing more of members who speak when a reset one is still in its table",
    may_break=f"{LOST} {ORDER} QUIT-1 HB-1 ERR-2 LIM-3 STOP-1",
)
class DeadMembersMuteTheLiving(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.dead = False
        self.muted: set[Member] = set()

    def on_reset(self, member: Member) -> None:
        super().on_reset(member)
        self.dead = True

    def on_line(self, member: Member, line: bytes) -> None:
        if member not in self.muted:
            super().on_line(member, line)
            if self.dead:
                self.muted.add(member)


@fault(
    "ROOM-7",
    "handles nobody's lines while a leaver has not closed its side",
    may_break="TRN-1 ROOM-1 ROOM-2 QUIT-3 QUIT-5",
)
class WaitsForTheLeaver(BaseServer):
    drain = 3.0

    def is_paused(self, member: Member) -> bool:
        waiting = any(leaver.shut for leaver in self.connections) and not self.stopping
        return super().is_paused(member) or (member.present and waiting)

    def on_flushed(self, leaver: Member) -> None:
        super().on_flushed(leaver)
        self.touched.update(self.members)

    def close(self, member: Member) -> None:
        super().close(member)
        self.touched.update(self.members)


@fault("ROOM-1", "sends a newcomer the last 20 broadcasts", may_break=f"{LOSS} ROOM-4 ROOM-7")
class ReplaysHistory(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.history: deque[bytes] = deque(maxlen=20)

    def on_join(self, member: Member) -> None:
        member.outgoing += b"".join(self.history)

    def broadcast(self, sender: Member, unit: bytes) -> None:
        self.history.append(unit)
        super().broadcast(sender, unit)


@fault("ROOM-1", "gives a leaver what is said until all has been sent to it", may_break=LOSS)
class LeaversHearOn(BaseServer):
    def recipients(self, _sender: Member) -> Iterable[Member]:
        return [one for one in self.connections if one.present or (one.outgoing and not one.shut)]


@fault("ROOM-1", "ends a leaver's stream 0.8 s late, and has it hear on", may_break=f"{LOSS} LIM-6")
class LeaversLeaveLate(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.gone: set[Member] = set()

    def recipients(self, _sender: Member) -> Iterable[Member]:
        return [one for one in self.connections if one not in self.gone]

    def leave(self, member: Member, last: bytes = b"") -> None:
        super().leave(member, last)
        if self.stopping or last:
            self.gone.add(member)
        else:
            self.later(0.8, partial(self.let_go, member))

    def let_go(self, member: Member) -> None:
        self.gone.add(member)
        self.touched[member] = None

    def on_flushed(self, leaver: Member) -> None:
        if leaver in self.gone or self.stopping:
            super().on_flushed(leaver)
