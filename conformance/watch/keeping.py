"""Bounds the size of the transcript of a watch, which may go on for days."""

from collections.abc import Callable
from typing import Final

from conformance.transcript.events import Event, Received, Sent

_EVENT: Final = 64
"""Octets that each event counts for, in addition to those sent or received."""


class Keeper:
    """A filter that passes events to `record` until they amount to `most` octets, then drops them.

    `full_at` is the time at which the transcript was full; `tell` is then called with a message.
    """

    def __init__(
        self, record: Callable[[Event], None], most: int, tell: Callable[[str], None]
    ) -> None:
        self.full_at: float | None = None
        self._record = record
        self._left = most
        self._tell = tell

    def record(self, event: Event) -> None:
        """Record an event, if there is room."""
        if self.full_at is not None:
            return
        self._record(event)
        self._left -= _EVENT
        if isinstance(event, Sent | Received):
            self._left -= len(event.octets)
        if self._left < 0:
            self.full_at = event.t
            self._tell("the transcript is full: traffic from now on is not judged")

    @property
    def why(self) -> str | None:
        """Why the transcript ends before the watch does; None if it does not."""
        if self.full_at is None:
            return None
        return f"the transcript was full after {self.full_at:.0f} s: --most keeps more"
