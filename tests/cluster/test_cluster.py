"""A slice of the simulated clusters, and clusters broken on purpose: each is caught."""

import contextlib
import re
import subprocess
import sys
from typing import Final

import pytest

from tests.cluster.broken import FAULTS
from tests.cluster.history import Broken
from tests.cluster.simulation import Simulation

CLAUSES: Final = {
    "shows-words-before-commit": "CLU-4",
    "doubles-an-entry-on-retry": "CLU-3",
    "forgets-a-commit": "CLU-4",
    "loses-its-tail": "CLU-5",
    "orders-by-node": "CLU-4",
    "joiner-misses-what-is-under-way": "CLU-4",
    "leaver-goes-before-commit": "QUIT-3",
    "two-are-unix-1": "CLU-2",
    "passes-over-a-gap": "CLU-4",
    "serves-though-replaced": "CLU-5",
    "admits-at-once": "ROOM-1",
    "keeps-members-in-the-dark": "CLU-5",
    "accepts-what-it-has-seen": "CLU-3",
}
"""What each fault breaks, among other things."""


def test_a_slice_of_the_seeds() -> None:
    for seed in range(150):
        Simulation(seed).run()


def test_a_seed_that_failed_is_told_with_what_replays_it() -> None:
    def call(arguments: str) -> str:
        command = [sys.executable, "-m", "tests.cluster", *arguments.split()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        return done.stdout

    said = call("--count 40 --jobs 1 --fault orders-by-node")
    [(broken, again), *_] = re.findall(r"seed \d+: (.*)\nagain: python -m tests.cluster (.*)", said)
    assert call(again).splitlines()[-1] == broken


def _saw(seed: int) -> list[tuple[str, list[tuple[int, str, str]]]]:
    return [(history.sender, history.received) for history in Simulation(seed).run()]


def test_a_run_replays_from_its_seed() -> None:
    assert _saw(7) == _saw(7) != _saw(8)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_cluster_is_caught(fault: str) -> None:
    clauses: set[str] = set()
    for seed in range(400):
        with contextlib.suppress(Broken):
            FAULTS[fault].simulation(seed).run()
            continue
        with pytest.raises(Broken) as caught:
            FAULTS[fault].simulation(seed).run()
        clauses.add(caught.value.clause)
        if CLAUSES[fault] in clauses:
            return
    pytest.fail(f"{fault} broke {clauses or 'nothing'}")
