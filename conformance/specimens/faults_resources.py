"""Servers with a fault of resources: they spin, or do not live through a want of descriptors."""

import os
import socket
from abc import ABC, abstractmethod
from contextlib import suppress

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import LOSS, fault


class Spinning(BaseServer, ABC):
    """Waits for nothing while there is what it mistakes for something to do."""

    def turn(self) -> None:
        if self.is_restless():
            self.later(0.0, lambda: None)
        super().turn()

    @abstractmethod
    def is_restless(self) -> bool:
        """Whether there is such a thing now."""


@fault("RES-1", "spins while something waits for a member that does not read")
class SpinsForWhoStalls(Spinning):
    def is_restless(self) -> bool:
        return any(member.present and member.outgoing for member in self.connections)


@fault("RES-1", "spins from a half-close until all that is owed has been sent")
class SpinsAfterAHalfClose(Spinning):
    def is_restless(self) -> bool:
        return any(member.ended for member in self.connections)


@fault("RES-1", "spins once a member has reset its connection")
class SpinsAfterAReset(Spinning):
    was_reset = False

    def on_reset(self, member: Member) -> None:
        self.was_reset = True
        super().on_reset(member)

    def is_restless(self) -> bool:
        return self.was_reset


@fault("RES-1", "spins while nobody is connected")
class SpinsAlone(Spinning):
    def is_restless(self) -> bool:
        return not self.connections and not self.stopping


@fault("RES-1", "asks again and again for a connection that it has no descriptor for")
class SpinsForADescriptor(BaseServer):
    def on_no_descriptor(self) -> None:
        """The listener is still ready."""


@fault("RES-2", "dies when it has no descriptor for a connection", may_break=LOSS)
class DiesForADescriptor(BaseServer):
    def on_no_descriptor(self) -> None:
        raise OSError("too many open files")


@fault("RES-2", "accepts nobody any more after it had no descriptor", may_break=LOSS)
class DeafAfterNoDescriptor(BaseServer):
    def on_no_descriptor(self) -> None:
        self.ignore_listener()


@fault("RES-2", "resets all its members when it has no descriptor", may_break=LOSS)
class ResetsAllForADescriptor(BaseServer):
    def on_no_descriptor(self) -> None:
        super().on_no_descriptor()
        for member in tuple(self.members):
            self.reset(member)


@fault("RES-2", "keeps a descriptor of every connection that is over")
class KeepsDescriptors(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.kept: list[int] = []

    def close(self, member: Member) -> None:
        if not member.closed:
            with suppress(OSError):
                member.sock.shutdown(socket.SHUT_RDWR)
            self.kept.append(os.dup(member.sock.fileno()))
        super().close(member)
