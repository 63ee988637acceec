"""The client after chapter 3: it sends what will arrive, and refuses the rest. HOST and PORT."""

import os
import socket
import sys
from selectors import EVENT_READ, SelectSelector

from chatproto import Broadcast, ClientConnection, LocalProtocolError, Notice, encode
from chatproto.text import trim


def chat(server: socket.socket) -> None:
    client, tail = ClientConnection(), b""
    selector = SelectSelector()  # takes a file as input, too
    selector.register(server, EVENT_READ)
    selector.register(0, EVENT_READ)
    while True:
        happened = {key.fd for key, _ in selector.select()}
        if 0 in happened:
            *lines, tail = (tail + os.read(0, 65_536)).split(b"\n")
            for line in lines:
                try:
                    if text := trim(line.decode()):
                        server.sendall(client.say(text))
                except (LocalProtocolError, UnicodeDecodeError) as error:
                    print(f"not sent: {error}", file=sys.stderr)
        if server.fileno() in happened:
            for event in client.receive(server.recv(65_536)):
                if isinstance(event, Broadcast | Notice):
                    print(encode(event).decode().strip().replace("\n", "\n  "), flush=True)


with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    chat(connection)
