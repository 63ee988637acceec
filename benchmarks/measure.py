"""Times pieces of work in turn, round after round, and says what a round was worth.

All run on one core, one after another, so that what slows one slows the others too; ratios are
taken within a round. The time is the processor's. A measurement during which the core did
something else for long is taken again, a bounded number of times.
"""

import gc
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

QUIET: Final = 0.9
"""The share of the wall's time that an undisturbed measurement has the core for."""
TRIES: Final = 10
"""Times one measurement is taken at most to find it undisturbed."""


@dataclass(frozen=True)
class Work:
    """One thing to time: `run` does all of it and gives back how many messages it made out."""

    name: str
    does: str
    run: Callable[[], int]


@dataclass(frozen=True)
class Spread:
    """The least, middle and greatest of some figures."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        return cls(min(figures), statistics.median(figures), max(figures))


@dataclass(frozen=True)
class Result:
    """What a piece of work took: seconds a round, the ratio to the first of its group a round,
    messages in each, and in how many rounds the core was never quiet."""

    work: Work
    messages: int
    seconds: Spread
    ratio: Spread
    disturbed: int


def pin() -> int:
    """Keep this process on one core; say which."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def compare(group: Sequence[Work], rounds: int) -> list[Result]:
    """Time each work of a group once a round, in turn; the first is what the others are to."""
    messages = [work.run() for work in group]
    taken = [[_time(work) for work in group] for _ in range(rounds)]
    return [
        Result(
            work,
            messages[at],
            Spread.of([each[at][0] for each in taken]),
            Spread.of([each[at][0] / each[0][0] for each in taken]),
            sum(not each[at][1] for each in taken),
        )
        for at, work in enumerate(group)
    ]


def _time(work: Work) -> tuple[float, bool]:
    """Seconds the work took, and whether the core was quiet."""
    seconds = []
    for _ in range(TRIES):
        gc.collect()
        wall, processor = time.perf_counter(), time.process_time()
        work.run()
        processor = time.process_time() - processor
        wall = time.perf_counter() - wall
        if processor >= QUIET * wall:
            return processor, True
        seconds.append(processor)
    return min(seconds), False
