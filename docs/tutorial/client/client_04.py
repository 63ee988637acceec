"""The client after chapter 4: it leaves, and reads on to the end. HOST and PORT."""

import os
import socket
import sys
from selectors import EVENT_READ, SelectSelector

from chatproto import Broadcast, ClientConnection, LocalProtocolError, Notice, encode
from chatproto.text import trim


def chat(server: socket.socket) -> None:
    client, tail = ClientConnection(), b""
    while True:
        with SelectSelector() as selector:  # takes a file as input, too
            selector.register(server, EVENT_READ)
            if not client.has_left:
                selector.register(0, EVENT_READ)
            happened = {key.fd for key, _ in selector.select()}
        if 0 in happened:
            *lines, tail = (tail + (os.read(0, 65_536) or b"\n/quit\n")).split(b"\n")
            for line in lines:
                try:
                    if text := trim(line.decode()):
                        server.sendall(client.leave() if text == "/quit" else client.say(text))
                except (LocalProtocolError, UnicodeDecodeError) as error:
                    print(f"not sent: {error}", file=sys.stderr)
        if server.fileno() in happened:
            octets = server.recv(65_536)
            for event in client.receive(octets):
                if isinstance(event, Broadcast | Notice):
                    print(encode(event).decode().strip().replace("\n", "\n  "), flush=True)
            if not octets and client.has_left:
                return


with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    chat(connection)
