"""Servers that speak a dialect and are broken beyond it: a known fault, in other terms."""

import socket

from conformance.specimens import (
    dialects,
    faults_broadcast,
    faults_leaving,
    faults_membership,
    faults_room,
)
from conformance.specimens.faults_leaving import FLOODS
from conformance.specimens.faults_transport import AnnouncesJoining
from conformance.specimens.member import Member
from conformance.specimens.registry import ALL, LOSS, LOST, ORDER, SHAPE, WHICHEVER, fault_in


@fault_in("slash-dates", "ROOM-2", "loses every 50th broadcast of a member", may_break=WHICHEVER)
class SlashDatesLoses(faults_room.LosesSomeForEach, dialects.SlashDates):
    pass


@fault_in("ack", "ROOM-3", "swaps two senders' broadcasts for one member", may_break=ORDER)
class AckSwaps(faults_room.SwapsTwoSenders, dialects.Ack):
    pass


@fault_in("bare-relay", "ROOM-2", "loses every 50th broadcast of a member", may_break=WHICHEVER)
class BareRelayLoses(faults_room.LosesSomeForEach, dialects.BareRelay):
    pass


@fault_in("bare-relay", "ROOM-4", "swaps one sender's broadcasts for one member", may_break=ORDER)
class BareRelaySwaps(faults_room.SwapsOneSender, dialects.BareRelay):
    pass


@fault_in("bare-quit", "ROOM-2", "doubles every 20th broadcast", may_break=f"{LOSS} ROOM-4 ROOM-7")
class BareQuitDoubles(faults_room.DoublesSome, dialects.BareQuit):
    pass


@fault_in(
    "names",
    "ROOM-2",
    "doubles every 20th broadcast of a member",
    may_break=f"{LOSS} ROOM-4 ROOM-7",
)
class NamesDoubles(faults_room.DoublesSome, dialects.Names):
    pass


@fault_in("names", "MSG-2", "shows everyone under the newest member's name")
class NamesTheNewest(dialects.Names):
    def compose(self, _sender: Member, text: str) -> bytes:
        return super().compose(next(reversed(self.members)), text)


@fault_in("dashed-dates", "MSG-5", "has a clock a minute slow")
class DashedDatesSlow(faults_broadcast.ClockAMinuteSlow, dialects.DashedDates):
    pass


@fault_in("slash-dates", "TRN-2", "tells who has joined, undeclared", may_break=SHAPE)
class SlashDatesAnnounces(AnnouncesJoining, dialects.SlashDates):
    pass


@fault_in("gb2312", "ROOM-7", "closes the newest member with one that resets", may_break=LOST)
class Gb2312TakesAnother(faults_membership.ResetTakesAnother, dialects.Gb2312):
    pass


@fault_in("close-answer", "QUIT-3", "resets whoever leaves by a word", may_break=f"{LOSS} FRM-3")
class CloseAnswerResets(dialects.CloseAnswer):
    def on_quit(self, member: Member) -> None:
        self.flush(member)
        self.reset(member)


@fault_in("stage-4", "ROOM-7", "ends when a member resets", may_break=ALL)
class Stage4Ends(faults_membership.ResetEndsTheServer, dialects.Stage4):
    pass


@fault_in("stage-6", "QUIT-5", "floods all at a half-close", may_break=FLOODS)
class Stage6Floods(faults_leaving.HalfCloseFloods, dialects.Stage6):
    pass


@fault_in("stage-6", "QUIT-2", "knows `quit` in capitals too", may_break="ROOM-2")
class Stage6InAnyCase(faults_leaving.QuitInAnyCase, dialects.Stage6):
    pass


@fault_in(
    "stays-open",
    "QUIT-4",
    "broadcasts what is said after a member has left",
    may_break=f"{LOSS} FRM-1 QUIT-1 ERR-1",
)
class StaysOpenSpeaks(dialects.StaysOpen):
    def on_discarded(self, member: Member, octets: bytes) -> None:
        for line in octets.splitlines():
            self.on_message(member, line.decode("utf-8", "replace"))


@fault_in("numbered", "ROOM-2", "loses every 50th broadcast of a member", may_break=WHICHEVER)
class NumberedLoses(faults_room.LosesSomeForEach, dialects.Numbered):
    pass


@fault_in(
    "numbered",
    "FRM-1",
    "forgets the beginning of a line that came in two reads",
    may_break=f"{LOST} FRM-2",
)
class NumberedForgets(dialects.Numbered):
    """The well-known slip of this exercise: the buffer is cleared with the lines taken from it."""

    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        lines = super().frame(member, octets)
        if lines:
            member.tail.clear()
        return lines


@fault_in("login", "ROOM-4", "swaps one sender's broadcasts for one member", may_break=ORDER)
class LoginSwaps(faults_room.SwapsOneSender, dialects.Login):
    pass


@fault_in("scanner", "ROOM-2", "doubles every 20th broadcast", may_break=f"{LOSS} ROOM-4 ROOM-7")
class ScannerDoubles(faults_room.DoublesSome, dialects.Scanner):
    pass


@fault_in("octets", "MSG-5", "has a clock a minute slow")
class OctetsSlow(faults_broadcast.ClockAMinuteSlow, dialects.Octets):
    pass


@fault_in(
    "login",
    "TRN-1",
    "takes nobody in while who came before has not given its name",
    may_break="LIM-6 STOP-1",
)
class LoginInTurn(dialects.Login):
    """As one that reads the name where it accepts."""

    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        if any(not member.label for member in self.connections):
            self.later(0.002, lambda: self.accept(sock, address))
        else:
            super().accept(sock, address)
