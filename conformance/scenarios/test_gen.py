"""Generated programs: what clients do is drawn at random, and judged as in any other scenario."""

from collections.abc import Callable

from conformance.scenarios.registry import scenario


@scenario(
    "ROOM-2",
    "ROOM-3",
    "ROOM-4",
    "ROOM-1",
    "ROOM-7",
    "FRM-1",
    "QUIT-3",
    needs=("examples",),
    waits=1.0,
)
def test_programs(search: Callable[[], None]) -> None:
    """Two to eight clients join, talk in any segments, stall, leave in every way and rejoin, as
    drawn by Hypothesis. A program that breaks a requirement is shrunk and played again."""
    search()
