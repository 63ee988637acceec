"""The outbox of a node: broadcasts and departures that no entry of the log holds yet, in order."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from chatproto.member import Member
from chatproto.wire import Notice, encode_broadcasts

ENTRY_SIZE: Final = 262_144
"""Octets of units in an entry, unless a single broadcast has more."""

_PIECE: Final = 65_536
"""Octets of broadcasts, about in one piece; a piece is never parted between entries."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The departure of a member, with its notice; of all members, for a stop, where it is None."""

    member: Member | None
    notice: Notice | None = None


Item = bytes | Leave


@dataclass(slots=True)
class Outbox:
    """What waits for the next entry, in the order it came."""

    items: deque[Item] = field(default_factory=deque[Item])
    octets: int = 0

    def put(self, item: Item) -> None:
        self.items.append(item)
        self.octets += len(item) if isinstance(item, bytes) else 0

    def take(self) -> list[Item]:
        """Take what fits in one entry, from the front."""
        taken: list[Item] = []
        size = 0
        while self.items:
            octets = len(self.items[0]) if isinstance(self.items[0], bytes) else 0
            if size and size + octets > ENTRY_SIZE:
                break
            size += octets
            taken.append(self.items.popleft())
        self.octets -= size
        return taken


def write_pieces(header: str, texts: Sequence[str]) -> Iterator[bytes]:
    """Write broadcasts under one header, in pieces that fit an entry wherever they can."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if size and size + len(text) > _PIECE // 4:
            yield encode_broadcasts(header, batch)
            batch, size = [], 0
        batch.append(text)
        size += len(header) + len(text)
    if batch:
        yield encode_broadcasts(header, batch)
