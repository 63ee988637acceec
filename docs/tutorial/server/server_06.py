"""Chapter 6: text is UTF-8, trimmed, and safe to show."""

import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

Address = tuple[str, int]

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
PLANES = range(0, 0x110000, 0x10000)
NONCHARACTERS = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in PLANES)
UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef{NONCHARACTERS}]")


class Server:
    def __init__(self, port: int) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen()
        self.clients: dict[Address, socket.socket] = {}
        self.lock = threading.Lock()

    def accept(self) -> None:
        while True:
            client, address = self.listener.accept()
            with self.lock:
                self.clients[address] = client
            threading.Thread(target=self.receive, args=(client, address)).start()

    def receive(self, client: socket.socket, address: Address) -> None:
        for line in read_lines(client):
            try:
                text = line.decode().strip(WHITE_SPACE)
            except UnicodeDecodeError:
                break
            self.broadcast(address, UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text))
        with self.lock:
            del self.clients[address]
        client.close()

    def broadcast(self, address: Address, text: str) -> None:
        with self.lock:
            header = f"{datetime.now(UTC):%Y%m%d %H:%M:%S} {address[0]}:{address[1]}"
            for client in self.clients.values():
                with suppress(OSError):  # its own thread sees that it is lost
                    client.sendall(f"{header}\n{text}\n".encode())


def read_lines(client: socket.socket) -> Iterator[bytes]:
    """Yield each whole line, without its LF, until the client's end of stream."""
    tail = b""
    while octets := receive(client):
        *lines, tail = (tail + octets).split(b"\n")
        yield from lines


def receive(client: socket.socket) -> bytes:
    """Return the next octets; none at the end of stream, or where the connection is lost."""
    try:
        return client.recv(1024)
    except OSError:
        return b""


if __name__ == "__main__":
    Server(int(sys.argv[1])).accept()
