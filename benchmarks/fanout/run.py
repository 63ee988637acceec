"""Running it all: interleaved rounds, disturbed ones repeated, an end in time.

A round takes every workload, and under each every server in turn, beginning with another one each
time. So a machine that changes its pace meets all servers alike, and a run cut short has fewer
rounds of everything instead of nothing of something.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.fanout.cores import Cores
from benchmarks.fanout.generator import Generator, RunError
from benchmarks.fanout.process import ServerProcess
from benchmarks.fanout.results import Results, Round
from benchmarks.fanout.servers import Ready
from benchmarks.fanout.workloads import Workload


@dataclass(frozen=True, slots=True)
class Bench:
    """What every round needs: the generator, a folder to build in, and the cores.

    `attempts`: how often a round is taken, at most, while it is disturbed; the calmest counts.
    """

    program: Path
    folder: Path
    cores: Cores
    attempts: int = 3

    def measure(self, ready: Ready, workload: Workload, number: int) -> Round:
        """Take one server under one workload, once."""
        try:
            with ServerProcess(ready, self.cores, self.folder) as server:
                memory, threads = server.memory(), server.threads()
                irc = ready.server.is_irc
                with Generator(
                    self.program, workload, server.port, server.pid, irc, self.cores
                ) as generator:
                    round_ = Round(number, generator.figures())
                    if not workload.is_idle:
                        return round_
                    return replace(
                        round_,
                        kib_a_member=(server.memory() - memory) / workload.members,
                        threads_a_member=(server.threads() - threads) / workload.members,
                    )
        except RunError as error:
            return Round(number, failure=str(error))

    def measure_calmly(
        self, ready: Ready, workload: Workload, number: int, repeat_until: float
    ) -> Round:
        """Take it again while others disturb it and time is left, and keep the calmest."""
        best = self.measure(ready, workload, number)
        for attempts in range(2, self.attempts + 1):
            if not best.is_disturbed or time.monotonic() > repeat_until:
                break
            again = self.measure(ready, workload, number)
            best = replace(min(best, again, key=_unrest), attempts=attempts)
        return best


def _unrest(round_: Round) -> float:
    return round_.load.disturbance if round_.load else float("inf")


def run(
    bench: Bench,
    servers: Sequence[Ready],
    workloads: Sequence[Workload],
    rounds: int,
    minutes: float,
    results: Results,
    tell: Callable[[str], None],
) -> None:
    """Fill in the results' rows.

    A round is taken again only while the run is ahead of its time, so that what disturbs it costs
    repetitions first, and rounds last.
    """
    plan = list(_plan(servers, workloads, rounds))
    start = time.monotonic()
    for done, (number, workload, ready) in enumerate(plan):
        on_schedule = start + minutes * 60 * (done + 1) / len(plan)
        row = results.row(workload.id, ready.server.name)
        if row.void:
            continue
        if time.monotonic() > start + minutes * 60:
            results.notes.append(
                f"stopped after {minutes:g} minutes, in round {number + 1} of {rounds}"
            )
            return
        tell(f"round {number + 1}/{rounds}  {workload.id}  {ready.server.name}")
        row.rounds.append(bench.measure_calmly(ready, workload, number, on_schedule))


def _plan(
    servers: Sequence[Ready], workloads: Sequence[Workload], rounds: int
) -> Iterator[tuple[int, Workload, Ready]]:
    for number in range(rounds):
        for workload in workloads:
            takers = [each for each in servers if each.server.takes(workload.id, workload.group)]
            first = number % max(1, len(takers))
            for ready in takers[first:] + takers[:first]:
                yield number, workload, ready
