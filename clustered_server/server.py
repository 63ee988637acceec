"""ClusteredServer: the sockets of one node, on asyncio, with callbacks and an object per member.

All members read into one buffer. A transport is given the next octets only when it has sent the
last, so that its buffer never holds more than a segment of the room's log (LIM-3).
"""

import asyncio
import contextlib
import logging
import os
import socket
import struct
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Final, assert_never, cast

from chatproto import (
    Charset,
    Events,
    Limits,
    Member,
    QuitReceived,
    Replica,
    Standing,
    State,
    Violation,
    ip_sender,
    unix_sender,
)
from clustered_server.engine import Engine, Unavailable
from clustered_server.node import Node, cancel
from reference_server.addresses import ACCEPT_QUEUE, Listener
from reference_server.distributor import count_unacknowledged, keep_alive

READ_SIZE: Final = 16_384
"""Octets of one read."""
TICK: Final = 0.1
"""Seconds between two looks at the clock."""
STOP_LIMIT: Final = 2.8
"""Seconds after the stop at which the remaining members are reset (STOP-1)."""
UNSENT: Final = 262_144
"""Octets unsent in a socket from which on it takes no more: what waits is to wait in the log."""
RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 seconds: closing resets, and the kernel keeps nothing of what was unsent."""

_LEAVING: Final = (State.FLUSHING, State.FLUSHING_ENDED, State.LINGERING)

log = logging.getLogger("clustered_server")


class Ended(Exception):
    """The node no longer serves. Says why."""


class ClusteredServer:
    """One node of a clustered room, on listening sockets it is given.

    `name` is unique in the room. `patience`: seconds for the log to answer at the start. The other
    arguments are those of the reference server, and hold for this node.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        listeners: Iterable[Listener],
        *,
        limits: Limits = Limits(),
        charset: Charset = "utf-8",
        heartbeat: float | None = 30.0,
        time_zone: tzinfo = UTC,
        log_text: bool = False,
        patience: float = 10.0,
    ) -> None:
        self.replica = Replica(name, limits, charset, heartbeat)
        self.node = Node(self.replica, engine, self._serve_what_came)
        self.connections: dict[Connection, None] = {}
        self.waiting: deque[tuple[int, Connection]] = deque()
        self.buffer = bytearray(READ_SIZE)
        self.time_zone = time_zone
        self._listeners = list(listeners)
        self._log_text = log_text
        self._patience = patience
        self.is_serving = False
        self._served = self._offered = 0
        self._standing = self.replica.standing
        self._stop = asyncio.Event()

    def members(self) -> list[tuple[str, State, int]]:
        """Every connection's sender, state and backlog."""
        return [(each.sender, each.state, each.backlog) for each in self.replica.room.members]

    def stop(self) -> None:
        """Have `run` accept no more lines, deliver, close orderly and end (STOP-1)."""
        self._stop.set()

    async def run(self) -> None:
        """Serve until `stop`. Raises `Unavailable` where the log does not answer at the start,
        `Foreign` for a log that is none, and `Ended` for a node that was replaced."""
        following = asyncio.create_task(self.node.run())
        clock = asyncio.create_task(self._keep_time())
        stopped = asyncio.create_task(self._wait_for_stop())
        accepting: list[asyncio.Server] = []
        try:
            await self._wait_until_serving(following)
            for listener in [] if self._stop.is_set() else self._listeners:
                accepting.append(await self._listen(listener))
                log.info("listening on %s", listener.address)
            self.is_serving = True
            await asyncio.wait({stopped, following}, return_when=asyncio.FIRST_COMPLETED)
            await self._let_all_leave()
            if following.done():
                following.result()
                raise Ended(self.replica.trouble)
        finally:
            for server in accepting:
                server.close()
            await cancel(following, clock, stopped, again=1.0)
        log.info("stopped: %d members served, %d octets", self._served, self.replica.room.octets)

    async def _wait_for_stop(self) -> None:
        await self._stop.wait()

    async def _wait_until_serving(self, following: "asyncio.Task[None]") -> None:
        """Return when members can be served, or there is a stop."""
        deadline = time.monotonic() + self._patience
        while self.replica.standing is not Standing.SERVING and not self._stop.is_set():
            if following.done():
                following.result()
                raise Ended(self.replica.trouble)
            if time.monotonic() >= deadline:
                raise Unavailable(f"the log did not answer within {self._patience:g} s")
            await asyncio.sleep(TICK / 10)

    async def _listen(self, listener: Listener) -> asyncio.Server:
        # asyncio accepts `backlog` times in a go and, where no descriptor is free, fails and tells
        # so each time. Once is enough; the kernel's queue gets its length back.
        loop = asyncio.get_running_loop()
        create = loop.create_unix_server if listener.inode else loop.create_server
        server = await create(lambda: Connection(self), sock=listener.socket, backlog=1)
        listener.socket.listen(ACCEPT_QUEUE)
        return server

    async def _let_all_leave(self) -> None:
        """Let all members leave; return when the last has left, or in time (STOP-1)."""
        limit = time.monotonic() + STOP_LIMIT
        self.replica.stop()
        self._serve_all()
        await asyncio.sleep(TICK)  # who had connected before the stop gets an orderly end, too
        while self.connections and time.monotonic() < limit:
            await asyncio.sleep(TICK / 10)
        for connection in list(self.connections):
            connection.reset()
        await asyncio.sleep(0)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for connection in self.connections:
                connection.ask()
            self.replica.expire(time.monotonic())
            self._serve_all()

    def _serve_what_came(self) -> None:
        """Do what an entry asks for. One without messages and departures costs nothing."""
        room = self.replica.room
        is_news = room.octets > self._offered or bool(room.leavers) or bool(self.waiting)
        if is_news or self.replica.standing is not self._standing:
            self._serve_all()

    def _serve_all(self) -> None:
        """Do everything that is due after a possible change."""
        self._tell_standing()
        while self.waiting and self.replica.admits(self.waiting[0][0]):
            self._served += 1
            self.waiting.popleft()[1].join()
        if self._stop.is_set():
            while self.waiting:
                self.waiting.popleft()[1].join()
        self._offered = self.replica.room.octets
        for connection in tuple(self.connections):
            connection.serve()
        self.node.wake()

    def _tell_standing(self) -> None:
        before, self._standing = self._standing, self.replica.standing
        if before is self._standing:
            return
        match self._standing:
            case Standing.LOST:
                log.error("members closed, to start again: %s", self.replica.trouble)
            case Standing.FENCED:
                log.error("members closed: %s", self.replica.trouble)
            case Standing.UNAVAILABLE:
                log.error("members closed: the log did not answer for 10 s")
            case Standing.SERVING:
                log.info("in the room, at position %d of its log", self.replica.position)
            case Standing.STARTING:
                log.debug("starting at position %d", self.replica.position)
            case _:
                assert_never(self._standing)

    def tell(self, sender: str, events: Events) -> None:
        """Log what a member said and how it left."""
        if self._log_text:
            for text in events.texts:
                log.info("%s says: %r", sender, text)
        match events.ending:
            case QuitReceived():
                log.info("%s left: quit", sender)
            case Violation(code=code, line=line):
                log.warning("%s left: %s in line %d", sender, code, line)
            case None:
                pass
            case _:
                assert_never(events.ending)


