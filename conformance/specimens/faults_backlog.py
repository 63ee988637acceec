"""Servers with a fault of backlogs: whom they disconnect when, and what is lost thereby."""

import re
import signal
import time

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import LOSS, LOST, fault

STALLS = f"{LOSS} ROOM-7 LIM-4 TRN-1 STOP-1"


@fault("LIM-3", "resets a member for which 256 KiB wait", may_break=f"{STALLS} QUIT-3 QUIT-5 ERR-2")
class EvictsEarly(BaseServer):
    send_buffer = 32_768
    bound = 262_144


@fault("LIM-3", "never disconnects a member that stops reading", may_break=STALLS)
class NeverEvicts(BaseServer):
    bound = 1 << 40


@fault("LIM-3", "waits for a member that does not read, and everybody with it", may_break=STALLS)
class WaitsForTheStalled(BaseServer):
    def flush(self, member: Member) -> None:
        if not member.closed and not self.stopping:
            member.sock.setblocking(True)
        super().flush(member)
        if not member.closed:
            member.sock.setblocking(False)


@fault("LIM-3", "reads nobody while 1 MiB waits for anybody", may_break=STALLS)
class StalledStopsTheRoom(BaseServer):
    bound = 1 << 40
    behind = False

    def turn(self) -> None:
        super().turn()
        was_behind = self.behind
        self.behind = any(len(member.outgoing) > 1_048_576 for member in self.members)
        if self.behind != was_behind:
            for member in self.members:
                self.watch(member)

    def is_paused(self, member: Member) -> bool:
        return super().is_paused(member) or (self.behind and member.present)


@fault(
    "LIM-3",
    "waits for ever once 4 MiB wait for anybody, as a deadlock does",
    may_break=f"{STALLS} QUIT-3 QUIT-5",
)
class FreezesWhenFull(BaseServer):
    def evict(self, member: Member) -> None:
        del member
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            time.sleep(3_600)


BROADCAST_START = re.compile(rb"(?<=\n)\d{8} \d\d:\d\d:\d\d ")


def next_unit(waiting: bytearray, after: int) -> int:
    """Return where the first broadcast begins that is whole, after so many octets."""
    found = BROADCAST_START.search(waiting, after)
    return found.start() if found else len(waiting)


GAPS = f"{LOSS} QUIT-5 LIM-3 ROOM-7 STOP-1 TXT-5"


@fault(
    "LIM-4",
    "drops broadcasts for a member behind by 1 MiB, and goes on when it has caught up",
    may_break=f"{GAPS} QUIT-3",
)
class DropsTheMiddle(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.behind: set[Member] = set()

    def deliver(self, member: Member, octets: bytes) -> None:
        if len(member.outgoing) > 1_048_576:
            self.flush(member)
        if len(member.outgoing) > 1_048_576:
            self.behind.add(member)
        elif not member.outgoing:
            self.behind.discard(member)
        if member not in self.behind:
            super().deliver(member, octets)


@fault(
    "LIM-4",
    "drops the oldest of what waits for a member behind by 1 MiB",
    may_break=f"{GAPS} TRN-2 MSG-1",
)
class DropsTheOldest(BaseServer):
    def deliver(self, member: Member, octets: bytes) -> None:
        super().deliver(member, octets)
        waiting = member.outgoing
        if len(waiting) > 1_048_576:
            self.flush(member)
        if len(waiting) > 1_048_576:
            del waiting[next_unit(waiting, 0) : next_unit(waiting, len(waiting) // 2)]


@fault(
    "LIM-4",
    "drops what is said while 256 KiB wait for a member",
    may_break=f"{GAPS} QUIT-3",
)
class DropsTheNewest(BaseServer):
    def deliver(self, member: Member, octets: bytes) -> None:
        if len(member.outgoing) > 262_144:
            self.flush(member)
        if len(member.outgoing) <= 262_144:
            super().deliver(member, octets)


@fault(
    "LIM-4",
    "gives a stalled member the newest broadcast instead of what waits, and lets it go",
    may_break=f"{GAPS} ERR-3 TRN-2 MSG-1",
)
class EvictedGetTheNewest(BaseServer):
    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        waiting = member.outgoing
        if len(waiting) + len(unit) > self.bound:
            self.flush(member)
        if len(waiting) + len(unit) > self.bound:
            waiting[next_unit(waiting, 0) :] = unit
            self.leave(member, self.notice("too-slow", "too much was waiting for you"))
        else:
            self.deliver(member, unit)


@fault(
    "LIM-3", "waits 2.5 s for a stalled member before it ends it", may_break="TRN-1 ROOM-7 QUIT-5"
)
class WaitsBeforeItEvicts(BaseServer):
    def evict(self, member: Member) -> None:
        time.sleep(2.5)
        super().evict(member)


@fault(
    "ROOM-2", "passes over who came after a member that it evicts", may_break=f"{LOSS} ROOM-7 LIM-3"
)
class PassesOverTheNext(BaseServer):
    def broadcast(self, sender: Member, unit: bytes) -> None:
        sender.flood += len(unit)
        passed_over = False
        for member in tuple(self.members):
            member.received += 1
            if not passed_over:
                self.deliver_from(sender, member, unit)
            passed_over = not member.present


@fault("LIM-3", "counts nobody's own words among what waits for it")
class ForgivesTheFlooder(BaseServer):
    ease = 1 << 40

    def deliver_from(self, sender: Member, member: Member, unit: bytes) -> None:
        if sender is not member:
            self.deliver(member, unit)
        elif not (member.deaf or member.closed):
            member.outgoing += unit
            self.touched[member] = None


@fault(
    "LIM-3",
    "ends every member, without a word, when too much waits for one",
    may_break=f"{LOST} ERR-3",
)
class EvictsAll(BaseServer):
    def evict(self, member: Member) -> None:
        super().evict(member)
        for other in tuple(self.members):
            self.leave(other)


@fault(
    "ROOM-2",
    "loses the next line of the read in which it ends a member for whom too much waits",
    may_break=f"{LOST} LIM-3",
)
class LosesTheLineAfterAnEviction(BaseServer):
    evicted = False

    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        self.evicted = False

    def evict(self, member: Member) -> None:
        super().evict(member)
        self.evicted = True

    def broadcast(self, sender: Member, unit: bytes) -> None:
        lost, self.evicted = self.evicted, False
        if not lost:
            super().broadcast(sender, unit)


@fault(
    "LIM-3",
    "counts as waiting all that was sent to a member since nothing waited",
    may_break=f"{LOST} LIM-3 ROOM-6 STOP-1",
)
class CountsSinceEmpty(BaseServer):
    bound = 1_100_000

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.sent_since: dict[Member, int] = {}

    def deliver(self, member: Member, octets: bytes) -> None:
        waiting = self.sent_since.get(member, 0) if member.outgoing else 0
        self.sent_since[member] = waiting + len(octets)
        super().deliver(member, octets)
        if self.sent_since[member] > self.bound:
            self.evict(member)
