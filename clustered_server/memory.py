"""An engine in the memory of one process: for tests, and the example of a second engine.

All nodes of the room are in that process and share one `MemoryLog`. It is as strict as the
interface demands, and can simulate an outage.
"""

import asyncio
from collections.abc import AsyncIterator

from chatproto import Entry
from clustered_server.engine import Refused, Unavailable


class MemoryLog:
    """The entries, and the last position of each node. `retained`: how many entries are kept."""

    def __init__(self, retained: int | None = None) -> None:
        self.entries: list[Entry] = []
        self.retained = retained
        self.is_away = False
        self._last: dict[str, int] = {}
        self._runs: set[tuple[str, str]] = set()
        self._has_grown = asyncio.Event()

    @property
    def first(self) -> int:
        """The position of the first entry kept."""
        return 1 if self.retained is None else max(1, len(self.entries) - self.retained + 1)

    def append(self, entry: Entry) -> None:
        """Append an entry, or raise `Refused`."""
        last = self._last.get(entry.node, 0)
        if entry.after is None:
            if (entry.node, entry.run) in self._runs:
                return
            self._runs.add((entry.node, entry.run))
        elif entry.after != last or last < self.first:
            raise Refused(None if last < self.first else last)
        self.entries.append(entry)
        self._last[entry.node] = len(self.entries)
        self._has_grown.set()
        self._has_grown = asyncio.Event()

    async def wait(self) -> None:
        """Return when an entry has been appended."""
        await self._has_grown.wait()


class MemoryEngine:
    """One node's way to the log. `is_cut_off`: this node does not reach it."""

    largest_entry = 8 * 1_048_576

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.is_cut_off = False

    async def end(self) -> int:
        self._reach()
        return len(self._log.entries)

    async def append(self, entry: Entry) -> None:
        self._reach()
        self._log.append(entry)

    async def read(self, position: int) -> AsyncIterator[tuple[int, Entry]]:
        position = max(1, position)
        while True:
            self._reach()
            position = max(position, self._log.first)
            if position <= len(self._log.entries):
                yield position, self._log.entries[position - 1]
                position += 1
            else:
                await self._log.wait()

    async def close(self) -> None:
        pass

    def _reach(self) -> None:
        if self._log.is_away or self.is_cut_off:
            raise Unavailable("the log is away")
