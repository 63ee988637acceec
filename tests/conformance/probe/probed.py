"""Servers that a probe has to see through: those that die or hang of what does not decode, are
late in one way or another, relay reads, or let each hear itself alone."""

import os
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

from conformance.specimens.base import BaseServer
from conformance.specimens.dialects import BareRelay
from conformance.specimens.member import Member


class Dies(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code == "invalid-text":
            os._exit(3)
        super().violation(member, code, line)


class Hangs(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code == "invalid-text":
            time.sleep(600)
        super().violation(member, code, line)


DELAY = 0.15
"""Seconds that an answer takes of who is late."""


class EntersLate(BaseServer):
    """Whoever connects becomes a member, and is read from, 50 ms later."""

    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        self.later(0.05, lambda: super(EntersLate, self).accept(sock, address))


class AnswersLate(BaseServer):
    """Each line is broadcast later than it was read."""

    def on_octets(self, member: Member, octets: bytes) -> None:
        self.later(DELAY, lambda: self.on_octets_later(member, octets))

    def on_octets_later(self, member: Member, octets: bytes) -> None:
        if member.present:
            super().on_octets(member, octets)
            self.touched[member] = None

    def on_end_of_stream(self, member: Member) -> None:
        self.later(DELAY, lambda: self.leave_later(member))

    def leave_later(self, member: Member) -> None:
        if member.present:
            super().on_end_of_stream(member)


class RelaysReads(BareRelay):
    """It relays what one read of 256 octets brings unchanged to all others."""

    read_size = 256

    def on_octets(self, member: Member, octets: bytes) -> None:
        self.broadcast(member, octets)


class HangsAtAnEnd(BaseServer):
    """Who says what does not decode is heard no more. An end of stream hangs it."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.muted: set[Member] = set()

    def on_octets(self, member: Member, octets: bytes) -> None:
        if member not in self.muted:
            super().on_octets(member, octets)

    def violation(self, member: Member, _code: str, _line: bytes) -> None:
        self.muted.add(member)

    def on_end_of_stream(self, _member: Member) -> None:
        time.sleep(600)


class SendsTwoReads(RelaysReads):
    """It sends what two reads brought at once, if more is to come."""

    latest = 0

    def on_octets(self, member: Member, octets: bytes) -> None:
        self.latest = len(octets)
        super().on_octets(member, octets)

    def flush(self, member: Member) -> None:
        if self.latest < self.read_size or len(member.outgoing) >= 2 * self.read_size:
            super().flush(member)


class ReadsAll(RelaysReads):
    """It reads all there is, and sends it in parts."""

    read_size = 1 << 20

    def write(self, member: Member) -> int:
        return member.sock.send(member.outgoing[:4096])


class PutsOutLaggards(RelaysReads):
    """It ends each read with an LF, and puts everybody out when more than 16 come at once."""

    read_size = 512

    def on_octets(self, member: Member, octets: bytes) -> None:
        self.broadcast(member, octets + b"\n")

    def read(self, member: Member) -> None:
        with suppress(BlockingIOError):
            if len(member.sock.recv(1 << 20, socket.MSG_PEEK)) > 16 * self.read_size:
                for one in list(self.members):
                    self.close(one)
                return
        super().read(member)


class AwaitsTheLf(BaseServer):
    """Whoever has said half a line is read from, and nobody else, until the rest comes. It dies if
    that never comes."""

    limit = 2**32

    def on_octets(self, member: Member, octets: bytes) -> None:
        member.sock.setblocking(True)
        while not octets.endswith(b"\n"):
            if not (more := member.sock.recv(65_536)):
                os._exit(3)
            octets += more
        member.sock.setblocking(False)
        super().on_octets(member, octets)


class RelaysTheQuit(BareRelay):
    """It relays each read with a name before it, `quit` alone as well, whose sender it forgets."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.forgotten: set[Member] = set()

    def recipients(self, sender: Member) -> Iterable[Member]:
        return (one for one in super().recipients(sender) if one not in self.forgotten)

    def on_octets(self, member: Member, octets: bytes) -> None:
        if member not in self.forgotten:
            self.broadcast(member, f"<{member.label}> ".encode() + octets)
        if octets == b"quit":
            self.forgotten.add(member)


class HearsItself(BaseServer):
    def recipients(self, sender: Member) -> Iterable[Member]:
        return [sender]


SERVERS = {
    "dies": Dies,
    "hangs": Hangs,
    "enters-late": EntersLate,
    "answers-late": AnswersLate,
    "relays-reads": RelaysReads,
    "hangs-at-an-end": HangsAtAnEnd,
    "sends-two-reads": SendsTwoReads,
    "reads-all": ReadsAll,
    "puts-out-laggards": PutsOutLaggards,
    "awaits-the-lf": AwaitsTheLf,
    "relays-the-quit": RelaysTheQuit,
    "hears-itself": HearsItself,
}

if __name__ == "__main__":
    sys.exit(SERVERS[sys.argv[1]](int(sys.argv[2])).serve())
