"""Servers with a fault of heartbeats: blanks that count, beats inside units, idle members gone."""

from functools import partial

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import LOSS, SHAPE, fault

BLANKS = f"{SHAPE} TXT-3 FRM-3"


@fault("HB-1", "broadcasts blank lines", may_break=BLANKS)
class BroadcastsBlanks(BaseServer):
    def on_blank(self, member: Member) -> None:
        member.sent += 1
        self.on_message(member, "")


@fault("HB-1", "broadcasts lines of white space", may_break=BLANKS)
class BroadcastsWhiteSpace(BaseServer):
    def on_text(self, member: Member, text: str) -> None:
        if text.strip("\r") and not self.trim(text):
            member.sent += 1
            self.on_message(member, self.make_safe(text))
        else:
            super().on_text(member, text)


@fault("HB-1", "answers a blank line with a notice", may_break="TRN-2 ERR-3")
class AnswersBlanks(BaseServer):
    def on_blank(self, member: Member) -> None:
        self.deliver(member, b"!pong\n")


@fault("HB-1", "lets go whoever sends a blank line", may_break=f"{LOSS} QUIT-2 FRM-3 TXT-3 ROOM-7")
class BlankLeaves(BaseServer):
    def on_blank(self, member: Member) -> None:
        self.leave(member)


@fault("HB-1", "lets go whoever sends three blank lines", may_break=f"{LOSS} QUIT-2 FRM-3 TXT-3")
class ThreeBlanksLeave(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.blanks: dict[Member, int] = {}

    def on_blank(self, member: Member) -> None:
        self.blanks[member] = self.blanks.get(member, 0) + 1
        if self.blanks[member] == 3:
            self.leave(member)


@fault("HB-2", "sends a heartbeat between a broadcast's header and its text")
class BeatsAfterTheHeader(BaseServer):
    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        self.deliver(member, unit.replace(b"\n", b"\n\n", 1))


@fault("MSG-1", "sends a heartbeat within a broadcast's header", may_break=f"{SHAPE} HB-2 TXT-5")
class BeatsInTheHeader(BaseServer):
    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        self.deliver(member, unit[:8] + b"\n" + unit[8:])


REMOVED = f"{LOSS} TRN-1 ROOM-7 FRM-1 FRM-4 HB-1 LIM-2 LIM-3 LIM-6 STOP-1"


class WatchfulServer(BaseServer):
    """Looks at each member some time after it joined, or was last heard."""

    idle = 1.5

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.heard: dict[Member, int] = {}

    def on_join(self, member: Member) -> None:
        self.heard[member] = 0
        self.later(self.idle, partial(self.look, member, 0))

    def on_octets(self, member: Member, octets: bytes) -> None:
        self.heard[member] += 1
        self.later(self.idle, partial(self.look, member, self.heard[member]))
        super().on_octets(member, octets)

    def look(self, member: Member, heard: int) -> None:
        if member.present and self.heard[member] == heard:
            self.leave(member)


@fault("HB-3", "lets go whoever has been silent for 1.5 s", may_break=REMOVED)
class RemovesTheIdle(WatchfulServer):
    pass


@fault("HB-3", "lets go whoever says nothing in the first second", may_break=REMOVED)
class RemovesListeners(WatchfulServer):
    idle = 1.0

    def look(self, member: Member, heard: int) -> None:
        if not heard:
            super().look(member, heard)


@fault("HB-3", "sends heartbeats and lets go whoever does not answer in 1.5 s", may_break=REMOVED)
class WantsAnswers(WatchfulServer):
    heartbeat = 0.5


@fault("HB-1", "answers each read of nothing but blanks with a heartbeat")
class AnswersReadsOfBlanks(BaseServer):
    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        if member.present and not octets.strip(b" \t\v\f\r\n"):
            self.deliver(member, b"\n")
