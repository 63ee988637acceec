"""What the reference server is held to, as ratios within a round wherever that can be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.fanout.results import Figure, Results, Round, Spread


def deliveries(round_: Round) -> float:
    return round_.deliveries_a_second


def by_cpu_time(round_: Round) -> float:
    return round_.deliveries_a_cpu_second


def slowest_hundredth(round_: Round) -> float:
    return round_.load.p99_us if round_.load else 0.0


def memory(round_: Round) -> float:
    return round_.kib_a_member


def accepting(round_: Round) -> float:
    return round_.load.accepted_s if round_.load else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target, what was measured, and whether it is met; None where it was not measured.

    `by_cpu_time`: the same ratio of deliveries a second of the server's own CPU time.
    """

    target: str
    measured: Spread | None = None
    is_met: bool | None = None
    by_cpu_time: float | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    """The reference server's figure under a workload: `beside` a peer's, or by itself.

    `under` is another workload, the same server's figure under which it is held against.
    """

    text: str
    workload: str
    figure: Figure
    bound: float
    beside: str = ""
    under: str = ""
    is_least: bool = True

    def judge(self, results: Results) -> Verdict:
        measured = self._measured(results, self.figure)
        if measured is None:
            return Verdict(self.text)
        middle = measured.middle
        met = middle >= self.bound if self.is_least else middle <= self.bound
        by_time = self._measured(results, by_cpu_time) if self.figure is deliveries else None
        return Verdict(self.text, measured, met, by_time.middle if by_time else None)

    def _measured(self, results: Results, figure: Figure) -> Spread | None:
        row = results.find(self.workload, "reference")
        if not self.beside:
            return row.spread(figure) if row else None
        other = results.find(self.under or self.workload, self.beside)
        return results.ratio(row, other, figure)


_TARGETS: Final = (
    _Target("W1 at least 2 x Go", "W1", deliveries, 2.0, "go"),
    _Target("W1 at least 5 x ngIRCd", "W1", deliveries, 5.0, "ngircd"),
    _Target("W2 at least 1.2 x Go", "W2", deliveries, 1.2, "go"),
    _Target("W3 at least 2 x Go", "W3", deliveries, 2.0, "go"),
    _Target("W4 p99 at most Go's", "W4", slowest_hundredth, 1.0, "go", is_least=False),
    _Target(
        "W5 with a stalled reader at least 0.95 of W5 without",
        "W5-stalled", deliveries, 0.95, "reference", under="W5",
    ),
    _Target("W6 at most 25 KB a member", "W6", memory, 25.0, is_least=False),
    _Target("W6 2,000 accepted in 0.5 s", "W6", accepting, 0.5, is_least=False),
    _Target("W7 with 10 at least Go", "W7-10", deliveries, 1.0, "go"),
    _Target("W7 with 100 at least Go", "W7-100", deliveries, 1.0, "go"),
    _Target("W7 with 4,000 at least 1.2 x Go", "W7-4000", deliveries, 1.2, "go"),
)  # fmt: skip


def judge(results: Results) -> Iterator[Verdict]:
    """Every target of a workload that was run."""
    run = {row.workload for row in results.rows}
    return (each.judge(results) for each in _TARGETS if each.workload in run)
