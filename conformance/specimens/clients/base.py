"""A small correct client, which the others depart from: a line printer.

It shows a header and, indented, the text; its user leaves by `/quit` or the end of the input.
"""

import os
import re
import selectors
import shutil
import socket
import sys
from typing import Final

_HEADER: Final = re.compile(rb"\d{8} \d\d:\d\d:\d\d (\S+)")
_NOTICE: Final = re.compile(rb"![a-z0-9-]+(?: .+)?")
_CONTROLS: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_INPUT: Final = 0
LIMIT: Final = 1_024


class BaseClient:
    """A client at work. `status` is its exit status once it is done."""

    leave_word = "/quit"
    read_size = 65_536

    def __init__(self, host: str, port: int) -> None:
        self.address = host, port
        self.sock = socket.socket()
        self.waiting = selectors.DefaultSelector()
        self.buffer = b""
        self.header: str | None = None
        self.typed = b""
        self.has_left = False
        self.input_ended = False
        self.status: int | None = None

    def run(self) -> int:
        """Chat; the exit status."""
        try:
            self.connect()
        except OSError as error:
            self.tell(f"cannot connect: {error}")
            return 1
        self.waiting.register(self.sock, selectors.EVENT_READ)
        self.waiting.register(_INPUT, selectors.EVENT_READ)
        while self.status is None:
            self.turn()
        return self.status

    def connect(self) -> None:
        self.sock = socket.create_connection(self.address)

    def turn(self) -> None:
        """Wait for either side, and serve what is ready."""
        for key, _ in self.waiting.select():
            if key.fileobj == _INPUT:
                self.read_input()
            elif self.status is None:
                self.read_socket()

    # What its user types

    def read_input(self) -> None:
        octets = os.read(_INPUT, 65_536)
        if not octets:
            self.end_of_input()
            return
        self.take(octets)

    def take(self, octets: bytes) -> None:
        *lines, self.typed = (self.typed + octets).split(b"\n")
        for line in lines:
            if not self.has_left:
                self.on_line(line.decode(errors="replace").strip())

    def end_of_input(self) -> None:
        self.waiting.unregister(_INPUT)
        self.input_ended = True
        if self.has_left:
            return
        if self.typed.strip():
            self.on_line(self.typed.decode(errors="replace").strip())
        self.leave()

    def on_line(self, text: str) -> None:
        if not text:
            return
        if text == self.leave_word:
            self.leave()
        elif text == "quit":
            self.tell("not sent: that would leave; /quit does")
        elif len(text.encode()) > LIMIT:
            self.too_long(text)
        else:
            self.send(text)

    def too_long(self, text: str) -> None:
        self.tell(f"not sent: {len(text.encode())} octets are too many")

    def send(self, text: str) -> None:
        self.transmit(text.encode() + b"\n")

    def transmit(self, octets: bytes) -> None:
        try:
            self.sock.sendall(octets)
        except OSError as error:
            self.on_lost(error)

    def leave(self) -> None:
        self.has_left = True
        self.transmit(b"quit\n")

    # What the server sends

    def read_socket(self) -> None:
        try:
            octets = self.sock.recv(self.read_size)
        except OSError as error:
            self.on_lost(error)
            return
        if octets:
            self.receive(octets)
        else:
            self.on_end()

    def receive(self, octets: bytes) -> None:
        *lines, self.buffer = (self.buffer + octets).split(b"\n")
        for line in lines:
            if self.status is None:
                self.on_unit_line(line)

    def on_unit_line(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self.on_malformed(line)
            return
        if self.header is not None:
            sender, self.header = self.header, None
            if text:
                self.show(sender, text)
            else:
                self.on_malformed(line)
        elif not line:
            self.on_heartbeat()
        elif found := _HEADER.fullmatch(line):
            self.header = found[1].decode()
        elif _NOTICE.fullmatch(line):
            self.on_notice(text)
        else:
            self.on_malformed(line)

    def on_heartbeat(self) -> None:
        """Show nothing."""

    def on_notice(self, text: str) -> None:
        self.tell(f"notice {self.clean(text[1:])}")

    def on_malformed(self, line: bytes) -> None:
        self.tell(f"this is not chatproto/1: {line[:40]!r}")
        self.status = 1

    def on_end(self) -> None:
        """The server's end of stream."""
        if self.buffer or self.header is not None:
            self.tell("the last message is incomplete")
        if not self.has_left:
            self.tell("the server has ended the conversation")
        self.status = 0 if self.has_left else 1

    def on_lost(self, error: OSError) -> None:
        self.tell(f"the connection is lost: {error.strerror}")
        self.status = 1

    # What it shows

    def show(self, sender: str, text: str) -> None:
        self.write(f"{sender}:\n{self.indented(self.clean(text))}\n")

    def indented(self, text: str) -> str:
        """The text in rows of its own, none of which can be taken for a header."""
        if not sys.stdout.isatty():
            return f"    {text}"
        room = shutil.get_terminal_size().columns - 5
        rows, width = [""], 0
        for char in text:
            needed = 1 if char.isascii() else 2
            if width + needed > room:
                rows.append("")
                width = 0
            rows[-1] += char
            width += needed
        return "\n".join(f"    {row}" for row in rows)

    def clean(self, text: str) -> str:
        return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text).replace("\t", " ")

    def tell(self, what: str) -> None:
        self.write(f"*** {what}\n")

    def write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
