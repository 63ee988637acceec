"""What one client received, read as units, however malformed, with where and when each came.

Unlike `chatproto.UnitReader` this goes on after what is no unit: the oracle wants to know all
that is wrong, not only the first.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

_HEADER: Final = re.compile(rb"(\d{8} \d\d:\d\d:\d\d) (\S(?:.*\S)?)")
_HEADER_AT_END: Final = re.compile(rb"\d{8} \d\d:\d\d:\d\d \S+:\d+\Z")
_TIME: Final = "%Y%m%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Span:
    """Where something lies: octets of the stream from `start` to `end`, that came with the
    transcript's lines `first` to `last`, the last at `t`."""

    start: int
    end: int
    first: int
    last: int
    t: float


@dataclass(frozen=True, slots=True)
class ReceivedBroadcast:
    """`time` and `sender` are None where the header is malformed. `sender` is what stands in
    its place, whatever its form."""

    span: Span
    header: bytes
    text: bytes
    time: datetime | None
    sender: str | None

    @property
    def octets(self) -> bytes:
        return self.header + b"\n" + self.text + b"\n"


@dataclass(frozen=True, slots=True)
class ReceivedNotice:
    span: Span
    octets: bytes
    code: str


@dataclass(frozen=True, slots=True)
class ReceivedHeartbeat:
    span: Span


@dataclass(frozen=True, slots=True)
class Junk:
    """A line that starts like no unit, or what stands before a header in its line."""

    span: Span
    octets: bytes


@dataclass(frozen=True, slots=True)
class Rest:
    """What the stream ends with that is no whole unit."""

    span: Span
    octets: bytes

    def as_broadcast(self) -> ReceivedBroadcast | None:
        """The broadcast this is the beginning of, where its header came whole."""
        header, lf, text = self.octets.partition(b"\n")
        if not lf or not header[:1].isdigit():
            return None
        return ReceivedBroadcast(self.span, header, text, *_read_header(header))


ReceivedUnit = ReceivedBroadcast | ReceivedNotice | ReceivedHeartbeat | Junk | Rest


def read_units(reads: Sequence[tuple[int, float, bytes]]) -> Iterator[ReceivedUnit]:
    """Read what came, each read given with its line of the transcript and its time."""
    stream = b"".join(octets for _, _, octets in reads)
    starts: list[int] = []
    length = 0
    for _, _, octets in reads:
        starts.append(length)
        length += len(octets)

    def span(start: int, end: int) -> Span:
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, end - 1) - 1
        return Span(start, end, reads[first][0], reads[last][0], reads[last][1])

    start = 0
    while (end := stream.find(b"\n", start)) >= 0:
        line = stream[start:end]
        if not line:
            yield ReceivedHeartbeat(span(start, end + 1))
        elif line.startswith(b"!"):
            code = line[1:].partition(b" ")[0]
            yield ReceivedNotice(span(start, end + 1), line, code.decode("latin-1"))
        elif line[:1].isdigit():
            text_end = stream.find(b"\n", end + 1)
            if text_end < 0:
                break
            time, sender = _read_header(line)
            yield ReceivedBroadcast(
                span(start, text_end + 1), line, stream[end + 1 : text_end], time, sender
            )
            end = text_end
        elif (header := _HEADER_AT_END.search(line)) is not None:
            yield Junk(span(start, start + header.start()), line[: header.start()])
            end = start + header.start() - 1
        else:
            yield Junk(span(start, end + 1), line)
        start = end + 1
    if start < length:
        yield Rest(span(start, length), stream[start:])


@lru_cache(maxsize=65_536)
def _read_header(line: bytes) -> tuple[datetime | None, str | None]:
    header = _HEADER.fullmatch(line)
    time = None if header is None else _read_time(header[1])
    if header is None or time is None:
        return None, None
    return time, header[2].decode("latin-1")


def _read_time(octets: bytes) -> datetime | None:
    try:
        return datetime.strptime(octets.decode("ascii"), _TIME)
    except ValueError:
        return None
