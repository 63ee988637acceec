"""Two members that chat on while the server is attacked, and measure how long a word takes.

A round trip is from the moment ann says a word until she and bob have both heard it.
"""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

DEADLINE: Final = 20.0
PAUSE: Final = 0.05
"""Seconds between two words."""


class Trips(list[float]):
    """The round trips, in seconds."""

    def share(self, part: float) -> float:
        """Return the time within which this share of the round trips lies."""
        return sorted(self)[min(len(self) - 1, int(part * len(self)))]

    def __str__(self) -> str:
        parts = (f"p{part * 100:g} {self.share(part) * 1e3:.1f}" for part in (0.5, 0.99, 1))
        return f"{len(self)} round trips, in ms: {', '.join(parts)}"


class Bystanders:
    """Ann and Bob, who read all that comes, and talk from the start until `close`."""

    def __init__(self, host: str, port: int) -> None:
        self._ann, self._bob = (socket.create_connection((host, port)) for _ in range(2))
        self._selector = selectors.DefaultSelector()
        for one in self._ann, self._bob:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(one, selectors.EVENT_READ)
            one.settimeout(DEADLINE)
            one.sendall(b"here\n")
            while not one.recv(4096).endswith(b"here\n"):
                pass
        self._trips = Trips()
        self._words = 0
        self._heard = threading.Condition()
        self._failure = ""
        self._ends = False
        self._may_talk = threading.Event()
        self._may_talk.set()
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()

    def trips(self) -> Trips:
        """Return the round trips since the last call; the list grows until the next one."""
        with self._heard:
            self._trips = Trips()
            return self._trips

    def listen(self, seconds: float, at_least: int = 5) -> None:
        """Wait until this many seconds have passed and this many words were received."""
        until = time.monotonic() + seconds
        with self._heard:
            words = self._words + at_least
            while self._words < words or time.monotonic() < until:
                assert self._heard.wait(DEADLINE) or self._failure, "nothing is heard any more"
                assert not self._failure, self._failure

    @contextmanager
    def silent(self) -> Iterator[None]:
        """While in this context, they say nothing."""
        self._may_talk.clear()
        try:
            yield
        finally:
            self._may_talk.set()

    def close(self) -> None:
        self._ends = True
        self._thread.join()
        for each in self._ann, self._bob, self._selector:
            each.close()

    def _talk(self) -> None:
        """Talk until told to end, or disconnected; then leave at once."""
        try:
            for number in count():
                self._may_talk.wait()
                if self._ends:
                    break
                self._say(b"word %d of ann\n" % number)
        except OSError as error:
            self._fail(f"a bystander was lost: {error}")
        for one in self._ann, self._bob:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_WR)

    def _say(self, word: bytes) -> None:
        began = time.monotonic()
        self._ann.sendall(word)
        tails = {self._ann: b"", self._bob: b""}
        while not self._ends:
            wait = began + (DEADLINE if tails else PAUSE) - time.monotonic()
            if wait <= 0:
                break
            for key, _ in self._selector.select(min(wait, 0.1)):
                one = key.fileobj
                assert isinstance(one, socket.socket)
                octets = one.recv(1 << 20)
                if not octets:
                    self._selector.unregister(one)
                    return self._fail("a bystander was sent away")
                if one in tails:
                    tails[one] = tails[one][-len(word) :] + octets
                    if word in tails[one]:
                        del tails[one]
                        if not tails:
                            self._hear(time.monotonic() - began)
        if tails and not self._ends:
            self._fail(f"a word was not heard in {DEADLINE} s")
        return None

    def _hear(self, trip: float) -> None:
        with self._heard:
            self._trips.append(trip)
            self._words += 1
            self._heard.notify()

    def _fail(self, why: str) -> None:
        self._ends = True
        with self._heard:
            self._failure = why
            self._heard.notify()
