"""Chapter 10: lines have a limit, and a violation is told why."""

import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

LINGER = 10.0  # seconds
LIMIT = 8192  # octets of a line before its LF
WINDOW = 2 * 2**20  # octets of the log that a member may fall behind, at least
CHUNK = 65_536  # octets handed to a socket at once

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
PLANES = range(0, 0x110000, 0x10000)
NONCHARACTERS = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in PLANES)
UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef{NONCHARACTERS}]")


class Violation(Exception):
    """A line that no client may send; the message is the code that the notice gives."""


class Member:
    """A connection. It is owed the log from `position` on, and up to `end` once it has left."""

    def __init__(self, sock: socket.socket, sender: str, position: int) -> None:
        self.sock = sock
        self.sender = sender
        self.position = position
        self.end: int | None = None
        self.notice = b""  # what follows the log


class Server:
    def __init__(self, port: int) -> None:
        self.listener = socket.socket()
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # clients inherit it
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen()
        self.members: set[Member] = set()
        self.log = bytearray()
        self.start = 0  # the position of the log's first octet
        self.changed = threading.Condition()

    def accept(self) -> None:
        while True:
            sock, (host, port) = self.listener.accept()
            with self.changed:
                member = Member(sock, f"{host}:{port}", self.start + len(self.log))
                self.members.add(member)
            threading.Thread(target=self.receive, args=(member,)).start()
            threading.Thread(target=self.send, args=(member,)).start()

    def receive(self, member: Member) -> None:
        notice = b""
        try:
            for text in read_texts(member.sock):
                if text == "quit":
                    break
                if text:
                    self.broadcast(member, UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text))
        except Violation as violation:
            notice = f"!{violation}\n".encode()
        with self.changed:
            self.leave(member, notice)

    def broadcast(self, member: Member, text: str) -> None:
        with self.changed:
            if member.end is not None:
                return  # evicted
            header = f"{datetime.now(UTC):%Y%m%d %H:%M:%S} {member.sender}"
            self.log += f"{header}\n{text}\n".encode()
            if len(self.log) > 2 * WINDOW:
                self.forget()
            self.changed.notify_all()

    def forget(self) -> None:
        """Drop the older half of the log, and evict whoever is still there."""
        del self.log[:WINDOW]
        self.start += WINDOW
        for member in self.members:
            if member.position < self.start:
                self.leave(member)
                with suppress(OSError):
                    member.sock.shutdown(socket.SHUT_RDWR)  # wakes its two threads

    def leave(self, member: Member, notice: bytes = b"") -> None:
        if member.end is None:
            member.end = self.start + len(self.log)
            member.notice = notice
            self.changed.notify_all()

    def send(self, member: Member) -> None:
        with suppress(OSError):  # what it sent before it was lost is still read
            while octets := self.next_octets(member):
                member.sock.sendall(octets)
                member.position += len(octets)
            member.sock.sendall(member.notice)
        with self.changed:
            self.changed.wait_for(lambda: member.end is not None)
            self.members.remove(member)
        close(member.sock)

    def next_octets(self, member: Member) -> bytes:
        """Wait for what the member is owed next; nothing where it has left and has it all."""
        with self.changed:
            self.changed.wait_for(
                lambda: member.end is not None or member.position < self.start + len(self.log)
            )
            if member.position < self.start:
                return b""  # evicted
            first = member.position - self.start
            last = len(self.log) if member.end is None else member.end - self.start
            return bytes(self.log[first : min(last, first + CHUNK)])


def close(sock: socket.socket) -> None:
    """Send an end of stream, discard what still comes until the client's, and close."""
    deadline = time.monotonic() + LINGER
    with suppress(OSError):  # a connection that is lost is over
        sock.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(65_536):
                break
    sock.close()


def read_texts(sock: socket.socket) -> Iterator[str]:
    """Yield each line, decoded and trimmed; raise Violation at the first that is not allowed."""
    for line in read_lines(sock):
        try:
            yield line.decode().strip(WHITE_SPACE)
        except UnicodeDecodeError:
            raise Violation("invalid-text") from None


def read_lines(sock: socket.socket) -> Iterator[bytes]:
    """Yield each whole line, without its LF, until the client's end of stream."""
    tail = b""
    while octets := receive(sock):
        *lines, tail = (tail + octets).split(b"\n")
        for line in lines:
            if len(line) > LIMIT:
                raise Violation("line-too-long")
            yield line
        if len(tail) > LIMIT:
            raise Violation("line-too-long")


def receive(sock: socket.socket) -> bytes:
    """Return the next octets; none at the end of stream, or where the connection is lost."""
    try:
        return sock.recv(1024)
    except OSError:
        return b""


if __name__ == "__main__":
    Server(int(sys.argv[1])).accept()
