"""The client after chapter 2: it reads units. HOST and PORT."""

import os
import socket
import sys
from selectors import EVENT_READ, SelectSelector

from chatproto import Broadcast, ClientConnection, Notice, encode


def chat(server: socket.socket) -> None:
    client = ClientConnection()
    selector = SelectSelector()  # takes a file as input, too
    selector.register(server, EVENT_READ)
    selector.register(0, EVENT_READ)
    while True:
        happened = {key.fd for key, _ in selector.select()}
        if 0 in happened:
            server.sendall(os.read(0, 65_536))
        if server.fileno() in happened:
            for event in client.receive(server.recv(65_536)):
                if isinstance(event, Broadcast | Notice):
                    print(encode(event).decode().strip().replace("\n", "\n  "), flush=True)


with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    chat(connection)
