"""Entry: what one node of a clustered room adds to the log at once, and its octets in the engine.

An entry names the entry of its node that it follows. So the entries of a node form a chain, and
whoever stores them can refuse, by comparing one number, an entry that comes a second time or from
a node that another has replaced.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""What the name of a node, of one of its runs, or of a room looks like."""

_HEAD: Final = re.compile(rb"chatproto-entry/1 ([\w-]{1,32}) ([\w-]{1,32}) ([0-9]{1,19}|start)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One node's addition to the log: whole units, already encoded (MSG-3); often many, or none.

    `run` names one life of the node. `after` is the position of the run's entry
    before this one; None in a run's first entry, its start, by which it replaces the run before.
    """

    node: str
    run: str
    after: int | None
    units: bytes = b""

    def encode(self) -> bytes:
        """Write the entry for the engine to keep: a line of ASCII, then the units."""
        after = "start" if self.after is None else self.after
        return f"chatproto-entry/1 {self.node} {self.run} {after}\n".encode() + self.units

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read what `encode` wrote. Raises `ValueError` for anything else."""
        line, _, units = octets.partition(b"\n")
        head = _HEAD.fullmatch(line)
        if head is None:
            raise ValueError(f"not an entry of a chatproto room: {line[:80]!r}")
        node, run, after = (group.decode() for group in head.groups())
        return cls(node, run, None if after == "start" else int(after), units)
