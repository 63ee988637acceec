"""How long a run waits for what may not come.

Once the suite has waited in vain for one kind of thing, later waits for that kind are shortened. A
shortened wait decides nothing new: it ends a scenario early whose requirement is known to be
broken. If a requirement fails for the first time because something did not come within a shortened
wait, the scenario is played again with full waits.
"""

from bisect import insort
from collections import defaultdict
from typing import Literal, get_args

from conformance.timing.policy import GAPS, PATIENCE, SHORTENED, UNHEARD

Kind = Literal["text", "beside", "prompt", "end", "read"]
"""What is waited for.

`text`: something that was said. `beside`: the same, while a member reads nothing. `prompt`: the
server asks for a name. `end`: the end of a connection. `read`: the server has read a line, which
its broadcast shows if each read is a message.
"""


class Patience:
    """How long to wait for one server; shared by all who wait for it."""

    def __init__(self) -> None:
        self._gaps: dict[Kind, list[float]] = defaultdict(list)
        self._latest: dict[Kind, float] = defaultdict(float)
        self._vain: set[Kind] = set()
        self._shortens: frozenset[Kind] = frozenset(get_args(Kind))

    def in_full(self) -> "Patience":
        """Return the same patience with full waits, except for reads: no finding rests on those."""
        full = Patience()
        full._gaps, full._latest, full._vain = self._gaps, self._latest, self._vain
        full._shortens = frozenset({"read"})
        return full

    def note(self, kind: Kind, gap: float) -> None:
        """Note that what the suite waited for came, after so many seconds of silence."""
        insort(self._gaps[kind], gap)
        self._latest[kind] = gap

    def latest(self, kind: Kind) -> float:
        """Return the silence, in seconds, before the last thing of this kind came."""
        return self._latest[kind]

    def note_vain(self, kind: Kind) -> None:
        """Note that a full wait for this kind was in vain."""
        self._vain.add(kind)

    def seconds(self, kind: Kind, factor: float) -> float:
        """Return how long silence may last, with deadlines multiplied by `factor`: in full, or as
        long as the server's latency justifies."""
        if kind not in self._vain or kind not in self._shortens:
            return PATIENCE * factor
        least = UNHEARD if kind == "read" else SHORTENED
        return _justified(least, self._usual(kind), factor)

    def justified(self, factor: float) -> float:
        """Return how long the server's latency justifies to wait for what members say."""
        return _justified(SHORTENED, max(self._usual("text"), self._usual("beside")), factor)

    def _usual(self, kind: Kind) -> float:
        """Return the longest silence before what came, but for one in a hundred: that may be the
        machine's."""
        gaps = self._gaps[kind]
        return gaps[-1 - len(gaps) // 100] if gaps else 0.0


def _justified(least: float, gap: float, factor: float) -> float:
    return min(PATIENCE * factor, max(least * factor, GAPS * gap))
