"""Receiving: reads whoever has said something, and gives what was read to the room.

One thread reads all members, so it can put all that has come into the log before it delivers: a
member is sent one piece for everything that others said at once. It never blocks in a read, and a
member that is not to be read for now is left out of its selector (TRN-1).
"""

import logging
import selectors
from typing import Final, assert_never

from chatproto import Events, QuitReceived, Violation
from reference_server.distributor import Distributor
from reference_server.locked_room import READ_SIZE, Connection, LockedRoom
from reference_server.waker import Waker

DRAIN_SIZE: Final = 262_144
"""Octets of one read of what is discarded: who floods after its `quit` is to cost few of them."""

log = logging.getLogger("reference_server")


class Receiver:
    """`run` is the receive thread, until the room has stopped and the last connection is closed."""

    def __init__(
        self, room: LockedRoom, distributor: Distributor, waker: Waker, log_text: bool
    ) -> None:
        self._room = room
        self._distributor = distributor
        self._waker = waker
        self._log_text = log_text
        self._selector = selectors.DefaultSelector()
        self._selector.register(waker, selectors.EVENT_READ)

    def close(self) -> None:
        self._selector.close()

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, Connection):
                    self._read(key.data)
                    continue
                self._waker.drain()
                if (connections := self._room.to_watch()) is None:
                    return
                for connection in connections:
                    self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._distributor.help(self._room.take_turn())

    def _read(self, connection: Connection) -> None:
        """Read a member once."""
        try:
            octets = connection.socket.recv(DRAIN_SIZE if connection.is_drained else READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(connection, f"lost: {error.strerror}", orderly=False)
            return
        heard = self._room.receive(connection, octets) if octets else None
        if heard is None:
            self._end(connection, "end of stream", orderly=True)
            return
        events, is_paused, sends = heard
        if events.ending is not None:
            connection.is_drained = True
        if self._log_text or events.ending is not None:
            self._tell(connection.member.sender, events)
        if is_paused:
            self._selector.unregister(connection.socket)
        self._distributor.help(sends)

    def _end(self, connection: Connection, how: str, *, orderly: bool) -> None:
        """Read a member no more."""
        self._selector.unregister(connection.socket)
        if self._room.end_reading(connection, orderly):
            log.info("%s left: %s", connection.member.sender, how)

    def _tell(self, sender: str, events: Events) -> None:
        """Log what happened."""
        if self._log_text:
            for text in events.texts:
                log.info("%s says: %r", sender, text)
        match events.ending:
            case QuitReceived():
                log.info("%s left: quit", sender)
            case Violation(code=code, line=line):
                log.warning("%s left: %s in line %d", sender, code, line)
            case None:
                pass
            case _:
                assert_never(events.ending)