class Connection(asyncio.BufferedProtocol):
    """One connection: it waits to be admitted, then carries a member's octets."""

    transport: asyncio.Transport
    member: Member | None = None

    def __init__(self, server: ClusteredServer) -> None:
        self._server = server
        self._replica = server.replica
        self._is_full = self._has_ended = self._is_over = self._has_left = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(0)  # resume_writing: all has gone to the kernel
        self.transport.pause_reading()
        _prepare(self.transport.get_extra_info("socket"))
        self._server.connections[self] = None
        self._server.waiting.append((self._replica.knock(), self))
        self._server.node.wake()

    def get_buffer(self, _: int) -> bytearray:
        return self._server.buffer

    def buffer_updated(self, octets: int) -> None:
        self._take(bytes(memoryview(self._server.buffer)[:octets]))
        self.serve()
        self._server.node.wake()

    def eof_received(self) -> bool:
        self._take_end()
        self.serve()
        self._server.node.wake()
        return True  # half-closed: our side stays open for what it is owed

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self.serve()

    def connection_lost(self, error: Exception | None) -> None:
        del self._server.connections[self]
        if self.member is None:
            self._server.waiting = deque(
                (ticket, other) for ticket, other in self._server.waiting if other is not self
            )
            return
        if error is not None and not self._has_ended:
            self._read_the_rest()
        if not self._has_left:
            log.info("%s left: lost: %s", self.member.sender, error or "closed")
        self._replica.room.abort(self.member)
        self._server.node.wake()

    def _read_the_rest(self) -> None:
        """Read what waits in a connection on which a write has failed: its lines were sent before
        the peer closed (QUIT-5), and no more can come."""
        descriptor = self.transport.get_extra_info("socket").fileno()
        with contextlib.suppress(OSError):
            while read := os.read(descriptor, READ_SIZE):
                self._take(read)
            self._take_end()

    def _take(self, read: bytes) -> None:
        assert self.member is not None  # nothing is read before
        events = self._replica.receive(self.member, read, datetime.now(self._server.time_zone))
        self._has_left |= events.ending is not None
        self._server.tell(self.member.sender, events)

    def _take_end(self) -> None:
        assert self.member is not None
        self._has_ended = True
        if self._replica.receive_eof(self.member):
            self._has_left = True
            log.info("%s left: end of stream", self.member.sender)

    # What the server calls

    def join(self) -> None:
        """Become a member, or be refused with a notice."""
        address = self.transport.get_extra_info("peername")
        if isinstance(address, tuple):
            sender = ip_sender(*address[:2])
        else:
            sender = unix_sender(self._replica.number())
        self.member = self._replica.join(sender)
        self._has_left = self.member.state is not State.OPEN
        log.info("%s %s", sender, "refused" if self._has_left else "joined")

    def serve(self) -> None:
        """Do what the member's state asks for, as far as its transport goes without waiting."""
        member, transport = self.member, self.transport
        if member is None or self._is_over or transport.is_closing():
            return
        while not self._is_full and (octets := member.pending()):
            member.sent(len(octets))
            transport.write(octets)
        if member.state in _LEAVING[:2] and not self._is_full:
            self._has_left = True
            try:
                transport.write_eof()
                self._replica.room.flushed(member)
            except OSError:
                self._replica.room.send_failed(member)
        if member.state is State.ABORTED:
            if not self._has_left:
                self._has_left = True
                log.warning("%s evicted: it does not read", member.sender)
            self.reset()
        elif member.state is State.CLOSED:
            self._is_over = True
            transport.close()
        elif self._has_ended:
            pass  # there is nothing to be read any more
        elif self._replica.may_be_read(member):
            transport.resume_reading()
        else:
            transport.pause_reading()

    def ask(self) -> None:
        """Ask the system what a leaver has yet to take: its linger counts from then (QUIT-3)."""
        if self.member is not None and self.member.state in _LEAVING and not self._is_over:
            octets = count_unacknowledged(self.transport.get_extra_info("socket"))
            if octets is not None:
                self._replica.room.unacknowledged(self.member, octets)

    def reset(self) -> None:
        """Close by a reset: anything gentler keeps the backlog in the kernel (LIM-3)."""
        self._is_over = True
        with contextlib.suppress(OSError):
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()


def _prepare(sock: socket.socket) -> None:
    """Set the options of a member's socket; asyncio has set TCP_NODELAY."""
    with contextlib.suppress(OSError):  # lost again: the transport finds out
        keep_alive(sock)  # HB-2, where heartbeats are off
        if sock.family != socket.AF_UNIX and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
