"""Servers with a fault of limits: of a line, of what waits for a member, of how many members."""

import re
import signal
import socket
import time

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import ALL, LOSS, VIOLATION, fault

SHORT = f"{LOSS} {VIOLATION} LIM-1 LIM-2 LIM-3 TXT-4 TXT-5 FRM-1 FRM-2 FRM-3 QUIT-3 QUIT-5 ROOM-7"


@fault("LIM-1", "takes lines of up to 512 octets", may_break=SHORT)
class ShortLimit(BaseServer):
    limit = 512


@fault("LIM-1", "takes lines of up to 1,024 octets with their LF", may_break=SHORT)
class LimitWithLineEnd(BaseServer):
    limit = 1_023


@fault("LIM-1", "cuts lines short at 512 octets", may_break=SHORT)
class CutsLines(BaseServer):
    def decode(self, line: bytes) -> str:
        if len(line) <= 512:
            return line.decode()
        line.decode()
        return line[:512].decode("utf-8", "ignore")


@fault("LIM-1", "counts the header in: a broadcast may have 1,024 octets", may_break=SHORT)
class LimitOfTheBroadcast(BaseServer):
    def on_message(self, sender: Member, text: str) -> None:
        unit = self.compose(sender, text)
        if len(unit) > 1_024:
            self.violation(sender, "line-too-long", text.encode())
        else:
            self.broadcast(sender, unit)


@fault(
    "LIM-1",
    "folds a line of more than 1,000 octets into several messages",
    may_break=f"{SHORT} LIM-3",
)
class FoldsLines(BaseServer):
    def on_message(self, sender: Member, text: str) -> None:
        for start in range(0, len(text), 1_000):
            super().on_message(sender, text[start : start + 1_000])


@fault("LIM-2", "judges a line's length when its LF has come", may_break=f"{VIOLATION} FRM-4")
class LimitAtTheLineEnd(BaseServer):
    def on_long_tail(self, member: Member) -> None:
        del member


@fault("LIM-2", "takes lines of any length", may_break=f"{VIOLATION} {LOSS} FRM-4 LIM-3")
class NoLimit(BaseServer):
    limit = 1 << 40


