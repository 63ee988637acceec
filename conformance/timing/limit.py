"""The time limit of a run: whatever a server does, the run is over by then."""

import math
import threading
import time
from typing import Final

from conformance.timing.policy import JUDGING, WRITING


class TimeLimit:
    """So many seconds from now; none where it is not said. It may be asked and ended from any
    thread. Scenarios end a little earlier, so that what they have seen is still judged."""

    def __init__(self, seconds: float = math.inf) -> None:
        over = time.monotonic() + seconds
        self._end = over - min(WRITING, seconds / 8)
        self._soon = self._end - min(JUDGING, seconds / 4)

    @property
    def left(self) -> float:
        """Seconds until all that counts is in; 0 where that is over."""
        return min(threading.TIMEOUT_MAX, max(0.0, self._end - time.monotonic()))

    @property
    def left_to_play(self) -> float:
        """Seconds in which scenarios may go on; 0 where they may not."""
        return max(0.0, self._soon - time.monotonic())

    def end(self) -> None:
        """Let it be over now."""
        self._end = self._soon = 0.0


UNLIMITED: Final = TimeLimit()
"""No limit, for what is no run."""
