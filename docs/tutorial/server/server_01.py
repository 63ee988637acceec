"""Chapter 1: the server sends broadcasts and nothing else."""

import socket
import sys
import threading
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
        while True:
            text = client.recv(1024).decode("gbk").strip()
            self.broadcast(address, text)

    def broadcast(self, address: Address, text: str) -> None:
        header = f"{datetime.now(UTC):%Y%m%d %H:%M:%S} {address[0]}:{address[1]}"
        for client in list(self.clients.values()):  # others come and go meanwhile
            client.send(f"{header}\n{text}\n".encode())


if __name__ == "__main__":
    Server(int(sys.argv[1])).accept()
