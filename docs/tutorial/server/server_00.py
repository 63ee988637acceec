"""The exercise's server: one thread accepts, one thread a client reads, each read is a message."""

import socket
import sys
import threading
from datetime import datetime

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
            text = client.recv(1024).decode("gbk")
            self.broadcast(address, text)

    def broadcast(self, address: Address, text: str) -> None:
        header = f"{datetime.now():%Y%m%d %H:%M:%S} {address[0]}:{address[1]}"
        for client in self.clients.values():
            client.send(f"{header}\n{text}\n ".encode())


if __name__ == "__main__":
    Server(int(sys.argv[1])).accept()
