"""The data of a report: what is written as JSON, its schema, and the verdict."""

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
    """The verdict on a run, which MUSTs decide. Incomplete: none failed, but some are undecided."""

    CONFORMANT = "conformant"
    NON_CONFORMANT = "non-conformant"
    INCOMPLETE = "incomplete"


class Data(BaseModel):
    """What the suite writes as JSON and reads again; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class FindingReport(Data):
    """One finding.

    Octets are written as the Latin-1 characters of the same numbers. `octets` are those that came,
    without the first `cut`; `wrong` is the index of the first wrong one in `octets`. `wanted` are
    those that should have come. `evidence` are lines of the scenario's transcript, from 1, which
    has `lines` lines; `stretch` is an excerpt around them. `crossing` belongs to findings about
    order. `kind` and `signs` are fixed words for what was detected and how it looked. `follows` are
    its consequences, one sentence each. `printed` are lines of the server's output that name an
    error or came last. `before` is what clients did just before, if that may be the cause. `screen`
    are the rows that a client under test showed.
    """

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
    """The smallest generated program that fails.

    It fails in `fails` of `of` repetitions, and is saved at `path`. `drawn` programs were generated
    until the first failed.
    """

    fails: int
    of: int
    drawn: int
    path: str
    program: Program


class OutageReport(Data):
    """The effect of one fault of a cluster on members, in seconds of the transcript.

    `silence` is the longest silence of a member at a node without the fault, with the `client` and
    its end, `silent_until`. `resumed` is how long after the fault was healed the last member
    received something.
    """

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
    """The result of one scenario.

    `requirements` are those that it exercises; its findings may be about others. `printed` are the
    first lines of the server's output, if the scenario did not pass.
    """

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
        """The verdict if this were the only scenario."""
        failed = (one.requirement for one in self.findings if one.outcome is Outcome.FAIL)
        if any(requirements()[id_].level is Level.MUST for id_ in failed):
            return Verdict.NON_CONFORMANT
        return Verdict.INCOMPLETE if self.status in ("unknown", "skip") else Verdict.CONFORMANT


class CauseReport(Data):
    """A family of faults that explains failures of a run.

    `specimens` are the broken servers of the family. `explains` are the ids of the requirements
    that fail because of it, and `shown_by` is the scenario that shows it best. `instead_of` names
    another family in the report: this one is the alternative to it.
    """

    family: str
    specimens: list[str] = []
    confidence: Literal["almost-certain", "likely", "possible"]
    explains: list[str]
    shown_by: str
    instead_of: str | None = None


class DeathReport(Data):
    """One way in which the launched server died: the same error or status in all of `scenarios`.

    `error` is the line of its output that names the error; empty if there is none. `shown_by` is
    the scenario that shows it in the fewest steps: `before` is what clients did there just before,
    `printed` what the server printed, and `follows` are the consequences. `explains` are the
    requirements that fail only because of this.
    """

    actual: str
    error: str
    before: str
    printed: list[str]
    follows: list[str]
    shown_by: str
    scenarios: list[str]
    explains: list[str]


class SpokenReport(Data):
    """A dialect that the server seems to speak.

    Judged in this dialect, it would not break the requirements in `explains`. `profile` is a
    bundled profile, or None if `probe` must find it. `options` are further options for `run`.
    """

    profile: str | None
    options: str
    explains: list[str]


class RequirementReport(Data):
    """The result for one requirement. `exercised` is how often its trigger happened in this run.

    `declared` are the settings of the profile by which the server's dialect breaks it.
    `undeclared`: a scenario found it broken, beyond what the settings explain.
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
        """Whether it fails only because the profile declares it broken."""
        return bool(self.declared) and not self.undeclared


class Report(Data):
    """The report of a whole run.

    `usage` is that of the launched server that ran longest. `otherwise` is the verdict without the
    failures that the profile declares; None without a dialect. `options` are the command's options
    that say how a client is used. `causes` explain the failures; the first explains the most. If no
    MUST failed there are none, and `advice` has the causes of missed SHOULDs. `unexplained` are the
    failed requirements that no cause explains. `spoken` is a dialect that may be the reason.
    `deaths` are the ways in which the server died, that of the most scenarios first.
    """

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
        """The verdict, with the number of MUSTs it is about if that is not all."""
        musts = [one for one in self.requirements if one.level is Level.MUST]
        asked = [one for one in musts if one.reason != "not-selected"]
        if self.verdict is not Verdict.CONFORMANT or len(asked) == len(musts):
            return self.verdict.value
        return f"conformant as far as asked ({len(asked)} of {len(musts)} MUSTs)"
