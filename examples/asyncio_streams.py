"""A chatproto/1 server with asyncio's streams: two tasks a member, one that reads, one that writes.

The writing task hands over the next octets once the transport has passed on the last, and so
keeps a cursor in the room's log instead of a queue of its own. With --certificate it speaks TLS.
"""

import argparse
import asyncio
import os
import signal
import socket
import ssl
import struct
import sys
import time
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

from chatproto import Limits, Member, Room, State, ip_sender

READ_SIZE = 16_384
TICK = 0.1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing drops what is unsent (LIM-4)


class Server:
    def __init__(self, room: Room) -> None:
        self.room = room
        self.writers: dict[Member, StreamWriter] = {}
        self.changes: dict[Member, asyncio.Event] = {}

    async def run(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        stop = asyncio.Event()
        for number in signal.SIGINT, signal.SIGTERM:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        # asyncio accepts `backlog` times in a go and, where no descriptor is free, fails and tells
        # so each time. Once is enough; the kernel's queue gets its length back.
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(StreamReader(), self.serve), sock=listener, backlog=1, ssl=tls
        )
        listener.listen(4096)
        clock = asyncio.create_task(self.keep_time())
        await stop.wait()
        self.room.stop()
        self.tell_all()
        await asyncio.sleep(TICK)  # who had connected before the stop gets an orderly end, too
        while self.writers:
            await asyncio.sleep(TICK)
        clock.cancel()
        server.close()

    async def keep_time(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.room.expire(time.monotonic())
            for member, writer in self.writers.items():
                if member.state is State.ABORTED:  # its task may wait for a peer that never reads
                    reset(writer)
            self.tell_all()

    def tell_all(self) -> None:
        for change in self.changes.values():
            change.set()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Read one member until it is over, and close it."""
        member = self.room.join(ip_sender(*writer.get_extra_info("peername")[:2]))
        self.writers[member] = writer
        self.changes[member] = asyncio.Event()
        writing = asyncio.create_task(self.write(member, writer))
        try:
            while octets := await reader.read(READ_SIZE):
                self.room.receive(member, octets, datetime.now(UTC))
                self.tell_all()
                while member.is_flooding:
                    await asyncio.sleep(TICK)
            self.room.receive_eof(member)
        except OSError:
            self.room.abort(member)
        self.changes[member].set()
        await writing
        del self.writers[member], self.changes[member]

    async def write(self, member: Member, writer: StreamWriter) -> None:
        """Send one member what it is owed, and close its connection once it is over."""
        # drain: all but an octet has gone to the kernel. At 0 a TLS transport pauses for good.
        writer.transport.set_write_buffer_limits(1, 0)
        change = self.changes[member]
        while member.state not in (State.CLOSED, State.ABORTED):
            change.clear()
            try:
                if octets := member.pending():
                    writer.write(octets)
                    await writer.drain()
                    member.sent(len(octets))
                elif member.state in (State.FLUSHING, State.FLUSHING_ENDED):
                    if writer.can_write_eof():
                        writer.write_eof()
                    else:
                        writer.close()  # TLS has no half-close: this sends all, and close_notify
                    self.room.flushed(member)
                else:
                    await change.wait()
            except OSError:
                self.room.send_failed(member)
        if member.state is State.ABORTED or not writer.can_write_eof():
            reset(writer)  # with TLS, else, asyncio waits half a minute for the peer's close_notify
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class Connection(StreamReaderProtocol):
    """A stream that, after a failed write, returns what came before it (QUIT-5; not with TLS)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and self.transport.get_extra_info("sslcontext") is None:
            descriptor = self.transport.get_extra_info("socket").fileno()
            with suppress(OSError):
                while octets := os.read(descriptor, READ_SIZE):
                    self.data_received(octets)
            exc = None  # an end, which comes after all there is to read
        super().connection_lost(exc)


def reset(writer: StreamWriter) -> None:
    with suppress(OSError, AttributeError):  # it is gone, and with TLS its socket is
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=urlsplit, default="tcp://127.0.0.1:9999")
    parser.add_argument("--heartbeat", type=float, default=30.0, help="seconds; 0 for none")
    parser.add_argument("--max-members", type=int)
    parser.add_argument("--certificate", help="PEM file with the certificate and its key")
    options = parser.parse_args()
    tls = None
    if options.certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate)
    where = options.listen.hostname, options.listen.port
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    try:
        listener = socket.create_server(where, family=family)  # with SO_REUSEADDR
    except OSError as error:
        sys.exit(f"cannot listen on {options.listen.geturl()}: {error.strerror}")
    room = Room(Limits(members=options.max_members), heartbeat=options.heartbeat)
    asyncio.run(Server(room).run(listener, tls))


if __name__ == "__main__":
    main()
