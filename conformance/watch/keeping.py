"""Keeps what a watch records within a bound: a watch may go on for days."""

from collections.abc import Callable
from typing import Final

from conformance.transcript.events import Event, Received, Sent

_EVENT: Final = 64
"""Octets that each event takes besides what was sent or received."""


class Keeper:
    """Passes events on until they take `most` octets; from then on, none. `full_at` is when that
    was, and `tell` is told of it."""

    def __init__(
        self, record: Callable[[Event], None], most: int, tell: Callable[[str], None]
    ) -> None:
        self.full_at: float | None = None
        self._record = record
        self._left = most
        self._tell = tell

    def record(self, event: Event) -> None:
        """Keep an event, if there is room."""
        if self.full_at is not None:
            return
        self._record(event)
        self._left -= _EVENT
        if isinstance(event, Sent | Received):
            self._left -= len(event.octets)
        if self._left < 0:
            self.full_at = event.t
            self._tell("the transcript is full: what happens from now on is not judged")

    @property
    def why(self) -> str | None:
        """Why the transcript has an end of its own, if it has."""
        if self.full_at is None:
            return None
        return f"the transcript was full after {self.full_at:.0f} s: --most keeps more"
