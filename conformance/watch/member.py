"""One client, and the connection to the server that the watch makes for it.

Octets are forwarded unchanged. Each buffer is bounded: a full one stops reading from the opposite
side (backpressure), and affects no other member. The transcript is written as if the client were
connected directly to the server.
"""

import errno
import os
import selectors
import socket
import struct
from collections.abc import Callable
from typing import Final, Protocol

from chatproto import ip_sender
from conformance.target.system import AF_UNIX, MSG_NOSIGNAL
from conformance.transcript.events import (
    Aborted,
    Connected,
    Ended,
    Event,
    HalfClosed,
    Received,
    Reset,
    Resumed,
    Sent,
    Stalled,
)

_READ_SIZE: Final = 65_536
_MOST: Final = 262_144
"""The backlog of a client, in octets, at which the watch stops reading its server connection."""
_BLOCKED: Final = 0.2
"""Seconds with a full backlog after which the client counts as stalled."""
_LINGER: Final = 10.0
"""Seconds a client has to end its side after the server has ended its own."""
_PENDING: Final = (0, errno.EINPROGRESS, getattr(errno, "WSAEWOULDBLOCK", 0))

Where = str | tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
"""A socket address."""


class WatchedRoom(Protocol):
    """The interface of the relay that its members use."""

    heard_at: float
    record: Callable[[Event], None]
    tell: Callable[[str], None]
    members: "dict[str, WatchedMember]"

    def now(self) -> float: ...

    def watch(self, sock: socket.socket, events: int, ready: Callable[[int], None]) -> None: ...


