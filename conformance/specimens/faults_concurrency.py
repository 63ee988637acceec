"""Servers whose parts get in each other's way: what races, tables kept too long, descriptors closed
twice or never, and writes that nobody guards do to a room, each made to happen in one thread."""

import os
import random
from abc import abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import ALL, LOSS, LOST, MIXTURE, ORDER, WHICHEVER, fault


@fault("ROOM-2", "loses one broadcast in 500, for one member", may_break=f"{WHICHEVER} LIM-2")
class LosesOneInFiveHundred(BaseServer):
    chance = random.Random(1)  # noqa: S311  # not secret

    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        if self.chance.randrange(500):
            self.deliver(member, unit)


@fault(
    "ROOM-2",
    "sends one broadcast in 500 twice, to one member",
    may_break="ROOM-1 ROOM-3 ROOM-4 ROOM-7",
)
class DoublesOneInFiveHundred(BaseServer):
    chance = random.Random(1)  # noqa: S311  # not secret

    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        self.deliver(member, unit if self.chance.randrange(500) else unit + unit)


@fault(
    "ROOM-2",
    "takes a write that was cut short for a whole one",
    may_break=f"{MIXTURE} QUIT-3 QUIT-5 LIM-3 LIM-4 STOP-1",
)
class ForgetsWhatDidNotFit(BaseServer):
    def write(self, member: Member) -> int:
        super().write(member)
        return len(member.outgoing)


@fault(
    "QUIT-5",
    "sends each broadcast in one write, and never what did not fit",
    may_break=f"{MIXTURE} QUIT-3 ERR-3 LIM-3 LIM-4 STOP-1 TXT-5",
)
class SendsOnce(BaseServer):
    def deliver(self, member: Member, octets: bytes) -> None:
        try:
            if not member.deaf and not member.closed:
                member.sock.send(octets)
        except BlockingIOError:
            pass
        except OSError:
            member.deaf = True


class ContendedServer(BaseServer):
    """Holds a message until the next one comes, or a turn is over: what two say at once meets."""

    held: tuple[Member, str] | None = None

    def on_message(self, sender: Member, text: str) -> None:
        if self.held is None or self.held[0] is sender:
            self.let_go()
            self.held = (sender, text)
        else:
            first, self.held = self.held, None
            self.meet(first, (sender, text))

    @abstractmethod
    def meet(self, first: tuple[Member, str], second: tuple[Member, str]) -> None:
        """What comes of two messages at once."""

    def let_go(self) -> None:
        if self.held is not None:
            held, self.held = self.held, None
            super().on_message(*held)

    def handle_events(self) -> None:
        super().handle_events()
        self.let_go()

    def on_join(self, member: Member) -> None:
        del self.members[member]
        self.let_go()
        self.members[member] = None

    def leave(self, member: Member, last: bytes = b"") -> None:
        self.let_go()
        super().leave(member, last)


@fault(
    "ROOM-6",
    "writes header and text apart, and both headers first where two speak at once",
    may_break=MIXTURE,
)
class InterleavesUnderContention(ContendedServer):
    def meet(self, first: tuple[Member, str], second: tuple[Member, str]) -> None:
        units = [self.compose(*one).partition(b"\n") for one in (first, second)]
        for header, lf, _ in units:
            self.broadcast(first[0], header + lf)
        for _, _, text in units:
            self.broadcast(second[0], text)


@fault("MSG-2", "takes the second for the speaker of both where two speak at once", may_break=LOSS)
class ConfusesSpeakers(ContendedServer):
    def meet(self, first: tuple[Member, str], second: tuple[Member, str]) -> None:
        for _, text in (first, second):
            BaseServer.on_message(self, second[0], text)


@fault(
    "ROOM-2",
    "keeps the second message only where two speak at once",
    may_break=f"{WHICHEVER} STOP-3",
)
class KeepsOneOfTwo(ContendedServer):
    def meet(self, _first: tuple[Member, str], second: tuple[Member, str]) -> None:
        BaseServer.on_message(self, *second)


@fault(
    "ROOM-2", "drops a message that another member was the last to say", may_break=f"{LOST} HB-1"
)
class DropsWhatAnotherSaid(BaseServer):
    last: tuple[Member, str] | None = None

    def on_message(self, sender: Member, text: str) -> None:
        repeats = self.last is not None and self.last[0] is not sender and self.last[1] == text
        self.last = (sender, text)
        if not repeats:
            super().on_message(sender, text)


@fault("MSG-3", "looks at its clock for each copy of a broadcast")
class StampsEachCopy(BaseServer):
    def on_message(self, sender: Member, text: str) -> None:
        for member in tuple(self.members):
            unit = self.compose(sender, text)
            sender.flood += len(unit) if member is sender else 0
            self.deliver(member, unit)


