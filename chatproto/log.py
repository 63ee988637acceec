"""An append-only log of octets: what the room has said, and the window of it still kept.

Positions are octets since the room opened. Readers hold positions; the log knows none of them.
"""

from typing import Final

SEGMENT_SIZE: Final = 262_144
"""Octets of a segment: several rounds of a busy room, since a view ends where its segment does, and
what goes on in the next one takes another send a member."""


class Log:
    """Octets in segments of one fixed size.

    A segment is allocated whole and filled once, so a view of what is written stays true while
    more is appended and after it is forgotten: views can be read without a lock. `start` is the
    oldest position kept, `end` the one after the last octet.
    """

    def __init__(self) -> None:
        self._segments: list[memoryview] = []  # read-only
        self._last = memoryview(b"")  # the last of them, to write into
        self.start: int = 0
        self.end: int = 0

    def append(self, octets: bytes) -> None:
        """Write octets at the end."""
        offset = self.end % SEGMENT_SIZE
        if 0 < offset <= SEGMENT_SIZE - len(octets):
            self._last[offset : offset + len(octets)] = octets
            self.end += len(octets)
            return
        rest = memoryview(octets)
        while rest:
            offset = self.end % SEGMENT_SIZE
            if offset == 0:
                self._last = memoryview(bytearray(SEGMENT_SIZE))
                self._segments.append(self._last.toreadonly())
            part = rest[: SEGMENT_SIZE - offset]
            self._last[offset : offset + len(part)] = part
            self.end += len(part)
            rest = rest[len(part) :]

    def read(self, position: int) -> memoryview:
        """View what is written from a position to its segment's end; empty at the log's end."""
        if not self.start <= position <= self.end:
            raise IndexError(f"position {position} is not in [{self.start}, {self.end}]")
        if position == self.end:
            return memoryview(b"")
        index, offset = divmod(position - self.start, SEGMENT_SIZE)
        return self._segments[index][offset : offset + self.end - position]

    def forget(self, position: int) -> None:
        """Let go of every segment that lies wholly before a position."""
        unneeded = (min(position, self.end) - self.start) // SEGMENT_SIZE
        if unneeded > 0:
            del self._segments[:unneeded]
            self.start += unneeded * SEGMENT_SIZE
