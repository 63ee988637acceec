"""Reading what came costs no more than n log n, in the wire format and in each form that a dialect
can have, whatever came: broadcasts, floods, garbage.

What is measured is the processor's time, and only as a ratio.
"""

from collections.abc import Callable, Iterator
from time import process_time

import pytest

from conformance.oracle import judge
from conformance.oracle.reading.dialect_units import hear_units
from conformance.oracle.reading.units import ReceivedUnit, read_units
from conformance.target.bundled_profiles import shipped_names, shipped_profile
from conformance.transcript.events import Connected, Event, Finish, HalfClosed, Received, Sent
from tests.budget import THOROUGH
from tests.conformance.scene import START

SMALL, LARGE = 10_000, 64 * 1_048_576 if THOROUGH else 80_000
GENEROUS = 3.0
READ = 65_536

Reading = Callable[[list[tuple[int, float, bytes]]], Iterator[ReceivedUnit]]

STREAMS = {
    "broadcasts": b"20210703 17:45:39 127.0.0.1:50000\nn0ddba1x00001z\n",
    "empty broadcasts": b"20210703 17:45:39 127.0.0.1:50000\n\n",
    "heartbeats": b"\n",
    "digits": b"7",
    "words without an LF": b"word ",
    "lines": b"what?\n",
    "headers without an LF": b"20210703 17:45:39 127.0.0.1:50000",
    "slashes": b"2021/07/03 17:45:39 127.0.0.1:50000\nhello\n\n",
    "notices": b"!room-full\n",
    "prefixes": b"ann: hello\r\n> [ann] \nb'hello'\n",
}


def _of(name: str) -> Reading:
    if name == "the wire format":
        return lambda reads: read_units(reads, {})
    dialect = shipped_profile(name).dialect
    return lambda reads: hear_units(reads, dialect, {})


def _seconds(reading: Reading, sample: bytes, size: int) -> float:
    stream = (sample * (size // len(sample) + 1))[:size]
    cut = range(0, size, READ)
    reads = [(number, 0.0, stream[at : at + READ]) for number, at in enumerate(cut, 1)]
    start = process_time()
    for _ in reading(reads):
        pass
    return process_time() - start


@pytest.mark.parametrize("sample", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("name", ["the wire format", *shipped_names()])
def test_reading_is_near_linear(name: str, sample: bytes) -> None:
    reading = _of(name)
    small = max(min(_seconds(reading, sample, SMALL) for _ in range(2)), 0.002)
    assert _seconds(reading, sample, LARGE) <= GENEROUS * small * LARGE / SMALL


def flood(sample: bytes, size: int) -> list[Event]:
    """A client speaks and ends its side; then octets like these come to another without end."""
    events: list[Event] = [START]
    for number, name in enumerate(("ann", "bob")):
        events.append(Connected(0.0, name, f"127.0.0.1:{50_000 + number}"))
    events += [Sent(0.0, "ann", b"n0ddba1x00001z\n"), HalfClosed(0.0, "ann")]
    for at in range(0, size, READ):
        events.append(Received(1.0 + at / 1e9, "bob", (sample * (READ // len(sample)))[:READ]))
    return [*events, Finish(2.0)]


def _to_judge(events: list[Event]) -> float:
    start = process_time()
    judge(events)
    return process_time() - start


@pytest.mark.parametrize("sample", STREAMS.values(), ids=STREAMS)
def test_judging_a_flood_is_near_linear(sample: bytes) -> None:
    small = max(min(_to_judge(flood(sample, SMALL)) for _ in range(2)), 0.002)
    assert _to_judge(flood(sample, LARGE)) <= GENEROUS * small * LARGE / SMALL
