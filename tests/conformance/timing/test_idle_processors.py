"""Processors are idle if most of their time since the last look was, and the suite woke in time."""

from collections.abc import Iterator
from itertools import count, repeat
from types import SimpleNamespace

import psutil
import pytest

from conformance.timing.idle_processors import IdleProcessors


class Times:
    """The seconds that processors have been busy and idle, as the system counts them."""

    system = 0.0

    def __init__(self, user: float, idle: float) -> None:
        self.user = user
        self.idle = idle


def processors(monkeypatch: pytest.MonkeyPatch, *times: Times) -> IdleProcessors:
    """Return processors with these times at each look, which can be had at once."""
    left = iter(times)
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(left))
    let_clock_tell(monkeypatch, count())
    return IdleProcessors()


def let_clock_tell(monkeypatch: pytest.MonkeyPatch, seconds: Iterator[int]) -> None:
    clock = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr("conformance.timing.idle_processors.time", clock)


@pytest.mark.parametrize(
    ("user", "overslept", "idle"), [(0.9, 0.0, True), (1.1, 0.0, False), (0.9, 0.03, False)]
)
def test_they_are_idle_for_half_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
    user: float,
    overslept: float,
    idle: bool,
) -> None:
    one = processors(monkeypatch, Times(5.0, 9.0), Times(5.0 + user, 11.0 - user))
    assert one.are_idle(overslept) is idle


def test_each_look_is_from_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    one = processors(monkeypatch, Times(0.0, 0.0), Times(0.0, 9.0), Times(2.0, 9.0))
    assert one.are_idle(0.0)
    assert not one.are_idle(0.0)


def test_no_look_is_taken_too_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    one = processors(monkeypatch, Times(0.0, 0.0))
    let_clock_tell(monkeypatch, repeat(0))
    assert not one.are_idle(0.0)
    assert one.seconds_left() > 0


def test_those_of_this_machine_are_seen() -> None:
    one = IdleProcessors()
    assert 0 < one.seconds_left() <= 0.25
