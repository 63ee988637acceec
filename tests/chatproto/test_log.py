"""The log of octets against the plainest one: all the octets there ever were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatproto import log
from chatproto.log import Log

SEGMENT = 8


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few octets make many segments."""
    monkeypatch.setattr(log, "SEGMENT_SIZE", SEGMENT)


def written(parts: list[bytes]) -> Log:
    made = Log()
    for octets in parts:
        made.append(octets)
    return made


parts = st.lists(st.binary(max_size=30), max_size=12)


@pytest.mark.usefixtures("_small_segments")
@given(parts, st.data())
def test_a_view_is_what_was_written_from_its_position_to_its_segment_s_end(
    parts: list[bytes], data: st.DataObject
) -> None:
    said = b"".join(parts)
    position = data.draw(st.integers(0, len(said)))
    view = written(parts).read(position)
    assert view == said[position : position - position % SEGMENT + SEGMENT]
    assert view.readonly


@given(parts, parts, st.data())
def test_a_view_stays_true_while_more_is_written_and_after_it_is_forgotten(
    before: list[bytes], after: list[bytes], data: st.DataObject
) -> None:
    said = b"".join(before)
    made = written(before)
    views = {position: made.read(position) for position in range(len(said) + 1)}
    for octets in after:
        made.append(octets)
        made.forget(data.draw(st.integers(0, made.end)))
    made.forget(made.end)
    for position, view in views.items():
        assert view == said[position : position - position % SEGMENT + SEGMENT]


@given(st.lists(st.tuples(st.binary(max_size=30), st.integers(0, 400)), max_size=12))
def test_only_segments_wholly_before_a_position_are_forgotten(
    steps: list[tuple[bytes, int]],
) -> None:
    made = Log()
    said = b""
    needed = 0
    for octets, position in steps:
        made.append(octets)
        said += octets
        made.forget(position)
        needed = max(needed, min(position, len(said)))
        assert made.start == needed - needed % SEGMENT
        assert made.end == len(said)
        kept = b""
        while view := made.read(made.start + len(kept)):
            kept += view
        assert kept == said[made.start :]


def test_no_position_is_read_that_is_forgotten_or_not_yet_written() -> None:
    made = written([bytes(20)])
    made.forget(9)
    for position in (-1, 7, 21):
        with pytest.raises(IndexError, match=rf"position {position} is not in \[8, 20\]"):
            made.read(position)
