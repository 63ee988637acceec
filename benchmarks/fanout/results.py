"""What was measured: rounds, the rows they make, and the whole as JSON.

A row's rounds are in the order of the run, and the n-th of every server were taken one after the
other: a ratio is taken within a round, then its median over the rounds.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

from benchmarks.fanout.generator import Load

SCHEMA: Final = 1
DISTURBED: Final = 0.05
"""The part of a round's time that others may have had one of its cores."""


@dataclass(frozen=True, slots=True)
class Round:
    """One server under one workload, once. `failure` says why there is no load."""

    number: int
    load: Load | None = None
    failure: str = ""
    kib_a_member: float = 0.0
    threads_a_member: float = 0.0
    attempts: int = 1

    @property
    def void(self) -> str:
        return self.failure if self.load is None else self.load.void

    @property
    def is_disturbed(self) -> bool:
        return self.load is not None and self.load.disturbance > DISTURBED


Figure = Callable[[Round], float]


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, median and greatest of some rounds."""

    least: float
    middle: float
    greatest: float

    @classmethod
    def of(cls, values: list[float]) -> Self:
        return cls(min(values), median(values), max(values))


@dataclass(slots=True)
class Row:
    """One server under one workload, all its rounds."""

    workload: str
    server: str
    rounds: list[Round] = field(default_factory=list)

    @property
    def void(self) -> str:
        """Why the row counts for nothing: one round of it does not."""
        return next((each.void for each in self.rounds if each.void), "")

    @property
    def has_many_orders(self) -> bool:
        """Whether members saw the messages in different orders."""
        return any(each.load.orders_differ for each in self.rounds if each.load)

    def spread(self, figure: Figure) -> Spread | None:
        """The figure over the rounds; None where the row is void or empty."""
        if self.void or not self.rounds:
            return None
        return Spread.of([figure(each) for each in self.rounds])


@dataclass(slots=True)
class Results:
    """A whole run. `missing` says of each server that is not there what it wants for.

    `made`: the commit, the command and the day, as in all evidence.
    """

    made: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str | int | float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def row(self, workload: str, server: str) -> Row:
        """Find a row, or begin it."""
        for row in self.rows:
            if (row.workload, row.server) == (workload, server):
                return row
        self.rows.append(Row(workload, server))
        return self.rows[-1]

    def find(self, workload: str, server: str) -> Row | None:
        same = (row for row in self.rows if (row.workload, row.server) == (workload, server))
        return next(same, None)

    def ratio(self, above: Row | None, below: Row | None, figure: Figure) -> Spread | None:
        """One row's figure over another's, round by round; None where either has none."""
        if above is None or below is None or above.void or below.void:
            return None
        others = {each.number: figure(each) for each in below.rounds}
        ratios = [
            figure(each) / others[each.number] for each in above.rounds if others.get(each.number)
        ]
        return Spread.of(ratios) if ratios else None

    def to_json(self) -> str:
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n"


def merge(runs: list[Results]) -> Results:
    """Put runs of one commit and one machine together, each of other workloads, into one."""
    whole = runs[0]
    for run in runs[1:]:
        if run.made["commit"] != whole.made["commit"]:
            raise ValueError(f"runs of {whole.made['commit']} and of {run.made['commit']}")
        if {row.workload for row in run.rows} & {row.workload for row in whole.rows}:
            raise ValueError("two runs have a workload in common; ratios are of one run")
        versions, missing = whole.versions | run.versions, whole.missing | run.missing
        whole = Results(
            {**whole.made, "command": f"{whole.made['command']}; {run.made['command']}"},
            whole.machine,
            versions,
            {name: what for name, what in missing.items() if name not in versions},
            list(dict.fromkeys(whole.notes + run.notes)),
            whole.rows + run.rows,
        )
    return whole


def load_results(path: Path) -> Results:
    """Read what `Results.to_json` wrote."""
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if said.pop("schema", None) != SCHEMA:
        raise ValueError(f"{path} is not of schema {SCHEMA}; run make bench again")
    rows = [
        Row(row["workload"], row["server"], [_round(each) for each in row["rounds"]])
        for row in said.pop("rows")
    ]
    return Results(**said, rows=rows)


def _round(said: dict[str, Any]) -> Round:
    load = said.pop("load")
    return Round(**said, load=Load(**load) if load else None)
