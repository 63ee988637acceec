"""Chapter 5: a member that is lost concerns nobody else."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

Address = tuple[str, int]


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
            text = line.decode("gbk").strip()
            self.broadcast(address, text)
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
