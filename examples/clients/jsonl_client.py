"""The library's client behind JSON lines, for a program to use: `jsonl_client.py HOST PORT`.

Each line of input is `{"say": TEXT}` or `{"leave": true}`; the end of input leaves, too. Each line
of output is one of these, the last one the last of all:

    {"broadcast": {"time": "20210703 17:45:39", "sender": "127.0.0.1:52012", "text": "hello"}}
    {"notice": {"code": "room-full", "explanation": null}}
    {"refused": {"text": " ", "reason": "the text would not arrive as it is: it is blank"}}
    {"ended": {"whole": true, "in_order": true, "reason": "the server's end of stream"}}

The exit status is 0 if it left in order (CLI-8).
"""

import json
import os
import select
import socket
import sys
from typing import Final, assert_never

from chatproto import (
    Broadcast,
    ClientConnection,
    ClientEvent,
    Heartbeat,
    LocalProtocolError,
    Malformed,
    Notice,
    ServerEnded,
)
from chatproto.text import trim
from chatproto.wire import format_time

READ_SIZE: Final = 65_536


class Adapter:
    """One connection, driven by lines of JSON."""

    def __init__(self) -> None:
        self._client = ClientConnection()
        self._input = b""
        self._unsent = b""
        self._has_ended = False

    def run(self, server: socket.socket) -> None:
        """Chat to the end; neither direction waits for the other (CLI-5). Raises `OSError`."""
        server.setblocking(False)
        while not self._has_ended:
            inputs = [server.fileno()]
            if not self._unsent and not self._client.has_left:
                inputs.append(0)
            outputs = inputs[:1] if self._unsent else []
            readable, writable, _ = select.select(inputs, outputs, [])
            if 0 in readable:
                self._take(os.read(0, READ_SIZE))
            if writable:
                self._unsent = self._unsent[server.send(self._unsent) :]
            if server.fileno() in readable:
                octets = server.recv(READ_SIZE)
                receive = self._client.receive
                for event in receive(octets) if octets else self._client.receive_eof():
                    self._show(event)

    def end(self, reason: str, *, whole: bool = False) -> None:
        """Say how it ended, and that nothing more comes."""
        self._has_ended = True
        in_order = self._client.left_in_order
        _write("ended", {"whole": whole, "in_order": in_order, "reason": reason})

    @property
    def left_in_order(self) -> bool:
        return self._client.left_in_order

    def _take(self, octets: bytes) -> None:
        *lines, self._input = (self._input + (octets or b"\n")).split(b"\n")
        for line in filter(None, lines):
            self._do(line)
        if not octets and not self._client.has_left:
            self._unsent += self._client.leave()

    def _do(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        try:
            match json.loads(line):
                case {"say": str(text)}:
                    self._unsent += self._client.say(trim(text))
                case {"leave": True}:
                    self._unsent += self._client.leave()
                case _:
                    raise ValueError("neither say nor leave")
        except (ValueError, LocalProtocolError) as error:
            _write("refused", {"text": text, "reason": str(error)})

    def _show(self, event: ClientEvent) -> None:
        match event:
            case Broadcast(time, sender, text):
                _write("broadcast", {"time": format_time(time), "sender": sender, "text": text})
            case Notice(code, explanation):
                _write("notice", {"code": code, "explanation": explanation})
            case Heartbeat():
                pass
            case Malformed(line, _, reason):
                self.end(f"what came is not chatproto/1: line {line}: {reason}")
            case ServerEnded(complete):
                self.end("the server's end of stream", whole=complete)
            case _:
                assert_never(event)


def _write(kind: str, what: dict[str, object]) -> None:
    print(json.dumps({kind: what}), flush=True)


def main() -> int:
    adapter = Adapter()
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as server:
            adapter.run(server)
    except OSError as error:
        adapter.end(f"the connection was lost: {error}")
    return 0 if adapter.left_in_order else 1


if __name__ == "__main__":
    sys.exit(main())
