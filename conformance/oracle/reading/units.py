"""What one client received, read as units, however malformed, with where and when each came.

Unlike `chatproto.UnitReader`, this goes on after something that is no unit: the oracle needs to
know everything that is wrong, not only the first thing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import accumulate
from typing import Final

_HEADER: Final = re.compile(rb"(\d{8} \d\d:\d\d:\d\d) (\S(?:.*\S)?)")
_HEADER_AT_END: Final = re.compile(rb"\d{8} \d\d:\d\d:\d\d \S+:\d+\Z")
_TIME: Final = "%Y%m%d %H:%M:%S"


# There are a million of these, and frozen ones would take three times as long to make.
@dataclass(slots=True, eq=False)
class Span:
    """Where something lies: octets `start` to `end` of the stream, which came with the transcript's
    lines `first` to `last`, the last of them at `t`."""

    start: int
    end: int
    first: int
    last: int
    t: float


@dataclass(slots=True, eq=False)
class ReceivedBroadcast:
    """A broadcast. `time` and `sender` are None if the header is malformed; `sender` is whatever
    stands in its place. `octets` are the whole broadcast as it came."""

    span: Span
    header: bytes
    text: bytes
    time: datetime | None
    sender: str | None
    octets: bytes

    def again(self, span: Span) -> "ReceivedBroadcast":
        """Return the same unit at another place in the stream."""
        return ReceivedBroadcast(span, self.header, self.text, self.time, self.sender, self.octets)


@dataclass(slots=True, eq=False)
class ReceivedNotice:
    span: Span
    octets: bytes
    code: str


@dataclass(slots=True, eq=False)
class ReceivedHeartbeat:
    span: Span


@dataclass(slots=True, eq=False)
class Junk:
    """A line that does not start like a unit, or what stands before a header in its line."""

    span: Span
    octets: bytes


@dataclass(slots=True, eq=False)
class Rest:
    """What the stream ends with after the last complete unit. `begun` is the broadcast that it
    begins, if its header is complete."""

    span: Span
    octets: bytes
    is_unit: bool
    begun: ReceivedBroadcast | None = None


ReceivedUnit = ReceivedBroadcast | ReceivedNotice | ReceivedHeartbeat | Junk | Rest


class Stream:
    """Everything that came; each read has its line of the transcript and its time."""

    def __init__(self, reads: Sequence[tuple[int, float, bytes]]) -> None:
        self.octets = b"".join(octets for _, _, octets in reads)
        self._reads = reads
        self._ends = list(accumulate(len(octets) for _, _, octets in reads))
        self._first = 0

    def span(self, start: int, end: int) -> Span:
        """Return where octets came; call it for ranges in the order of their starts."""
        ends, first = self._ends, self._first
        while ends[first] <= start:
            first += 1
        last = self._first = first
        while ends[last] < end:
            last += 1
        at, t, _ = self._reads[last]
        return Span(start, end, at if first == last else self._reads[first][0], at, t)


def read_units(
    reads: Sequence[tuple[int, float, bytes]], known: dict[bytes, ReceivedBroadcast]
) -> Iterator[ReceivedUnit]:
    """Read what came as units. `known` has broadcasts that came to others: each is parsed once."""
    whole = Stream(reads)
    stream, span = whole.octets, whole.span
    start = 0
    while (end := stream.find(b"\n", start)) >= 0:
        if stream[start] in b"0123456789":
            unit_end = stream.find(b"\n", end + 1) + 1
            if not unit_end:
                break
            octets = stream[start:unit_end]
            where, same = span(start, unit_end), known.get(octets)
            if same is None:
                header, text = stream[start:end], stream[end + 1 : unit_end - 1]
                time, sender = _read_header(header)
                unit = known[octets] = ReceivedBroadcast(where, header, text, time, sender, octets)
            else:
                unit = same.again(where)
            yield unit
            start = unit_end
            continue
        line = stream[start:end]
        if not line:
            yield ReceivedHeartbeat(span(start, end + 1))
        elif line.startswith(b"!"):
            code = line[1:].partition(b" ")[0]
            yield ReceivedNotice(span(start, end + 1), line, code.decode("latin-1"))
        elif line[-1:].isdigit() and (inside := _HEADER_AT_END.search(line)) is not None:
            yield Junk(span(start, start + inside.start()), line[: inside.start()])
            end = start + inside.start() - 1
        else:
            yield Junk(span(start, end + 1), line)
        start = end + 1
    if start < len(stream):
        yield _rest(span(start, len(stream)), stream[start:])


def _rest(span: Span, octets: bytes) -> Rest:
    header, lf, text = octets.partition(b"\n")
    if not header[:1].isdigit():
        return Rest(span, octets, octets.startswith(b"!"))
    begun = ReceivedBroadcast(span, header, text, *_read_header(header), octets) if lf else None
    return Rest(span, octets, is_unit=True, begun=begun)


@lru_cache(maxsize=65_536)
def _read_header(line: bytes) -> tuple[datetime | None, str | None]:
    header = _HEADER.fullmatch(line)
    time = None if header is None else read_time(header[1].decode(), _TIME)
    if header is None or time is None:
        return None, None
    return time, header[2].decode("latin-1")


@lru_cache(maxsize=4_096)
def read_time(text: str, form: str) -> datetime | None:
    """Parse the time that a text shows in this form; None if it is not a real one."""
    try:
        return datetime.strptime(text, form.replace("%e", "%d"))
    except ValueError:
        return None
