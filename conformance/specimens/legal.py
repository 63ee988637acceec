"""Servers that break no rule and yet look strange: whoever accuses one of them is wrong."""

import random
import signal
import socket
import sys
import threading
import time
from datetime import timedelta, timezone
from functools import partial

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import strange


@strange("conformant, and nothing strange about it")
class Correct(BaseServer):
    pass


@strange("writes one octet at a time while little waits")
class WritesOctets(BaseServer):
    most_in_pieces = 2_048

    def write(self, member: Member) -> int:
        if len(member.outgoing) > self.most_in_pieces:
            return super().write(member)
        return member.sock.send(member.outgoing[: self.piece()])

    def piece(self) -> int:
        return 1


@strange("writes in pieces of any size while little waits")
class WritesPieces(WritesOctets):
    most_in_pieces = 16_384
    sizes = random.Random(1)  # noqa: S311  # not secret

    def piece(self) -> int:
        return self.sizes.randrange(1, 60)


@strange("sends up to 20 ms late whatever it sends")
class WritesLate(BaseServer):
    delays = random.Random(1)  # noqa: S311  # not secret

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.late: set[Member] = set()

    def settle(self, member: Member) -> None:
        if member.outgoing and len(member.outgoing) < 65_536:
            if member not in self.late:
                self.late.add(member)
                self.later(self.delay(), partial(self.settle_now, member))
        else:
            super().settle(member)

    def delay(self) -> float:
        return self.delays.uniform(0, 0.02)

    def settle_now(self, member: Member) -> None:
        self.late.discard(member)
        super().settle(member)


@strange("sends heartbeats around every broadcast and before every notice")
class BeatsAroundUnits(BaseServer):
    def deliver(self, member: Member, octets: bytes) -> None:
        super().deliver(member, b"\n" + octets + b"\n\n")

    def notice(self, code: str, explanation: str = "") -> bytes:
        return b"\n" + super().notice(code, explanation)


@strange("sends a heartbeat every 5 ms")
class BeatsAllTheTime(BaseServer):
    heartbeat = 0.005


@strange("writes the time of Kathmandu", shoulds="MSG-4")
class LocalTime(BaseServer):
    zone = timezone(timedelta(hours=5, minutes=45))


@strange("has a clock 3 s slow")
class ClockThreeSecondsSlow(BaseServer):
    clock_error = timedelta(seconds=-3)


@strange("explains no notice")
class BareNotices(BaseServer):
    def notice(self, code: str, explanation: str = "") -> bytes:
        del explanation
        return f"!{code}\n".encode()


@strange("explains its notices at length")
class LongNotices(BaseServer):
    def notice(self, code: str, explanation: str = "") -> bytes:
        return super().notice(code, explanation + " and so – sorry! – it ends here;" * 60)


