"""A client as the tests use one: a blocking socket, every read with a deadline."""

import socket
import struct
import time
from collections.abc import Callable
from itertools import count

from chatproto.address import Unix, parse

DEADLINE = 20.0
_nonces = count(1)


class Peer:
    """One connection; `received` is all that it was ever sent."""

    def __init__(self, address: str, receive_buffer: int | None = None) -> None:
        where = parse(address)
        if isinstance(where, Unix):
            self.socket = socket.socket(socket.AF_UNIX)
            target: object = where.path
        else:
            family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
            self.socket = socket.socket(family)
            target = (where.host, where.port)
        self.socket.settimeout(DEADLINE)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.connect(target)  # type: ignore[arg-type]
        except OSError:
            self.socket.close()
            raise
        self.received = b""
        host, port = (self.socket.getsockname() or ("unix", 0))[:2]
        self.sender = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def read(self) -> bytes:
        octets = self.socket.recv(65536)
        self.received += octets
        return octets

    def read_until(self, octets: bytes) -> None:
        looked_at = 0
        while self.received.find(octets, looked_at) < 0:
            looked_at = max(0, len(self.received) - len(octets))
            assert self.read(), f"the stream ended without {octets!r}: {self.received[-200:]!r}"

    def fence(self) -> None:
        """Say a nonce and wait for its echo: then all that was said before has been broadcast."""
        nonce = b"nonce %d" % next(_nonces)
        self.send(nonce + b"\n")
        self.read_until(nonce + b"\n")

    def read_to_end(self) -> bytes:
        while self.read():
            pass
        return self.received

    def forget_until(self, octets: bytes) -> None:
        """Read until this, and drop it and all before it."""
        self.read_until(octets)
        self.received = self.received.partition(octets)[2]

    def texts(self) -> list[bytes]:
        """Return the texts of the broadcasts received, without nonces."""
        return [line for line in self.received.split(b"\n")[1::2] if not line.startswith(b"nonce")]

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def end(self) -> None:
        """End our stream, and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait for a condition that no octet on a socket announces."""
    deadline = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.002)
