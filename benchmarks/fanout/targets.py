"""What the reference server is held to, as ratios within a round wherever that can be."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from benchmarks.fanout.figures import admitting, best_peer, main_figure
from benchmarks.fanout.results import Figure, Results, Row, Spread
from benchmarks.fanout.servers import LIMIT, REFERENCE
from benchmarks.fanout.workloads import Workload, workload


class To(Enum):
    """What a figure is held against."""

    NOTHING = ""
    BEST_PEER = "the best peer"
    LIMIT = "the log in C"
    WITHOUT_STALLED = "itself in W5"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target, what was measured, and whether it is met; None where it was not measured.

    `beside`: the row that it was measured against, where there is one.
    """

    target: str
    measured: Spread | None = None
    is_met: bool | None = None
    beside: str = ""


@dataclass(frozen=True, slots=True)
class _Target:
    """A bound on the reference server's figure under a workload, by itself or over another's."""

    workload: str
    bound: float
    to: To = To.NOTHING
    figure: Figure | None = None
    unit: str = ""

    def judge(self, results: Results) -> Verdict:
        on = workload(self.workload)
        figure = self.figure or main_figure(on)
        row = results.find(self.workload, REFERENCE)
        other = self._other(results, on)
        if self.to is To.NOTHING:
            measured = row.spread(figure) if row else None
        else:
            measured = results.ratio(row, other, figure)
        if measured is None:
            return Verdict(self._text(on))
        is_met = (
            measured.middle <= self.bound if on.is_less_better else measured.middle >= self.bound
        )
        return Verdict(self._text(on), measured, is_met, other.server if other else "")

    def _text(self, on: Workload) -> str:
        bound = f"{on.id} at {'most' if on.is_less_better else 'least'} {self.bound:g}"
        return f"{bound} {self.unit}" if self.unit else f"{bound} × {self.to.value}"

    def _other(self, results: Results, on: Workload) -> Row | None:
        match self.to:
            case To.NOTHING:
                return None
            case To.BEST_PEER:
                return best_peer(results, on)
            case To.LIMIT:
                return results.find(on.id, LIMIT)
            case To.WITHOUT_STALLED:
                return results.find("W5", REFERENCE)
            case _:
                assert_never(self.to)


_LIMITED: Final = ("W1", "W2", "W3", "W5", "W7-10", "W7-100", "W7-1000", "W7-4000")
_TARGETS: Final = (
    _Target("W1", 2.5, To.BEST_PEER),
    _Target("W2", 1.2, To.BEST_PEER),
    _Target("W3", 2.5, To.BEST_PEER),
    _Target("W4", 1.0, To.BEST_PEER),
    _Target("W5", 1.8, To.BEST_PEER),
    _Target("W5-stalled", 1.8, To.BEST_PEER),
    _Target("W5-stalled", 0.95, To.WITHOUT_STALLED),
    _Target("W6", 20, unit="KB a member"),
    _Target("W6", 0.4, figure=admitting, unit="s until 2,000 are admitted"),
    _Target("W7-10", 1.0, To.BEST_PEER),
    _Target("W7-100", 1.0, To.BEST_PEER),
    _Target("W7-1000", 1.2, To.BEST_PEER),
    _Target("W7-4000", 1.2, To.BEST_PEER),
    *(_Target(name, 0.8, To.LIMIT) for name in _LIMITED),
)


def judge(results: Results) -> Iterator[Verdict]:
    """Every target of a workload that was run."""
    run = {row.workload for row in results.rows}
    return (each.judge(results) for each in _TARGETS if each.workload in run)
