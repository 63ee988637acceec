"""A simulated engine: it keeps the log, and has every fault that a real one may have.

It delays, refuses, stores and forgets to say so, takes a request twice, delivers again, is away,
loses its leader, and retains only so much. It never loses what it has delivered.
"""

from random import Random
from typing import Final

from chatproto.entry import Entry

RETAINED: Final = 7
"""Entries kept, where a run bounds them."""


class SimulatedEngine:
    """The log, and the requests under way to it."""

    def __init__(self, random: Random, retained: int | None) -> None:
        self.entries: list[Entry] = []
        self.is_away = False
        self.requests: list[Entry] = []
        self._heads: dict[str, int] = {}
        self._runs: set[tuple[str, str]] = set()
        self._random = random
        self._retained = retained

    @property
    def is_forgetful(self) -> bool:
        """Whether it keeps only the last entries."""
        return self._retained is not None

    @property
    def end(self) -> int:
        """The position of the last entry; the first has 1."""
        return len(self.entries)

    @property
    def first(self) -> int:
        """The position of the first entry that is kept."""
        return 1 if self._retained is None else max(1, self.end - self._retained + 1)

    def last(self, node: str) -> int | None:
        """The position of a node's last entry; None where it is no longer kept."""
        head = self._heads.get(node, 0)
        return None if head < self.first else head

    def append(self, entry: Entry) -> bool:
        """Store an entry if it is the next of its node; return whether it is stored."""
        if entry.after is None:
            if (entry.node, entry.run) in self._runs:
                return True
            self._runs.add((entry.node, entry.run))
        elif entry.after != self.last(entry.node):
            return False
        self.entries.append(entry)
        self._heads[entry.node] = self.end
        return True

    def take(self, *, is_calm: bool) -> tuple[Entry, bool] | None:
        """Carry out some request; return whether it was stored, or None if nobody receives the
        answer."""
        if not self.requests:
            return None
        entry = self.requests.pop(0 if is_calm else self._random.randrange(len(self.requests)))
        if self.is_away:
            return None
        if not is_calm and self._random.random() < 0.1:
            self.requests.append(entry)  # and once more, later
        is_stored = self.append(entry)
        if not is_calm and self._random.random() < 0.15:
            return None
        return entry, is_stored

    def lose_leader(self) -> None:
        """Let the next leader store some of the requests under way, and lose the others."""
        for entry in self.requests:
            if self._random.random() < 0.5:
                self.append(entry)
        self.requests.clear()
        self.is_away = True
