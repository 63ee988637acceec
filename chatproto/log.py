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
    more is appended and after it is forgotten: views can be read without a lock.
    """

    def __init__(self) -> None:
        self._segments: list[memoryview] = []  # read-only
        self._last = memoryview(b"")  # the last of them, to write into
        self._start = 0
        self._end = 0

    @property
    def start(self) -> int:
        """The oldest position kept."""
        return self._start

    @property
    def end(self) -> int:
        """The position after the last octet."""
        return self._end

    def append(self, octets: bytes) -> None:
        """Write octets at the end."""
        offset = self._end % SEGMENT_SIZE
        if 0 < offset <= SEGMENT_SIZE - len(octets):
            self._last[offset : offset + len(octets)] = octets
            self._end += len(octets)
            return
        rest = memoryview(octets)
        while rest:
            offset = self._end % SEGMENT_SIZE
            if offset == 0:
                self._last = memoryview(bytearray(SEGMENT_SIZE))
                self._segments.append(self._last.toreadonly())
            part = rest[: SEGMENT_SIZE - offset]
            self._last[offset : offset + len(part)] = part
            self._end += len(part)
            rest = rest[len(part) :]

    def read(self, position: int) -> memoryview:
        """View what is written from a position to its segment's end; empty at the log's end."""
        if not self._start <= position <= self._end:
            raise IndexError(f"position {position} is not in [{self._start}, {self._end}]")
        if position == self._end:
            return memoryview(b"")
        index, offset = divmod(position - self._start, SEGMENT_SIZE)
        return self._segments[index][offset : offset + self._end - position]

    def forget(self, position: int) -> None:
        """Let go of every segment that lies wholly before a position."""
        unneeded = (min(position, self._end) - self._start) // SEGMENT_SIZE
        if unneeded > 0:
            del self._segments[:unneeded]
            self._start += unneeded * SEGMENT_SIZE
