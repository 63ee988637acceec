"""The scripted server: a room with the client under test and members that the suite makes up.

By default it does what the standard says: it broadcasts what the client sends, and closes when the
client leaves. Scenarios make it send anything.
"""

import platform
import random
import selectors
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

from conformance.target.system import unread
from conformance.transcript import events as tr

_UNTAKEN: Final = 1 << 20
"""The backlog of a client, in octets, at which nothing more is read from it."""
_READ: Final = 1 << 16
_UNREAD_TICK: Final = 0.005
_UNREAD: Final = 0.2
"""Seconds to wait until the client has read a segment before the next is sent."""
_HOST: Final = "127.0.0.1"


Watched = dict[int, tuple[int, Callable[[], None]]]
"""For each descriptor the events to wait for, and what to call when one of them happens."""


class Host(Protocol):
    """The interface of the observer that the server uses."""

    def now(self) -> float: ...

    def note(self, event: tr.Event) -> None: ...

    def look(self, seconds: float = ...) -> None: ...


@dataclass(slots=True)
class Connection:
    """One connection of the client.

    `said` holds the octets of an incomplete line, `unsent` the octets that the client has not taken
    yet. If `is_shut`, the stream ends once `unsent` is empty.
    """

    name: str
    socket: socket.socket
    label: str
    said: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)
    lines: list[bytes] = field(default_factory=list)
    has_left: bool = False
    has_ended: bool = False
    is_shut: bool = False


