"""What the port asks of an engine, asked of each engine there is."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest

from chatproto import Entry
from clustered_server import Engine, MemoryEngine, MemoryLog, Refused, Unavailable
from clustered_server.jetstream import Access, JetStream

MIB: Final = 1_048_576
ALL_OCTETS: Final = bytes(range(256)) * 4

_rooms = itertools.count(1)

Play = Callable[[Engine, Engine], Awaitable[None]]


@asynccontextmanager
async def _in_memory() -> AsyncIterator[tuple[Engine, Engine]]:
    log = MemoryLog()
    yield MemoryEngine(log), MemoryEngine(log)


@asynccontextmanager
async def _on_jetstream(url: str) -> AsyncIterator[tuple[Engine, Engine]]:
    access, room = Access((url,)), f"engines{next(_rooms)}"
    engines = [await JetStream.open(access, room, 1, 64 * MIB) for _ in range(2)]
    try:
        yield engines[0], engines[1]
    finally:
        for engine in engines:
            await engine.close()


@pytest.fixture(params=["memory", "jetstream"])
def play(request: pytest.FixtureRequest) -> Callable[[Play], None]:
    """Run a play with two nodes' engines of one new log."""
    url = request.getfixturevalue("engine_url") if request.param == "jetstream" else ""

    async def run(scene: Play) -> None:
        async with _in_memory() if not url else _on_jetstream(url) as engines:
            await scene(*engines)

    return lambda scene: asyncio.run(asyncio.wait_for(run(scene), 30))


async def _read(engine: Engine, position: int, count: int) -> list[tuple[int, Entry]]:
    found: list[tuple[int, Entry]] = []
    async for each in engine.read(position):
        found.append(each)
        if len(found) == count:
            break
    return found


def test_a_log_begins_empty_and_counts_from_one(play: Callable[[Play], None]) -> None:
    async def scene(one: Engine, other: Engine) -> None:
        assert await one.end() == 0
        await one.append(Entry("a", "r", None))
        assert await other.end() == 1
        assert one.largest_entry > 262_144

    play(scene)


def test_what_one_appends_all_read_in_one_order_and_exactly(play: Callable[[Play], None]) -> None:
    async def scene(one: Engine, other: Engine) -> None:
        entries = [
            Entry("a", "r", None),
            Entry("b", "s", None, ALL_OCTETS),
            Entry("a", "r", 1, b"\r\n\r\n"),
            Entry("b", "s", 2),
        ]
        for engine, entry in zip((one, other, one, other), entries, strict=True):
            await engine.append(entry)
        expected = list(enumerate(entries, 1))
        assert await _read(one, 0, 4) == await _read(other, 1, 4) == expected
        assert await _read(one, 3, 2) == expected[2:]

    play(scene)


def test_a_reader_waits_for_what_is_to_come(play: Callable[[Play], None]) -> None:
    async def scene(one: Engine, other: Engine) -> None:
        await one.append(Entry("a", "r", None))
        reading = asyncio.create_task(_read(other, 1, 2))
        await asyncio.sleep(0)
        await one.append(Entry("a", "r", 1, b"later"))
        assert await reading == [(1, Entry("a", "r", None)), (2, Entry("a", "r", 1, b"later"))]

    play(scene)


def test_a_start_is_stored_once(play: Callable[[Play], None]) -> None:
    async def scene(one: Engine, other: Engine) -> None:  # noqa: ARG001
        for _ in range(3):
            await one.append(Entry("a", "r", None))
        assert await one.end() == 1

    play(scene)


@pytest.mark.parametrize("after", [0, 2, 3, 99])
def test_an_entry_that_does_not_follow_is_refused(play: Callable[[Play], None], after: int) -> None:
    async def scene(one: Engine, other: Engine) -> None:
        await one.append(Entry("a", "r", None))
        await other.append(Entry("b", "s", None))
        # One that follows what is not there yet may also come from behind what is: not available.
        with pytest.raises(Refused if after == 0 else (Refused, Unavailable)):
            await one.append(Entry("a", "r", after))
        await one.append(Entry("a", "r", 1))
        assert await one.end() == 3

    play(scene)


def test_an_entry_that_is_there_is_not_stored_again(play: Callable[[Play], None]) -> None:
    async def scene(one: Engine, _: Engine) -> None:
        await one.append(Entry("a", "r", None))
        await one.append(Entry("a", "r", 1, b"once"))
        with pytest.raises(Refused) as refusal:
            await one.append(Entry("a", "r", 1, b"once"))
        assert refusal.value.last == 2
        assert await one.end() == 2

    play(scene)


def test_a_run_that_was_replaced_is_refused(play: Callable[[Play], None]) -> None:
    async def scene(one: Engine, other: Engine) -> None:
        await one.append(Entry("a", "old", None))
        await other.append(Entry("a", "new", None))
        with pytest.raises(Refused):
            await one.append(Entry("a", "old", 1, b"ghost"))
        await other.append(Entry("a", "new", 2, b"here"))

    play(scene)


def test_many_appends_of_two_nodes_at_once_all_arrive(play: Callable[[Play], None]) -> None:
    async def append(engine: Engine, node: str, positions: dict[str, int]) -> None:
        await engine.append(Entry(node, "r", None))
        for position, entry in await _read(engine, 1, 2):
            positions[entry.node] = position

    async def scene(one: Engine, other: Engine) -> None:
        positions: dict[str, int] = {}
        await asyncio.gather(append(one, "a", positions), append(other, "b", positions))
        assert sorted(positions.values()) == [1, 2]

        async def speak(engine: Engine, node: str) -> None:
            position = positions[node]
            reader = engine.read(3)
            for number in range(50):
                mine = Entry(node, "r", position, b"%d" % number)
                await engine.append(mine)
                async for position, entry in reader:  # noqa: B007  (for the next)
                    if entry == mine:
                        break

        await asyncio.gather(speak(one, "a"), speak(other, "b"))
        log = await _read(one, 1, 102)
        assert [entry.units for _, entry in log if entry.node == "a"][1:] == [
            b"%d" % number for number in range(50)
        ]
        assert await other.end() == 102

    play(scene)
