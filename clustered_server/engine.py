"""The port: the four calls that a clustered room asks of the engine that keeps its log.

Any engine will do that keeps one sequence of entries, replicated and on disk, and appends an entry
only where it follows the last one of its node. `jetstream` is one such engine, `memory` another.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from chatproto import Entry


class Unavailable(Exception):
    """The engine gave no answer in time, or cannot serve now. What was asked may have been done."""


class Refused(Exception):
    """The entry is not the next one of its node, and was not stored by this call.

    `last` is where the last entry of the node is, after the one that this entry follows; None
    where the one it follows is no longer kept.
    """

    def __init__(self, last: int | None) -> None:
        super().__init__(f"the last entry of the node is at {last}")
        self.last = last


class Foreign(Exception):
    """What the engine keeps under the room's name is no log of this room's; says what it is."""


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
        """Let go of the engine; nothing is called after it."""
