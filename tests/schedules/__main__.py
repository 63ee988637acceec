"""Run many schedules, and say which seeds broke what."""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter

from conformance.transcript.events import Event
from tests.schedules.simulation import Failed, run


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _judge(seed: int) -> tuple[str, Counter[str]]:
    """What went wrong, if anything did, and how often each kind of event happened."""
    try:
        transcript, wrong = run(seed), ""
    except Failed as failure:
        transcript, wrong = failure.transcript, f"seed {seed}: {failure}"
    return wrong, Counter(event.event for event in transcript)


def _show(seed: int) -> int:
    """Run one, and show each turn and the transcript."""
    transcript: list[Event]
    try:
        transcript, wrong = run(seed, _say), ""
    except Failed as failure:
        transcript, wrong = failure.transcript, str(failure)
    for line, event in enumerate(transcript, 1):
        _say(f"{line:4} {event}")
    _say(wrong or "nothing was found")
    return 1 if wrong else 0


def main() -> int:
    """Return 0 if nothing was found, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.schedules", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at once, in processes")
    parser.add_argument("--show", type=int, metavar="SEED", help="replay one, turn by turn")
    arguments = parser.parse_args()
    if arguments.show is not None:
        return _show(arguments.show)
    began = time.monotonic()
    events: Counter[str] = Counter()
    failed = 0
    with multiprocessing.Pool(arguments.jobs) as pool:
        for wrong, happened in pool.imap_unordered(_judge, range(arguments.count), chunksize=50):
            events += happened
            if wrong:
                failed += 1
                _say(wrong)
    _say(", ".join(f"{number} {event}" for event, number in events.most_common()))
    took = time.monotonic() - began
    _say(f"{failed} of {arguments.count} schedules failed, in {took:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
