"""A chatproto/1 server in one thread, with a selector, which waits for all its sockets at once.

After each read every member is sent what it is owed, as far as its socket takes that now; the
selector says when to send the rest. So nobody waits for anybody (TRN-1).
"""

import argparse
import selectors
import signal
import socket
import struct
import sys
import time
from datetime import UTC, datetime
from selectors import EVENT_READ, EVENT_WRITE
from urllib.parse import urlsplit

from chatproto import Limits, Member, Room, State, ip_sender

READ_SIZE = 16_384
TICK = 0.1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing drops what is unsent (LIM-4)


class Server:
    def __init__(self, listener: socket.socket, room: Room) -> None:
        listener.setblocking(False)
        self.listener = listener
        self.selector = selectors.DefaultSelector()
        self.room = room
        self.sockets: dict[Member, socket.socket] = {}

    def run(self, signals: list[int]) -> None:
        """Serve until a signal has come and the last connection is closed."""
        next_tick, is_stopped = 0.0, False
        while not is_stopped or self.sockets:
            is_stopped = bool(signals)
            for key, events in self.selector.select(TICK):
                self.take(key.data, events)
            if (now := time.monotonic()) < next_tick:
                continue
            next_tick = now + TICK
            if signals:
                self.room.stop()
            self.room.expire(now)
            self.distribute()
            if self.listener not in self.selector.get_map():
                self.selector.register(self.listener, EVENT_READ)

    def take(self, member: Member | None, events: int) -> None:
        if member is None:
            try:
                self.accept()
            except OSError:  # no descriptor is free: to be tried again with the next tick
                self.selector.unregister(self.listener)
        elif member in self.sockets:  # not closed since the selector saw it
            if events & EVENT_READ:
                self.read(member)
            self.distribute()

    def accept(self) -> None:
        sock, address = self.listener.accept()
        sock.setblocking(False)
        member = self.room.join(ip_sender(*address[:2]))
        self.sockets[member] = sock
        self.selector.register(sock, EVENT_READ, member)
        self.serve(member)

    def read(self, member: Member) -> None:
        try:
            if octets := self.sockets[member].recv(READ_SIZE):
                self.room.receive(member, octets, datetime.now(UTC))
            else:
                self.room.receive_eof(member)
        except BlockingIOError:
            pass
        except OSError:
            self.room.abort(member)

    def distribute(self) -> None:
        for member in tuple(self.sockets):
            self.serve(member)

    def serve(self, member: Member) -> None:
        """Do what a member's state asks for, as far as its socket goes without waiting."""
        sock = self.sockets[member]
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
            del self.sockets[member]
            self.selector.unregister(sock)
            if member.state is State.ABORTED:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
            return
        reads = member.state is not State.FLUSHING_ENDED and not member.is_flooding
        events = reads * EVENT_READ | bool(member.pending()) * EVENT_WRITE
        if events != self.selector.get_key(sock).events:
            self.selector.modify(sock, events, member)


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
