"""How long the suite waits for a client, depending on earlier waits in the same run."""

from typing import Final

from conformance.timing.limit import TimeLimit

SHORTENED: Final = 1.0
"""Seconds to wait for a kind of event that never came within its full time."""


class Waits:
    """The waits of all scenarios of a run.

    A kind of event that never came within its full time gets less time from then on.
    `limit` is the time limit of the run.
    """

    def __init__(self, limit: TimeLimit) -> None:
        self.limit = limit
        self._vain: set[str] = set()
        self._met: set[str] = set()

    def seconds(self, kind: str, full: float) -> float:
        """Return how long to wait for an event of this kind, whose full time is `full`."""
        return min(full, SHORTENED) if kind in self._vain - self._met else full

    def note(self, kind: str, *, came: bool) -> None:
        """Note whether an event of this kind came."""
        (self._met if came else self._vain).add(kind)
