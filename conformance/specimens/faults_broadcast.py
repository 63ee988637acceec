"""Servers with a fault of the broadcast: its header, its clock, its label, its sameness for all."""

import socket
import unicodedata
from datetime import datetime, timedelta, timezone

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import SHAPE, fault

HEADER = "TRN-2 MSG-2 MSG-4 MSG-5"


@fault("MSG-1", "writes the date with slashes", may_break=HEADER)
class DateWithSlashes(BaseServer):
    def header(self, moment: datetime, sender: Member) -> str:
        return f"{moment:%Y/%m/%d %H:%M:%S} {sender.label}"


@fault("MSG-1", "does not pad the hour; picks a zone where that shows", may_break=HEADER)
class UnpaddedHour(BaseServer):
    def header(self, moment: datetime, sender: Member) -> str:
        at_three = moment + timedelta(hours=(3 - moment.hour + 11) % 24 - 11)
        return f"{at_three:%Y%m%d} {at_three.hour}:{at_three:%M:%S} {sender.label}"


@fault("MSG-1", "writes a 12-hour time", may_break=HEADER)
class TwelveHourTime(BaseServer):
    def header(self, moment: datetime, sender: Member) -> str:
        return f"{moment:%Y%m%d %I:%M:%S} {'AM' if moment.hour < 12 else 'PM'} {sender.label}"


@fault("MSG-1", "writes every hour as 24", may_break=HEADER)
class HourTwentyFour(BaseServer):
    def header(self, moment: datetime, sender: Member) -> str:
        return f"{moment:%Y%m%d 24:%M:%S} {sender.label}"


@fault("MSG-1", "writes 30 February", may_break=HEADER)
class DateThatIsNot(BaseServer):
    def header(self, moment: datetime, sender: Member) -> str:
        return f"{moment:%Y0230 %H:%M:%S} {sender.label}"


@fault("MSG-1", "writes two spaces before the sender", may_break=HEADER)
class TwoSpaces(BaseServer):
    def header(self, moment: datetime, sender: Member) -> str:
        return f"{moment:%Y%m%d %H:%M:%S}  {sender.label}"


@fault("MSG-1", "writes fractions of a second", may_break=HEADER)
class FractionsOfASecond(BaseServer):
    def header(self, moment: datetime, sender: Member) -> str:
        return f"{moment:%Y%m%d %H:%M:%S.%f} {sender.label}"


@fault("MSG-1", "writes the text into the header's line", may_break=HEADER)
class OneLineBroadcast(BaseServer):
    def compose(self, sender: Member, text: str) -> bytes:
        return super().compose(sender, text).replace(b"\n", b" ", 1)


@fault("TRN-2", "leaves out the LF that ends a broadcast", may_break=SHAPE)
class LeavesOutTheLastLineEnd(BaseServer):
    def compose(self, sender: Member, text: str) -> bytes:
        return super().compose(sender, text)[:-1]


@fault("ROOM-2", "writes an LF before each broadcast instead of after it", may_break=SHAPE)
class LineEndComesFirst(BaseServer):
    def compose(self, sender: Member, text: str) -> bytes:
        return b"\n" + super().compose(sender, text)[:-1]


@fault("MSG-2", "names the sender without its port")
class LabelWithoutPort(BaseServer):
    def label(self, _sock: socket.socket, address: tuple[str, int]) -> str:
        return address[0]


@fault("MSG-2", "names the sender as Python prints an address")
class LabelAsTuple(BaseServer):
    def label(self, _sock: socket.socket, address: tuple[str, int]) -> str:
        return repr(address)


@fault("MSG-2", "puts an IPv4 address in brackets")
class LabelInBrackets(BaseServer):
    def label(self, _sock: socket.socket, address: tuple[str, int]) -> str:
        return f"[{address[0]}]:{address[1]}"


@fault("MSG-2", "writes an IPv4 address as an IPv4-mapped one")
class LabelMapped(BaseServer):
    def label(self, _sock: socket.socket, address: tuple[str, int]) -> str:
        return f"[::ffff:{address[0]}]:{address[1]}"


@fault("MSG-2", "labels every message with the server's own address")
class LabelOfTheServer(BaseServer):
    def label(self, sock: socket.socket, _address: tuple[str, int]) -> str:
        host, port = sock.getsockname()
        return f"{host}:{port}"


@fault("MSG-2", "labels every message with the newest member's address")
class LabelOfTheNewest(BaseServer):
    def header(self, moment: datetime, sender: Member) -> str:
        return super().header(moment, next(reversed(self.members), sender))


@fault("MSG-3", "shows the sender its own messages as from `me`", may_break="MSG-2")
class SenderSeesMe(BaseServer):
    def deliver_from(self, sender: Member, member: Member, unit: bytes) -> None:
        if sender is member:
            unit = unit.replace(sender.label.encode(), b"me", 1)
        self.deliver(member, unit)


@fault(
    "MSG-3",
    "gives each second member a time 1 s later",
    may_break="MSG-5",
)
class TimePerRecipient(BaseServer):
    def deliver_from(self, sender: Member, member: Member, unit: bytes) -> None:
        moment = self.now() + timedelta(seconds=member.number % 2)
        text = unit.partition(b"\n")[2]
        self.deliver(member, self.header(moment, sender).encode() + b"\n" + text)


@fault("MSG-3", "normalises to NFD for all but the sender", may_break="TXT-5")
class DecomposesForOthers(BaseServer):
    def deliver_from(self, sender: Member, member: Member, unit: bytes) -> None:
        if sender is not member:
            unit = unicodedata.normalize("NFD", unit.decode()).encode()
        self.deliver(member, unit)


@fault("MSG-4", "writes the time of a zone 9 h 30 min behind UTC")
class AnotherZone(BaseServer):
    zone = timezone(timedelta(hours=-9, minutes=-30))


@fault("MSG-5", "has a clock 1 h 7 min fast", may_break="MSG-4")
class ClockOfAnOddZone(BaseServer):
    clock_error = timedelta(hours=1, minutes=7)


@fault("MSG-5", "has a clock a minute slow")
class ClockAMinuteSlow(BaseServer):
    clock_error = timedelta(seconds=-60)


@fault("MSG-5", "has a clock 8 s fast")
class ClockSecondsFast(BaseServer):
    clock_error = timedelta(seconds=8)


@fault("MSG-5", "has a clock that gains a second with each message", may_break="MSG-4")
class ClockThatGains(BaseServer):
    def on_message(self, sender: Member, text: str) -> None:
        self.clock_error += timedelta(seconds=1)
        super().on_message(sender, text)


@fault("MSG-5", "has a clock that stopped 17 min 23 s before the server started", may_break="MSG-4")
class ClockThatStopped(BaseServer):
    stopped_at = datetime.now(BaseServer.zone) - timedelta(minutes=17, seconds=23)

    def now(self) -> datetime:
        return self.stopped_at
