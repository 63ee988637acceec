"""How much waited for each client: what LIM-3 counts."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

from conformance.oracle.matching import Tie
from conformance.oracle.reading.history import ClientHistory, History
from conformance.oracle.reading.lines import Line
from conformance.oracle.reading.units import ReceivedBroadcast
from conformance.standard.constants import MIN_BACKLOG

_HEADER: Final = 40
"""About how many octets a header has; for broadcasts whose header came apart, or not at all."""


@dataclass
class Backlog:
    """The octets that waited for each client of a case."""

    history: History
    runs: dict[str, list[Tie]]
    came: dict[Line, dict[str, Tie]]
    first_came: dict[Line, int]

    def has_overflowed(self, client: ClientHistory) -> bool:
        """Whether 1 MiB waited for a client that stopped reading, or that the server ended: the
        server was free to disconnect it."""
        return client.name in self._waiting and self.at_most(client) >= MIN_BACKLOG

    def waiting(self, client: ClientHistory) -> int:
        """Return how many octets waited for a client when it read again or found itself ended.

        That is what was said since its first broadcast, less what it had received of it.
        """
        return self._waiting[client.name]

    def at_most(self, client: ClientHistory) -> int:
        """Return how many octets may have waited for a client: as many as came to another in that
        time, of whatever they were made, if that is more."""
        joined, until = self._span(client)
        others = (one for one in self.history.clients if one != client.name)
        most = max((self._received(one, joined, until) for one in others), default=0)
        stalled = client.stalls[0] if client.stalls else until
        return max(self.waiting(client), most - self._received(client.name, joined, stalled))

    def _received(self, name: str, since: int, until: int) -> int:
        ats, totals = self._streams[name]
        return totals[bisect_left(ats, until)] - totals[bisect_left(ats, since)]

    @cached_property
    def _streams(self) -> dict[str, tuple[list[int], list[int]]]:
        """The transcript's lines at which octets came to each client, and all octets before
        each."""
        return {
            client.name: (
                [at for at, _, _ in client.reads],
                list(accumulate((len(octets) for _, _, octets in client.reads), initial=0)),
            )
            for client in self.history.clients.values()
        }

    @cached_property
    def _waiting(self) -> dict[str, int]:
        return {
            client.name: self._waited(client)
            for client in self.history.clients.values()
            if client.stalls or client.ended is not None
        }

    def _span(self, client: ClientHistory) -> tuple[int, int]:
        """Return the lines of the transcript between which something may have begun to wait."""
        stalled = client.stalls[0] if client.stalls else None
        until = next((at for at in client.resumes if stalled is not None and at > stalled), None)
        if until is None:
            until = client.ended or len(self.history.transcript)
        run = self.runs[client.name]
        return self.first_came[run[0].line] if run else client.connected, until

    def _waited(self, client: ClientHistory) -> int:
        joined, until = self._span(client)
        stalled = client.stalls[0] if client.stalls else until
        run = self.runs[client.name]
        read = sum(
            tie.unit.span.end - tie.unit.span.start for tie in run if tie.unit.span.last < stalled
        )
        own = 0 if self.history.has_echo else self._octets_of(client, joined, until)
        return self.octets_said(until) - self.octets_said(joined) - read - own

    def _octets_of(self, client: ClientHistory, since: int, until: int) -> int:
        """Count the octets of a client's own broadcasts that first came to anyone in between."""
        own = (line for line in client.messages if line in self.came)
        return sum(self._size(line) for line in own if since <= self.first_came[line] < until)

    def octets_said(self, before: int) -> int:
        """Count the octets of broadcasts that came to anyone before a line of the transcript."""
        ats, totals = self._said
        return totals[bisect_left(ats, before)]

    def _size(self, line: Line) -> int:
        """Count the octets of a line's broadcast."""
        unit = next(iter(self.came[line].values())).unit
        # Where it is no broadcast its header stands apart, or is missing.
        apart = 0 if isinstance(unit, ReceivedBroadcast) else _HEADER
        return unit.span.end - unit.span.start + apart

    @cached_property
    def _said(self) -> tuple[list[int], list[int]]:
        """The transcript's lines at which broadcasts first came, in order, and the octets of all
        broadcasts before each."""
        sizes = sorted((self.first_came[line], self._size(line)) for line in self.came)
        return [at for at, _ in sizes], list(accumulate((size for _, size in sizes), initial=0))
