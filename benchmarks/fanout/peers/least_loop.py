"""No peer but a limit: what the reference server's threads call, without its protocol.

One loop reads whoever has said something and sends what came to all, in one piece. Of a read it
asks only where its last line ends. It decodes, trims and checks nothing, bounds nothing, and drops
what a full socket does not take.

    python -m benchmarks.fanout.peers.least_loop PORT
"""

import contextlib
import selectors
import socket
import sys
import time

READ_SIZE = 16_384


class Member:
    """One member: its socket, its header of this second, and the line that is not whole yet."""

    def __init__(self, connected: socket.socket, sender: str) -> None:
        self.socket = connected
        self._sender = sender
        self._header, self._second = b"", 0
        self._unfinished = b""

    def read(self) -> bytes:
        """Read once; return what is to be sent to all."""
        if int(time.time()) != self._second:
            self._second = int(time.time())
            self._header = time.strftime(f"%Y%m%d %H:%M:%S {self._sender}\n").encode()
        lines = self._unfinished + self.socket.recv(READ_SIZE)
        end = lines.rfind(b"\n")
        self._unfinished = lines[end + 1 :]
        if end < 0:
            return b""
        return self._header + lines[:end].replace(b"\n", b"\n" + self._header) + b"\n"


def main(port: int) -> None:
    members: list[Member] = []
    with (
        socket.create_server(("127.0.0.1", port), backlog=4096) as server,
        selectors.DefaultSelector() as selector,
    ):
        selector.register(server, selectors.EVENT_READ)
        while True:
            said = []
            for key, _ in selector.select():
                if key.data is not None:
                    said.append(key.data.read())
                    continue
                connected, (host, peer) = server.accept()
                connected.setblocking(False)
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                members.append(Member(connected, f"{host}:{peer}"))
                selector.register(connected, selectors.EVENT_READ, members[-1])
            if octets := b"".join(said):
                for member in members:
                    with contextlib.suppress(BlockingIOError):
                        member.socket.send(octets)


if __name__ == "__main__":
    main(int(sys.argv[1]))