@fault("LIM-2", "passes over a line that is too long", may_break=f"{VIOLATION} {LOSS} FRM-4")
class SkipsLongLines(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.skipping: set[Member] = set()

    def on_long_tail(self, member: Member) -> None:
        self.skipping.add(member)
        member.tail.clear()

    def on_line(self, member: Member, line: bytes) -> None:
        if member in self.skipping:
            self.skipping.discard(member)
        elif len(line) <= self.limit:
            super().on_line(member, line)


@fault(
    "LIM-2",
    "sends the first 16,384 octets of a line that is too long",
    may_break=f"{VIOLATION} {LOSS}",
)
class CutsLongLines(SkipsLongLines):
    def on_long_tail(self, member: Member) -> None:
        if member not in self.skipping:
            self.cut(member, bytes(member.tail))
        super().on_long_tail(member)

    def on_line(self, member: Member, line: bytes) -> None:
        if member not in self.skipping and len(line) > self.limit:
            self.cut(member, line)
        else:
            super().on_line(member, line)

    def cut(self, member: Member, line: bytes) -> None:
        self.on_text(member, line[: self.limit].decode("utf-8", "ignore"))


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
            signal.pause()


BROADCAST_START = re.compile(rb"(?<=\n)\d{8} \d\d:\d\d:\d\d ")


def next_unit(waiting: bytearray, after: int) -> int:
    """Return where the first broadcast begins that is whole, after so many octets."""
    found = BROADCAST_START.search(waiting, after)
    return found.start() if found else len(waiting)


GAPS = f"{LOSS} QUIT-5 LIM-3 ROOM-7 STOP-1 TXT-5"


@fault(
    "LIM-4",
    "drops broadcasts for a member behind by 1 MiB, and goes on when it has caught up",
    may_break=GAPS,
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
    may_break=GAPS,
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


class FullServer(BaseServer):
    """Holds 300 unless told otherwise."""

    known_capacity = 300
    capacity = known_capacity


@fault("LIM-5", "closes a connection over capacity without a word", may_break="ERR-3")
class FullWithoutAWord(FullServer):
    def on_full(self, member: Member) -> None:
        self.leave(member)


@fault("LIM-5", "resets a connection over capacity", may_break="ERR-3")
class FullResets(FullServer):
    def on_full(self, member: Member) -> None:
        self.reset(member)


@fault(
    "LIM-5", "leaves a connection over capacity open and unheard", may_break="ERR-3 STOP-1 TRN-1"
)
class FullHangs(FullServer):
    def on_full(self, member: Member) -> None:
        self.members.pop(member)
        member.events = 0

    def watch(self, member: Member) -> None:
        if member in self.members or not member.present:
            super().watch(member)

    def stop(self) -> None:
        super().stop()
        for member in tuple(self.connections):
            if member.present:
                self.leave(member)


@fault("LIM-5", "makes a member of a connection over capacity", may_break="LIM-6")
class CapacityIgnored(FullServer):
    def on_full(self, member: Member) -> None:
        self.on_join(member)


@fault("LIM-6", "holds 100 members", may_break="LIM-5 ROOM-1 ROOM-2 TRN-1")
class HoldsAHundred(BaseServer):
    capacity = 100


@fault(
    "LIM-6",
    "holds 200 members and accepts nobody else meanwhile",
    may_break="LIM-5 ROOM-1 ROOM-2 TRN-1",
)
class HoldsTwoHundred(BaseServer):
    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        super().accept(sock, address)
        if len(self.connections) == 200 and not self.stopping:
            self.selector.unregister(self.listener)

    def accept_waiting(self, most: int) -> None:
        if self.stopping or len(self.connections) < 200:
            super().accept_waiting(1 if not self.stopping else most)

    def close(self, member: Member) -> None:
        full = len(self.connections) == 200
        super().close(member)
        if full and len(self.connections) < 200 and not self.stopping:
            self.watch_listener()

    def stop(self) -> None:
        if len(self.connections) == 200:
            self.watch_listener()
        super().stop()


@fault("LIM-1", "takes an unfinished line of 1,024 octets for too long", may_break=SHORT)
class LimitOfTheTail(BaseServer):
    limit = 1_024

    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        if member.present and len(member.tail) == self.limit:
            self.on_long_tail(member)


@fault(
    "LIM-2",
    "refuses a line of more than 4,096 octets, and an unfinished one at 1 MiB",
    may_break=f"{VIOLATION} LIM-1",
)
class TwoLimits(BaseServer):
    limit = 4_096

    def on_long_tail(self, member: Member) -> None:
        if len(member.tail) > 1_048_576:
            super().on_long_tail(member)


@fault("LIM-2", "counts a line's characters", may_break=f"{VIOLATION} {LOSS} LIM-3")
class CountsCharacters(BaseServer):
    limit = 4 * 1_048_576
    read_size = 65_536

    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        if member.present and self.is_too_long(member.tail):
            self.on_long_tail(member)

    def on_line(self, member: Member, line: bytes) -> None:
        if self.is_too_long(line):
            self.violation(member, "line-too-long", line)
        else:
            super().on_line(member, line)

    def is_too_long(self, line: bytes | bytearray) -> bool:
        return len(line) > 1_048_576 and len(line.decode("utf-8", "replace")) > 1_048_576


@fault("LIM-2", "skips the spaces with which a line begins", may_break=f"{VIOLATION} TXT-3")
class SkipsLeadingSpaces(BaseServer):
    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        lines = super().frame(member, octets)
        member.tail = member.tail.lstrip(b" ")
        return lines


@fault("LIM-3", "waits 1 s for a stalled member before it ends it", may_break="TRN-1 ROOM-7 QUIT-5")
class WaitsBeforeItEvicts(BaseServer):
    def evict(self, member: Member) -> None:
        time.sleep(1)
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


@fault("ROOM-2", "lets nobody in any more when 200 have left", may_break=ALL)
class HasHadEnough(BaseServer):
    gone = 0

    def close(self, member: Member) -> None:
        super().close(member)
        self.gone += 1

    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        super().accept(sock, address)
        if self.gone >= 200:
            self.members.popitem()
