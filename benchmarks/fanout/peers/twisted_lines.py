"""Twisted: a LineOnlyReceiver a client, and a write to each member's transport."""

import datetime
import sys
from typing import cast

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.internet.tcp import Server
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

clients: set["Client"] = set()


class Client(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self) -> None:
        self.tcp = cast(Server, self.transport)
        self.tcp.setTcpNoDelay(True)
        peer = self.tcp.getPeer()
        self.sender = f"{peer.host}:{peer.port}"
        clients.add(self)

    def lineReceived(self, line: bytes) -> None:
        text = line.decode().strip()
        if text == "quit":
            self.tcp.loseConnection()
            return
        moment = f"{datetime.datetime.now():%Y%m%d %H:%M:%S}"
        message = f"{moment} {self.sender}\n{text}\n".encode()
        for other in clients:
            other.tcp.write(message)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        clients.discard(self)


def main(port: int) -> None:
    reactor = EPollReactor()
    factory = ServerFactory.forProtocol(Client)
    reactor.listenTCP(port, factory, backlog=4096, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
