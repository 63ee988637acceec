"""How long the suite waits for a client, given what it has done so far in the run."""

from typing import Final

from conformance.timing.limit import TimeLimit

SHORTENED: Final = 1.0
"""Seconds to wait for what never came in full time."""


class Waits:
    """What the suite has waited for, in all scenarios of a run. What never came in full time gets
    less time from then on. `limit`: when the run is over."""

    def __init__(self, limit: TimeLimit) -> None:
        self.limit = limit
        self._vain: set[str] = set()
        self._met: set[str] = set()

    def seconds(self, kind: str, full: float) -> float:
        """Return how long to wait for something of this kind, where `full` is usual."""
        return min(full, SHORTENED) if kind in self._vain - self._met else full

    def note(self, kind: str, *, came: bool) -> None:
        """Note whether something of this kind came."""
        (self._met if came else self._vain).add(kind)
