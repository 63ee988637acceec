"""Why a scenario is not played, or not to its end."""

import errno
from typing import Final, Literal

OUT_OF_TIME: Final = "the run's time limit was over"
"""Why it is unknown what a scenario would have shown."""
TOO_SLOW: Final = "the server is too slow to carry as much"
"""How the reason begins if a scenario gave up although everything had come."""


def gave_up_for_time(reason: str) -> bool:
    """Whether a scenario that ended for this reason lacked nothing but time."""
    return reason == OUT_OF_TIME or reason.startswith(TOO_SLOW)


Reason = Literal[
    "not-selected", "needs-launch", "needs-capacity", "room-full", "sanity", "foreign",
    "dialect", "failed-already", "needs-nodes", "needs-faults", "needs-log", "needs-dead-peers",
]  # fmt: skip
"""Why a scenario was not played."""


class Unplayable(Exception):
    """The scenario cannot be played against this target."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


NO_DESCRIPTOR: Final = (
    "the suite had no file descriptor left, which is not the server's doing: allow it more "
    "(ulimit -n)"
)
"""Why a scenario ends early that needs more descriptors than the system allows."""


def is_want_of_descriptors(error: BaseException) -> bool:
    """Whether an error says that this process, or its system, had no descriptor left."""
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)


class Stuck(Exception):
    """The scenario waited in vain. The transcript says for what, and the oracle judges."""


class OutOfTime(Stuck):
    """The run's time limit is over. What the scenario waited for might still have come."""


class TooSlow(Stuck):
    """Everything has come so far, but too slowly to learn anything in time."""
