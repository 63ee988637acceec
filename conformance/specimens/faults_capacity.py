"""Servers with a fault of capacity: how many members there may be."""

import socket

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import UNHEARD, fault


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


@fault("ROOM-2", "lets nobody in any more when 200 have left", may_break=UNHEARD)
class HasHadEnough(BaseServer):
    gone = 0

    def close(self, member: Member) -> None:
        super().close(member)
        self.gone += 1

    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        super().accept(sock, address)
        if self.gone >= 200:
            self.members.popitem()
