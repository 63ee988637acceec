"""Processor starvation: whether the machine let a process run, and how slow a busy machine is.

A server that stops late because it was hardly let run has no fault.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from conformance.timing.policy import BUSY, MOST_LEEWAY, STARVED, STARVED_PART

_LOOK: Final = 1.0
"""Seconds of work by which the machine's speed is measured."""


class Starvation:
    """How long processes have waited for a processor since this was made."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = tuple(pids)
        self._since = dict(self._counts())

    def leeway(self) -> float:
        """Return what to multiply the deadlines of a stop by: more than 1 if the machine lets a
        process run for less than a quarter of the time.

        It is 1 if the kernel says that these processes were hardly ready to run, as when they
        sleep.
        """
        waits = self._waited()
        if waits and max(waits) < STARVED:
            return 1.0
        return min(MOST_LEEWAY, max(1.0, _slowdown() / BUSY))

    def longest_wait(self) -> float:
        """Return the longest time, in seconds, that any thread was ready to run and did not; 0 if
        the kernel does not count it."""
        return max(self._waited(), default=0.0)

    def was_starved(self, silence: float) -> bool:
        """Whether any thread ran for less than a quarter of the time that it was ready to, and
        waited for so long that it may explain a silence of so many seconds; False if the kernel
        does not count it."""
        long = STARVED_PART * silence
        return any(waited >= long and waited >= (BUSY - 1) * ran for ran, waited in self._passed())

    def _waited(self) -> list[float]:
        return [waited for _, waited in self._passed()]

    def _passed(self) -> Iterator[tuple[float, float]]:
        for thread, (ran, waited) in self._counts():
            before = self._since.get(thread, (0.0, 0.0))
            yield ran - before[0], waited - before[1]

    def _counts(self) -> Iterator[tuple[Path, tuple[float, float]]]:
        """Yield the seconds that each thread ran, and was ready and did not; Linux counts them."""
        for pid in self._pids:
            for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with suppress(OSError, ValueError, IndexError):
                    ran, waited, *_ = map(int, thread.read_text().split())
                    yield thread, (ran / 1e9, waited / 1e9)


def _slowdown() -> float:
    """Measure how many times longer work takes now than on an idle machine; about 1 if nothing
    else runs.

    Both this process and one that is started like a server do some work, and the slower counts:
    many schedulers give each session an equal share.
    """
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
