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
from typing import Final, NamedTuple

_HEADER: Final = re.compile(rb"(\d{8} \d\d:\d\d:\d\d) (\S(?:.*\S)?)")
_HEADER_AT_END: Final = re.compile(rb"\d{8} \d\d:\d\d:\d\d \S+:\d+\Z")
_TIME: Final = "%Y%m%d %H:%M:%S"


class Span(NamedTuple):
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
    its place, whatever its form. `raw` are the octets that came, where a dialect has them
    otherwise."""

    span: Span
    header: bytes
    text: bytes
    time: datetime | None
    sender: str | None
    raw: bytes = b""

    @property
    def octets(self) -> bytes:
        return self.raw or self.header + b"\n" + self.text + b"\n"


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
    """What the stream ends with that is no whole unit: the beginning of one, or not. `begun` is
    the broadcast it is the beginning of, where its header came whole."""

    span: Span
    octets: bytes
    is_unit: bool
    begun: ReceivedBroadcast | None = None


ReceivedUnit = ReceivedBroadcast | ReceivedNotice | ReceivedHeartbeat | Junk | Rest


class Stream:
    """All that came, each read given with its line of the transcript and its time."""

    def __init__(self, reads: Sequence[tuple[int, float, bytes]]) -> None:
        self.octets = b"".join(octets for _, _, octets in reads)
        self._reads = reads
        self._starts: list[int] = []
        length = 0
        for _, _, octets in reads:
            self._starts.append(length)
            length += len(octets)

    def span(self, start: int, end: int) -> Span:
        """Where the octets from one place to another came."""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1) - 1
        reads = self._reads
        return Span(start, end, reads[first][0], reads[last][0], reads[last][1])


def read_units(reads: Sequence[tuple[int, float, bytes]]) -> Iterator[ReceivedUnit]:
    """Read what came."""
    whole = Stream(reads)
    stream, span = whole.octets, whole.span
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
    if start < len(stream):
        yield _rest(span(start, len(stream)), stream[start:])


def _rest(span: Span, octets: bytes) -> Rest:
    header, lf, text = octets.partition(b"\n")
    if not header[:1].isdigit():
        return Rest(span, octets, octets.startswith(b"!"))
    begun = ReceivedBroadcast(span, header, text, *_read_header(header)) if lf else None
    return Rest(span, octets, is_unit=True, begun=begun)


@lru_cache(maxsize=65_536)
def _read_header(line: bytes) -> tuple[datetime | None, str | None]:
    header = _HEADER.fullmatch(line)
    time = None if header is None else read_time(header[1].decode(), _TIME)
    if header is None or time is None:
        return None, None
    return time, header[2].decode("latin-1")


def read_time(text: str, form: str) -> datetime | None:
    """The time that a text tells in this form; None where it is no real one."""
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
