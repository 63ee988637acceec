"""The interface of the engine that keeps the log of a clustered room: four calls.

An engine must keep one sequence of entries, replicated and on disk, and append an entry only if it
follows the last one of its node. `jetstream` is such an engine, and `memory` another.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from chatproto import Entry


class Unavailable(Exception):
    """The engine did not answer in time, or cannot serve now. The call may have taken effect."""


class Refused(Exception):
    """The entry is not the next one of its node, and was not stored by this call.

    `last` is where the last entry of the node is, after the one that this entry follows; None
    where the one it follows is no longer kept.
    """

    def __init__(self, last: int | None) -> None:
        super().__init__(f"the last entry of the node is at {last}")
        self.last = last


class Foreign(Exception):
    """What the engine keeps under the room's name is not a log of this room. Says what it is."""


class Engine(Protocol):
    """A log of entries, at positions that count from 1 without a gap.

    Each call may raise `Unavailable`, and may be cancelled.
    """

    @property
    def largest_entry(self) -> int:
        """The octets that an encoded entry may have."""

    async def end(self) -> int:
        """Find a position at or before the last entry's, and not long ago the last; 0 for none."""

    async def append(self, entry: Entry) -> None:
        """Append an entry where `entry.after` is the position of the last one of its node.

        A start, whose `after` is None, follows whatever there is, but only once. Raises `Refused`
        for an entry that no longer follows. What was appended is never lost, moved or taken back.
        """

    def read(self, position: int) -> AsyncIterator[tuple[int, Entry]]:
        """Read the log from a position on, and then what is appended, as it comes.

        Begins with the first entry kept where that one no longer is. Raises `Unavailable` where
        it cannot go on, to be called again; `Foreign` for what is no entry.
        """

    async def close(self) -> None:
        """Disconnect from the engine. No other call follows."""
