"""How Hypothesis searches in these tests: never against the clock, and the same way every time; and
that programs which are started here can be interrupted; and which tests begin first.

HYPOTHESIS_PROFILE=thorough lets it search at random, and twenty times as long.
"""

import gc
import os
from collections.abc import Generator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from conformance.target.interrupts import let_interrupts_through
from tests.budget import PROFILE

# Tests interrupt what they launch, even where they run in a shell's background.
let_interrupts_through()

# A test must not fail because the machine is busy, so nothing here is judged by its speed.
_LENIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("usual", _LENIENT, max_examples=50, derandomize=True)
settings.register_profile("thorough", _LENIENT, max_examples=1_000)
settings.load_profile(PROFILE)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are collected, nor later in what was collected: all of it
    stays, and each look at it takes a tenth of a second."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin each worker's share, of which xdist makes equal ones, with the long tests."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long") is not None]
    rest = [item for item in items if item.get_closest_marker("long") is None]
    cuts = [len(rest) * number // workers for number in range(workers + 1)]
    items.clear()
    for number in range(workers):
        items += long[number::workers] + rest[cuts[number] : cuts[number + 1]]
