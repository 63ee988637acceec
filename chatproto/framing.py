"""Octets to lines: LF ends a line, nothing else does, and a line has a limit.

The cost is linear in the octets fed, however they are cut, and the verdict on a line never
depends on the cut: the limit judges a complete line and an unfinished one alike.
"""


class LineReader:
    """Collects octets and gives back the lines they complete, without their LF.

    Implements FRM-1 (segmentation has no meaning), FRM-2 (only LF ends a line) and the
    measuring half of LIM-1 and LIM-2. `limit` is in octets before the LF.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unfinished = bytearray()
        self._too_long = False

    @property
    def too_long(self) -> bool:
        """Whether the line after those given back has passed the limit; final (LIM-2)."""
        return self._too_long

    @property
    def unfinished(self) -> int:
        """Octets held of a line that has no LF yet; never more than the limit."""
        return len(self._unfinished)

    def receive(self, octets: bytes) -> list[bytes]:
        """Take the octets of one read; give back the lines they complete, in order.

        Where a line passes the limit, complete or not, the lines before it are given back,
        `too_long` is set, and everything from that line on is discarded.
        """
        if self._too_long:
            return []
        first, *rest = octets.split(b"\n")
        self._unfinished += first
        lines: list[bytes] = []
        if rest:
            lines = [bytes(self._unfinished), *rest[:-1]]
            self._unfinished = bytearray(rest[-1])
        for index, line in enumerate(lines):
            if len(line) > self._limit:
                self._stop()
                return lines[:index]
        if len(self._unfinished) > self._limit:
            self._stop()
        return lines

    def _stop(self) -> None:
        self._too_long = True
        self._unfinished = bytearray()