@strange("reads one octet at a time until a member has sent 2,048")
class ReadsOctets(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.heard: dict[Member, int] = {}

    def read(self, member: Member) -> None:
        self.read_size = 1 if self.heard.get(member, 0) < 2_048 else 8_192
        super().read(member)

    def on_octets(self, member: Member, octets: bytes) -> None:
        self.heard[member] = self.heard.get(member, 0) + len(octets)
        super().on_octets(member, octets)


@strange("listens 1 s after it was started")
class StartsSlowly(BaseServer):
    def listen(self) -> None:
        time.sleep(1)
        super().listen()


@strange("accepts a member 0.05 s after it connected, and 50 of them a second")
class AcceptsSlowly(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.waiting: dict[socket.socket, tuple[str, int]] = {}
        self.latest = 0.0

    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        now = time.monotonic()
        self.waiting[sock] = address
        self.latest = max(now + 0.05, self.latest + 0.02)
        self.later(self.latest - now, partial(self.accept_now, sock))

    def accept_now(self, sock: socket.socket) -> None:
        if sock in self.waiting:
            super().accept(sock, self.waiting.pop(sock))

    def accept_waiting(self, most: int) -> None:
        super().accept_waiting(most)
        if self.stopping:
            for sock in tuple(self.waiting):
                self.accept_now(sock)


@strange("takes lines of up to 1,048,576 octets")
class LongLines(BaseServer):
    limit = 1_048_576
    read_size = 65_536


@strange("takes lines of up to 1,024 octets")
class ShortLines(BaseServer):
    limit = 1_024


@strange("resets a member soon after 1 MiB waits for it")
class EvictsSoon(BaseServer):
    send_buffer = 32_768
    bound = 1_100_000


@strange("resets a member when 48 MiB wait for it")
class EvictsLate(BaseServer):
    send_buffer = 262_144
    bound = 48 * 1_048_576


@strange("tells a stalled member why, as far as that goes, before it resets it")
class EvictsWithAWord(BaseServer):
    def evict(self, member: Member) -> None:
        self.leave(member, self.notice("too-slow", "too much was waiting for you"))
        self.later(0.5, partial(self.reset, member))


@strange("resets an offender 1 s after its notice was sent")
class ResetsTheDrained(BaseServer):
    drain = 1.05

    def on_drained(self, leaver: Member) -> None:
        self.reset(leaver)


@strange("sends nothing twice in 10 ms: what comes meanwhile goes out together")
class WritesTogether(WritesLate):
    def delay(self) -> float:
        return 0.01


@strange("reads each member once in 2 ms")
class ReadsSlowly(BaseServer):
    def on_ready(self, member: Member, events: int) -> None:
        super().on_ready(member, events)
        if member.present and member.events & 1 and not member.outgoing:
            self.selector.unregister(member.sock)
            member.events = 0
            self.touched.pop(member, None)
            self.later(0.002, partial(self.touch, member))

    def touch(self, member: Member) -> None:
        self.touched[member] = None


@strange("waits for a leaver to close as long as it takes")
class DrainsPatiently(BaseServer):
    drain = 3_600.0


@strange("keeps a leaver's place for 0.3 s")
class KeepsPlaces(BaseServer):
    known_capacity: int | None = 300
    capacity = known_capacity

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.kept = 0

    def is_full(self) -> bool:
        return self.capacity is not None and len(self.members) + self.kept >= self.capacity

    def leave(self, member: Member, last: bytes = b"") -> None:
        if member in self.members:
            self.kept += 1
            self.later(0.3, self.give_up_a_place)
        super().leave(member, last)

    def give_up_a_place(self) -> None:
        self.kept -= 1


@strange("in Berlin, where summer time begins with the 5,000th message", shoulds="MSG-4")
class SummerTime(BaseServer):
    said = 0
    zone = timezone(timedelta(hours=1))

    def on_message(self, sender: Member, text: str) -> None:
        self.said += 1
        if self.said == 5_000:
            self.zone = timezone(timedelta(hours=2))
        super().on_message(sender, text)


@strange("takes 2,000 lines a second from each member, and lets the rest wait")
class PacesFloods(BaseServer):
    a_turn = 50

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.queues: dict[Member, bytearray] = {}

    def on_octets(self, member: Member, octets: bytes) -> None:
        if member in self.queues:
            self.queues[member] += octets
        else:
            self.queues[member] = bytearray(octets)
            self.take(member)

    def on_end_of_stream(self, member: Member) -> None:
        if member not in self.queues:
            super().on_end_of_stream(member)

    def take(self, member: Member) -> None:
        queue = self.queues[member]
        for _ in range(self.a_turn):
            end = queue.find(b"\n") + 1 or len(queue)
            taken = bytes(queue[:end])
            del queue[:end]
            if taken and member.present:
                super().on_octets(member, taken)
        if queue and member.present:
            self.later(self.a_turn / 2_000, partial(self.take, member))
            return
        del self.queues[member]
        if member.ended and member.present:
            super().on_end_of_stream(member)
        self.touched[member] = None


@strange("stops when its console says `quit`, and heeds no signal")
class StopsByConsole(BaseServer):
    def heed_signals(self) -> None:
        super().heed_signals()
        signal.set_wakeup_fd(-1)
        threading.Thread(target=self.read_console, daemon=True).start()

    def read_console(self) -> None:
        for line in sys.stdin:
            if line.strip() == "quit":
                self.waking.send(b"q")


@strange("has room for 256, and keeps a leaver's place for 0.3 s")
class JustRoomEnough(KeepsPlaces):
    known_capacity = None
    capacity = 256


@strange("has room for 100, and turns others away without a word", shoulds="LIM-6")
class TurnsAwaySilently(BaseServer):
    capacity = 100

    def on_full(self, member: Member) -> None:
        self.leave(member)


@strange("keeps every broadcast for itself")
class LeaksMemory(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.kept: list[bytes] = []

    def broadcast(self, sender: Member, unit: bytes) -> None:
        self.kept.append(bytes(unit))
        super().broadcast(sender, unit)


@strange("starts a thread for each member, and ends none")
class LeaksThreads(BaseServer):
    def on_join(self, member: Member) -> None:
        del member
        threading.Thread(target=threading.Event().wait, daemon=True).start()


@strange("keeps a descriptor in reserve, and lets go at once of who finds no other")
class KeepsADescriptor(BaseServer):
    def listen(self) -> None:
        super().listen()
        self.reserve = socket.socket()

    def on_no_descriptor(self) -> None:
        self.reserve.close()
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            pass
        finally:
            self.reserve = socket.socket()
