"""The workloads: who is in the room, who speaks, and what is measured."""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Workload:
    """One line of the table's matrix. `id` is stable; `measures` names the figure of a row.

    Figures are taken for `seconds`, after `warm` seconds of the same.
    """

    id: str
    title: str
    members: int
    senders: int = 1
    window: int = 4
    text: int = 64
    stalled: int = 0
    rate: int = 0
    warm: float = 0.2
    seconds: float = 0.8
    measures: str = "deliveries/s"

    @property
    def group(self) -> str:
        """What `--only` calls it: W7 for W7-4000."""
        return self.id.partition("-")[0]

    @property
    def is_idle(self) -> bool:
        return self.measures == "KB a member"

    @property
    def is_less_better(self) -> bool:
        """Whether the figure is a cost: latency, or memory."""
        return self.measures != "deliveries/s"

    def lasting(self, seconds: float) -> "Workload":
        """The same, measured for that long, and warmed up no longer."""
        return replace(self, warm=min(self.warm, seconds), seconds=seconds)


_BEHIND: Final = 1.5
"""Seconds in which the octets for a stalled reader fill what the kernel holds of them."""
_LONG: Final = 2.0
"""Seconds: where all is copying, the pace of a machine changes by half within one."""

WORKLOADS: Final = (
    Workload("W1", "100 members, 10 senders, window 16", 100, senders=10, window=16),
    Workload("W2", "1,000 members, 1 sender, window 4", 1000),
    Workload("W3", "10 members, all sending, window 64", 10, senders=10, window=64),
    Workload(
        "W4",
        "200 messages/s to 100 members",
        100,
        rate=200,
        seconds=2.0,
        measures="p99 µs",
    ),
    Workload(
        "W5",
        "50 members, 10 senders, 4,000-octet texts",
        50,
        senders=10,
        window=16,
        text=4000,
        warm=_BEHIND,
        seconds=_LONG,
    ),
    Workload(
        "W5-stalled",
        "W5, and one member that never reads",
        50,
        senders=10,
        window=16,
        text=4000,
        stalled=1,
        warm=_BEHIND,
        seconds=_LONG,
    ),
    Workload("W6", "2,000 idle members", 2000, measures="KB a member"),
    Workload("W7-10", "10 members, 1 sender, window 4", 10),
    Workload("W7-100", "100 members, 1 sender, window 4", 100),
    Workload("W7-1000", "1,000 members, 1 sender, window 4", 1000),
    Workload("W7-4000", "4,000 members, 1 sender, window 4", 4000),
)

_BY_ID: Final = {each.id: each for each in WORKLOADS}


def workload(id_: str) -> Workload:
    """Find a workload by its id."""
    return _BY_ID[id_]


GROUPS: Final = tuple(dict.fromkeys(workload.group for workload in WORKLOADS))
