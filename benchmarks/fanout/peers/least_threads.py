"""No peer but a limit: the reference server's threads and system calls, without its protocol.

A receive thread a member, one thread that delivers, one log; who has received delivers, where the
read before was its own and nobody else does. Of a read it asks only where its last line ends. It
decodes, trims and checks nothing, bounds nothing, and waits for whoever does not read.

    python -m benchmarks.fanout.peers.least_threads PORT
"""

import socket
import sys
import threading
import time

READ_SIZE = 16_384


class Room:
    """All members and what waits for them. `is_busy`: a thread delivers, or is to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.has_work = threading.Semaphore(0)
        self.members: list[socket.socket] = []
        self.log: list[bytes] = []
        self.is_busy = False
        self.last_read: socket.socket | None = None

    def receive(self, member: socket.socket, sender: str) -> None:
        unfinished, header, second = b"", b"", 0
        while octets := member.recv(READ_SIZE):
            if int(time.time()) != second:
                second = int(time.time())
                header = time.strftime(f"%Y%m%d %H:%M:%S {sender}\n").encode()
            lines = unfinished + octets
            end = lines.rfind(b"\n")
            unfinished = lines[end + 1 :]
            if end >= 0:
                units = lines[:end].replace(b"\n", b"\n" + header)
                self.say(member, header + units + b"\n")

    def say(self, member: socket.socket, units: bytes) -> None:
        with self.lock:
            self.log.append(units)
            was_busy, self.is_busy = self.is_busy, True
            before, self.last_read = self.last_read, member
        if not was_busy and before is member:
            self.deliver()
        elif not was_busy:
            self.has_work.release()

    def deliver(self) -> None:
        while True:
            with self.lock:
                octets = b"".join(self.log)
                self.log.clear()
                self.is_busy = bool(octets)
            if not octets:
                return
            for member in self.members:
                member.sendall(octets)

    def distribute(self) -> None:
        while self.has_work.acquire():
            self.deliver()


def main(port: int) -> None:
    room = Room()
    threading.Thread(target=room.distribute, daemon=True).start()
    with socket.create_server(("127.0.0.1", port), backlog=4096) as server:
        while True:
            member, (host, peer) = server.accept()
            member.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            room.members.append(member)
            arguments = member, f"{host}:{peer}"
            threading.Thread(target=room.receive, args=arguments, daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
