"""The distribute thread: hands each member's socket the log from its cursor on, and closes it.

The only place that sends to members, shuts and closes their sockets. Sends never block: a socket
that takes no more is left to the selector until it does, and delays nobody (TRN-1).
"""

import contextlib
import logging
import selectors
import socket
import struct
import time
from typing import Final

from reference_server.locked_room import Connection, LockedRoom
from reference_server.waker import Waker

RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 seconds: closing resets, and the kernel keeps nothing of what was unsent."""

log = logging.getLogger("reference_server")


class Distributor:
    """Runs until the room has stopped and the last connection is closed."""

    def __init__(self, room: LockedRoom, waker: Waker) -> None:
        self._room = room
        self._waker = waker
        self._selector = selectors.DefaultSelector()
        self._selector.register(waker, selectors.EVENT_READ)
        self._full = 0

    def close(self) -> None:
        self._selector.close()

    def run(self) -> None:
        while (round_ := self._room.next_round(time.monotonic())) is not None:
            for connection in round_.evicted:
                log.warning("%s evicted: it does not read", connection.member.sender)
            for connection in round_.wakes:
                self._wake_reader(connection)
            for connection in round_.resets:
                self._make_reset(connection)
            for connection in round_.closes:
                self._close(connection)
            if round_.shuts:
                for connection in round_.shuts:
                    self._shut(connection)
                self._room.flushed(round_.shuts)
            if round_.sends:
                self._room.sent([(each, self._send(each, octets)) for each, octets in round_.sends])
            if not round_.sends and not round_.shuts:
                self._wait(round_.wait)
            elif self._full:
                self._wait(0)

    def _send(self, connection: Connection, octets: memoryview) -> int:
        """Hand over what the socket takes now; -1: the connection is lost."""
        try:
            sent = connection.socket.send(octets, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except OSError:
            # What it had sent before is still there to be read, up to the end this puts to it.
            self._wake_reader(connection)
            return -1
        if sent < len(octets):
            connection.is_full = True
            self._full += 1
            self._selector.register(connection.socket, selectors.EVENT_WRITE, connection)
        return sent

    def _wait(self, seconds: float | None) -> None:
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, Connection):
                self._forget_full(key.data)
            else:
                self._waker.drain()

    def _forget_full(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.is_full = False
        self._full -= 1

    def _shut(self, connection: Connection) -> None:
        """End our stream (QUIT-3); where that fails, the receive thread hears of it too."""
        with contextlib.suppress(OSError):
            connection.socket.shutdown(socket.SHUT_WR)

    def _wake_reader(self, connection: Connection) -> None:
        """Let a blocked recv return. The peer sees nothing of it."""
        with contextlib.suppress(OSError):
            connection.socket.shutdown(socket.SHUT_RD)

    def _make_reset(self, connection: Connection) -> None:
        """Have it close by a reset: anything gentler keeps its backlog in the kernel (LIM-3)."""
        with contextlib.suppress(OSError):
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def _close(self, connection: Connection) -> None:
        if connection.is_full:
            self._forget_full(connection)
        with contextlib.suppress(OSError):
            connection.socket.close()
