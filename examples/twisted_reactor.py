"""A chatproto/1 server with Twisted: the reactor calls back, one protocol object for each member.

Each protocol is a pull producer for its transport: it is asked for the next octets once the last
have gone out. So it keeps a cursor in the room's log instead of a buffer of its own.
"""

import argparse
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocolFactory, IPullProducer
from twisted.internet.pollreactor import PollReactor
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.internet.tcp import Port
from twisted.internet.tcp import Server as Transport
from twisted.python.failure import Failure
from zope.interface import implementer

from chatproto import Limits, Member, Room, State, ip_sender

TICK = 0.1


class Server(ServerFactory):
    noisy = False

    def __init__(self, reactor: PollReactor, room: Room) -> None:
        self.reactor = reactor
        self.room = room
        self.connections: dict[Member, Connection] = {}
        self.is_stopped = False
        self.ended: Deferred[None] = Deferred()

    def buildProtocol(self, addr: object) -> "Connection":
        return Connection(self)

    def tick(self) -> None:
        self.room.expire(time.monotonic())
        self.distribute()
        if self.is_stopped and not self.connections:
            self.ended.callback(None)
        else:
            self.reactor.callLater(TICK, self.tick)

    def stop(self) -> Deferred[None]:
        """Called by the reactor before it ends; the reactor waits for the result."""
        self.is_stopped = True
        self.room.stop()
        return self.ended

    def distribute(self) -> None:
        for connection in tuple(self.connections.values()):
            connection.serve()


@implementer(IHalfCloseableProtocol, IPullProducer)
class Connection(Protocol):
    def __init__(self, server: Server) -> None:
        self.server = server
        self.room = server.room
        self.is_full = self.is_paused = self.is_shut = False

    def connectionMade(self) -> None:
        self.tcp = cast(Transport, self.transport)
        self.tcp.setTcpNoDelay(True)
        peer = self.tcp.getPeer()
        self.member = self.room.join(ip_sender(peer.host, peer.port))
        self.server.connections[self.member] = self
        self.tcp.registerProducer(self, streaming=False)

    def dataReceived(self, data: bytes) -> None:
        self.room.receive(self.member, data, datetime.now(UTC))
        self.server.distribute()

    def readConnectionLost(self) -> None:
        self.room.receive_eof(self.member)
        self.serve()

    def writeConnectionLost(self) -> None:
        self.room.flushed(self.member)
        self.serve()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.room.abort(self.member)
        self.server.connections.pop(self.member, None)

    def resumeProducing(self) -> None:
        """Called when all that was written has gone to the kernel."""
        self.is_full = False
        self.serve()

    def stopProducing(self) -> None:
        """Called when the connection is lost, as is connectionLost."""

    def serve(self) -> None:
        """Do what the member's state asks for, as far as its transport goes without waiting."""
        member = self.member
        if not self.is_full and (octets := member.pending()):
            self.is_full = True
            member.sent(len(octets))
            self.tcp.write(bytes(octets))
        leaves = member.state in (State.FLUSHING, State.FLUSHING_ENDED)
        if leaves and not self.is_full and not self.is_shut:
            self.is_shut = True
            self.tcp.unregisterProducer()
            self.tcp.loseWriteConnection()
        if member.state is State.ABORTED:
            self.tcp.abortConnection()  # with SO_LINGER on, 0 s (LIM-4)
        elif member.state is State.CLOSED:
            self.tcp.loseConnection()
        elif member.is_flooding != self.is_paused:
            self.is_paused = not self.is_paused
            if self.is_paused:
                self.tcp.pauseProducing()
            else:
                self.tcp.resumeProducing()


class ReadingTransport(Transport):
    """A transport that reads on after a failed write: what waits was said before (QUIT-5)."""

    def connectionLost(self, reason: Failure) -> None:
        if reason.check(ConnectionLost):
            with suppress(OSError):
                while octets := self.socket.recv(self.bufferSize):
                    cast(Connection, self.protocol).dataReceived(octets)
        super().connectionLost(reason)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=urlsplit, default="tcp://127.0.0.1:9999")
    parser.add_argument("--heartbeat", type=float, default=30.0, help="seconds; 0 for none")
    parser.add_argument("--max-members", type=int)
    options = parser.parse_args()
    reactor = PollReactor()
    room = Room(Limits(members=options.max_members), heartbeat=options.heartbeat)
    server = Server(reactor, room)
    host, port = options.listen.hostname, options.listen.port
    listener = Port(port, cast(IProtocolFactory, server), 4096, host, reactor)
    listener.transport = ReadingTransport
    try:
        # Sets SO_REUSEADDR, and survives having no descriptor free.
        listener.startListening()
    except CannotListenError as error:
        sys.exit(f"cannot listen on {options.listen.geturl()}: {error.socketError}")
    server.tick()
    # SIGINT and SIGTERM begin the shutdown.
    reactor.addSystemEventTrigger("before", "shutdown", server.stop)
    reactor.run()


if __name__ == "__main__":
    main()
