"""Run a simulated cluster through many seeds, and say which broke what."""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from functools import partial

from tests.cluster.broken import FAULTS, NONE
from tests.cluster.history import Broken


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _judge(fault: str | None, seed: int) -> tuple[str, Counter[str]]:
    """What a seed broke, if anything, and how much happened in its run."""
    simulation = FAULTS.get(fault or "", NONE).simulation(seed)
    cluster = simulation.cluster
    wrong = ""
    try:
        simulation.run()
    except Broken as broken:
        again = f"python -m tests.cluster --show {seed}" + (f" --fault {fault}" if fault else "")
        wrong = f"seed {seed}: {broken}\nagain: {again}"
    counts = Counter(
        nodes=len(cluster.nodes),
        clients=len(cluster.clients),
        entries=cluster.engine.end,
        receptions=sum(len(client.history.received) for client in cluster.clients),
    )
    return wrong, counts


def _show(fault: str | None, seed: int) -> int:
    """Run one seed, and show each step."""
    try:
        FAULTS.get(fault or "", NONE).simulation(seed, _say).run()
    except Broken as broken:
        _say(str(broken))
        return 1
    _say("nothing was found")
    return 0


def main() -> int:
    """0 where nothing was found, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at once, in processes")
    parser.add_argument("--show", type=int, metavar="SEED", help="replay one, step by step")
    parser.add_argument("--fault", choices=FAULTS, help="break the cluster in this way")
    arguments = parser.parse_args()
    if arguments.show is not None:
        return _show(arguments.fault, arguments.show)
    began = time.monotonic()
    totals: Counter[str] = Counter()
    failed = 0
    with multiprocessing.Pool(arguments.jobs) as pool:
        judge = partial(_judge, arguments.fault)
        for wrong, counts in pool.imap_unordered(judge, range(arguments.count), chunksize=50):
            totals += counts
            if wrong:
                failed += 1
                _say(wrong)
    _say(", ".join(f"{number} {what}" for what, number in totals.items()))
    took = time.monotonic() - began
    _say(f"{failed} of {arguments.count} seeds failed, in {took:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
