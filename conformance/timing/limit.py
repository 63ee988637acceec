"""The time limit of a run: the run ends by then, whatever a server does."""

import math
import threading
import time
from typing import Final

from conformance.timing.policy import JUDGING, WRITING


class TimeLimit:
    """A limit this many seconds from now; without `seconds` there is none.

    Any thread may read it, and end it. Scenarios end a little earlier, so that there is time to
    judge what they have seen.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        over = time.monotonic() + seconds
        self._end = over - min(WRITING, seconds / 8)
        self._soon = self._end - min(JUDGING, seconds / 4)

    @property
    def left(self) -> float:
        """Seconds until results count no longer; 0 after that."""
        return min(threading.TIMEOUT_MAX, max(0.0, self._end - time.monotonic()))

    @property
    def left_to_play(self) -> float:
        """Seconds for which scenarios may go on; 0 after that."""
        return max(0.0, self._soon - time.monotonic())

    def end(self) -> None:
        """End the time limit now."""
        self._end = self._soon = 0.0


UNLIMITED: Final = TimeLimit()
"""No limit, for what is not part of a run."""
