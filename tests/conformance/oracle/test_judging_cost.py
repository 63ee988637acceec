"""Judging a whole room costs n log n at most in the receptions, whether it is sound or broken.

What is measured is the processor's time, and only as a ratio; but in the thorough profile a sound
room of a million receptions is to be judged in ten seconds.
"""

import gc
from collections.abc import Callable
from itertools import cycle, islice
from math import log2
from random import Random
from time import process_time

import pytest

from conformance.oracle import judge
from conformance.transcript.events import Finish, Transcript
from tests.budget import THOROUGH
from tests.conformance.scene import Scene, chat, talk

SIZES = (10_000, 100_000, 1_000_000) if THOROUGH else (5_000, 50_000)
BURST = 20
GENEROUS = 1.6
ENOUGH_SECONDS = 10

Waiting = list[bytes]
Spoiling = Callable[[Waiting, Random], Waiting]


def sound(waiting: Waiting, _random: Random) -> Waiting:
    return waiting


def lossy(waiting: Waiting, random: Random) -> Waiting:
    return [unit for unit in waiting if random.random() > 0.05]


def doubling(waiting: Waiting, random: Random) -> Waiting:
    return [unit for unit in waiting for _ in range(1 if random.random() > 0.05 else 2)]


def shuffling(waiting: Waiting, random: Random) -> Waiting:
    return random.sample(waiting, len(waiting))


def altering(waiting: Waiting, random: Random) -> Waiting:
    return [unit if random.random() > 0.05 else unit.replace(b"z", b"y") for unit in waiting]


def cutting(waiting: Waiting, random: Random) -> Waiting:
    return [unit if random.random() > 0.05 else unit[:-4] for unit in waiting]


def headerless(waiting: Waiting, random: Random) -> Waiting:
    return [unit if random.random() > 0.05 else unit.partition(b"\n")[2] for unit in waiting]


def inventing(waiting: Waiting, random: Random) -> Waiting:
    invented = b"20210703 17:45:39 127.0.0.1:50001\nhello\n"
    return [unit + invented if random.random() < 0.05 else unit for unit in waiting]


def babbling(waiting: Waiting, random: Random) -> Waiting:
    return [unit + b"what?\n" if random.random() < 0.05 else unit for unit in waiting]


def room(members: int, receptions: int, spoil: Spoiling) -> Transcript:
    """Members speak in turn; every word comes to all, altered in another way for each."""
    scene: Scene = chat(*(f"m{number}" for number in range(members)))
    random = Random(7)  # noqa: S311
    names = cycle(scene.peers)
    for _ in range(receptions // members // BURST):
        talk(scene, islice(names, BURST))
        for peer in scene.peers.values():
            peer.waiting = spoil(peer.waiting, random)
        scene.deliver()
    scene.fence()
    return [*scene.events, Finish(scene.now)]


def seconds_to_judge(transcript: Transcript) -> float:
    start = process_time()
    judge(transcript)
    return process_time() - start


@pytest.mark.parametrize(
    "spoil",
    [
        sound,
        lossy,
        doubling,
        shuffling,
        altering,
        cutting,
        headerless,
        inventing,
        babbling,
    ],
)
def test_it_is_near_linear(spoil: Spoiling) -> None:
    costs = [seconds_to_judge(room(10, size, spoil)) / (size * log2(size)) for size in SIZES]
    assert all(cost <= GENEROUS * costs[0] for cost in costs), costs


def violations() -> Transcript:
    scene = chat(*(f"m{number}" for number in range(100)))
    for name in scene.peers:
        scene.send(name, b"\xff\n")
    return [*scene.events, Finish(scene.now)]


@pytest.mark.parametrize(
    "transcript",
    [room(10, SIZES[0], sound), room(10, SIZES[0], cutting), violations()],
    ids=["sound", "cut", "violations"],
)
def test_it_leaves_nothing_to_the_garbage_collector(transcript: Transcript) -> None:
    judge(transcript)
    gc.collect()
    gc.disable()
    try:
        judge(transcript)
        assert gc.collect() < 100
    finally:
        gc.enable()


@pytest.mark.skipif(not THOROUGH, reason="takes seconds of a machine that is quiet: make oracle")
def test_a_million_receptions_take_less_than_ten_seconds() -> None:
    transcript = room(50, 1_000_000, sound)
    assert not judge(transcript).findings
    assert seconds_to_judge(transcript) < ENOUGH_SECONDS
