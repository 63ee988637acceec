"""Plain connections to a server nothing is known of: what is said, and what comes until silence.

Nothing can be waited for where nobody knows what is to come: silence is what ends an answer.
"""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Final

from conformance.target.address import Address
from conformance.target.process import LaunchedServer, LaunchError
from conformance.target.profile import Launch
from conformance.target.system import AF_UNIX

QUIET: Final = 0.15
"""Seconds of silence after which an answer is over; times the factor."""
FIRST: Final = 0.4
"""Seconds in which an answer begins, if there is one; times the factor."""
_LONGEST: Final = 2.0


class Gone(Exception):
    """The server cannot be talked to: it has died, or hangs."""


class Talker:
    """One connection."""

    def __init__(self, sock: socket.socket, name: str, factor: float) -> None:
        self.came = b""
        self.ended = False
        self.name = name
        self.host, self.port = ("", 0)
        if sock.family != AF_UNIX:
            self.host, self.port = sock.getsockname()[:2]
        self._sock = sock
        self._factor = factor

    def say(self, octets: bytes) -> None:
        """Send a segment; a connection that is broken takes none."""
        self._sock.settimeout(_LONGEST * self._factor)
        with suppress(OSError):
            self._sock.sendall(octets)

    def hang_up(self) -> None:
        """Shut the writing side."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def hear(self, awaited: bytes | None = None) -> bytes:
        """What comes from here until it is quiet, or right after something that is awaited."""
        start, began = len(self.came), time.monotonic()
        seconds = FIRST * self._factor
        while not self.ended and time.monotonic() - began < _LONGEST * self._factor:
            if not select.select([self._sock], [], [], seconds)[0]:
                break
            try:
                octets = self._sock.recv(65_536)
            except OSError:
                octets = b""
            self.ended = not octets
            self.came += octets
            if awaited is None or awaited in self.came[start:]:
                seconds = QUIET * self._factor
        return self.came[start:]

    def close(self) -> None:
        self._sock.close()


class Room:
    """The server, and the connections of one question to it.

    One that is launched is launched again where it is gone.
    """

    def __init__(self, address: Address, launch: Launch | None, factor: float) -> None:
        self.restarts = 0
        self.prompted = False
        self.greets = False
        self.echoes = True
        self._launch = launch
        self._asked = self._address = address
        self._factor = factor
        self._server: LaunchedServer | None = None
        self._talkers: list[Talker] = []
        self._numbers = count(1)

    def word(self) -> str:
        """A word that nobody has said."""
        return f"w{next(self._numbers):03}{time.monotonic_ns() % 46_656:05}k"

    @contextmanager
    def question(self) -> Iterator[None]:
        """Connections made within are closed after."""
        self._start()
        try:
            yield
        finally:
            for talker in self._talkers:
                talker.close()
            self._talkers.clear()

    def join(self) -> Talker:
        """Connect; with a name, where it is known that one is asked for."""
        try:
            sock = self._address.connect(_LONGEST * self._factor)
        except OSError as error:
            raise Gone(f"it takes no connection: {error}") from None
        talker = Talker(sock, f"p{next(self._numbers)}r", self._factor)
        self._talkers.append(talker)
        if self.prompted:
            talker.hear()
            talker.say(talker.name.encode() + b"\n")
        return talker

    def pair(self) -> tuple[Talker, Talker]:
        """Two who hear each other; `Gone` where the second does not hear the first."""
        one, other = self.join(), self.join()
        for talker in (one, other) if self.greets else ():
            talker.hear()
        word = self.word().encode()
        one.say(word + b"\n")
        if word not in other.hear(word):
            raise Gone("what one says comes to nobody")
        if self.echoes:
            one.hear(word)
        return one, other

    def has_died(self) -> bool:
        """Whether nothing answers there any more."""
        if self._server is not None and self._server.poll() is not None:
            return True
        try:
            self._address.connect(_LONGEST * self._factor).close()
        except OSError:
            return True
        return False

    def restart(self) -> bool:
        """Launch the server anew, where the suite launched it."""
        if self._server is None:
            return False
        self.restarts += 1
        self._server.close()
        self._server = None
        self._start()
        return True

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def _start(self) -> None:
        if self._launch is None:
            return
        if self._server is not None and self._server.poll() is not None:
            self._server.close()
            self._server = None
            self.restarts += 1
        if self._server is None:
            self._server = LaunchedServer(self._launch, self._asked)
            self._address = self._server.address
            try:
                self._server.start()
            except LaunchError as error:
                raise Gone(str(error)) from None
