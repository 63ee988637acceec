"""Laying out the log costs n log n at most in the receptions, however they contradict each other.

What is counted is how often an item is hashed or compared: every step of the sort does that.
"""

from collections.abc import Callable, Sequence
from math import log2
from random import Random

import pytest

from conformance.oracle.log_order import lay_out
from tests.budget import THOROUGH

MEMBERS = 10
SIZES = (10_000, 100_000, 1_000_000) if THOROUGH else (1_000, 100_000)
GENEROUS = 1.5


class Counted:
    """An item that counts how often all items of its kind were compared."""

    asked = 0

    def __hash__(self) -> int:
        Counted.asked += 1
        return id(self) >> 4

    def __eq__(self, other: object) -> bool:
        Counted.asked += 1
        return self is other


Runs = list[list[Counted]]
Log = Sequence[Counted]


def agreed(log: Log) -> Runs:
    """All receive all, from where they join on."""
    return [list(log[member * len(log) // 50 :]) for member in range(MEMBERS)]


def passing_on(log: Log) -> Runs:
    """Each leaves when the next has received one broadcast."""
    size = max(2, len(log) // 500)
    return [list(log[start : start + size + 1]) for start in range(0, len(log), size)] * MEMBERS


def strangers(log: Log) -> Runs:
    """No two runs have anything in common."""
    return [[one, other] for one, other in zip(log[::2], log[1::2], strict=True)] * MEMBERS


def lossy(log: Log) -> Runs:
    """Each misses some items."""
    random = Random(7)  # noqa: S311
    return [[item for item in log if random.random() > 0.1] for _ in range(MEMBERS)]


def swapping(log: Log) -> Runs:
    """Each has some pairs in the other order."""
    return [
        [log[at ^ 1 if at // 2 % MEMBERS == member else at] for at in range(len(log))]
        for member in range(MEMBERS)
    ]


def shuffled(log: Log) -> Runs:
    """Each has an order of its own."""
    return [Random(member).sample(log, len(log)) for member in range(MEMBERS)]  # noqa: S311


def reversing(log: Log) -> Runs:
    """Half of them receive it all in reverse."""
    return [list(log)[:: 1 if member % 2 else -1] for member in range(MEMBERS)]


def rings(log: Log) -> Runs:
    """Each begins at another place, and comes back to the beginning."""
    cuts = [member * len(log) // MEMBERS for member in range(MEMBERS)]
    return [[*log[cut:], *log[:cut]] for cut in cuts]


@pytest.mark.parametrize(
    "shape",
    [agreed, passing_on, strangers, lossy, swapping, shuffled, reversing, rings],
)
def test_it_is_near_linear(shape: Callable[[Log], Runs]) -> None:
    costs = []
    for size in SIZES:
        runs = shape([Counted() for _ in range(size // MEMBERS)])
        receptions = sum(map(len, runs))
        Counted.asked = 0
        lay_out(runs)
        costs.append(Counted.asked / (receptions * log2(receptions)))
    assert all(cost <= GENEROUS * costs[0] for cost in costs), costs
