"""Octets written small are read back as they were, and are small."""

import json
from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from conformance.transcript.compression import StreamWriter, read_octets, write_octets


@given(st.binary(max_size=300) | st.binary(max_size=4).map(lambda some: some * 60))
def test_what_is_written_is_read(octets: bytes) -> None:
    assert read_octets(json.loads(json.dumps(write_octets(octets))), {}) == octets


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400)), max_size=30), st.binary())
def test_clients_that_read_one_log_at_their_own_pace(
    reads: list[tuple[str, int]], seed: bytes
) -> None:
    log = b"".join(b"%d %s\n" % (number, seed) for number in range(400))
    places = {"a": 0, "b": 30, "c": 500}
    streams = {name: bytearray() for name in places}
    writer = StreamWriter()
    for name, length in reads:
        octets = log[places[name] : places[name] + length]
        places[name] += length
        written = json.loads(json.dumps(writer.write(name, octets)))
        assert read_octets(written, streams) == octets
        streams[name] += octets


def test_what_another_has_received_is_written_small() -> None:
    writer = StreamWriter()
    log = b"".join(b"%d\n" % number for number in range(2_000))
    writer.write("a", log)
    assert len(json.dumps(writer.write("b", log[100:5_000]))) < 40
    assert len(json.dumps(writer.write("b", log[5_000:]))) < 40


def test_what_repeats_is_written_small() -> None:
    assert len(json.dumps(write_octets(b"x" * 1_000_000 + "€".encode() * 1_000))) < 60


def test_what_no_one_else_has_received_is_not_looked_for_each_time() -> None:
    writer = StreamWriter()
    writer.write("leader", bytes(range(256)) * 100_000)
    strange = bytes(range(255, -1, -1))
    spent = process_time()
    for _ in range(2_000):
        writer.write("a", strange)
    assert process_time() - spent < 2
