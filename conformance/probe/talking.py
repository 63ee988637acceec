"""Plain connections to an unknown server, and its response times.

Deadlines adapt: the time that answers took so far decides how long to wait for the next.
"""

import math
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Final

from conformance.target.address import Address
from conformance.target.process import LaunchError
from conformance.target.profile import Launch
from conformance.target.server import LaunchedServer
from conformance.target.system import AF_UNIX

FIRST: Final = 5.0
"""Seconds in which the very first message must be heard; times the factor."""
_LEAST: Final = 0.4
"""The least time for an answer, in seconds; times the factor."""
_TIMES: Final = 5.0
"""How many times as long as the slowest so far an answer may take."""
_MOST: Final = 12.0
_QUIET: Final = 0.08
"""Seconds of silence after which an answer is over; times the factor."""
_QUIET_TIMES: Final = 0.5
_ENDLESS: Final = 8_388_608
"""Octets of one connection after which nothing more is read."""
_READ: Final = 262_144
_ABORT: Final = struct.pack("ii", 1, 0)


class Gone(Exception):
    """The server cannot be talked to: it has died or hangs."""


class ProbeOutOfTime(Exception):
    """The time of the probe is over."""


class Speaker:
    """A connection to the server: all octets that came, and whether it has ended."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self.came = bytearray()
        self.ended = False
        self.name = name
        self.host, self.port = "", 0
        if sock.family != AF_UNIX:
            self.host, self.port = sock.getsockname()[:2]
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock

    @property
    def floods(self) -> bool:
        """Whether far more has come than was sent."""
        return len(self.came) >= _ENDLESS

    def hang_up(self) -> None:
        """Shut the writing side."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def since(self, mark: int) -> bytes:
        """Return the octets that came after the first `mark`."""
        return bytes(self.came[mark:])

    def receive(self) -> None:
        """Read what is there."""
        try:
            octets = self.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        self.ended = not octets
        self.came += octets


