"""Whether the machine's processors have little to do, so that more can be done at a time."""

import time
from typing import Final

import psutil

_LOOK: Final = 0.25
"""Seconds that one look takes at least."""
_IDLE: Final = 0.5
"""The part of the time that the processors must have been idle."""
_PROMPT: Final = 0.02
"""Seconds that the suite may wake late. Where its processors are only lent, those that it sees may
be idle and not let it run."""


class IdleProcessors:
    """A look at the processors, from when this was made or last asked."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._idle, self._whole = _times()

    def seconds_left(self) -> float:
        """Return for how long not to ask yet."""
        return max(0.0, self._since + _LOOK - time.monotonic())

    def are_idle(self, overslept: float) -> bool:
        """Whether they were idle for half of the time since the last look, while the suite woke no
        later than by a moment; False, and no look, if that was only just now.

        Args:
            overslept: by how many seconds the suite has woken late meanwhile.
        """
        if self.seconds_left():
            return False
        idle, whole = _times()
        was_idle = idle - self._idle >= _IDLE * (whole - self._whole) > 0
        self._since, self._idle, self._whole = time.monotonic(), idle, whole
        return was_idle and overslept < _PROMPT


def _times() -> tuple[float, float]:
    """Return how long all processors were idle, and how long they were there, in seconds."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    whole = times.user + times.system + getattr(times, "nice", 0.0) + idle
    return idle, whole + getattr(times, "steal", 0.0)
