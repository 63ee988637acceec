"""Where the readers of a log stand: readers at one position are one group.

Nearly all members have nearly always been sent the same octets, so they stand at one position and
are owed the same ones. A group moves as a whole, in one step however many it has; who takes less
than the others leaves it for a group of its own, and is back among them when it has caught up.
"""

from collections.abc import Collection, Iterator
from typing import Generic, TypeVar

Reader = TypeVar("Reader")


class Group(Generic[Reader]):
    """Readers at one position. `is_held`: they are offered nothing for now. `reversed`: all of
    them, the last one first; empty where that has to be found anew."""

    __slots__ = ("is_held", "position", "readers", "reversed")

    def __init__(self, position: int) -> None:
        self.position: int = position
        self.readers: dict[Reader, None] = {}
        self.is_held: bool = False
        self.reversed: tuple[Reader, ...] = ()


class Cursors(Generic[Reader]):
    """The position of each reader. Moving a group costs the same for one reader and thousands."""

    def __init__(self) -> None:
        self._groups: dict[Group[Reader], None] = {}
        self._group_of: dict[Reader, Group[Reader]] = {}

    def __contains__(self, reader: Reader) -> bool:
        return reader in self._group_of

    def place(self, reader: Reader, position: int) -> None:
        """Add a reader."""
        self._put(reader, Group(position))

    def remove(self, reader: Reader) -> int:
        """Remove a reader; give back where it stood."""
        group = self._group_of.pop(reader)
        del group.readers[reader]
        group.reversed = ()
        if not group.readers:
            del self._groups[group]
        return group.position

    def position(self, reader: Reader) -> int:
        """Give a reader's position."""
        return self._group_of[reader].position

    def advance(self, reader: Reader, octets: int) -> None:
        """Move one reader on, away from its group."""
        self._alone(reader).position += octets

    def advance_group(self, group: Group[Reader], octets: int) -> None:
        """Move all readers of a group on, as many as are still in it."""
        group.position += octets

    def put_last(self, reader: Reader) -> int:
        """Let a reader be the last of its group; give back where it stands."""
        group = self._group_of[reader]
        if reader not in group.reversed[:1]:
            group.readers[reader] = group.readers.pop(reader)
            group.reversed = ()
        return group.position

    def hold(self, reader: Reader) -> None:
        """Leave a reader out of `groups`, away from its group, until `release`."""
        group: Group[Reader] = Group(self.remove(reader))
        group.is_held = True
        self._put(reader, group)

    def release(self, reader: Reader) -> None:
        """Let a reader that was held take part in `groups` again."""
        self._group_of[reader].is_held = False

    def groups(self) -> Collection[Group[Reader]]:
        """Join groups that have come to stand at one position, but for the held; give all back."""
        if len(self._groups) > 1:
            at: dict[int, Group[Reader]] = {}
            for group in list(self._groups):
                if not group.is_held:
                    other = at.get(group.position)
                    at[group.position] = group if other is None else self._join(group, other)
        return self._groups.keys()

    def before(self, position: int) -> Iterator[Reader]:
        """Find the readers that stand before a position."""
        for group in list(self._groups):
            if group.position < position:
                yield from list(group.readers)

    def lowest(self, end: int, *, held: bool = False) -> int:
        """Give the least position, also of those `held` or not; `end` where there is no reader."""
        for group in self._groups:
            if group.position < end and (held or not group.is_held):
                end = group.position
        return end

    def _put(self, reader: Reader, group: Group[Reader]) -> None:
        group.readers[reader] = None
        self._group_of[reader] = group
        self._groups[group] = None

    def _alone(self, reader: Reader) -> Group[Reader]:
        """Give a reader a group that is its own."""
        group = self._group_of[reader]
        if len(group.readers) > 1:
            group = Group[Reader](self.remove(reader))
            self._put(reader, group)
        return group

    def _join(self, one: Group[Reader], other: Group[Reader]) -> Group[Reader]:
        """Put the smaller of two groups into the larger."""
        small, large = sorted((one, other), key=lambda group: len(group.readers))
        large.readers |= small.readers
        large.reversed = ()
        self._group_of.update(dict.fromkeys(small.readers, large))
        del self._groups[small]
        return large
