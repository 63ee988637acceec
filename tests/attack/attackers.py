"""What an attacker does, a function each, in a process of its own: `attackers NAME HOST PORT N`.

It says `engaged` on standard output once it is in the midst of it, goes on until its standard
input ends, and then says how often it has done what it does.
"""

import contextlib
import os
import resource
import selectors
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import Final

Address = tuple[str, int]

RESET: Final = struct.pack("ii", 1, 0)
LINES: Final = b"".join(b"%063d\n" % number for number in range(256))

_sources = cycle(f"127.0.0.{number}" for number in range(2, 200))
"""Many addresses of this host, so that the ports of one do not run out."""


def _connect(address: Address, receive_buffer: int | None = None) -> socket.socket:
    attacker = socket.socket()
    try:
        if receive_buffer is not None:
            attacker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if address[0] == "127.0.0.1":
            attacker.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            attacker.bind((next(_sources), 0))
        attacker.connect(address)
    except BaseException:
        attacker.close()
        raise
    return attacker


def dribble(address: Address, many: int) -> Iterator[None]:
    """Hold many connections, each of which sends one octet a second and never a whole line."""
    attackers = [_connect(address) for _ in range(many)]
    yield
    began = time.monotonic()
    for number, attacker in enumerate(cycle(attackers)):
        time.sleep(max(0.0, began + number / many - time.monotonic()))
        with contextlib.suppress(OSError):
            attacker.send(b"x")
        yield


def hold(address: Address, many: int) -> Iterator[None]:
    """Hold many connections and do nothing."""
    attackers = [_connect(address) for _ in range(many)]
    while attackers:
        yield
        time.sleep(1)


def stall(address: Address, many: int) -> Iterator[None]:
    """Hold many connections that never read, while one more sends 2.5 MB a second."""
    attackers = [_connect(address, receive_buffer=4096) for _ in range(many)]
    talker = _connect(address)
    talker.settimeout(20)
    yield
    began = time.monotonic()
    for number in count():
        time.sleep(max(0.0, began + number / 100 - time.monotonic()))
        end = b"word %d.\n" % number
        talker.sendall(LINES + end)
        received = b""
        while end not in received:
            received = received[-64:] + talker.recv(1 << 20)
        yield
    attackers.clear()


def churn(address: Address, rate: int) -> Iterator[None]:
    """Join and leave at once, this many times a second; every second leaver resets."""
    began = time.monotonic()
    for number in count():
        attacker = _connect(address)
        if number % 2:
            attacker.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        attacker.close()
        if number >= 100:
            yield
        if number % 20 == 0:
            time.sleep(max(0.0, began + number / rate - time.monotonic()))


def endless(address: Address, many: int) -> Iterator[None]:
    """Send lines that never end on many connections; replace each one that is closed."""
    with selectors.DefaultSelector() as selector:

        def engage() -> None:
            attacker = _connect(address)
            attacker.setblocking(False)
            selector.register(attacker, selectors.EVENT_WRITE)

        for _ in range(many):
            engage()
        yield
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                try:
                    key.fileobj.send(b"a" * 65_536)
                except BlockingIOError:
                    pass
                except OSError:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    engage()
                    yield


def flood(address: Address, reads: int) -> Iterator[None]:
    """Send whole lines as fast as the server takes them; read what comes, or (0) nothing."""
    flooder = _connect(address)
    flooder.setblocking(False)
    with selectors.DefaultSelector() as selector:
        events = selectors.EVENT_WRITE | (selectors.EVENT_READ if reads else 0)
        selector.register(flooder, events)
        for number in count():
            for _, ready in selector.select(1):
                with contextlib.suppress(BlockingIOError):
                    if ready & selectors.EVENT_READ:
                        flooder.recv(1 << 20)
                    if ready & selectors.EVENT_WRITE:
                        flooder.send(LINES)
            if number > 20:
                yield


ATTACKS: Final[dict[str, Callable[[Address, int], Iterator[None]]]] = {
    attack.__name__: attack for attack in (dribble, hold, stall, churn, endless, flood)
}


def _say(what: str) -> None:
    os.write(1, f"{what}\n".encode())


def _end(done: list[int]) -> None:
    sys.stdin.read()
    _say(str(done[0]))
    os._exit(0)


def main(name: str, host: str, port: str, number: str) -> None:
    """Attack until standard input ends, or the server is gone."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    done = [0]
    threading.Thread(target=_end, args=(done,), daemon=True).start()
    attack = ATTACKS[name]((host, int(port)), int(number))
    with contextlib.suppress(OSError):
        for _ in attack:
            if not done[0]:
                _say("engaged")
            done[0] += 1
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
