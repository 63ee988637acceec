"""Throws octets at a running chatproto-server over sockets, then asks whether it is sound.

Each burst is some connections at once, made from a seed: what they send, how it is cut, and how
they go (orderly, by a reset, half-closed, without reading). After each, two newcomers must hear
each other; after all, the server's descriptors, threads and memory must be what they were.
"""

import argparse
import contextlib
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Final, Self

import psutil

from fuzz.core import TOKENS

AT_ONCE: Final = 16
"""Connections of a burst."""
DEADLINE: Final = 90.0
"""Seconds within which the server must have let go of everything; a leaver has 60."""
SPARE: Final = 32 * 1_048_576
"""Octets of memory that may be kept of what a burst needed."""


class Server:
    """chatproto-server as a process of its own."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed in __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reference_server", "--listen", "tcp://127.0.0.1:0"],
            stdin=subprocess.DEVNULL,
            stderr=self._log,
        )
        self._seen = psutil.Process(self._process.pid)
        eventually(lambda: b"listening on" in self.log(), "the server does not listen")
        self._port = int(self.log().split(b"tcp://127.0.0.1:")[1].split()[0])

    def log(self) -> bytes:
        return os.pread(self._log.fileno(), 1 << 26, 0)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=DEADLINE)

    def holds(self) -> tuple[int, int]:
        """How many descriptors and threads it has."""
        return self._seen.num_fds(), self._seen.num_threads()

    def memory(self) -> int:
        """Octets it has in memory."""
        return int(self._seen.memory_info().rss)

    def stop(self) -> None:
        """Stop it, and see that it ends well."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(DEADLINE) == 0, "the server did not end with status 0"
        assert b"Traceback" not in self.log(), self.log().decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


def fuzz(seed: int, bursts: int, seconds: float = float("inf")) -> int:
    """Throw bursts at one server, the seed's and those after it; give back how many."""
    until = time.monotonic() + seconds
    with Server() as server:
        burst(server, 0)  # what it allocates but once
        let_two_newcomers_chat(server)
        at_first = server.memory()
        idle = settle(server)
        thrown = 0
        while thrown < bursts and time.monotonic() < until:
            burst(server, seed + thrown)
            try:
                let_two_newcomers_chat(server)
            except (OSError, AssertionError) as error:
                error.add_note(f"again: python -m fuzz.server --seed {seed + thrown} --bursts 1")
                raise
            thrown += 1
        eventually(
            lambda: server.holds() == idle,
            f"it holds more or less than {idle} descriptors and threads, as when it was idle",
        )
        assert server.memory() <= at_first + SPARE, f"{server.memory()} octets, once {at_first}"
        server.stop()
    return thrown


def settle(server: Server) -> tuple[int, int]:
    """Wait until the server holds what it holds with nobody there: one listener, no receivers."""
    with server.connect() as one:
        one.sendall(b"hello\n")
        receive_until(one, b"hello\n")
    idle = server.holds()
    since = time.monotonic()
    while time.monotonic() < since + 1.5:
        if server.holds() != idle:
            idle, since = server.holds(), time.monotonic()
        time.sleep(0.05)
    return idle


def burst(server: Server, seed: int) -> None:
    """Let some connections send at once, and each go in its own way."""
    draw = random.Random(seed)  # noqa: S311
    peers = [server.connect() for _ in range(AT_ONCE)]
    for peer in peers:
        peer.setblocking(False)
    for _ in range(6 * AT_ONCE):
        peer = draw.choice(peers)
        with contextlib.suppress(OSError):  # it may have been closed, or take no more
            match draw.randrange(8):
                case 0:
                    peer.recv(draw.randrange(1, 1 << 16))
                case 1:
                    peer.shutdown(draw.choice([socket.SHUT_WR, socket.SHUT_RD]))
                case 2:
                    peer.sendall(b"x" * draw.choice([1_025, 65_537, 300_000]))
                case 3:
                    peer.sendall(b"a\n" * draw.choice([1, 100, 20_000]))
                case 4:
                    peer.sendall(draw.randbytes(draw.randrange(1, 100)))
                case _:
                    peer.sendall(b"".join(draw.choices(TOKENS, k=draw.randrange(1, 8))))
    for peer in peers:
        if draw.randrange(2):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()


def let_two_newcomers_chat(server: Server) -> None:
    """See that two who join now hear each other and themselves."""
    with server.connect() as ann, server.connect() as bob:
        for speaker, text in ((ann, b"hello from ann\n"), (bob, b"hello from bob\n")):
            speaker.sendall(text)
            for hearer in {ann, bob} if speaker is bob else {ann}:
                receive_until(hearer, text)


def receive_until(peer: socket.socket, text: bytes) -> None:
    received = b""
    while text not in received:
        octets = peer.recv(1 << 16)
        assert octets, f"the server ended the stream before {text!r}: {received[-200:]!r}"
        received = received[-len(text) :] + octets


def eventually(is_so: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < until, otherwise
        time.sleep(0.05)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m fuzz.server", description=__doc__)
    options.add_argument("--bursts", type=int, default=500, help="(default: 500)")
    options.add_argument("--seconds", type=float, default=300.0, help="at most (default: 300)")
    options.add_argument("--seed", type=int, default=int(time.time()), help="(default: the time)")
    given = options.parse_args()
    try:
        thrown = fuzz(given.seed, given.bursts, given.seconds)
    except BaseException:
        sys.stderr.write(f"again: python -m fuzz.server --seed {given.seed}\n")
        raise
    sys.stdout.write(
        f"seed {given.seed}: {thrown} bursts, {thrown * AT_ONCE:,} connections, nothing found\n"
    )


if __name__ == "__main__":
    main()
