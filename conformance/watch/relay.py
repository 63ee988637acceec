"""Accepts clients, and connects each to the server: one thread, one selector."""

import selectors
import socket
import time
from collections.abc import Callable
from typing import Final

from conformance.target.address import TcpAddress, UnixAddress
from conformance.target.system import AF_UNIX
from conformance.transcript.events import THE_END, Event, Waited
from conformance.watch.member import WatchedMember, Where

_QUIET: Final = 10.0
"""Seconds of silence of all members, after which what has not come counts as missing."""
_TURN: Final = 0.25
"""Seconds between two checks of the time."""
_FULL: Final = 0.02
"""Seconds to wait after a client could not be accepted for lack of descriptors."""


class Relay:
    """The proxy of all clients, its `members`.

    `record` is called with every event, `tell` with messages for the user. `heard_at` is when any
    member last sent or received a line that is not blank.
    """

    def __init__(
        self,
        listener: socket.socket,
        server: TcpAddress | UnixAddress,
        record: Callable[[Event], None],
        tell: Callable[[str], None],
    ) -> None:
        self.record = record
        self.tell = tell
        self.heard_at = 0.0
        self.members: dict[str, WatchedMember] = {}
        self._listener = listener
        self._where = _resolve(server)
        self._epoch = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._count = 0
        self._noted = -1.0
        listener.setblocking(False)
        self.watch(listener, selectors.EVENT_READ, self._accept)

    def now(self) -> float:
        """Return the seconds since the watch began."""
        return round(time.monotonic() - self._epoch, 6)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Forward until `is_over`, including what has come by then; then close all members."""
        over = False
        while not over:
            over = is_over()
            for key, events in self._selector.select(0 if over else _TURN):
                key.data(events)
            self._look_at_the_time()
        for member in tuple(self.members.values()):
            member.close()
        self._selector.close()

    def watch(self, sock: socket.socket, events: int, ready: Callable[[int], None]) -> None:
        """Call `ready` when one of these events happens on a socket; stop if there are none."""
        key = self._selector.get_map().get(sock)
        if key is None:
            if events:
                self._selector.register(sock, events, ready)
        elif not events:
            self._selector.unregister(sock)
        elif key.events != events:
            self._selector.modify(sock, events, ready)

    def _accept(self, _: int) -> None:
        try:
            client, came_from = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            time.sleep(_FULL)
            return
        self._count += 1
        try:
            server = socket.socket(self._where[0])
        except OSError as error:
            self.tell(f"a client was refused: {error.strerror}")
            client.close()
            return
        WatchedMember(self, f"c{self._count}", (client, came_from), (server, self._where[1]))

    def _look_at_the_time(self) -> None:
        now = self.now()
        for member in tuple(self.members.values()):
            member.look_at_the_time(now)
        if now - self.heard_at >= _QUIET and self._noted < self.heard_at:
            self._noted = now
            for member in self.members.values():
                if member.is_waiting:
                    self.record(Waited(now, member.name, THE_END, round(now - self.heard_at, 6)))


def _resolve(server: TcpAddress | UnixAddress) -> tuple[int, Where]:
    """Resolve a server to its address family and socket address; `OSError` if that fails."""
    if isinstance(server, UnixAddress):
        if AF_UNIX is None:
            raise OSError("this system has no Unix-domain sockets")
        return AF_UNIX, server.path
    family, *_, where = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)[0]
    return family, where
