"""A client on a selector: `selectors_client.py HOST PORT`; /quit or the end of input leaves."""

import os
import socket
import sys
from selectors import EVENT_READ, EVENT_WRITE, SelectSelector

from chatproto import Broadcast, ClientConnection, Heartbeat, LocalProtocolError, Notice, encode
from chatproto.text import trim


def chat(server: socket.socket) -> bool:
    client, tail, unsent = ClientConnection(), b"", b""
    while True:
        with SelectSelector() as selector:
            selector.register(server, EVENT_READ | EVENT_WRITE if unsent else EVENT_READ)
            if not unsent and not client.has_left:
                selector.register(0, EVENT_READ)
            happened = {key.fd: events for key, events in selector.select()}
        if 0 in happened:
            *lines, tail = (tail + (os.read(0, 65_536) or b"\n/quit\n")).split(b"\n")
            for line in lines:
                try:
                    if text := trim(line.decode()):
                        unsent += client.leave() if text == "/quit" else client.say(text)
                except (LocalProtocolError, UnicodeDecodeError) as error:
                    print(f"not sent: {error}", file=sys.stderr)
        if happened.get(server.fileno(), 0) & EVENT_WRITE:
            unsent = unsent[server.send(unsent, socket.MSG_DONTWAIT) :]
        if happened.get(server.fileno(), 0) & EVENT_READ:
            octets = server.recv(65_536)
            for event in client.receive(octets) if octets else client.receive_eof():
                if isinstance(event, Broadcast | Notice):
                    print(encode(event).decode().strip().replace("\n", "\n  "), flush=True)
                elif not isinstance(event, Heartbeat):
                    print(event, file=sys.stderr)
                    return client.left_in_order


try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
        sys.exit(not chat(connection))
except (OSError, KeyboardInterrupt) as error:
    sys.exit(f"not left in order: {error!r}")
