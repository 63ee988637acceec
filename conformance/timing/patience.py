"""How long a run waits for what may not come: once a server has let the suite wait in vain for one
kind of thing, it is not waited for in full each time again.

A shortened wait decides nothing new. It ends a scenario early whose requirement is known to be
broken; where it would be the first to break one, the scenario is played again with full waits.
"""

from collections import defaultdict
from typing import Literal, get_args

from conformance.timing.policy import GAPS, PATIENCE, SHORTENED, UNHEARD

Kind = Literal["text", "beside", "prompt", "end", "read"]
"""What is waited for: something that was said, and the same `beside` a member that reads nothing;
that a name is asked for; the end of a connection; that a line was read, which shows by its
broadcast where a read is a message."""


class Patience:
    """How long one server is waited for; shared by all who wait for it."""

    def __init__(self) -> None:
        self._gaps: dict[Kind, float] = defaultdict(float)
        self._latest: dict[Kind, float] = defaultdict(float)
        self._vain: set[Kind] = set()
        self._shortens: frozenset[Kind] = frozenset(get_args(Kind))

    def in_full(self) -> "Patience":
        """The same server waited for in full, but for what no finding rests on."""
        full = Patience()
        full._gaps, full._latest, full._vain = self._gaps, self._latest, self._vain
        full._shortens = frozenset({"read"})
        return full

    def note(self, kind: Kind, gap: float) -> None:
        """Note that what was waited for came, after so many seconds of silence."""
        self._gaps[kind] = max(self._gaps[kind], gap)
        self._latest[kind] = gap

    def latest(self, kind: Kind) -> float:
        """Return the silence after which something of this kind came last."""
        return self._latest[kind]

    def note_vain(self, kind: Kind) -> None:
        """Note that a full wait was in vain."""
        self._vain.add(kind)

    def seconds(self, kind: Kind, factor: float) -> float:
        """How long silence may last, with deadlines multiplied by this: in full, or as long as the
        server's latency justifies."""
        full = PATIENCE * factor
        if kind not in self._vain or kind not in self._shortens:
            return full
        least = UNHEARD if kind == "read" else SHORTENED
        return min(full, max(least * factor, GAPS * self._gaps[kind]))
