"""Ends what the suite has launched when the suite itself is gone, whatever ended it.

It runs as a process of its own, and reads from the suite which process groups live: `+ID` and
`-ID`, a line each. Where its input ends, so has the suite. On Linux it then looks for processes by
the mark in their environment, too: one that left its group, or one whose launch was not told yet.
A process that has not reached its program yet still holds the suite's end of the input open, so
that none is between the two.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable


def guard(mark: bytes) -> None:
    """Keep the list, and at its end kill every group that is still on it, and all that is
    marked."""
    groups: set[int] = set()
    for line in sys.stdin:
        number = int(line[1:])
        groups = groups | {number} if line.startswith("+") else groups - {number}
    end = getattr(os, "killpg", os.kill)
    for group in groups:
        _kill(end, group)
    seen: set[int] = set()
    while found := _marked(mark) - seen:
        for process in found:
            _kill(os.kill, process)
        seen |= found


def _kill(end: Callable[[int, int], None], number: int) -> None:
    with contextlib.suppress(OSError):
        end(number, getattr(signal, "SIGKILL", signal.SIGTERM))


def _marked(mark: bytes) -> set[int]:
    """The processes whose environment has a variable that begins like the mark."""
    found = set()
    for number in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        with contextlib.suppress(OSError), open(f"/proc/{number}/environ", "rb") as environment:
            if b"\0" + mark in b"\0" + environment.read():
                found.add(int(number))
    return found


if __name__ == "__main__":
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    guard(sys.argv[1].encode())
