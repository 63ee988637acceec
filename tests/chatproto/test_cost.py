"""The cost of octets is linear however they are cut: counted, never timed.

Each octet given to or copied by the readers passes through bytes and bytearray, so both are
replaced by subclasses that add up the octets every operation touches. A reader that searches or
copies what it holds anew with each read touches some n * n / 2 octets for n: for 1 MiB fed octet by
octet that is 500,000 times the octets fed. Times would tell the same, and lie on a busy machine; a
profiler counts calls, and one call can copy a MiB.
"""

from collections.abc import Callable
from typing import Any, SupportsIndex, TypeVar

import pytest

from chatproto import Event, Malformed, MessageReceived, ServerConnection, Unit, UnitReader, framing

MIB = 1_048_576
LINEAR = 8 * MIB
"""For 1 MiB fed: searched, measured, split, and copied from hand to hand."""
touched = 0


def count(octets: int) -> None:
    global touched
    touched += octets


class CountedBytes(bytes):
    """Octets of one read, which count the operations on them."""

    def split(self, sep: Any = None, maxsplit: SupportsIndex = -1) -> list[bytes]:
        count(len(self))
        return [CountedBytes(part) for part in super().split(sep, maxsplit)]

    def find(self, *args: Any) -> int:
        count(len(self))
        return super().find(*args)

    def rfind(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        found = super().rfind(sub, start, end)
        count((len(self) if end is None else min(end, len(self))) - max(found, start))
        return found

    def __contains__(self, key: Any) -> bool:
        count(len(self))
        return super().__contains__(key)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        if isinstance(part, int):
            return part
        count(len(part))
        return CountedBytes(part)

    def __add__(self, other: Any) -> bytes:
        count(len(self) + len(other))
        return CountedBytes(super().__add__(other))

    def __radd__(self, other: Any) -> bytes:
        count(len(self) + len(other))
        return CountedBytes(bytes(other) + bytes(self))


class CountedArray(bytearray):
    """The buffer of a reader, which counts the operations on it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        count(len(self))

    def __iadd__(self, other: Any) -> "CountedArray":
        count(len(other))
        super().__iadd__(other)
        return self

    def extend(self, other: Any) -> None:
        count(len(other))
        super().extend(other)

    def __bytes__(self) -> bytes:
        count(len(self))
        return bytes(memoryview(self))

    def split(self, sep: Any = None, maxsplit: SupportsIndex = -1) -> list[bytearray]:
        count(len(self))
        return super().split(sep, maxsplit)

    def find(self, *args: Any) -> int:
        count(len(self))
        return super().find(*args)

    def rfind(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        found = super().rfind(sub, start, end)
        count((len(self) if end is None else min(end, len(self))) - max(found, start))
        return found

    def __contains__(self, key: Any) -> bool:
        count(len(self))
        return super().__contains__(key)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        if isinstance(part, int):
            return part
        count(len(part))
        return CountedArray(part)

    def __delitem__(self, key: Any) -> None:
        count(len(self))
        super().__delitem__(key)

    def __add__(self, other: Any) -> bytearray:
        count(len(self) + len(other))
        return CountedArray(super().__add__(other))


@pytest.fixture(autouse=True)
def _counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chatproto keep its octets in buffers that count."""
    monkeypatch.setattr(framing, "bytearray", CountedArray, raising=False)
    monkeypatch.setattr(framing, "bytes", CountedBytes, raising=False)
    count(-touched)


Given = TypeVar("Given")


def feed(receive: Callable[[bytes], list[Given]], stream: bytes, size: int) -> list[Given]:
    return [
        given
        for at in range(0, len(stream), size)
        for given in receive(CountedBytes(stream[at : at + size]))
    ]


@pytest.mark.parametrize(
    ("line", "size"),
    [(MIB - 1, 1), *((line, size) for line in (MIB - 1, 63) for size in (7, 4_096, 2 * MIB))],
)
def test_a_server_reads_1_mib_in_linear_time_however_it_is_cut(line: int, size: int) -> None:
    stream = (b"x" * line + b"\n") * (MIB // (line + 1))
    events: list[Event] = feed(ServerConnection(MIB).receive, stream, size)
    assert events == [MessageReceived("x" * line, n + 1) for n in range(MIB // (line + 1))]
    assert touched <= LINEAR
    if size % (line + 1):  # reads that end where lines end are handed on as they are
        assert touched >= MIB or size > MIB


@pytest.mark.parametrize("size", [7, 4_096])
def test_a_server_discards_a_line_that_is_too_long_in_linear_time(size: int) -> None:
    (_,) = feed(ServerConnection().receive, b"x" * MIB, size)
    assert touched <= LINEAR


@pytest.mark.parametrize("size", [7, 4_096, 2 * MIB])
def test_a_client_reads_1_mib_in_linear_time_however_it_is_cut(size: int) -> None:
    stream = b"20210703 17:45:39 unix:0\n" + b"x" * MIB + b"\n"
    (_,) = feed(UnitReader().receive, stream, size)
    assert MIB <= touched <= LINEAR


def test_the_count_tells_a_reader_that_copies_what_it_holds() -> None:
    held = CountedBytes()

    def receive(octets: bytes) -> list[Unit | Malformed]:
        nonlocal held
        held = CountedBytes(held + octets)
        return []

    feed(receive, b"x" * 1_000, 1)
    assert touched > 400_000
