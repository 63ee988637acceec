"""Octets to lines: LF ends a line, nothing else does, and a line has a limit.

The cost is linear in the octets fed, however they are cut, and the verdict on a line never
depends on the cut: the limit judges a complete line and an unfinished one alike.
"""


class LineReader:
    """Collects octets and gives back the lines they complete, without their LF.

    Implements FRM-1 (segmentation has no meaning), FRM-2 (only LF ends a line) and the
    measuring half of LIM-1 and LIM-2. `limit` is in octets before the LF. `too_long`: the line
    after those given back has passed it, for good.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unfinished = bytearray()
        self.too_long: bool = False

    @property
    def unfinished(self) -> int:
        """Octets held of a line that has no LF yet; never more than the limit."""
        return len(self._unfinished)

    def receive(self, octets: bytes) -> list[bytes]:
        """Take the octets of one read; give back the lines they complete, in order.

        Where a line passes the limit, complete or not, the lines before it are given back,
        `too_long` is set, and everything from that line on is discarded.
        """
        return self.receive_block(octets).split(b"\n")[:-1]

    def receive_block(self, octets: bytes) -> bytes:
        """Do what `receive` does; give the lines back in one piece, each with its LF."""
        if self.too_long:
            return b""
        if octets.endswith(b"\n") and not self._unfinished and len(octets) <= self._limit:
            return octets  # as reads mostly are: no line of it can be too long
        end = octets.rfind(b"\n") + 1
        block = b""
        if end:
            block = b"".join((self._unfinished, memoryview(octets)[:end]))
            self._unfinished.clear()
        self._unfinished += octets[end:]
        good = _measure(block, self._limit)
        if good < len(block) or len(self._unfinished) > self._limit:
            self.too_long = True
            self._unfinished.clear()
        return block[:good]


def _measure(block: bytes, limit: int) -> int:
    """Find where the first line begins that is longer than the limit; else the block's end.

    From the start of a line it leaps to the last LF within the limit, over all between.
    """
    start = 0
    while len(block) - start > limit + 1:
        lf = block.rfind(b"\n", start, start + limit + 1)
        if lf < 0:
            return start
        start = lf + 1
    return len(block)
