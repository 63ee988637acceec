"""One connection to a room: where it stands in the log, or what it is owed once it has left."""

from collections import deque
from typing import Final

from chatproto.connection import ServerConnection
from chatproto.cursors import Cursors
from chatproto.errors import LocalProtocolError
from chatproto.limits import FLOOD, LEAVING, LINGER, PATIENCE
from chatproto.log import Log
from chatproto.states import State

_NOTHING: Final = memoryview(b"")


class Member:
    """One connection to a room: its state, and the octets it is owed. Made by `Room.join`."""

    def __init__(
        self,
        sender: str,
        connection: ServerConnection,
        log: Log,
        cursors: "Cursors[Member]",
        own_backlog: int,
    ) -> None:
        self._sender = sender
        self._connection = connection
        self._log = log
        self._cursors = cursors
        self._own_backlog = own_backlog
        self._said = 0
        self._said_to = 0
        # What it is owed, once it has left the log; until then its cursor says that.
        self._owed: deque[memoryview] | None = None
        self._is_full = False
        self._unacknowledged: int | None = None
        self._leaves_since: float | None = None
        self._stalls_since: float | None = None
        cursors.place(self, log.end)

    @property
    def sender(self) -> str:
        """Its SENDER in broadcasts (MSG-2)."""
        return self._sender

    @property
    def state(self) -> State:
        return self._connection.state

    @property
    def backlog(self) -> int:
        """Octets owed and not yet sent (LIM-3)."""
        if self._owed is None:
            return self._log.end - self._cursors.position(self)
        return sum(map(len, self._owed))

    @property
    def is_flooding(self) -> bool:
        """Whether to read it no further for now: it says much and does not read it (TRN-1).

        It ends when `sent` has brought its backlog down, or when it has left.
        """
        return (
            self._said > FLOOD
            and self._owed is None
            and self.backlog > self._own_backlog
            and self._cursors.position(self) < self._said_to
        )

    def pending(self) -> memoryview:
        """The next octets to send, at most a segment; empty where nothing waits."""
        if self._owed is None:
            return self._log.read(self._cursors.position(self))
        return self._owed[0] if self._owed else _NOTHING

    def sent(self, octets: int) -> None:
        """Say how many of the octets that `pending` showed have been sent.

        Say it for each send, before the next `pending`. The member may have left or been given
        up since `pending`; what was sent still counts. Raises `LocalProtocolError` for more than
        was pending, or less than nothing.
        """
        if self.state is State.ABORTED:
            return
        waiting = self.backlog if self._owed is None else len(self.pending())
        if not 0 <= octets <= waiting:
            raise LocalProtocolError(f"{octets} octets cannot have been sent: {waiting} waited")
        if not octets:
            return
        if self._owed is None:
            self._cursors.advance(self, octets)
            return
        self._stalls_since = None
        self._owed[0] = self._owed[0][octets:]
        if not self._owed[0]:
            self._owed.popleft()

    def _note_said(self, before: int) -> None:
        """Count what it has said, of which the log has grown since `before`. It is served
        first from now on: the last of its group is."""
        if self._owed is None and self._cursors.put_last(self) >= self._said_to:
            self._said = 0  # all that it had said before has been sent to it
        self._said_to = self._log.end
        self._said += self._log.end - before

    def _leave(self, farewell: bytes = b"") -> None:
        """Fix what it is owed: the log up to now, and a last word.

        Views of the segments are kept, not the position, so that a leaver who reads slowly
        neither holds the log back nor is evicted for what the room says later.
        """
        if self._owed is not None:
            return
        self._owed = deque()
        position = self._cursors.remove(self)
        while position < self._log.end:
            view = self._log.read(position)
            self._owed.append(view)
            position += len(view)
        if farewell:
            self._owed.append(memoryview(farewell))

    def _forget_owed(self) -> None:
        """Owe it nothing more."""
        if self._owed is None:
            self._cursors.remove(self)
        self._owed = deque()

    def _note_acknowledged(self, unacknowledged: int) -> None:
        """Note progress where its system has taken more, or all, since it was last asked."""
        before, self._unacknowledged = self._unacknowledged, unacknowledged
        if before is None or unacknowledged < before:
            self._stalls_since = None

    def _start_clocks(self, now: float) -> None:
        """Let the waits for a leaver count from now, unless they do already."""
        if self._leaves_since is None:
            self._leaves_since = now
        if self._stalls_since is None:
            self._stalls_since = now

    def _is_late(self, now: float) -> bool:
        """Whether a leaver, its clocks started, has had the time that it is given."""
        assert self._leaves_since is not None
        assert self._stalls_since is not None
        stalled = now - self._stalls_since
        if self.state is State.LINGERING and self._unacknowledged == 0:
            return stalled >= LINGER
        return stalled >= PATIENCE or now - self._leaves_since >= LEAVING
