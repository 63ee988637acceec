"""Chapter 2: a message is a line, however it was cut."""

import socket
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

Address = tuple[str, int]


class Server:
    def __init__(self, port: int) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen()
        self.clients: dict[Address, socket.socket] = {}

    def accept(self) -> None:
        while True:
            client, address = self.listener.accept()
            self.clients[address] = client
            threading.Thread(target=self.receive, args=(client, address)).start()

    def receive(self, client: socket.socket, address: Address) -> None:
        for line in read_lines(client):
            text = line.decode("gbk").strip()
            self.broadcast(address, text)

    def broadcast(self, address: Address, text: str) -> None:
        header = f"{datetime.now(UTC):%Y%m%d %H:%M:%S} {address[0]}:{address[1]}"
        for client in list(self.clients.values()):  # others come and go meanwhile
            client.send(f"{header}\n{text}\n".encode())


def read_lines(client: socket.socket) -> Iterator[bytes]:
    """Yield each whole line, without its LF, until the client's end of stream."""
    tail = b""
    while octets := client.recv(1024):
        *lines, tail = (tail + octets).split(b"\n")
        yield from lines


if __name__ == "__main__":
    Server(int(sys.argv[1])).accept()