class Room:
    """The server, all connections to it, and its response times.

    A launched server that has died is launched again.
    """

    def __init__(
        self,
        address: Address,
        launch: Launch | None,
        factor: float,
        seconds: float,
        at_most: float = math.inf,
    ) -> None:
        self.restarts = 0
        self.slowest: float | None = None
        self.talkers: list[Speaker] = []
        self._launch = launch
        self._asked = self._address = address
        self._factor = factor
        self._latest = time.monotonic() + at_most
        self._end = min(self._latest, time.monotonic() + seconds * factor)
        self._server: LaunchedServer | None = None
        self._selector = selectors.DefaultSelector()
        self._numbers = count(1)
        self._aborts = False

    @property
    def patience(self) -> float:
        """Seconds that the next answer may take."""
        if self.slowest is None:
            return FIRST * self._factor
        return min(max(_LEAST * self._factor, _TIMES * self.slowest), _MOST * self._factor)

    @property
    def quiet(self) -> float:
        """Seconds of silence after which an answer is over."""
        return max(_QUIET * self._factor, _QUIET_TIMES * min(self.slowest or 0.0, 1.0))

    def extend(self, seconds: float) -> None:
        """Give the probe more time, for a slow server, up to its upper bound."""
        self._end = min(self._latest, self._end + seconds)

    def another(self) -> "Room":
        """Return a room of another server of the same kind, with the same time limit."""
        assert self._launch is not None
        room = Room(self._asked, self._launch, self._factor, 0.0)
        room.slowest, room._end, room._latest = self.slowest, self._end, self._latest
        return room

    def break_off(self) -> None:
        """End the probe of this room now. Can be called from any thread."""
        self._end = 0.0

    def word(self) -> bytes:
        """Make up a new word."""
        return f"w{next(self._numbers):03}{time.monotonic_ns() % 46_656:05}k".encode()

    def connect(self) -> Speaker:
        """Connect a client; raises `Gone` if that fails."""
        self._start()
        try:
            sock = self._address.connect(min(self.patience, FIRST) * 2)
        except OSError as error:
            raise Gone(f"it accepts no connection: {error}") from None
        sock.setblocking(False)
        talker = Speaker(sock, f"p{next(self._numbers)}r")
        self.talkers.append(talker)
        self._selector.register(sock, selectors.EVENT_READ, talker)
        return talker

    def say(self, talker: Speaker, octets: bytes) -> None:
        """Send a segment, as far as the server takes it in time and the connection lasts."""
        end = time.monotonic() + self.patience
        view = memoryview(octets)
        while view and not talker.ended:
            try:
                view = view[talker.sock.send(view) :]
            except BlockingIOError:
                if time.monotonic() > end:
                    return
                self.turn(0.005)
            except OSError:
                return

    def wait(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until a condition holds, as long as an answer may take; return whether it holds."""
        end = time.monotonic() + (self.patience if seconds is None else seconds)
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.turn(min(left, 0.05))
        return True

    def answer(self, condition: Callable[[], bool]) -> bool:
        """Wait as `wait` does, and note how long the answer took."""
        began = time.monotonic()
        came = self.wait(condition)
        if came:
            self.slowest = max(self.slowest or 0.0, time.monotonic() - began)
        return came

    def hears(self, talker: Speaker, word: bytes, mark: int = 0) -> bool:
        """Wait until a word has come after the first `mark` octets; return whether it has."""
        self.answer(lambda: talker.came.find(word, mark) >= 0 or talker.ended)
        return talker.came.find(word, mark) >= 0

    def settle(self, *talkers: Speaker, first: float = 0.0) -> None:
        """Wait until nothing more comes to any of these clients.

        The first octets may take `first` seconds to come.
        """
        began = latest = time.monotonic()
        before = sum(len(one.came) for one in talkers)
        while True:
            now, size = time.monotonic(), sum(len(one.came) for one in talkers)
            if size != before:
                before, latest, first = size, now, 0.0
            left = latest + max(self.quiet, first) - now
            if left <= 0 or now - began > 2 * self.patience:
                return
            self.turn(left)

    def turn(self, seconds: float) -> None:
        """Wait up to `seconds` for octets to any client, and read them."""
        if time.monotonic() > self._end:
            raise ProbeOutOfTime
        for key, _ in self._selector.select(seconds):
            talker: Speaker = key.data
            talker.receive()
            if talker.ended or talker.floods:
                self._selector.unregister(talker.sock)

    def drop(self, *talkers: Speaker) -> None:
        """Close these connections."""
        for talker in talkers:
            if talker in self.talkers:
                self.talkers.remove(talker)
                with suppress(KeyError, ValueError):
                    self._selector.unregister(talker.sock)
                talker.sock.close()

    def drop_all(self) -> None:
        self.drop(*self.talkers)

    def _abort_all(self) -> None:
        """Reset all connections before a launched server is stopped, so that none in TIME_WAIT
        holds its address."""
        for talker in self.talkers if self._aborts or self._server is not None else ():
            with suppress(OSError):
                talker.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self.drop_all()

    def has_died(self) -> bool:
        """Whether the server has died or accepts no connections."""
        if self._server is not None and self._server.poll() is not None:
            return True
        try:
            self._address.connect(min(self.patience, FIRST)).close()
        except OSError:
            return True
        return False

    def restart(self, *, counted: bool = True) -> bool:
        """Restart the server if the suite launched it; return whether it did.

        The restart of a server that has died is always `counted`.
        """
        if not self.end(counted=counted):
            return False
        self._start()
        return True

    def end(self, *, counted: bool = True) -> bool:
        """End the server if the suite launched it; return whether it did. The next client that
        connects launches it again, which is `counted` as a restart, as `restart` has it."""
        if self._server is None:
            return False
        self._abort_all()
        self.restarts += counted or self._server.poll() is not None
        self._server.close()
        self._server = None
        return True

    @contextmanager
    def open(self, *, aborts: bool = False) -> Iterator["Room"]:
        """Close all connections and the server at the end of the context.

        `aborts`: reset the connections even if the suite did not launch the server.
        """
        self._aborts = aborts
        try:
            yield self
        finally:
            self._abort_all()
            self._selector.close()
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
