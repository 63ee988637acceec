"""A chatproto/1 server with asyncio's protocols: callbacks, one object for each member, no task.

All members read into one buffer. A transport gets the next octets once it has passed on the last,
so its own buffer never holds more than a segment of the room's log.
"""

import argparse
import asyncio
import os
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlsplit

from chatproto import Limits, Member, Room, State, ip_sender

READ_SIZE = 16_384
TICK = 0.1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing drops what is unsent (LIM-4)


class Server:
    def __init__(self, room: Room) -> None:
        self.room = room
        self.connections: dict[Member, Connection] = {}
        self.buffer = bytearray(READ_SIZE)

    async def run(self, listener: socket.socket) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in signal.SIGINT, signal.SIGTERM:
            loop.add_signal_handler(number, stop.set)
        # asyncio accepts `backlog` times in a go and, where no descriptor is free, fails and tells
        # so each time. Once is enough; the kernel's queue gets its length back.
        server = await loop.create_server(lambda: Connection(self), sock=listener, backlog=1)
        listener.listen(4096)
        clock = asyncio.create_task(self.keep_time())
        await stop.wait()
        self.room.stop()
        await asyncio.sleep(TICK)  # who had connected before the stop gets an orderly end, too
        while self.connections:
            await asyncio.sleep(TICK)
        clock.cancel()
        server.close()

    async def keep_time(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.room.expire(time.monotonic())
            self.distribute()

    def distribute(self) -> None:
        for connection in tuple(self.connections.values()):
            connection.serve()


class Connection(asyncio.BufferedProtocol):
    def __init__(self, server: Server) -> None:
        self.server = server
        self.room = server.room
        self.is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(0)  # resume_writing: all has gone to the kernel
        self.member = self.room.join(ip_sender(*transport.get_extra_info("peername")[:2]))
        self.server.connections[self.member] = self
        self.serve()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.server.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.receive(bytes(memoryview(self.server.buffer)[:nbytes]))

    def receive(self, octets: bytes) -> None:
        self.room.receive(self.member, octets, datetime.now(UTC))
        self.server.distribute()

    def eof_received(self) -> bool:
        self.room.receive_eof(self.member)
        self.serve()
        return True  # half-closed: our side stays open for what it is owed

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        self.serve()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:  # a write has failed: what waits unread was said before (QUIT-5)
            descriptor = self.transport.get_extra_info("socket").fileno()
            with suppress(OSError):
                while octets := os.read(descriptor, READ_SIZE):
                    self.receive(octets)
        self.room.abort(self.member)
        del self.server.connections[self.member]

    def serve(self) -> None:
        """Do what the member's state asks for, as far as its transport goes without waiting."""
        member, transport = self.member, self.transport
        if transport.is_closing():
            return
        while not self.is_full and (octets := member.pending()):
            member.sent(len(octets))
            transport.write(octets)
        if member.state in (State.FLUSHING, State.FLUSHING_ENDED) and not self.is_full:
            try:
                transport.write_eof()
                self.room.flushed(member)
            except OSError:
                self.room.send_failed(member)
        if member.state is State.ABORTED:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()
        elif member.state is State.CLOSED:
            transport.close()
        elif member.is_flooding:
            transport.pause_reading()
        else:
            transport.resume_reading()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=urlsplit, default="tcp://127.0.0.1:9999")
    parser.add_argument("--heartbeat", type=float, default=30.0, help="seconds; 0 for none")
    parser.add_argument("--max-members", type=int)
    options = parser.parse_args()
    where = options.listen.hostname, options.listen.port
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    try:
        listener = socket.create_server(where, family=family)  # with SO_REUSEADDR
    except OSError as error:
        sys.exit(f"cannot listen on {options.listen.geturl()}: {error.strerror}")
    room = Room(Limits(members=options.max_members), heartbeat=options.heartbeat)
    asyncio.run(Server(room).run(listener))


if __name__ == "__main__":
    main()
