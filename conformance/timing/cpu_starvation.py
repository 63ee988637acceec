"""How little the machine lets a server run: what it delays is not laid to one that stops late."""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from conformance.timing.policy import BUSY, MOST_LEEWAY, STARVED

_LOOK: Final = 1.0
"""Seconds of work by which it is told how long work takes."""


class Starvation:
    """Of processes, since this was made."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = tuple(pids)
        self._since = dict(self._waits())

    def leeway(self) -> float:
        """What the deadlines of a stop are to be multiplied by, so that a machine that lets one
        run less than a quarter of the time delays nothing; 1 or more.

        1 where the kernel tells that these hardly wanted to run, as what only sleeps does not.
        """
        waits = self._waited()
        if waits and max(waits) < STARVED:
            return 1.0
        return min(MOST_LEEWAY, max(1.0, _slowdown() / BUSY))

    def longest_wait(self) -> float:
        """Seconds for which that thread was ready to run, and not let, that was so for longest; 0
        where the kernel does not tell."""
        return max(self._waited(), default=0.0)

    def _waited(self) -> list[float]:
        return [seconds - self._since.get(thread, 0.0) for thread, seconds in self._waits()]

    def _waits(self) -> Iterator[tuple[Path, float]]:
        """Seconds for which each thread was ready to run, and others ran; Linux tells."""
        for pid in self._pids:
            for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with suppress(OSError, ValueError, IndexError):
                    yield thread, int(thread.read_text().split()[1]) / 1e9


def _slowdown() -> float:
    """How many times as long as alone work takes now, by doing some; about 1 where nothing else
    runs. Of this process, or of one started as servers are, whichever is let run less: many a
    scheduler gives each session its share."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as other:
        own = _work()
        told, _ = other.communicate()
    return max(own, float(told or own))


def _work() -> float:
    began, ran = time.monotonic(), time.thread_time()
    while (took := time.monotonic() - began) < _LOOK:
        pass
    return took / (time.thread_time() - ran)


if __name__ == "__main__":
    sys.stdout.write(f"{_work()}\n")
