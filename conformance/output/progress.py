"""The progress of a run: what is done, what is running, and how long the rest may take."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.report.model import ScenarioReport
from conformance.scenarios.registry import SECTIONS

SECONDS: Final = {
    "sanity": 0.01, "trn": 0.01, "frm": 0.02, "txt": 0.02, "msg": 0.02, "room": 0.10, "quit": 0.08,
    "hb": 0.01, "err": 0.12, "lim": 0.03, "gen": 2.0, "stop": 0.2, "res": 1.0, "clu": 7.0,
}  # fmt: skip
"""The average seconds of a scenario of each section, against a correct server."""


@dataclass(frozen=True, slots=True)
class Section:
    """The progress of one section: `results` in the order they came, `left` scenarios to begin."""

    name: str
    results: tuple[ScenarioReport, ...]
    running: int
    left: int

    @property
    def total(self) -> int:
        return len(self.results) + self.running + self.left


class Progress:
    """The progress of a run of the scenarios with these ids, `jobs` of them at a time.

    One thread may update it while another reads it.
    """

    def __init__(
        self,
        chosen: Sequence[str],
        jobs: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chosen = tuple(chosen)
        self._jobs = jobs
        self._clock = clock
        self._began = self._last = clock()
        self._first: float | None = None
        self._running: dict[str, float] = {}
        self._results: dict[str, ScenarioReport] = {}

    def start(self, scenario: str) -> None:
        """Note that a scenario begins."""
        now = self._clock()
        if self._first is None:
            self._first = self._last = now
        self._running = {**self._running, scenario: now}

    def finish(self, result: ScenarioReport) -> None:
        """Note that a scenario is over."""
        self._last = self._clock()
        self._results = {**self._results, result.id: result}
        self._running = {id_: at for id_, at in self._running.items() if id_ != result.id}

    @property
    def total(self) -> int:
        return len(self._chosen)

    @property
    def results(self) -> list[ScenarioReport]:
        return list(self._results.values())

    @property
    def running(self) -> list[tuple[str, float]]:
        """The running scenarios and for how many seconds they run, the longest first."""
        now = self._clock()
        return [(id_, now - at) for id_, at in self._running.items()]

    @property
    def elapsed(self) -> float:
        return self._clock() - self._began

    @property
    def left(self) -> float | None:
        """An estimate of the seconds left; None before the first scenario is over.

        Each scenario left is estimated by its section's average, plus the average delay so far.
        """
        results = self._results.keys()
        if self._first is None or not results:
            return None
        spent = (self._last - self._first) * self._jobs
        known = sum(_seconds(id_) for id_ in results)
        more = max(0.0, spent - known) / len(results)
        left = set(self._chosen) - results
        rest = sum(_seconds(id_) + more for id_ in left)
        return max(0.0, rest / self._jobs - (self._clock() - self._last))

    def sections(self) -> list[Section]:
        """Return the sections that have scenarios in this run, in the standard's order."""
        results, running = self._results, self._running
        found = []
        for name in SECTIONS:
            chosen = [id_ for id_ in self._chosen if id_.partition("/")[0] == name]
            over = tuple(one for id_, one in results.items() if id_.partition("/")[0] == name)
            now = sum(id_.partition("/")[0] == name for id_ in running)
            if chosen:
                found.append(Section(name, over, now, max(0, len(chosen) - len(over) - now)))
        return found


def _seconds(scenario: str) -> float:
    return SECONDS.get(scenario.partition("/")[0], 0.1)
