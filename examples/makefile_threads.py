"""A chatproto/1 server with two threads a member: one reads lines from a file, one sends.

Both block, as a file's readline and a socket's send do. The sending thread owns the socket: it
alone closes it, once the reading thread has ended. No thread blocks while it holds the lock.
"""

import argparse
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from threading import Condition, Lock, Thread
from urllib.parse import urlsplit

from chatproto import Limits, Member, Room, State, ip_sender

LINE_SIZE = Limits().line + 1  # with its LF
TICK = 0.1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing drops what is unsent (LIM-4)
OVER = State.CLOSED, State.ABORTED
WAITING = State.OPEN, State.LINGERING


class Server:
    def __init__(self, room: Room) -> None:
        self.lock = Lock()
        self.room = room
        self.connections: set[Connection] = set()

    def run(self, signals: list[int]) -> None:
        """Keep the time, until a signal has come and the last connection is closed."""
        while not signals or self.connections:
            time.sleep(TICK)
            with self.lock:
                if signals:
                    self.room.stop()
                self.room.expire(time.monotonic())
                for connection in self.connections:
                    if connection.member.state is State.ABORTED:
                        connection.shut(socket.SHUT_RDWR)  # its send may be blocked
                self.tell_all()

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, address = listener.accept()
            except OSError:  # no descriptor is free
                time.sleep(TICK)
                continue
            with self.lock:
                member = self.room.join(ip_sender(*address[:2]))
                connection = Connection(self, sock, member)
                self.connections.add(connection)
            try:
                Thread(target=connection.send).start()
            except RuntimeError:  # no thread is free
                with self.lock:
                    self.room.abort(member)
                    self.connections.remove(connection)
                sock.close()

    def tell_all(self) -> None:
        for connection in self.connections:
            connection.changed.notify_all()


class Connection:
    def __init__(self, server: Server, sock: socket.socket, member: Member) -> None:
        self.server = server
        self.room = server.room
        self.sock = sock
        self.member = member
        self.changed = Condition(server.lock)

    def read(self) -> None:
        """Read lines, or the beginnings of those that are too long, until there are no more."""
        try:
            with self.sock.makefile("rb") as file:
                while self.member.state not in OVER:
                    line = file.readline(LINE_SIZE)
                    with self.changed:
                        if not line:
                            self.room.receive_eof(self.member)
                            break
                        self.changed.wait_for(lambda: not self.member.is_flooding)
                        self.room.receive(self.member, line, datetime.now(UTC))
                        self.server.tell_all()
        except OSError:
            with self.changed:
                self.room.abort(self.member)
        with self.changed:
            self.changed.notify_all()

    def send(self) -> None:
        """Send what the member is owed, shut the write side, linger, close (QUIT-3)."""
        member = self.member
        reading = Thread(target=self.read)
        reading.start()
        while member.state not in OVER:
            with self.changed:
                self.changed.wait_for(lambda: member.pending() or member.state not in WAITING)
                octets, state = member.pending(), member.state
            try:
                if octets:
                    sent = self.sock.send(octets)
                    with self.changed:
                        member.sent(sent)
                        self.changed.notify_all()  # the reading thread, where it floods
                elif state not in OVER:
                    self.sock.shutdown(socket.SHUT_WR)
                    with self.changed:
                        self.room.flushed(member)
            except OSError:
                with self.changed:
                    self.room.send_failed(member)
        if member.state is State.ABORTED:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.shut(socket.SHUT_RD)  # its recv may be blocked; the peer sees nothing of this
        reading.join()
        with self.changed:
            self.server.connections.remove(self)
        self.sock.close()

    def shut(self, how: int) -> None:
        with suppress(OSError):  # it is lost already
            self.sock.shutdown(how)


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
    server = Server(room)
    Thread(target=server.accept, args=[listener], daemon=True).start()
    server.run(signals)


if __name__ == "__main__":
    main()
