"""Programs that nobody wrote: what clients do is drawn at random, and judged like all else."""

from conformance.programs.trials import Trials
from conformance.scenario import scenario


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
def test_programs(trials: Trials) -> None:
    """Two to eight clients join, speak in any segments, stall, leave in every way and rejoin,
    as Hypothesis draws it; what breaks a requirement is shrunk, and tried again."""
    # Hypothesis takes its time to be imported, and most commands do without.
    from conformance.programs.search import search

    search(trials)
