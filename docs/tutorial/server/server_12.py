"""Chapter 12: the same threads around chatproto's room."""

import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

from chatproto import Limits, Member, Room, State, ip_sender

TICK = 0.1  # seconds
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 seconds


class Server:
    def __init__(self, port: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # clients inherit it
        self.room = Room(Limits(members=260), heartbeat=1.0)
        self.sockets: dict[Member, socket.socket] = {}
        self.changed = threading.Condition()

    def accept(self) -> None:
        while True:
            try:
                sock, address = self.listener.accept()
            except OSError:  # no descriptor is free
                time.sleep(TICK)
                continue
            with self.changed:
                member = self.room.join(ip_sender(*address[:2]))
                self.sockets[member] = sock
            threading.Thread(target=self.send, args=(member, sock), daemon=True).start()

    def receive(self, member: Member, sock: socket.socket) -> None:
        is_lost = False
        try:
            while octets := sock.recv(16_384):
                with self.changed:
                    self.room.receive(member, octets, datetime.now(UTC))
                    self.changed.notify_all()
                    self.changed.wait_for(lambda: not member.is_flooding)
        except OSError:
            is_lost = True
        with self.changed:
            if is_lost:
                self.room.abort(member)
            else:
                self.room.receive_eof(member)
            self.changed.notify_all()

    def send(self, member: Member, sock: socket.socket) -> None:
        receiving = threading.Thread(target=self.receive, args=(member, sock), daemon=True)
        receiving.start()
        while member.state not in (State.CLOSED, State.ABORTED):
            with self.changed:
                self.changed.wait_for(
                    lambda: member.pending() or member.state not in (State.OPEN, State.LINGERING)
                )
                octets, state = member.pending(), member.state
            try:
                if octets:
                    sent = sock.send(octets)
                    with self.changed:
                        member.sent(sent)
                        self.changed.notify_all()  # its reading thread, where it floods
                elif state in (State.FLUSHING, State.FLUSHING_ENDED):
                    sock.shutdown(socket.SHUT_WR)
                    with self.changed:
                        self.room.flushed(member)
            except OSError:
                with self.changed:
                    self.room.send_failed(member)
        if member.state is State.ABORTED:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RD)  # wakes the receiving thread
        receiving.join()
        with self.changed:
            del self.sockets[member]
            self.changed.notify_all()
        sock.close()

    def keep_time(self) -> None:
        """Tell the room the time, and free the threads of whoever it gave up."""
        while True:
            time.sleep(TICK)
            with self.changed:
                self.room.expire(time.monotonic())
                for member, sock in self.sockets.items():
                    if member.state is State.ABORTED:
                        with suppress(OSError):
                            sock.shutdown(socket.SHUT_RDWR)
                self.changed.notify_all()

    def stop(self) -> None:
        """Let everybody leave, and wait until they are gone: `expire` sees that it takes no 3 s."""
        with self.changed:
            self.room.stop()
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.sockets)


def main() -> None:
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # in every thread: sigwait takes them
    port = int(sys.argv[1])
    try:
        server = Server(port)
    except OSError as error:
        sys.exit(f"cannot listen on 127.0.0.1:{port}: {error.strerror}")
    threading.Thread(target=server.accept, daemon=True).start()
    threading.Thread(target=server.keep_time, daemon=True).start()
    signal.sigwait(signals)
    server.stop()


if __name__ == "__main__":
    main()
