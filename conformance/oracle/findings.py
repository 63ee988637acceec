"""What the oracle says: findings, each of one requirement, with the evidence for it."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.oracle.availability import Outage
from conformance.standard.requirements import Level, requirements


class Outcome(StrEnum):
    """What a finding means. `UNKNOWN`: the transcript cannot decide; `actual` has the reason."""

    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement that the server broke, or that could not be decided.

    `evidence` has line numbers of the transcript, from 1. `octets` is what came, as far as it
    matters, and `wanted` what should have come, if that is known; both may be empty. `segments` are
    the segments that led there, as their sender cut them. `by_time`: it took too long, and was
    right otherwise; the server may be slow, or the machine busy. `kind` and `signs` name what was
    detected and how it looked, in a closed vocabulary. `follows` is what happened because of it,
    which is no finding of its own, and `before` what was done just before it. `screen` has the rows
    that a client under test showed at the end.
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
        """The index in `octets` of the first wrong octet; None if `wanted` does not tell."""
        if self.wanted is None or self.octets == self.wanted:
            return None
        pairs = enumerate(zip(self.octets, self.wanted, strict=False))
        shorter = min(len(self.octets), len(self.wanted))
        return next((index for index, (came, wanted) in pairs if came != wanted), shorter)


@dataclass(slots=True)
class Judgement:
    """What the oracle says of one transcript: what was found, and how often each requirement was
    exercised.

    `zone`: the quarter hours by which headers differ from UTC, if known. `hasty`: requirements that
    failed by a shortened wait alone and were not known to be broken; findings about them are
    unknown until the wait was a full one. `outages`: what members noticed of the faults of a
    cluster. `is_unread`: what came does not have the form of broadcasts, so nobody can tell what
    was lost or altered.
    """

    findings: list[Finding] = field(default_factory=list)
    exercised: Counter[str] = field(default_factory=Counter)
    zone: int | None = None
    hasty: frozenset[str] = frozenset()
    outages: tuple[Outage, ...] = ()
    is_unread: bool = False

    @property
    def fails_by_time_alone(self) -> bool:
        """Whether MUSTs are broken, and each only because something took too long."""
        failures = [
            one
            for one in self.findings
            if one.outcome is Outcome.FAIL and requirements()[one.requirement].level is Level.MUST
        ]
        return bool(failures) and all(one.by_time for one in failures)
