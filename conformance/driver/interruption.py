"""Why a scenario is not played, or not to its end."""

from typing import Final, Literal

OUT_OF_TIME: Final = "the run's time limit was over"
"""Why it is unknown what a scenario would have shown."""

Reason = Literal[
    "not-selected", "needs-launch", "needs-capacity", "room-full", "sanity", "dialect",
    "failed-already",
]  # fmt: skip
"""Why a scenario was not played."""


class Unplayable(Exception):
    """The scenario cannot be played against this target."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Stuck(Exception):
    """What the scenario waited for did not come; the transcript says so, the oracle judges."""


class OutOfTime(Stuck):
    """The run's time limit is over: what the scenario waited for might still have come."""
