"""What a specimen remembers of one connection, from its accepting to its closing."""

import socket
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Member:
    """One connection; a member of the room while `present`, and on its way out afterwards."""

    sock: socket.socket
    label: str
    number: int
    tail: bytearray = field(default_factory=bytearray)
    outgoing: bytearray = field(default_factory=bytearray)
    present: bool = True
    ended: bool = False
    shut: bool = False
    deaf: bool = False
    events: int = 0
    flood: int = 0
    sent: int = 0
    received: int = 0

    @property
    def closed(self) -> bool:
        return self.sock.fileno() < 0
