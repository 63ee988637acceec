"""Clusters that are broken on purpose, each in one way, for the checker to catch."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from chatproto import Entry, Events, Limits, Member, QuitReceived, Replica, Standing
from chatproto.replica import _Flight
from tests.cluster.engine import SimulatedEngine
from tests.cluster.simulation import Simulation


class ShowsWordsBeforeTheyAreCommitted(Replica):
    """A replica whose members receive what they say when it is sent to the engine."""

    def outgoing(self) -> Entry | None:
        before = self._flight
        entry = super().outgoing()
        if self._flight is not None and self._flight is not before:
            self.room.append(self._flight.entry.units)
            leaves = [item for item in self._flight.items if not isinstance(item, bytes)]
            self._flight = _Flight(self._flight.entry, leaves)
        return entry


class DoublesAnEntryOnRetry(Replica):
    """A replica that takes an entry for lost if the engine refuses it, and sends a new one."""

    def refused(self, last: int | None) -> None:
        if self._flight is not None and self._flight.entry.units:
            self._outbox.put(self._flight.entry.units)
        super().refused(last)


class PutsItsOwnWordsFirst(Replica):
    """A replica that holds back what other nodes say while it has an entry in flight."""

    def __init__(self, node: str, limits: Limits) -> None:
        super().__init__(node, limits)
        self._held: list[bytes] = []

    def _judge(self, position: int, entry: Entry) -> None:
        if self._flight is not None and self._flight.entry.after and entry != self._flight.entry:
            self._held.append(entry.units)
            entry = Entry(entry.node, entry.run, entry.after)
        super()._judge(position, entry)
        if self._flight is None:
            self.room.append(b"".join(self._held))
            self._held.clear()


class JoinsPastWhatIsUnderWay(Replica):
    """A replica that skips the next broadcast for a member that has just received its first."""

    def __init__(self, node: str, limits: Limits) -> None:
        super().__init__(node, limits)
        self._newcomers: dict[Member, bool] = {}

    def join(self, sender: str) -> Member:
        member = super().join(sender)
        self._newcomers[member] = False
        return member

    def _judge(self, position: int, entry: Entry) -> None:
        waiting = {member: member.backlog for member in self._newcomers}
        super()._judge(position, entry)
        for member, has_begun in list(self._newcomers.items()):
            if entry.units and not has_begun:
                self._newcomers[member] = True
            elif entry.units and not waiting[member]:
                member.sent(member.backlog)
                del self._newcomers[member]


class LetsALeaverGoAtOnce(Replica):
    """A replica that owes a member that sends `quit` nothing that is not committed yet."""

    def receive(self, member: Member, octets: bytes, time: datetime) -> Events:
        events = super().receive(member, octets, time)
        if isinstance(events.ending, QuitReceived):
            self._leave(member, None)
        return events


class CountsItsMembersFromOne(Replica):
    """A replica that numbers members on Unix-domain sockets uniquely for this node alone."""

    def number(self) -> int:
        return next(self._numbers)


class PassesOverAGap(Replica):
    """A replica that leaves out what the engine no longer keeps."""

    def deliver(self, position: int, entry: Entry) -> None:
        self._position = max(self._position, position - 1)
        self._heads.pop(entry.node, None) if entry.node != self._node else None
        super().deliver(position, entry)


class GoesOnThoughItWasReplaced(Replica):
    """A replica that ignores another node of its name, and what the engine says."""

    def refused(self, last: int | None) -> None:
        pass

    def _judge(self, position: int, entry: Entry) -> None:
        if entry.node != self._node or entry.run == self._run:
            super()._judge(position, entry)


class AdmitsAtOnce(Replica):
    """A replica that lets newcomers join at the end of the log as this node knows it."""

    def admits(self, number: int) -> bool:
        return self._standing is Standing.SERVING or super().admits(number)


class KeepsItsMembersInTheDark(Replica):
    """A replica that waits for as long as it cannot reach the log."""

    def expire(self, now: float) -> None:
        self._waits_since = now
        super().expire(now)


class AcceptsWhatItHasSeen(Replica):
    """A replica that takes an entry that is delivered twice for a new one."""

    def deliver(self, position: int, entry: Entry) -> None:
        if position <= self._position:
            self.room.append(entry.units)
        super().deliver(position, entry)


class ForgetsACommit(Replica):
    """A replica that drops, now and then, a committed entry of another node."""

    def _judge(self, position: int, entry: Entry) -> None:
        if entry.node != self._node and position % 16 == 0:
            entry = Entry(entry.node, entry.run, entry.after)
        super()._judge(position, entry)


class LosesItsTail(SimulatedEngine):
    """An engine that loses, with its leader, the last entries that it has delivered."""

    def lose_leader(self) -> None:
        del self.entries[len(self.entries) - self._random.randint(0, 3) :]
        self._heads.clear()
        for position, entry in enumerate(self.entries, 1):
            self._heads[entry.node] = position
        super().lose_leader()


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break a cluster."""

    replica: Callable[[str, Limits], Replica] = Replica
    engine: Callable[[Random, int | None], SimulatedEngine] = SimulatedEngine

    def simulation(self, seed: int, trace: Callable[[str], None] | None = None) -> Simulation:
        """The run of a seed with this fault in it."""
        return Simulation(seed, self.replica, self.engine, trace)


NONE: Final = Fault()
FAULTS: Final = {
    "shows-words-before-commit": Fault(ShowsWordsBeforeTheyAreCommitted),
    "doubles-an-entry-on-retry": Fault(DoublesAnEntryOnRetry),
    "forgets-a-commit": Fault(ForgetsACommit),
    "loses-its-tail": Fault(engine=LosesItsTail),
    "orders-by-node": Fault(PutsItsOwnWordsFirst),
    "joiner-misses-what-is-under-way": Fault(JoinsPastWhatIsUnderWay),
    "leaver-goes-before-commit": Fault(LetsALeaverGoAtOnce),
    "two-are-unix-1": Fault(CountsItsMembersFromOne),
    "passes-over-a-gap": Fault(PassesOverAGap),
    "serves-though-replaced": Fault(GoesOnThoughItWasReplaced),
    "admits-at-once": Fault(AdmitsAtOnce),
    "keeps-members-in-the-dark": Fault(KeepsItsMembersInTheDark),
    "accepts-what-it-has-seen": Fault(AcceptsWhatItHasSeen),
}