class Server:
    """The server of one scenario.

    Args:
        stage: the observer, which notes events and watches the client.
        command: the command that starts the client.
        chance: the random generator for members and addresses.

    `echoes`: it broadcasts what the client sends. `lets_go`: it closes when the client leaves.
    `heard`: how many octets the client has sent.
    """

    def __init__(self, stage: Host, command: str, chance: random.Random) -> None:
        self.echoes = True
        self.lets_go = True
        self.heard = 0
        self.connections: list[Connection] = []
        self._stage = stage
        self._random = chance
        self._is_listening = False
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((_host_for(command, chance), 0))

    @property
    def address(self) -> tuple[str, int]:
        """The host and port where it listens or will listen."""
        host, port = self._listener.getsockname()
        return str(host), int(port)

    @property
    def connection(self) -> Connection:
        """The client's last connection."""
        return self.connections[-1]

    @property
    def was_shut(self) -> bool:
        """Whether it has ended a connection."""
        return any(one.is_shut for one in self.connections)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, and it has not ended the last one."""
        return bool(self.connections) and not self.connection.is_shut

    def listen(self) -> None:
        """Start to accept connections."""
        self._listener.listen()
        self._listener.setblocking(False)
        self._is_listening = True

    def has_heard(self, word: str) -> bool:
        """Whether the client has sent a line with this word."""
        return any(word.encode() in line for one in self.connections for line in one.lines)

    def close(self) -> None:
        """Close every connection and the listener."""
        for connection in self.connections:
            connection.socket.close()
        self._listener.close()

    # What it sends

    def somebody(self) -> str:
        """Make up the SENDER of another member."""
        number = self._random.randrange
        return f"198.51.100.{number(100, 255)}:{number(41_000, 59_999)}"

    def unit(self, text: str, sender: str | None = None) -> bytes:
        """Return the octets of a broadcast."""
        now = datetime.now(UTC)
        return f"{now:%Y%m%d %H:%M:%S} {sender or self.somebody()}\n{text}\n".encode()

    def broadcast(self, text: str, sender: str | None = None) -> None:
        """Send a broadcast of another member to the client."""
        self.send(self.unit(text, sender))

    def send(self, octets: bytes, *, cuts: tuple[int, ...] = ()) -> None:
        """Send octets in segments, cut at these indices. The client reads each before the next."""
        ends = [*cuts, len(octets)]
        starts = [0, *cuts]
        for start, end in zip(starts, ends, strict=True):
            self._send(self.connection, octets[start:end])
            if end < len(octets):
                self._until_read()

    def end_stream(self) -> None:
        """End the stream in order."""
        self._shut(self.connection)

    def reset(self) -> None:
        """Reset the connection."""
        connection = self.connection
        linger = struct.pack("ii", 1, 0)
        with suppress(OSError):
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.socket.close()
        connection.has_left = connection.is_shut = True
        self._stage.note(tr.Reset(self._stage.now(), connection.name))

    def _send(self, connection: Connection, octets: bytes) -> None:
        if not connection.is_shut and connection.socket.fileno() >= 0:
            self._stage.note(tr.Received(self._stage.now(), connection.name, octets))
            connection.unsent += octets
            self._flush(connection)

    def _shut(self, connection: Connection) -> None:
        if not connection.is_shut:
            connection.is_shut = True
            self._flush(connection)

    def _flush(self, connection: Connection) -> None:
        """Send unsent octets, as far as the client takes them; then end the stream if due."""
        try:
            if connection.unsent:
                del connection.unsent[: connection.socket.send(connection.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            connection.unsent.clear()
        if connection.is_shut and not connection.unsent and connection.socket.fileno() >= 0:
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_WR)
            self._stage.note(tr.Ended(self._stage.now(), connection.name))
            if connection.has_ended:
                connection.socket.close()

    def _until_read(self) -> None:
        """Wait until the client has read all it was sent, or `_UNREAD` seconds if unknown."""
        sock = self.connection.socket
        deadline = time.monotonic() + _UNREAD
        while time.monotonic() < deadline:
            self._stage.look(_UNREAD_TICK)
            if sock.fileno() < 0 or (not self.connection.unsent and unread(sock) == 0):
                return

    # What it hears

    def watched(self) -> Watched:
        """Return the descriptors to wait for now."""
        found: Watched = {}
        if self._is_listening:
            found[self._listener.fileno()] = selectors.EVENT_READ, self._accept
        for one in self.connections:
            reads = not one.has_ended and len(one.unsent) < _UNTAKEN
            events = selectors.EVENT_READ * reads + selectors.EVENT_WRITE * bool(one.unsent)
            if one.socket.fileno() >= 0 and events:
                found[one.socket.fileno()] = events, partial(self._on_ready, one)
        return found

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = f"c{len(self.connections) + 1}"
            number = self._random.randrange
            label = f"203.0.113.{number(100, 255)}:{number(20_000, 39_999)}"
            self.connections.append(Connection(name, sock, label))
            self._stage.note(tr.Connected(self._stage.now(), name, label))

    def _on_ready(self, connection: Connection) -> None:
        if connection.unsent:
            self._flush(connection)
        if connection.socket.fileno() >= 0 and not connection.has_ended:
            self._hear(connection)

    def _hear(self, connection: Connection) -> None:
        """Read once what the client sent, and react to it."""
        stage = self._stage
        try:
            octets = connection.socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            connection.socket.close()
            connection.has_left = True
            stage.note(tr.Aborted(stage.now(), connection.name))
            return
        if not octets:
            connection.has_left = connection.has_ended = True
            stage.note(tr.HalfClosed(stage.now(), connection.name))
            if connection.is_shut:
                connection.socket.close()
            elif self.lets_go:
                self._shut(connection)
            return
        stage.note(tr.Sent(stage.now(), connection.name, octets))
        self.heard += len(octets)
        connection.said += octets
        *lines, rest = connection.said.split(b"\n")
        connection.said = bytearray(rest)
        for line in lines:
            connection.lines.append(bytes(line))
            self._answer(connection, bytes(line))

    def _answer(self, connection: Connection, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        if connection.has_left:
            return
        if text == "quit":
            connection.has_left = True
            if self.lets_go:
                self._shut(connection)
        elif text and self.echoes:
            self._send(connection, self.unit(text, connection.label))


def _host_for(command: str, chance: random.Random) -> str:
    """Choose a loopback address to listen on.

    If the command passes the host to the client, and the system has many loopback addresses, it is
    a random one, so that a client that looks for another server there finds none.
    """
    if platform.system() != "Linux" or not any(
        field in command for field in ("{host}", "{address}")
    ):
        return _HOST
    number = chance.randrange
    return f"127.{number(1, 255)}.{number(1, 255)}.{number(1, 255)}"


def ready(watched: Watched, seconds: float) -> list[Callable[[], None]]:
    """Wait up to `seconds` for these descriptors; return the calls of those that are ready."""
    with selectors.DefaultSelector() as selector:
        for descriptor, (events, call) in watched.items():
            selector.register(descriptor, events, call)
        return [key.data for key, _ in selector.select(seconds)]
