"""Servers with a fault that shows only in the first that is said on a connection."""

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import VIOLATION, fault


@fault("TXT-5", "drops a U+FEFF with which a connection begins", may_break="QUIT-2 ROOM-1 ROOM-2")
class DropsTheFirstMark(BaseServer):
    def on_line(self, member: Member, line: bytes) -> None:
        super().on_line(member, line if member.sent else line.removeprefix(b"\xef\xbb\xbf"))


@fault("TXT-2", "hears no more of who offends before its first message", may_break="LIM-2 ROOM-2")
class MutesTheUnknown(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.muted: set[Member] = set()

    def violation(self, member: Member, code: str, line: bytes) -> None:
        if member.sent:
            super().violation(member, code, line)
        else:
            self.muted.add(member)
            member.tail.clear()

    def on_octets(self, member: Member, octets: bytes) -> None:
        if member not in self.muted:
            super().on_octets(member, octets)


@fault(
    "TXT-2",
    "decodes a first line as far as it goes, and broadcasts that",
    may_break=f"{VIOLATION} TXT-1 TXT-5 ROOM-2",
)
class BroadcastsTheUnknown(BaseServer):
    def on_line(self, member: Member, line: bytes) -> None:
        if not member.sent and len(line) <= self.limit:
            line = line.decode("utf-8", "replace").encode()
        super().on_line(member, line)


@fault("QUIT-1", "takes `quit` for a message, where it is the first", may_break="ROOM-1 ROOM-2")
class BroadcastsTheFirstQuit(BaseServer):
    def on_quit(self, member: Member) -> None:
        if member.sent:
            super().on_quit(member)
        else:
            member.sent += 1
            self.on_message(member, "quit")


@fault("HB-1", "ends a connection that begins with a blank line", may_break="ROOM-1 ROOM-2 ROOM-7")
class LeavesAtTheFirstBlank(BaseServer):
    def on_blank(self, member: Member) -> None:
        if not member.sent:
            self.leave(member)


@fault("LIM-2", "bounds no line before a connection's first message is over", may_break="ROOM-2")
class BoundsNoFirstLine(BaseServer):
    def on_long_tail(self, member: Member) -> None:
        if member.sent:
            super().on_long_tail(member)
