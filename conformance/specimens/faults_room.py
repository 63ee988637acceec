"""Servers with a fault of the room: broadcasts lost, doubled, made up, reordered, interleaved."""

from abc import abstractmethod
from collections.abc import Iterable
from functools import partial

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import LOST, MIXTURE, ORDER, UNHEARD, WHICHEVER, fault


@fault(
    "ROOM-1",
    "loses the broadcast after a member's first own one, for that member",
    may_break=f"{LOST} LIM-6",
)
class ForgetsTheNewcomer(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.forgotten: set[Member] = set()

    def deliver_from(self, sender: Member, member: Member, unit: bytes) -> None:
        first_own = sender is member and member.sent == 1
        if first_own or not member.sent or member in self.forgotten:
            self.deliver(member, unit)
        else:
            self.forgotten.add(member)


@fault("ROOM-1", "makes a member only of who has spoken", may_break=f"{LOST} HB-3 LIM-6")
class WaitsForAWord(BaseServer):
    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        if member.sent:
            self.deliver(member, unit)


@fault("ROOM-2", "ends a broadcast only when the next is sent", may_break=UNHEARD)
class EndsWithTheNext(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.owed: set[Member] = set()

    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        end = b"\n" if member in self.owed else b""
        self.owed.add(member)
        self.deliver(member, end + unit[:-1])

    def leave(self, member: Member, last: bytes = b"") -> None:
        super().leave(member, (b"\n" if member in self.owed else b"") + last)


@fault("ROOM-2", "sends a broadcast only when the next is made", may_break=UNHEARD)
class SendsWithTheNext(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.buffered: dict[Member, bytes] = {}

    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        if member in self.buffered:
            self.deliver(member, self.buffered[member])
        self.buffered[member] = unit

    def leave(self, member: Member, last: bytes = b"") -> None:
        super().leave(member, self.buffered.pop(member, b"") + last)


@fault("ROOM-2", "loses every 50th broadcast that a member is to receive", may_break=WHICHEVER)
class LosesSomeForEach(BaseServer):
    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        if member.received % 50:
            self.deliver(member, unit)


@fault(
    "ROOM-1",
    "gives no more broadcasts to a member that has received 40, unless they are its own",
    may_break=f"{LOST} HB-3 LIM-3",
)
class TiresOfListeners(BaseServer):
    def deliver_from(self, sender: Member, member: Member, unit: bytes) -> None:
        if sender is member or member.received <= 40:
            self.deliver(member, unit)


@fault("ROOM-2", "does not send a message to its sender", may_break=f"{LOST} ROOM-4 ROOM-5 QUIT-2")
class NoEcho(BaseServer):
    def recipients(self, sender: Member) -> Iterable[Member]:
        return [member for member in self.members if member is not sender]


@fault("ROOM-2", "loses every 50th message, for all", may_break=WHICHEVER)
class LosesSomeForAll(BaseServer):
    accepted = 0

    def on_message(self, sender: Member, text: str) -> None:
        self.accepted += 1
        if self.accepted % 50:
            super().on_message(sender, text)


@fault(
    "ROOM-2",
    "sends every 20th broadcast twice to one member",
    may_break="ROOM-1 ROOM-3 ROOM-4 ROOM-7",
)
class DoublesSome(BaseServer):
    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        self.deliver(member, unit if member.received % 20 else unit + unit)


@fault(
    "ROOM-2", "makes up a message after every 20th", may_break="ROOM-1 ROOM-3 ROOM-4 MSG-2 TRN-2"
)
class MakesUpMessages(BaseServer):
    accepted = 0

    def on_message(self, sender: Member, text: str) -> None:
        self.accepted += 1
        super().on_message(sender, text)
        if self.accepted % 20 == 0:
            super().on_message(sender, "is anybody there?")


@fault(
    "ROOM-2", "drops a message that equals its sender's last one", may_break=f"{LOST} HB-1 LIM-3"
)
class DropsRepeats(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.last: dict[Member, str] = {}

    def on_message(self, sender: Member, text: str) -> None:
        if self.last.get(sender) != text:
            super().on_message(sender, text)
        self.last[sender] = text


@fault(
    "ROOM-2", "loses the last message of a read with several", may_break=f"{WHICHEVER} QUIT-1 ERR-2"
)
class LosesTheLastOfARead(BaseServer):
    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        lines = super().frame(member, octets)
        return lines[:-1] if len(lines) > 1 and self.is_plain(lines[-1]) else lines

    def is_plain(self, line: bytes) -> bool:
        try:
            return line.decode().strip() not in ("", "quit")
        except UnicodeDecodeError:
            return False


@fault(
    "ROOM-2",
    "shows a message to its sender and the three who joined first",
    may_break=f"{LOST} LIM-6 STOP-1",
)
class ReachesAFew(BaseServer):
    def recipients(self, sender: Member) -> Iterable[Member]:
        return dict.fromkeys([*list(self.members)[:3], sender])


@fault("LIM-6", "tells nobody but the twelve who joined first", may_break=f"{LOST} HB-3")
class ReachesTwelve(BaseServer):
    def recipients(self, _sender: Member) -> Iterable[Member]:
        return list(self.members)[:12]


class HoldingServer(BaseServer):
    """Holds some broadcasts back from a member, for a moment or until the next one has passed."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.held: dict[Member, tuple[Member, bytes]] = {}

    def deliver_from(self, sender: Member, member: Member, unit: bytes) -> None:
        if member in self.held:
            if self.lets_pass(self.held[member][0], sender):
                self.deliver(member, unit)
                self.release(member)
            else:
                self.release(member)
                self.deliver(member, unit)
        elif member.received % 5 == 0:
            self.held[member] = (sender, unit)
            self.later(0.1, partial(self.release, member))
        else:
            self.deliver(member, unit)

    @abstractmethod
    def lets_pass(self, held: Member, next_one: Member) -> bool:
        """Whether the next one's broadcast overtakes what is held."""

    def release(self, member: Member) -> None:
        if member in self.held:
            self.deliver(member, self.held.pop(member)[1])

    def leave(self, member: Member, last: bytes = b"") -> None:
        self.release(member)
        super().leave(member, last)


@fault("ROOM-3", "swaps two senders' broadcasts for one member now and then", may_break=ORDER)
class SwapsTwoSenders(HoldingServer):
    def lets_pass(self, held: Member, next_one: Member) -> bool:
        return held is not next_one


@fault(
    "ROOM-3",
    "shows a sender its own message at once, and the others' 30 ms later",
    may_break=f"{ORDER} LIM-4",
)
class EchoesFirst(BaseServer):
    def broadcast(self, sender: Member, unit: bytes) -> None:
        self.deliver(sender, unit)
        self.later(0.03, partial(self.tell_others, sender, unit, tuple(self.members)))

    def tell_others(self, sender: Member, unit: bytes, members: tuple[Member, ...]) -> None:
        for member in members:
            if member is not sender and member.present:
                self.deliver(member, unit)


@fault("ROOM-4", "swaps one sender's broadcasts for one member now and then", may_break=ORDER)
class SwapsOneSender(HoldingServer):
    def lets_pass(self, held: Member, next_one: Member) -> bool:
        return held is next_one


@fault("ROOM-4", "handles the lines of a read from the last to the first", may_break=ORDER)
class ReversesARead(BaseServer):
    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        lines = super().frame(member, octets)
        return lines if any(map(self.is_special, lines)) else lines[::-1]

    def is_special(self, line: bytes) -> bool:
        try:
            return line.decode().strip() in ("", "quit")
        except UnicodeDecodeError:
            return True


@fault(
    "ROOM-5",
    "tells the newest member 80 ms late what every other speaker says",
    may_break=f"{ORDER} TRN-1 LIM-4",
)
class LateForOne(BaseServer):
    """Every other speaker reaches the newest member late, so that an answer overtakes the cause."""

    last_speaker: Member | None = None
    was_late = False

    def broadcast(self, sender: Member, unit: bytes) -> None:
        newest = next(reversed(self.members))
        if sender is not self.last_speaker or sender is newest:
            self.was_late = sender is not newest and not self.was_late
        self.last_speaker = sender
        super().broadcast(sender, unit)

    def deliver_from(self, sender: Member, member: Member, unit: bytes) -> None:
        if self.was_late and member is next(reversed(self.members), None) and member is not sender:
            self.later(0.08, partial(self.deliver_late, member, unit))
        else:
            self.deliver(member, unit)

    def deliver_late(self, member: Member, unit: bytes) -> None:
        if member.present:
            self.deliver(member, unit)


@fault(
    "ROOM-6",
    "interleaves the broadcasts of one read",
    may_break=f"{MIXTURE} FRM-1 QUIT-3 ERR-3 TXT-5",
)
class InterleavesARead(BaseServer):
    def broadcast(self, sender: Member, unit: bytes) -> None:
        header, text = unit.split(b"\n", 1)
        super().broadcast(sender, header + b"\n")
        self.later(0.0, partial(self.send_text, tuple(self.members), text))

    def send_text(self, members: tuple[Member, ...], text: bytes) -> None:
        for member in members:
            self.deliver(member, text)


@fault(
    "ROOM-6",
    "sends a long broadcast in two halves, 20 ms apart, and lets others in between",
    may_break=f"{MIXTURE} FRM-1 QUIT-3 QUIT-5 TXT-1 TXT-5 LIM-4",
)
class InterleavesLongOnes(BaseServer):
    def deliver(self, member: Member, octets: bytes) -> None:
        if len(octets) < 600:
            super().deliver(member, octets)
        else:
            half = len(octets) // 2
            super().deliver(member, octets[:half])
            self.later(0.02, partial(super().deliver, member, octets[half:]))
