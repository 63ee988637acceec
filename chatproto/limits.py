"""What a room bounds: octets, members and seconds."""

from dataclasses import dataclass
from typing import Final

from chatproto.connection import MAX_LINE_LIMIT, MIN_LINE_LIMIT

MIN_BACKLOG: Final = 1_048_576
"""Octets that may always wait for a member (LIM-3)."""
MAX_BACKLOG: Final = 15 * 1_048_576
"""The greatest backlog a room may be given: what one read adds to it stays below LIM-3's 16 MiB."""
LINGER: Final = 1.0
"""Seconds a connection is read after its peer has acknowledged all it was sent (QUIT-3)."""
PATIENCE: Final = 10.0
"""Seconds without progress after which a leaver is given up; also the linger of a peer of which
nobody says what it has acknowledged (QUIT-3)."""
LEAVING: Final = 60.0
"""Seconds a leaver has in all, however steadily it reads."""
GIVE_UP: Final = 2.5
"""Seconds after the room has stopped when those who do not read are given up (STOP-1)."""
TICK: Final = 0.1
"""Seconds between two looks at leavers."""
FLOOD: Final = 16_384
"""Octets that wait for a member of what it has said itself, from which on it floods."""
OWN_BACKLOG: Final = 524_288
"""Octets that may wait for a member that floods before it is read no further."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a room bounds; a value outside its range raises `ValueError`.

    `line`: octets before the LF, 1,024 to 1,048,576 (LIM-1, LIM-2). `backlog`: octets waiting
    for a member before it is evicted, 1 to 15 MiB (LIM-3). `members`: connections at once, None
    for no bound (LIM-5, LIM-6).
    """

    line: int = 65_536
    backlog: int = 8 * 1_048_576
    members: int | None = None

    def __post_init__(self) -> None:
        if not MIN_LINE_LIMIT <= self.line <= MAX_LINE_LIMIT:
            raise ValueError(
                f"line is from {MIN_LINE_LIMIT} to {MAX_LINE_LIMIT} octets, not {self.line}"
            )
        if not MIN_BACKLOG <= self.backlog <= MAX_BACKLOG:
            raise ValueError(
                f"backlog is from {MIN_BACKLOG} to {MAX_BACKLOG} octets, not {self.backlog}"
            )
        if self.members is not None and self.members < 1:
            raise ValueError(f"members is at least 1, or None for no bound, not {self.members}")
