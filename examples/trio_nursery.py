"""A chatproto/1 server with trio: a nursery for each member, in which one task reads and one
writes.

A nursery ends with its member: once the writing task has finished with it, the reading task is
cancelled. If the room gives a member up, both are cancelled.
"""

import argparse
import signal
import socket
import struct
import sys
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

import trio

from chatproto import Limits, Member, Room, State, ip_sender

READ_SIZE = 16_384
TICK = 0.1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing drops what is unsent (LIM-4)


class Server:
    def __init__(self, room: Room) -> None:
        self.room = room
        self.scopes: dict[Member, trio.CancelScope] = {}
        self.changes: dict[Member, trio.Event] = {}

    async def run(self, host: str, port: int) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            # Sets SO_REUSEADDR and TCP_NODELAY, and survives having no descriptor free.
            listeners = await trio.open_tcp_listeners(port, host=host, backlog=4096)
            async with trio.open_nursery() as members:
                members.start_soon(self.keep_time)
                async with trio.open_nursery() as accepting:
                    serve = partial(trio.serve_listeners, handler_nursery=members)
                    accepting.start_soon(serve, self.serve, listeners)
                    await anext(signals)
                    self.room.stop()
                    self.tell_all()
                    await trio.sleep(TICK)  # who had connected before gets an orderly end, too
                    accepting.cancel_scope.cancel()
                while self.scopes:
                    await trio.sleep(TICK)
                members.cancel_scope.cancel()

    async def keep_time(self) -> None:
        while True:
            await trio.sleep(TICK)
            self.room.expire(trio.current_time())
            for member, scope in self.scopes.items():
                if member.state is State.ABORTED:  # its task may wait for a peer that never reads
                    scope.cancel()
            self.tell_all()

    def tell_all(self) -> None:
        for change in self.changes.values():
            change.set()

    async def serve(self, stream: trio.SocketStream) -> None:
        sock = stream.socket
        try:
            member = self.room.join(ip_sender(*sock.getpeername()[:2]))
        except OSError:  # reset already
            return
        async with trio.open_nursery() as nursery:
            self.scopes[member] = nursery.cancel_scope
            nursery.start_soon(self.read, member, sock)
            await self.write(member, sock)
            nursery.cancel_scope.cancel()
        del self.scopes[member], self.changes[member]
        if member.state is State.ABORTED:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.close()

    async def read(self, member: Member, sock: trio.socket.SocketType) -> None:
        try:
            while octets := await sock.recv(READ_SIZE):
                self.room.receive(member, octets, datetime.now(UTC))
                self.tell_all()
                while member.is_flooding:
                    await trio.sleep(TICK)
            self.room.receive_eof(member)
        except OSError:
            self.room.abort(member)
        self.changes[member].set()

    async def write(self, member: Member, sock: trio.socket.SocketType) -> None:
        """Send a member what it is owed, until its connection is over."""
        while member.state not in (State.CLOSED, State.ABORTED):
            change = self.changes[member] = trio.Event()
            try:
                if octets := member.pending():
                    member.sent(await sock.send(octets))
                elif member.state in (State.FLUSHING, State.FLUSHING_ENDED):
                    sock.shutdown(socket.SHUT_WR)
                    self.room.flushed(member)
                else:
                    await change.wait()
            except OSError:
                self.room.send_failed(member)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=urlsplit, default="tcp://127.0.0.1:9999")
    parser.add_argument("--heartbeat", type=float, default=30.0, help="seconds; 0 for none")
    parser.add_argument("--max-members", type=int)
    options = parser.parse_args()
    room = Room(Limits(members=options.max_members), heartbeat=options.heartbeat)
    try:
        trio.run(Server(room).run, options.listen.hostname, options.listen.port)
    except OSError as error:
        sys.exit(f"cannot listen on {options.listen.geturl()}: {error.strerror}")


if __name__ == "__main__":
    main()
