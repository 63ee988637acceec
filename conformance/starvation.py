"""How little the machine lets one run: what it delays is not laid to a server that stops late."""

import subprocess
import sys
import time
from typing import Final

_BUSY: Final = 4.0
"""Times as long as alone that work may take: deadlines have room for that."""
_MOST: Final = 10.0
_LOOK: Final = 1.0
"""Seconds of work by which it is told how long work takes."""


def leeway_when_starved() -> float:
    """What the deadlines of a stop are to be multiplied by, so that a machine that lets one
    run less than a quarter of the time delays nothing; 1 or more."""
    return min(_MOST, max(1.0, starvation() / _BUSY))


def starvation() -> float:
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
    return max(own, float(told))


def _work() -> float:
    began, ran = time.monotonic(), time.thread_time()
    while (took := time.monotonic() - began) < _LOOK:
        pass
    return took / (time.thread_time() - ran)


if __name__ == "__main__":
    sys.stdout.write(f"{_work()}\n")
