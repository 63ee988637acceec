"""Ends what the suite has launched when the suite itself is gone, whatever ended it.

It runs as a process of its own, and reads from the suite which process groups live: `+ID` and
`-ID`, a line each. Where its input ends, so has the suite. On Linux it then looks for processes by
their mark, too: one that left its group, or one whose launch was not told yet. A process that has
not reached its program yet still holds the suite's end of the input open, so that none is between
the two.

A mark is a number that a process inherits in two places: as a variable of its environment, and as
a limit that binds real-time processes alone. A daemon leaves its group, its session and its parent
behind, and may empty its environment; no daemon touches that limit.
"""

import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator

VARIABLE = "CHATPROTO_LAUNCHED"
_PLACES = {
    "environ": re.compile(rb"(?:^|\0)%b=(\d+)\0" % VARIABLE.encode()),
    "limits": re.compile(rb"^Max realtime timeout +(\d+) ", re.MULTILINE),
}


def guard(marks: range) -> None:
    """Keep the list, and at its end kill every group that is still on it, and all that has one of
    the marks."""
    groups: set[int] = set()
    for line in sys.stdin:
        number = int(line[1:])
        groups = groups | {number} if line.startswith("+") else groups - {number}
    end = getattr(os, "killpg", os.kill)
    for group in groups:
        _kill(end, group)
    seen: set[int] = set()
    while found := set(marked(marks)) - seen:
        for process in found:
            _kill(os.kill, process)
        seen |= found


def _kill(end: Callable[[int, int], None], number: int) -> None:
    with contextlib.suppress(OSError):
        end(number, getattr(signal, "SIGKILL", signal.SIGTERM))


def marked(marks: range) -> Iterator[int]:
    """Yield the processes that have one of these marks; none on a system other than Linux."""
    for number in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        if any(mark in marks for mark in marks_of(int(number))):
            yield int(number)


def marks_of(process: int) -> Iterator[int]:
    """Yield the marks of a process, as far as they are seen."""
    for name, form in _PLACES.items():
        with contextlib.suppress(OSError), open(f"/proc/{process}/{name}", "rb") as file:
            yield from map(int, form.findall(file.read()))


if __name__ == "__main__":
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    guard(range(int(sys.argv[1]), int(sys.argv[2])))
