"""Ends what the suite has launched when the suite itself is gone, whatever ended it.

It runs as a process of its own, and reads from the suite which process groups live: `+ID` and
`-ID`, a line each. Where its input ends, so has the suite.
"""

import contextlib
import os
import signal
import sys


def guard() -> None:
    """Keep the list, and at its end kill every group that is still on it."""
    groups: set[int] = set()
    for line in sys.stdin:
        number = int(line[1:])
        groups = groups | {number} if line.startswith("+") else groups - {number}
    end = getattr(os, "killpg", os.kill)
    for group in groups:
        with contextlib.suppress(OSError):
            end(group, getattr(signal, "SIGKILL", signal.SIGTERM))


if __name__ == "__main__":
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    guard()
