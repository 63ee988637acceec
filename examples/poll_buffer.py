"""A chatproto/1 server in one thread, with poll, that reads into one buffer for all.

poll takes descriptors, needs no set-up for each call, and has no bound on their number. After each
read every member is sent what it is owed, as far as its socket takes that now.
"""

import argparse
import select
import signal
import socket
import struct
import sys
import time
from datetime import UTC, datetime
from select import POLLIN, POLLOUT
from urllib.parse import urlsplit

from chatproto import Limits, Member, Room, State, ip_sender

TICK = 0.1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing drops what is unsent (LIM-4)
BUFFER = memoryview(bytearray(16_384))


class Server:
    def __init__(self, listener: socket.socket, room: Room) -> None:
        listener.setblocking(False)
        self.listener = listener
        self.poll = select.poll()
        self.room = room
        self.connections: dict[int, tuple[Member, socket.socket]] = {}

    def run(self, signals: list[int]) -> None:
        """Serve until a signal has come and the last connection is closed."""
        next_tick, is_stopped = 0.0, False
        while not is_stopped or self.connections:
            is_stopped = bool(signals)
            for descriptor, events in self.poll.poll(TICK * 1000):
                self.take(descriptor, events)
            if (now := time.monotonic()) < next_tick:
                continue
            next_tick = now + TICK
            if signals:
                self.room.stop()
            self.room.expire(now)
            self.distribute()
            self.poll.register(self.listener, POLLIN)

    def take(self, descriptor: int, events: int) -> None:
        if descriptor == self.listener.fileno():
            try:
                self.accept()
            except OSError:  # no descriptor is free: to be tried again with the next tick
                self.poll.unregister(self.listener)
        elif descriptor in self.connections:  # not closed since poll saw it
            member, sock = self.connections[descriptor]
            # Errors and hang-ups are reported without being asked for; a read shows which.
            if events & ~POLLOUT and is_read(member):
                self.read(member, sock)
            self.distribute()

    def accept(self) -> None:
        sock, address = self.listener.accept()
        sock.setblocking(False)
        member = self.room.join(ip_sender(*address[:2]))
        self.connections[sock.fileno()] = member, sock
        self.poll.register(sock, POLLIN)
        self.serve(member, sock)

    def read(self, member: Member, sock: socket.socket) -> None:
        try:
            if size := sock.recv_into(BUFFER):
                self.room.receive(member, bytes(BUFFER[:size]), datetime.now(UTC))
            else:
                self.room.receive_eof(member)
        except BlockingIOError:
            pass
        except OSError:
            self.room.abort(member)

    def distribute(self) -> None:
        for member, sock in tuple(self.connections.values()):
            self.serve(member, sock)

    def serve(self, member: Member, sock: socket.socket) -> None:
        """Do what a member's state asks for, as far as its socket goes without waiting."""
        try:
            while octets := member.pending():
                member.sent(sock.send(octets))
            if member.state in (State.FLUSHING, State.FLUSHING_ENDED):
                sock.shutdown(socket.SHUT_WR)
                self.room.flushed(member)
        except BlockingIOError:
            pass
        except OSError:
            self.room.send_failed(member)
        if member.state in (State.CLOSED, State.ABORTED):
            del self.connections[sock.fileno()]
            self.poll.unregister(sock)
            if member.state is State.ABORTED:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
        else:
            self.poll.modify(sock, is_read(member) * POLLIN | bool(member.pending()) * POLLOUT)


def is_read(member: Member) -> bool:
    return member.state is not State.FLUSHING_ENDED and not member.is_flooding


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=urlsplit, default="tcp://127.0.0.1:9999")
    parser.add_argument("--heartbeat", type=float, default=30.0, help="seconds; 0 for none")
    parser.add_argument("--max-members", type=int)
    options = parser.parse_args()
    signals: list[int] = []
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, lambda number, _: signals.append(number))
    where = options.listen.hostname, options.listen.port
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    try:
        listener = socket.create_server(where, family=family, backlog=4096)  # with SO_REUSEADDR
    except OSError as error:
        sys.exit(f"cannot listen on {options.listen.geturl()}: {error.strerror}")
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what it accepts inherits it
    room = Room(Limits(members=options.max_members), heartbeat=options.heartbeat)
    Server(listener, room).run(signals)


if __name__ == "__main__":
    main()
