"""Delivering: hands each member's socket the log from its cursor on, shuts it and closes it.

The only place that sends to members, shuts and closes their sockets, and always by a thread that
has the turn (`locked_room`): the distribute thread, or for a while the receive thread. Sends never
block: a socket that takes no more is left to the selector until it does, and delays nobody (TRN-1).
"""

import contextlib
import fcntl
import logging
import selectors
import socket
import struct
import sys
import termios
import time
from collections.abc import Sequence
from typing import Final

from reference_server.locked_room import Connection, LockedRoom, Send
from reference_server.waker import Waker

RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 seconds: closing resets, and the kernel keeps nothing of what was unsent."""

DEAD: Final = 240.0
"""Seconds without any answer after which a peer is dead (HB-2). A peer that does not read answers
the kernel's probes, every 120 s at least; the kernel alone would wait for a quarter of an hour."""

KEEPALIVE: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6}
"""Seconds of silence before the kernel asks a peer whether it lives, seconds between two questions,
and how many stay unanswered by one that is dead: at most. Linux by itself waits two hours first."""

_LAST_ACK: Final = slice(56, 60)
"""Where tcpi_last_ack_recv stands in Linux's struct tcp_info: milliseconds."""

log = logging.getLogger("reference_server")


class Distributor:
    """`run` is the distribute thread, until the room has stopped and the last connection is closed;
    `help` is what the receive thread does with the turn."""

    def __init__(self, room: LockedRoom, waker: Waker) -> None:
        self._room = room
        self._waker = waker
        self._selector = selectors.DefaultSelector()
        self._selector.register(waker, selectors.EVENT_READ)
        self._full = 0

    def close(self) -> None:
        self._selector.close()

    def help(self, sends: Sequence[Send]) -> None:
        """Deliver while all goes well; where it does not, the distribute thread goes on."""
        while sends:
            for each in sends:
                self._send(each)
            sends = self._room.helped(sends)

    def run(self) -> None:
        writable: list[Connection] = []
        while (round_ := self._room.next_round(time.monotonic(), writable)) is not None:
            for connection in round_.evicted:
                log.warning("%s evicted: it does not read", connection.member.sender)
            for each in round_.sends:
                self._send(each)
            for connection in round_.full:
                self._await_room(connection)
            for connection in round_.wakes:
                self._wake_reader(connection)
            for connection in round_.resets:
                self._make_reset(connection)
            for connection in round_.closes:
                self._close(connection)
            for connection in round_.shuts:
                self._shut(connection)
            unacknowledged = {each: count_unacknowledged(each.socket) for each in round_.asks}
            dead = [each for each in round_.checks if seconds_unanswered(each.socket) >= DEAD]
            for connection in dead:
                log.info("%s left: lost: its system has answered nothing", connection.member.sender)
            writable = []
            if round_.sends or round_.shuts or round_.asks or dead:
                self._room.finish(round_.sends, round_.shuts, unacknowledged, dead)
            if dead:
                continue
            if round_.is_last:
                writable = self._wait(round_.wait)
            elif self._full:
                writable = self._wait(0)

    def _send(self, send: Send) -> None:
        """Hand every socket what it takes now, and note those that did not take all."""
        octets, size = send.delivery.octets, len(send.delivery.octets)
        for connection in send.connections:
            try:
                sent = connection.socket.send(octets)
            except BlockingIOError:
                sent = 0
            except OSError:
                # What it had sent before is still there to be read, up to the end this puts to it.
                self._wake_reader(connection)
                send.failed.append(connection)
                sent = 0
            if sent < size:
                send.short[connection] = sent

    def _wait(self, seconds: float | None) -> list[Connection]:
        """Sleep until there is something to do; give back whose sockets take more again."""
        writable = []
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, Connection):
                self._forget_full(key.data)
                writable.append(key.data)
            else:
                self._waker.drain()
        return writable

    def _await_room(self, connection: Connection) -> None:
        connection.is_full = True
        self._full += 1
        self._selector.register(connection.socket, selectors.EVENT_WRITE, connection)

    def _forget_full(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.is_full = False
        self._full -= 1

    def _shut(self, connection: Connection) -> None:
        """End our stream (QUIT-3); where that fails, the receive thread hears of it too."""
        with contextlib.suppress(OSError):
            connection.socket.shutdown(socket.SHUT_WR)

    def _wake_reader(self, connection: Connection) -> None:
        """Let the receive thread find its end. The peer sees nothing of it."""
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


def count_unacknowledged(sock: socket.socket) -> int | None:
    """Ask how many octets the peer's system has not acknowledged, the end of stream among them;
    None where this system cannot tell."""
    try:
        answer: bytes = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))
    except OSError:
        return None
    return int.from_bytes(answer, sys.byteorder)


def keep_alive(sock: socket.socket) -> None:
    """Let the kernel ask a silent peer whether it lives; it finds a dead one in 2 min (HB-2).

    `OSError` where the connection is lost.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, most in KEEPALIVE.items():
        if sock.family != socket.AF_UNIX and hasattr(socket, name):
            option = getattr(socket, name)
            usual = sock.getsockopt(socket.IPPROTO_TCP, option)
            sock.setsockopt(socket.IPPROTO_TCP, option, min(usual, most))


def seconds_unanswered(sock: socket.socket) -> float:
    """Ask for how long the peer's system has left unacknowledged what waits for that; 0 where
    nothing does, or where this system cannot tell."""
    if sys.platform != "linux" or not count_unacknowledged(sock):
        return 0.0
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_ACK.stop)
    except OSError:  # on a Unix-domain socket nobody vanishes
        return 0.0
    return int.from_bytes(told[_LAST_ACK], sys.byteorder) / 1000
