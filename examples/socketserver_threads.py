"""A chatproto/1 server with socketserver: the handler's thread for each member, and one more that
reads.

socketserver closes a connection when its handler returns, so the handler sends, and returns when it
has sent everything, shut the write side, and lingered. No thread blocks while it holds the lock.
"""

import argparse
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Condition, Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from chatproto import Limits, Member, Room, State, ip_sender

READ_SIZE = 16_384
TICK = 0.1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing drops what is unsent (LIM-4)
OVER = State.CLOSED, State.ABORTED
WAITING = State.OPEN, State.LINGERING


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 4096
    timeout = TICK

    def __init__(self, host: str, port: int, room: Room) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.lock = Lock()
        self.room = room
        self.members: dict[socket.socket, Member] = {}
        self.changed: dict[Member, Condition] = {}
        super().__init__((host, port), Handler)

    def run(self, signals: list[int]) -> None:
        """Accept and keep the time, until a signal has come and the last member is gone."""
        while not signals or self.members:
            self.handle_request()
            with self.lock:
                if signals:
                    self.room.stop()
                self.room.expire(time.monotonic())
                for sock, member in self.members.items():
                    if member.state is State.ABORTED:  # its send may be blocked
                        shut(sock, socket.SHUT_RDWR)
                self.tell_all()

    def tell_all(self) -> None:
        for changed in self.changed.values():
            changed.notify_all()

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:  # no descriptor is free
            time.sleep(TICK)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.lock:
            member = self.members[request] = self.room.join(ip_sender(*client_address[:2]))
            self.changed[member] = Condition(self.lock)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Called when the handler has returned, or could not be started."""
        with self.lock:
            member = self.members.pop(request)
            self.room.abort(member)  # which changes nothing where all went in order
            del self.changed[member]
        if member.state is State.ABORTED:
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        request.close()


class Handler(StreamRequestHandler):
    server: Server
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.room = self.server.room
        self.member = self.server.members[self.request]
        self.changed = self.server.changed[self.member]

    def handle(self) -> None:
        """Send what the member is owed, shut the write side, linger (QUIT-3)."""
        member = self.member
        reading = Thread(target=self.read)
        reading.start()
        while member.state not in OVER:
            with self.changed:
                self.changed.wait_for(lambda: member.pending() or member.state not in WAITING)
                octets, state = member.pending(), member.state
            try:
                if octets:
                    sent = self.request.send(octets)
                    with self.changed:
                        member.sent(sent)
                        self.changed.notify_all()  # the reading thread, where it floods
                elif state not in OVER:
                    self.request.shutdown(socket.SHUT_WR)
                    with self.changed:
                        self.room.flushed(member)
            except OSError:
                with self.changed:
                    self.room.send_failed(member)
        shut(self.request, socket.SHUT_RD)  # its recv may be blocked; the peer sees nothing of it
        reading.join()

    def read(self) -> None:
        try:
            while (octets := self.request.recv(READ_SIZE)) and self.member.state not in OVER:
                with self.changed:
                    self.changed.wait_for(lambda: not self.member.is_flooding)
                    self.room.receive(self.member, octets, datetime.now(UTC))
                    self.server.tell_all()
            with self.changed:
                self.room.receive_eof(self.member)
                self.changed.notify_all()
        except OSError:
            with self.changed:
                self.room.abort(self.member)
                self.changed.notify_all()


def shut(sock: socket.socket, how: int) -> None:
    with suppress(OSError):  # it is lost already
        sock.shutdown(how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=urlsplit, default="tcp://127.0.0.1:9999")
    parser.add_argument("--heartbeat", type=float, default=30.0, help="seconds; 0 for none")
    parser.add_argument("--max-members", type=int)
    options = parser.parse_args()
    signals: list[int] = []
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, lambda number, _: signals.append(number))
    room = Room(Limits(members=options.max_members), heartbeat=options.heartbeat)
    host, port = options.listen.hostname, options.listen.port
    try:
        server = Server(host, port, room)
    except OSError as error:
        sys.exit(f"cannot listen on {options.listen.geturl()}: {error.strerror}")
    with server:  # its end waits for the handlers' threads
        server.run(signals)


if __name__ == "__main__":
    main()
