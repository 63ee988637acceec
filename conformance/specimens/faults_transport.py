"""Servers with a fault of transport: one connection delays another, or more is sent than units."""

import select
import socket

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import LOSS, SHAPE, fault


@fault(
    "TRN-1",
    "serves the member that joined first; the others are read when it has left",
    may_break=f"{LOSS} ROOM-5 ROOM-7 QUIT-1 QUIT-3 QUIT-5 ERR-2 HB-3 LIM-2 LIM-3 LIM-6 STOP-1 "
    "TXT-2",
)
class ServesTheFirst(BaseServer):
    def is_paused(self, member: Member) -> bool:
        first = next(iter(self.members), member)
        return super().is_paused(member) or (member.present and member is not first)

    def leave(self, member: Member, last: bytes = b"") -> None:
        super().leave(member, last)
        self.touched.update(self.members)

    def close(self, member: Member) -> None:
        super().close(member)
        self.touched.update(self.members)


@fault(
    "TRN-1",
    "having read part of a line, reads nobody else until the rest has come, or 10 s have passed",
    may_break="ROOM-7 FRM-4 LIM-2 HB-3 STOP-1",
)
class WaitsForTheRestOfALine(BaseServer):
    def read(self, member: Member) -> None:
        super().read(member)
        for other in tuple(self.touched):
            self.flush(other)
        poll = select.poll()  # type: ignore[attr-defined, unused-ignore]  # POSIX
        if member.present and member.tail:
            poll.register(member.sock, select.POLLIN)  # type: ignore[attr-defined, unused-ignore]  # POSIX
        while member.present and member.tail and not member.ended and poll.poll(10_000):
            super().read(member)


@fault(
    "TRN-1",
    "waits up to 10 s for a newcomer's first octets before it serves anybody else",
    may_break="LIM-6 ROOM-1 ROOM-7 HB-3 STOP-1",
)
class WaitsForTheNewcomer(BaseServer):
    def on_join(self, member: Member) -> None:
        member.sock.settimeout(10)
        try:
            member.sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return
        finally:
            member.sock.setblocking(False)


@fault("TRN-2", "greets a newcomer with a line", may_break=SHAPE)
class Greets(BaseServer):
    def on_join(self, member: Member) -> None:
        self.deliver(member, b"Welcome to the chat! Type quit to leave.\n")


@fault("TRN-2", "greets a newcomer without a line end", may_break=SHAPE)
class GreetsWithoutLineEnd(BaseServer):
    def on_join(self, member: Member) -> None:
        self.deliver(member, b"name?")


@fault("TRN-2", "prompts a member after each of its own messages", may_break=SHAPE)
class Prompts(BaseServer):
    def on_message(self, sender: Member, text: str) -> None:
        super().on_message(sender, text)
        self.deliver(sender, b"> ")


@fault("TRN-2", "tells the others who has joined", may_break=SHAPE)
class AnnouncesJoining(BaseServer):
    def on_join(self, member: Member) -> None:
        for other in tuple(self.members):
            if other is not member:
                self.deliver(other, f"* {member.label} has joined\n".encode())


@fault("TRN-2", "tells the others who has left", may_break=f"{SHAPE} ROOM-7 QUIT-1")
class AnnouncesLeaving(BaseServer):
    def leave(self, member: Member, last: bytes = b"") -> None:
        super().leave(member, last)
        for other in tuple(self.members):
            self.deliver(other, f"* {member.label} has left\n".encode())


@fault("TRN-2", "answers `quit` with a word", may_break=f"{SHAPE} QUIT-1 QUIT-3")
class SaysGoodbye(BaseServer):
    def on_quit(self, member: Member) -> None:
        self.leave(member, b"bye\n")


@fault("TRN-2", "ends each broadcast with LF and a space, as stage 2 did", may_break=SHAPE)
class EndsWithASpace(BaseServer):
    def compose(self, sender: Member, text: str) -> bytes:
        return super().compose(sender, text) + b" "


@fault("TRN-2", "sends notices that announce no closing, between broadcasts")
class NoticesBetweenBroadcasts(BaseServer):
    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        self.deliver(member, unit)
        if member.received % 2 == 0:
            self.deliver(
                member, f"!x-load-{member.received} 20260101 00:00:00 all is well\n".encode()
            )
