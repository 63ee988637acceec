"""A few seconds of `make fuzz`, and that a failure tells how to repeat it."""

import ast
import subprocess
import sys
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatproto import Member, Room, framing
from fuzz import __main__, core, server
from fuzz.inputs import dictionary, inputs

SEED = 20210703


def run_many() -> None:
    for octets in islice(inputs(SEED), 5_000):
        core.run(octets)


@given(st.binary(max_size=100))
def test_any_octets_are_a_program_that_finds_nothing(octets: bytes) -> None:
    core.run(octets)


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_drawn_programs_find_nothing(seed: int) -> None:
    for octets in islice(inputs(seed), 50):
        core.run(octets)


def test_a_server_is_sound_after_two_bursts() -> None:
    assert server.fuzz(SEED, 2) == 2


def test_a_fault_is_found_and_told_with_the_input_that_repeats_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Judge the limit by a tail alone: a line that is cut up counts as too long, a whole one does
    not."""
    monkeypatch.setattr(framing, "_measure", lambda block, _: len(block))
    with pytest.raises(AssertionError, match="cut has a meaning"):
        __main__._fuzz_from_a_seed(20_000, 30, SEED)
    _, _, literal = capsys.readouterr().err.partition("--replay ")
    octets = ast.literal_eval(ast.literal_eval(literal.splitlines()[0]))
    with pytest.raises(AssertionError, match="cut has a meaning"):
        core.run(octets)


def test_a_room_that_sends_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def pending(member: Member) -> memoryview:
        return memoryview(bytes(whole(member)).replace(b"\xef\xbf\xbd", b"\0\0\0"))

    whole = Member.pending
    monkeypatch.setattr(Member, "pending", pending)
    with pytest.raises(AssertionError, match="no units"):
        run_many()


def test_a_fault_of_the_caller_s_that_changes_something_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def flushed(room: Room, member: Member) -> None:
        member._connection.close()
        member._leave()
        once(room, member)
        once(room, member)

    once = Room.flushed
    monkeypatch.setattr(Room, "flushed", flushed)
    with pytest.raises(AssertionError, match="changed something"):
        run_many()


def test_an_input_is_replayed_by_its_literal() -> None:
    command = [sys.executable, "-m", "fuzz", "--replay", repr(next(inputs(SEED)))]
    assert subprocess.run(command, timeout=30, check=False).returncode == 0


def test_the_dictionary_is_libfuzzer_s() -> None:
    assert dictionary().splitlines()[:2] == [r'"\x71\x75\x69\x74\x0a"', r'"\x0a"']