class WatchedMember:
    """A pair of sockets, to the client and to the server, with a buffer for each direction."""

    def __init__(
        self,
        room: WatchedRoom,
        name: str,
        client: tuple[socket.socket, Where],
        server: tuple[socket.socket, Where],
    ) -> None:
        """Connect to the server for a client that has connected.

        Args:
            room: the relay.
            name: the client's name in the transcript.
            client: the client's socket, and the address it came from.
            server: an unconnected socket, and the address of the server.
        """
        self.name = name
        self._room = room
        self._client, came_from = client
        self._server, where = server
        self._to_client = bytearray()
        self._to_server = b""
        self._is_connected = False
        self._client_ended = False
        self._has_shut = False
        self._server_ended: float | None = None
        self._was_reset = False
        self._blocked: float | None = None
        self._is_stalled = False
        self._is_closed = False
        room.members[name] = self
        for sock in self._client, self._server:
            sock.setblocking(False)
            if sock.family != AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The time before connecting: from now on it may receive what others say.
        since = room.now()
        error = self._server.connect_ex(where)
        label = None if self._server.family == AF_UNIX else _label(self._server.getsockname())
        room.record(Connected(since, name, label))
        here = "" if self._client.family == AF_UNIX else f" from {_label(came_from)}"
        room.tell(f"{name} connects{here}" + (f", to the server as {label}" if label else ""))
        if error in _PENDING:
            self._register()
        else:
            self._fail(error)

    @property
    def is_waiting(self) -> bool:
        """Whether it is connected, has read everything, and the server has not closed."""
        return self._is_connected and self._server_ended is None and not self._to_client

    def look_at_the_time(self, now: float) -> None:
        """Note a stall that lasts; close a client that does not end its side in time."""
        blocked, ended = self._blocked, self._server_ended
        if blocked is not None and not self._is_stalled and now - blocked > _BLOCKED:
            self._is_stalled = True
            self._room.record(Stalled(now, self.name))
        if ended is not None and not self._to_client and now - ended > _LINGER:
            self.close()

    def close(self) -> None:
        """Close both sockets, without an event in the transcript."""
        self._is_closed = True
        self._room.members.pop(self.name, None)
        for sock in self._client, self._server:
            self._forget(sock)
            sock.close()

    def _forget(self, sock: socket.socket) -> None:
        if sock.fileno() >= 0:
            self._room.watch(sock, 0, self._on_client)

    def _register(self) -> None:
        """Register for each socket the events to wait for now."""
        if self._is_closed:
            return
        read, write = selectors.EVENT_READ, selectors.EVENT_WRITE
        hears = self._is_connected and not self._to_server and not self._client_ended
        events = (read if hears else 0) | (write if self._to_client else 0)
        self._room.watch(self._client, events, self._on_client)
        if self._server_ended is None:
            waits = bool(self._to_server) or not self._is_connected
            reads = self._is_connected and self._blocked is None
            events = (read if reads else 0) | (write if waits else 0)
            self._room.watch(self._server, events, self._on_server)

    def _on_client(self, events: int) -> None:
        if self._is_closed:
            return
        if events & selectors.EVENT_WRITE and self._to_client:
            self._flush_to_client()
        if events & selectors.EVENT_READ and not self._is_closed and not self._client_ended:
            self._read_client()
        self._register()

    def _on_server(self, events: int) -> None:
        if self._is_closed:
            return
        if not self._is_connected:
            error = self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self._fail(error)
                return
            self._is_connected = True
        if events & selectors.EVENT_WRITE and self._server_ended is None:
            self._flush_to_server()
        if events & selectors.EVENT_READ and self._server_ended is None and not self._is_closed:
            self._read_server()
        self._register()

    def _read_client(self) -> None:
        try:
            octets = self._client.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self._lose_client()
            return
        if octets and self._server_ended is None:
            now = self._room.now()
            self._room.record(Sent(now, self.name, octets))
            if octets.strip(b"\n"):
                self._room.heard_at = now
            self._to_server = octets
            self._flush_to_server()
        elif not octets:
            self._client_ended = True
            if self._server_ended is not None:
                self.close()
            else:
                self._flush_to_server()

    def _flush_to_server(self) -> None:
        try:
            if self._to_server:
                sent = self._server.send(self._to_server, MSG_NOSIGNAL)
                self._to_server = self._to_server[sent:]
            if self._client_ended and not self._to_server and not self._has_shut:
                self._has_shut = True
                self._server.shutdown(socket.SHUT_WR)
                self._room.record(HalfClosed(self._room.now(), self.name))
                self._room.heard_at = self._room.now()
        except BlockingIOError:
            return
        except OSError as error:
            # Octets that the server sent before the reset can still be read.
            self._was_reset = self._was_reset or isinstance(error, ConnectionResetError)
            self._to_server = b""

    def _read_server(self) -> None:
        try:
            octets = self._server.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            octets, self._was_reset = b"", True
        now = self._room.now()
        if octets:
            self._room.record(Received(now, self.name, octets))
            if octets.strip(b"\n"):
                self._room.heard_at = now
            self._to_client += octets
            self._flush_to_client()
            if len(self._to_client) >= _MOST and self._blocked is None:
                self._blocked = now
            return
        self._room.record((Reset if self._was_reset else Ended)(now, self.name))
        self._room.heard_at = now
        self._server_ended = now
        self._forget(self._server)
        self._server.close()
        self._flush_to_client()

    def _flush_to_client(self) -> None:
        try:
            if self._to_client:
                del self._to_client[: self._client.send(self._to_client, MSG_NOSIGNAL)]
        except BlockingIOError:
            return
        except OSError:
            self._lose_client()
            return
        if self._blocked is not None and len(self._to_client) < _MOST // 2:
            self._blocked = None
            if self._is_stalled:
                self._is_stalled = False
                self._room.record(Resumed(self._room.now(), self.name))
        if self._server_ended is not None and not self._to_client:
            self._end_client()

    def _end_client(self) -> None:
        """End the client's connection the way the server has ended its own."""
        if self._was_reset:
            self._reset_on_close(self._client)
            self.close()
        elif self._client_ended:
            self.close()
        else:
            try:
                self._client.shutdown(socket.SHUT_WR)
            except OSError:
                self.close()

    def _lose_client(self) -> None:
        """Reset the server connection of a client that was reset."""
        if self._server_ended is None:
            self._room.record(Aborted(self._room.now(), self.name))
            self._reset_on_close(self._server)
        self.close()

    def _fail(self, error: int) -> None:
        """Close a client for which the server cannot be reached."""
        self._room.tell(f"{self.name}: the server cannot be reached: {os.strerror(error)}")
        self._room.record(Aborted(self._room.now(), self.name))
        self.close()

    @staticmethod
    def _reset_on_close(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _label(where: Where) -> str:
    """Return an IP address as a header would write it."""
    assert isinstance(where, tuple)
    return ip_sender(str(where[0]), int(where[1]))