@fault(
    "ROOM-3",
    "gives every second member what several say at once in another order",
    may_break=ORDER,
)
class OrdersByThread(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.said: dict[Member, dict[Member, bytearray]] = {}

    def deliver_from(self, sender: Member, member: Member, unit: bytes) -> None:
        if member.number % 2:
            self.said.setdefault(member, {}).setdefault(sender, bytearray()).extend(unit)
        else:
            self.deliver(member, unit)

    def pass_on(self, member: Member) -> None:
        for units in reversed(self.said.pop(member, {}).values()):
            self.deliver(member, bytes(units))

    def handle_events(self) -> None:
        super().handle_events()
        for member in tuple(self.said):
            self.pass_on(member)

    def leave(self, member: Member, last: bytes = b"") -> None:
        self.pass_on(member)
        super().leave(member, last)


@fault(
    "ROOM-1",
    "sends to those who were members when the sender's last read was over",
    may_break=WHICHEVER,
)
class SendsToASnapshot(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.snapshots: dict[Member, tuple[Member, ...]] = {}

    def recipients(self, sender: Member) -> Iterable[Member]:
        return self.snapshots[sender]

    def on_join(self, member: Member) -> None:
        self.snapshots[member] = tuple(self.members)

    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        self.snapshots[member] = tuple(self.members)

    def close(self, member: Member) -> None:
        super().close(member)
        self.snapshots.pop(member, None)


@fault(
    "ROOM-1",
    "enters every 10th newcomer into its table only after that one's first read",
    may_break=WHICHEVER,
)
class RegistersLate(BaseServer):
    def on_join(self, member: Member) -> None:
        if member.number % 10 == 9:
            del self.members[member]

    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        if member.present:
            self.members[member] = None


@fault(
    "ROOM-7",
    "tells nobody else what it is saying when it comes upon a member that has reset",
    may_break=WHICHEVER,
)
class StopsAtTheDead(BaseServer):
    def on_reset(self, member: Member) -> None:
        member.deaf = member.ended = True

    def on_end_of_stream(self, member: Member) -> None:
        # Who is told of a reset while it sends reads an end of stream.
        if not member.deaf:
            super().on_end_of_stream(member)

    def broadcast(self, sender: Member, unit: bytes) -> None:
        sender.flood += len(unit)
        for member in tuple(self.members):
            if member.deaf:
                self.close(member)
                return
            self.deliver_from(sender, member, unit)


@fault(
    "ROOM-1",
    "gives a newcomer what still waited for whoever had its descriptor",
    may_break=f"{MIXTURE} {LOST}",
)
class LeavesABacklogBehind(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.left: dict[int, bytes] = {}

    def close(self, member: Member) -> None:
        number, waiting = member.sock.fileno(), bytes(member.outgoing)
        super().close(member)
        if number >= 0:
            self.left[number] = waiting

    def on_join(self, member: Member) -> None:
        member.outgoing += self.left.pop(member.sock.fileno(), b"")


@fault(
    "ROOM-1",
    "has a table of 200 entries, and forgets a member for who comes 200 later",
    may_break=f"{LOST} LIM-6",
)
class KnowsTwoHundred(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.entries: dict[int, Member] = {}

    def on_join(self, member: Member) -> None:
        former = self.entries.get(member.number % 200)
        self.entries[member.number % 200] = member
        if former is not None:
            self.members.pop(former, None)


@fault("ROOM-7", "closes a descriptor again when somebody else has it, within 0.2 s", may_break=ALL)
class ClosesTwice(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.to_close: set[int] = set()

    def close(self, member: Member) -> None:
        number = member.sock.fileno()
        super().close(member)
        if number >= 0:
            self.to_close.add(number)
            self.later(0.2, partial(self.to_close.discard, number))

    def on_join(self, member: Member) -> None:
        number = member.sock.fileno()
        if number in self.to_close:
            self.to_close.remove(number)
            self.later(0.005, partial(super().close, member))


@fault(
    "LIM-6",
    "keeps a descriptor for each connection there ever was, and may have 300",
    may_break=ALL,
)
class LeaksDescriptors(BaseServer):
    def listen(self) -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))  # type: ignore[attr-defined, unused-ignore]  # POSIX
        super().listen()

    def on_join(self, _member: Member) -> None:
        with suppress(OSError):
            os.open(os.devnull, os.O_RDONLY)


@fault(
    "ROOM-1",
    "forgets the address of who was reset a moment after the next has joined, who may have it",
    may_break=f"{LOST} MSG-2",
)
class KnowsAddresses(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.by_address: dict[str, Member] = {}
        self.to_forget: list[str] = []

    def on_join(self, member: Member) -> None:
        self.by_address[member.label] = member
        if self.to_forget:
            self.later(0.05, self.forget)

    def recipients(self, _sender: Member) -> Iterable[Member]:
        return [one for one in self.by_address.values() if one.present]

    def on_reset(self, member: Member) -> None:
        super().on_reset(member)
        self.to_forget.append(member.label)

    def forget(self) -> None:
        for address in self.to_forget:
            self.by_address.pop(address, None)
        self.to_forget.clear()
