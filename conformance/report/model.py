"""What a run found, as data: the JSON report, its schema, and the verdict."""

from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from conformance.oracle import Outcome
from conformance.programs.program import Program
from conformance.report.excerpt import StretchEvent
from conformance.report.inversion import Crossing
from conformance.standard.requirements import PROTOCOL, Level, Scope, requirements
from conformance.target.usage import Usage

FOR_SERVERS: Final = frozenset((Scope.WIRE, Scope.MANAGED))
FOR_CLUSTERS: Final = FOR_SERVERS | {Scope.CLUSTERED}


class Verdict(StrEnum):
    """MUST decides: SHOULD is reported. Incomplete: no MUST failed, but not all could be told."""

    CONFORMANT = "conformant"
    NON_CONFORMANT = "non-conformant"
    INCOMPLETE = "incomplete"


class Data(BaseModel):
    """What the suite writes as JSON and reads again; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class FindingReport(Data):
    """One finding. Octets are written as the Latin-1 characters of the same numbers, and long
    ones cut: `cut` octets are left out before `octets`, and `wrong` is the index in it of the
    first wrong one. `evidence` are lines of the scenario's transcript, from 1, which has `lines`
    of them, and `stretch` what stands around them; `crossing` is for findings about order. `kind`
    and `signs` say in closed words what was detected and how it looked, and `follows` in a sentence
    each what happened because of it. `printed` are lines that the server printed meanwhile, where
    they tell of an error or are its last, and `before` is what was done before it, where that may
    have set it off. `screen` are the rows that a client under test showed."""

    requirement: str
    outcome: Outcome
    expected: str
    actual: str
    client: str | None = None
    octets: str = ""
    cut: int = 0
    wrong: int | None = None
    wanted: str | None = None
    segments: list[str] = []
    evidence: list[int] = []
    lines: int = 0
    stretch: list[StretchEvent] = []
    crossing: Crossing | None = None
    kind: str = ""
    signs: list[str] = []
    follows: list[str] = []
    printed: list[str] = []
    before: str = ""
    screen: list[str] = []


class ProgramReport(Data):
    """The smallest program that was found to fail, of those `drawn` until one did: it failed
    `fails` times of `of`, and is saved at `path`."""

    fails: int
    of: int
    drawn: int
    path: str
    program: Program


class OutageReport(Data):
    """What members noticed of one fault of a cluster, in seconds: the longest `silence` of those
    that it did not touch, with the client, and until when; and how long after the fault was healed
    the last of all members heard something (`resumed`). Times are those of the transcript."""

    fault: str
    node: int | None
    begun: float
    healed: float
    over: float
    client: str | None
    silence: float
    silent_until: float
    resumed: float


class ScenarioReport(Data):
    """One scenario. `requirements` are those it is there for; its findings may be of others.
    `printed` are the first lines that the server printed in one that did not pass."""

    id: str
    status: Literal["pass", "fail", "skip", "unknown"]
    requirements: list[str]
    duration_s: float = 0.0
    reason: str | None = None
    exercised: dict[str, int] = {}
    findings: list[FindingReport] = []
    printed: list[str] = []
    program: ProgramReport | None = None
    outages: list[OutageReport] = []
    usage: Usage | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict, were this all there is."""
        failed = (one.requirement for one in self.findings if one.outcome is Outcome.FAIL)
        if any(requirements()[id_].level is Level.MUST for id_ in failed):
            return Verdict.NON_CONFORMANT
        return Verdict.INCOMPLETE if self.status in ("unknown", "skip") else Verdict.CONFORMANT


class CauseReport(Data):
    """A family of faults that explains failures of a run. `specimens` are the broken servers that
    belong to the family, `explains` ids of requirements, and `shown_by` is the id of the scenario
    that shows it best. `instead_of` is the family of the cause that this one may be instead."""

    family: str
    specimens: list[str] = []
    confidence: Literal["almost-certain", "likely", "possible"]
    explains: list[str]
    shown_by: str
    instead_of: str | None = None


class DeathReport(Data):
    """One way in which the launched server ended unasked: with one error, or one status, in all of
    `scenarios`. `error` is the line that names the error, empty where it printed none. `shown_by`
    is the scenario that shows it in the fewest steps: `before` is what was done to the server
    there, `printed` the lines that it printed, and `follows` what happened because of it.
    `explains` are the requirements that fail by nothing but this."""

    actual: str
    error: str
    before: str
    printed: list[str]
    follows: list[str]
    shown_by: str
    scenarios: list[str]
    explains: list[str]


class SpokenReport(Data):
    """A dialect that the server seems to speak: judged in it, `explains` would not fail. `profile`
    is one that ships, None where `probe` is to find it; `options` are what `run` is told
    besides."""

    profile: str | None
    options: str
    explains: list[str]


class RequirementReport(Data):
    """One requirement. `exercised`: how often its trigger really happened in this run.

    One that the server's dialect departs from fails by the settings of the profile that are
    `declared`; `undeclared` says that it was found broken, by more than those in their case.
    """

    id: str
    level: Level
    kind: Scope
    title: str
    status: Literal["pass", "fail", "skip", "unknown", "not-exercised"]
    exercised: int
    scenarios: list[str]
    reason: str | None = None
    declared: list[str] = []
    undeclared: bool = False

    @property
    def is_only_declared(self) -> bool:
        """Whether it fails by nothing but what the profile says."""
        return bool(self.declared) and not self.undeclared


class Report(Data):
    """A whole run. `usage` is of the launched server that was there for the longest. `otherwise`
    is the verdict in a dialect on all that is not declared, None where there is no dialect.
    `options` are those of the command that say how a client is used. `causes` are what its
    failures come from, the first explaining most. Where no MUST failed there are none, and
    `advice` says in their form what SHOULDs are missed by. `unexplained` are the requirements that
    fail by nothing of either; `spoken` is a dialect that may be the reason. `deaths` are the ways
    in which the server ended unasked, that of most scenarios first."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    protocol: str = PROTOCOL
    suite: str
    target: str
    options: str = ""
    name: str | None = None
    seed: int
    interrupted: bool = False
    duration_s: float
    verdict: Verdict
    otherwise: Verdict | None = None
    usage: Usage | None = None
    deaths: list[DeathReport] = []
    causes: list[CauseReport] = []
    advice: list[CauseReport] = []
    unexplained: list[str] = []
    spoken: SpokenReport | None = None
    requirements: list[RequirementReport]
    scenarios: list[ScenarioReport]

    @property
    def verdict_in_words(self) -> str:
        """The verdict; of a run that was not asked for every MUST, with how many it was."""
        musts = [one for one in self.requirements if one.level is Level.MUST]
        asked = [one for one in musts if one.reason != "not-selected"]
        if self.verdict is not Verdict.CONFORMANT or len(asked) == len(musts):
            return self.verdict.value
        return f"conformant as far as asked ({len(asked)} of {len(musts)} MUSTs)"
