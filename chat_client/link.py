"""One connection to a server: reads give events, and texts are sent.

The protocol is `chatproto.ClientConnection`; this gives it a socket, by asyncio.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, assert_never

from chat_client.address import Address, connect
from chatproto import ClientConnection, Malformed, ServerEnded, Unit
from chatproto.client import SILENCE

PATIENCE: Final = 2 * SILENCE
"""Seconds of silence after `quit` until the client stops waiting for the server (CLI-6)."""

_READ_SIZE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection was lost; the system's message says how."""

    reason: str


End = ServerEnded | Malformed | Lost
"""The last event of a link."""


class Link:
    """A connected socket with the protocol on it. Make one by `Link.open`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._connection = ClientConnection()
        self._waiting: asyncio.Timeout | None = None

    @classmethod
    async def open(cls, address: Address) -> "Link":
        """Connect; raises `ConnectError`."""
        return cls(*await asyncio.open_connection(sock=await connect(address)))

    @property
    def has_left(self) -> bool:
        """Whether `quit` was sent, so that the end is expected."""
        return self._connection.has_left

    def say(self, text: str) -> None:
        """Send a message; `LocalProtocolError` if it would not arrive unchanged (CLI-2)."""
        self._writer.write(self._connection.say(text))

    async def drained(self) -> None:
        """Return when the server has taken enough of what was sent for more to be sent.

        Raises `OSError` if the connection is lost; `receive` reports that too.
        """
        await self._writer.drain()

    def leave(self) -> None:
        """Send `quit` and half-close; what the server still owes will come (QUIT-3)."""
        if not self.has_left:
            self._writer.write(self._connection.leave())
            self._writer.write_eof()
            if self._waiting is not None:
                self._waiting.reschedule(asyncio.get_running_loop().time() + PATIENCE)

    async def receive(self) -> tuple[list[Unit], End | None]:
        """Wait for one read; return the units that it completes, and at last the end."""
        try:
            async with asyncio.timeout(PATIENCE if self.has_left else None) as self._waiting:
                octets = await self._reader.read(_READ_SIZE)
        except TimeoutError:
            return [], Lost(f"no end of stream within {PATIENCE:.0f} s of leaving")
        except OSError as error:
            return [], Lost(error.strerror or str(error))
        finally:
            self._waiting = None
        units: list[Unit] = []
        events = self._connection.receive(octets) if octets else self._connection.receive_eof()
        for event in events:
            if isinstance(event, ServerEnded | Malformed):
                return units, event
            units.append(event)
        return units, None

    def close(self) -> None:
        """Close the connection and drop what was not sent yet."""
        self._writer.transport.abort()


def why(end: End, *, left: bool) -> str | None:
    """Say what is wrong with an end; None if the user has left and it is in order."""
    match end:
        case ServerEnded(complete=True):
            return None if left else "the server ended the connection"
        case ServerEnded():
            return "the connection ended within a message"
        case Malformed(line=line, octets=octets, reason=reason):
            shown = f" ({octets[:60]!r})" if octets else ""
            return f"what came is not chatproto/1: line {line}{shown}: {reason:.200}"
        case Lost(reason):
            return f"the connection was lost: {reason}"
        case _:
            assert_never(end)
