"""The benchmark measures what it says: every work makes out every message, and reports add up."""

import time

import pytest

from benchmarks import measure, octets, payloads
from benchmarks.measure import Spread, Work


@pytest.mark.parametrize("words", [payloads.ASCII, payloads.MANY_SCRIPTS])
@pytest.mark.parametrize("size", [64, 4_000])
def test_every_work_makes_out_every_message(words: list[str], size: int) -> None:
    texts = payloads.texts(words, size, 200_000)
    assert {len(text) for text in texts} == {size}
    for work in octets.works(payloads.clean(texts)):
        assert work.run() == len(texts)


def test_a_dirty_stream_has_a_line_a_text_and_a_few_blank_ones() -> None:
    stream = payloads.dirty(payloads.texts(payloads.ASCII, 64, 200_000))
    split, events, log = octets.works(stream)
    assert split.run() == events.run() == stream.count(b"\n")
    assert 0.95 * split.run() < log.run() < split.run()


def test_peers_make_out_every_message() -> None:
    pytest.importorskip("irctokens")
    pytest.importorskip("websockets")
    from benchmarks import peers

    texts = payloads.texts(payloads.ASCII, 64, 200_000)
    for work in peers.works(texts):
        assert work.run() == len(texts)


def test_ratios_are_taken_within_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([1.0, 2.0, 2.0, 8.0, 4.0, 12.0])
    monkeypatch.setattr(measure, "_time", lambda _: (next(seconds), True))
    first, second = measure.compare([Work("a", "", lambda: 1), Work("b", "", lambda: 2)], 3)
    assert first.ratio == Spread(1.0, 1.0, 1.0)
    assert second.ratio == Spread(2.0, 3.0, 4.0)
    assert second.seconds == Spread(2.0, 8.0, 12.0)
    assert second.messages == 2


def test_a_disturbed_measurement_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {"perf_counter": [0.0, 2.0, 10.0, 11.0], "process_time": [0.0, 1.0, 5.0, 6.0]}
    for name, readings in clocks.items():
        monkeypatch.setattr(time, name, iter(readings).__next__)
    runs = []
    work = Work("a", "", lambda: runs.append(1) or 1)  # type: ignore[func-returns-value]
    assert measure._time(work) == (1.0, True)
    assert len(runs) == 2
