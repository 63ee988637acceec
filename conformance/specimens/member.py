"""What a specimen remembers of one connection, from its accepting to its closing."""

import socket


class Member:
    """One connection; a member of the room while `present`, and on its way out afterwards."""

    # No dataclass: what makes one takes longer to import than all that a specimen needs besides.
    def __init__(self, sock: socket.socket, label: str, number: int) -> None:
        self.sock = sock
        self.label = label
        self.number = number
        self.tail = bytearray()
        self.outgoing = bytearray()
        self.present = True
        self.ended = False
        self.shut = False
        self.deaf = False
        self.events = 0
        self.flood = 0
        self.sent = 0
        self.received = 0

    @property
    def closed(self) -> bool:
        return self.sock.fileno() < 0
