"""The client after chapter 1: it waits for its user and for the server at once. HOST and PORT."""

import os
import socket
import sys
from selectors import EVENT_READ, SelectSelector


def chat(server: socket.socket) -> None:
    selector = SelectSelector()  # takes a file as input, too
    selector.register(server, EVENT_READ)
    selector.register(0, EVENT_READ)
    while True:
        happened = {key.fd for key, _ in selector.select()}
        if 0 in happened:
            server.sendall(os.read(0, 65_536))
        if server.fileno() in happened:
            print(server.recv(65_536).decode(), end="", flush=True)


with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    chat(connection)
