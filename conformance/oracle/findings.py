"""What the oracle says: findings, each of one requirement, with the evidence for it."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.oracle.availability import Outage
from conformance.standard.requirements import Level, requirements


class Outcome(StrEnum):
    """`UNKNOWN` where the transcript cannot decide; the reason stands in `actual`."""

    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement that the server broke, or that could not be decided.

    `evidence` are numbers of lines of the transcript, from 1. `octets` is what came, as far as
    it matters, and `wanted` what should have, where that can be said; both may be empty.
    `segments` are the segments that led there, as their sender cut them. `by_time` is what took
    too long and was right else: of a server, or of a busy machine. `kind` and `signs` say in closed
    words what was detected, and how it looked; `follows` what happened because of it, which is no
    finding of its own, and `before` what had been done just before it. `screen` are the rows that
    a client under test showed in the end.
    """

    requirement: str
    expected: str
    actual: str
    evidence: tuple[int, ...] = ()
    client: str | None = None
    octets: bytes = b""
    wanted: bytes | None = None
    segments: tuple[bytes, ...] = ()
    outcome: Outcome = Outcome.FAIL
    by_time: bool = False
    kind: str = ""
    signs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    screen: tuple[str, ...] = ()
    before: str = ""

    @property
    def wrong(self) -> int | None:
        """The index in `octets` of the first wrong octet, where `wanted` says what is right."""
        if self.wanted is None or self.octets == self.wanted:
            return None
        pairs = enumerate(zip(self.octets, self.wanted, strict=False))
        shorter = min(len(self.octets), len(self.wanted))
        return next((index for index, (came, wanted) in pairs if came != wanted), shorter)


@dataclass(slots=True)
class Judgement:
    """All that a transcript says: what was found, and how often each requirement's trigger
    really happened. `zone` are the quarter hours by which headers differ from UTC, if known.
    `hasty` are requirements that fail where a wait was shortened, and were not known to be broken:
    what is found of them is unknown until it is waited for in full. `outages`: what members noticed
    of the faults of a cluster. `is_unread`: what came has not a broadcast's form, so that it cannot
    be told what was lost or altered."""

    findings: list[Finding] = field(default_factory=list)
    exercised: Counter[str] = field(default_factory=Counter)
    zone: int | None = None
    hasty: frozenset[str] = frozenset()
    outages: tuple[Outage, ...] = ()
    is_unread: bool = False

    @property
    def fails_by_time_alone(self) -> bool:
        """Whether no MUST is broken but by how long something took."""
        failures = [
            one
            for one in self.findings
            if one.outcome is Outcome.FAIL and requirements()[one.requirement].level is Level.MUST
        ]
        return bool(failures) and all(one.by_time for one in failures)
