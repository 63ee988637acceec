"""What an incident is, and the facts that belong to none yet."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from conformance.oracle.facts import Fact, Kind
from conformance.oracle.triggers import Trigger

OF_STREAMS: Final = frozenset(
    (
        Kind.MADE_UP, Kind.EMPTY, Kind.ANNOUNCED, Kind.NO_UNIT, Kind.DOUBLED, Kind.NO_HEADER,
        Kind.CUT_OFF,
    )
)  # fmt: skip
"""What is detected in a stream that the server adds to."""


@dataclass(slots=True)
class Incident:
    """Facts that follow from one event. `head` is the fact to attribute, `trigger` what happened
    just before it, if that is known, and `follows` what happened because of it."""

    head: Fact
    trigger: Trigger | None = None
    follows: list[Fact] = field(default_factory=list)


class Unclaimed:
    """The facts that belong to no incident yet."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.facts = list(facts)

    def of(self, *kinds: Kind) -> list[Fact]:
        return [fact for fact in self.facts if fact.kind in kinds]

    def take(self, head: Fact, follows: Callable[[Fact], bool]) -> list[Fact]:
        """Take out a fact and those that follow from it; return the latter."""
        taken = [fact for fact in self.facts if fact is not head and follows(fact)]
        gone = {id(head), *map(id, taken)}
        self.facts = [fact for fact in self.facts if id(fact) not in gone]
        return taken


Found = Iterator[tuple[Fact, Incident]]
"""Incidents, each with its head as it was detected."""


def gathered_in(facts: Iterable[Fact]) -> Callable[[Fact], bool]:
    """Whether a fact is one of these."""
    ids = set(map(id, facts))
    return lambda fact: id(fact) in ids
