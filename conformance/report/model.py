"""What a run found, as data: the JSON report, its schema, and the verdict."""

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from conformance.dialect import PLAIN, Dialect, departures
from conformance.oracle import Finding, Outcome, judge
from conformance.oracle.findings import Judgement
from conformance.programs.program import Program
from conformance.report.excerpt import StretchEvent, stretch_of
from conformance.report.inversion import Crossing, crossing_of
from conformance.report.last_words import DIED, done_before_death, printed_beside, printed_first
from conformance.scenarios.registry import Scenario, scenarios
from conformance.standard.requirements import PROTOCOL, Level, Scope, requirements
from conformance.target.usage import Usage, together
from conformance.transcript.events import Finish, Skipped, Start, Transcript

IN_DIALECT: Final = ("declared", "dialect")
"""Why a scenario is not played in a dialect: all it is there for is declared not to hold, or what
it says has no meaning there."""
FOR_SERVERS: Final = frozenset((Scope.WIRE, Scope.MANAGED))
FOR_CLUSTERS: Final = FOR_SERVERS | {Scope.CLUSTERED}
_EXCERPT = 200
_SEGMENTS = 8


class Verdict(StrEnum):
    """MUST decides: SHOULD is reported. Incomplete: no MUST failed, but not all could be told."""

    CONFORMANT = "conformant"
    NON_CONFORMANT = "non-conformant"
    INCOMPLETE = "incomplete"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class FindingReport(_Model):
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

    @classmethod
    def of(cls, finding: Finding, transcript: Transcript = ()) -> "FindingReport":
        wrong = finding.wrong
        cut = max(0, (wrong or 0) - _EXCERPT // 2)
        wanted = finding.wanted
        return cls(
            requirement=finding.requirement,
            outcome=finding.outcome,
            expected=finding.expected,
            actual=finding.actual,
            client=finding.client,
            octets=finding.octets[cut : cut + _EXCERPT].decode("latin-1"),
            cut=cut,
            wrong=None if wrong is None else wrong - cut,
            wanted=None if wanted is None else wanted[cut : cut + _EXCERPT].decode("latin-1"),
            segments=[_short(segment) for segment in finding.segments[:_SEGMENTS]],
            evidence=list(finding.evidence),
            lines=len(transcript),
            stretch=stretch_of(finding, transcript),
            crossing=crossing_of(finding, transcript) if transcript else None,
            kind=finding.kind,
            signs=list(finding.signs),
            follows=list(finding.follows),
            printed=printed_beside(finding, transcript),
            before=done_before_death(transcript) if finding.kind == DIED else finding.before,
            screen=list(finding.screen),
        )


def _short(segment: bytes) -> str:
    if len(segment) <= _EXCERPT:
        return segment.decode("latin-1")
    return f"{segment[:_EXCERPT].decode('latin-1')}… ({len(segment)} octets)"


class ProgramReport(_Model):
    """The smallest program that was found to fail, of those `drawn` until one did: it failed
    `fails` times of `of`, and is saved at `path`."""

    fails: int
    of: int
    drawn: int
    path: str
    program: Program


class OutageReport(_Model):
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


class ScenarioReport(_Model):
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


class CauseReport(_Model):
    """A family of faults that explains failures of a run. `specimens` are the broken servers that
    belong to the family, `explains` ids of requirements, and `shown_by` is the id of the scenario
    that shows it best. `instead_of` is the family of the cause that this one may be instead."""

    family: str
    specimens: list[str] = []
    confidence: Literal["almost-certain", "likely", "possible"]
    explains: list[str]
    shown_by: str
    instead_of: str | None = None


class DeathReport(_Model):
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


class SpokenReport(_Model):
    """A dialect that the server seems to speak: judged in it, `explains` would not fail. `profile`
    is one that ships, None where `probe` is to find it; `options` are what `run` is told
    besides."""

    profile: str | None
    options: str
    explains: list[str]


class RequirementReport(_Model):
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


class Report(_Model):
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


def judged(
    scenario: Scenario, judgement: Judgement, stuck: str | None, transcript: Transcript = ()
) -> ScenarioReport:
    """The report of a scenario that was played. `stuck` says where it came to no end of its
    own: where nothing was found either, what that means is unknown. The first finding of each
    requirement carries the stretch of the transcript that shows it. Of what cannot be played
    before this server nothing is said but why."""
    for event in transcript:
        if isinstance(event, Skipped):
            return without(scenario, "skip", event.reason)
    first = {finding.requirement: finding for finding in reversed(judgement.findings)}
    outcomes = {finding.outcome for finding in judgement.findings}
    status: Literal["pass", "fail", "unknown"] = "pass"
    reason = None
    if Outcome.FAIL in outcomes:
        status = "fail"
    elif outcomes:
        status, reason = "unknown", judgement.findings[0].actual
    elif stuck is not None:
        status, reason = "unknown", stuck
    return ScenarioReport(
        id=scenario.id,
        status=status,
        requirements=list(scenario.requirements),
        reason=reason,
        exercised=dict(sorted(judgement.exercised.items())),
        findings=[
            FindingReport.of(finding, transcript if first[finding.requirement] is finding else ())
            for finding in judgement.findings
        ],
        printed=printed_first(transcript) if status in ("fail", "unknown") else [],
        outages=[
            OutageReport.model_validate(one, from_attributes=True) for one in judgement.outages
        ],
    )


def without(scenario: Scenario, status: Literal["skip", "unknown"], reason: str) -> ScenarioReport:
    """The report of a scenario that was not played to any end."""
    return ScenarioReport(
        id=scenario.id, status=status, requirements=list(scenario.requirements), reason=reason
    )


def judged_again(transcript: Transcript) -> ScenarioReport:
    """The report of the scenario that a transcript is of, judged by it alone."""
    start, finish = transcript[0], transcript[-1]
    assert isinstance(start, Start)
    scenario = Scenario(start.scenario, start.requirements, frozenset(), "")
    stuck = finish.interrupted if isinstance(finish, Finish) else "the transcript has no finish"
    return judged(scenario, judge(transcript), stuck, transcript)


def summarise(
    results: Iterable[ScenarioReport],
    selected: frozenset[str],
    *,
    managed: bool,
    interrupted: bool,
    suite: str,
    target: str,
    name: str | None,
    seed: int,
    duration_s: float,
    dialect: Dialect = PLAIN,
    kinds: Collection[Scope] = FOR_SERVERS,
    register: Sequence[Scenario] | None = None,
) -> Report:
    """Put the scenarios of a run together: each requirement's status, and the verdict.

    `selected` are the ids of the requirements asked for; `managed` says that the suite launched
    the server itself. What the dialect departs from fails once, as declared. `kinds` are those of
    the requirements that the verdict is about, and `register` every scenario that there is for
    them: without either, those for servers.
    """
    known = scenarios() if register is None else register
    order = {one.id: index for index, one in enumerate(known)}
    played = sorted(results, key=lambda result: order[result.id])
    declared = {one.requirement: list(one.settings) for one in departures(dialect)}
    statuses = [
        _requirement(id_, played, id_ in selected, managed, declared.get(id_, []), known)
        for id_, requirement in requirements().items()
        if requirement.kind in kinds
    ]
    return Report(
        suite=suite,
        target=target,
        name=name,
        seed=seed,
        interrupted=interrupted,
        duration_s=round(duration_s, 3),
        verdict=verdict_of(statuses, interrupted),
        otherwise=None if dialect == PLAIN else verdict_of(otherwise_told(statuses), interrupted),
        usage=together(result.usage for result in played if result.usage is not None),
        requirements=statuses,
        scenarios=played,
    )


def _requirement(
    id_: str,
    played: list[ScenarioReport],
    selected: bool,
    managed: bool,
    declared: list[str],
    known: Sequence[Scenario],
) -> RequirementReport:
    requirement = requirements()[id_]
    count = sum(result.exercised.get(id_, 0) for result in played)
    outcomes = {
        finding.outcome
        for result in played
        for finding in result.findings
        if finding.requirement == id_
    }
    own = [result for result in played if id_ in result.requirements]
    unknown = [result.reason for result in own if result.status == "unknown"]
    skipped = [result.reason for result in own if result.status == "skip"]
    reason: str | None = None
    status: Literal["pass", "fail", "skip", "unknown", "not-exercised"] = "pass"
    if Outcome.FAIL in outcomes:
        status = "fail"
    elif not selected:
        status, reason = "skip", "not-selected"
    elif declared:
        status, reason = "fail", f"declared: {', '.join(declared)}"
    elif requirement.kind is Scope.MANAGED and not managed:
        status, reason = "skip", "needs-launch"
    elif Outcome.UNKNOWN in outcomes or unknown:
        status, reason = "unknown", next(iter(unknown), None)
    elif not count and own and len(skipped) == len(own):
        status, reason = "skip", skipped[0]
    elif not count:
        status = "not-exercised"
    return RequirementReport(
        id=id_,
        level=requirement.level,
        kind=requirement.kind,
        title=requirement.title,
        status=status,
        exercised=count,
        scenarios=[one.id for one in known if id_ in one.requirements],
        reason=reason,
        declared=declared if selected else [],
        undeclared=Outcome.FAIL in outcomes,
    )


def otherwise_told(statuses: list[RequirementReport]) -> list[RequirementReport]:
    """What is not declared. What cannot be said in the dialect is left out."""
    return [one for one in statuses if not one.is_only_declared and one.reason not in IN_DIALECT]


def verdict_of(statuses: list[RequirementReport], interrupted: bool) -> Verdict:
    """The verdict that follows from these statuses."""
    musts = [one for one in statuses if one.level is Level.MUST]
    if any(one.status == "fail" for one in musts):
        return Verdict.NON_CONFORMANT
    told = ("pass", "skip")
    left_out = ("not-selected", "needs-launch")
    nothing = all(one.status not in ("pass", "fail") for one in statuses)
    if (
        nothing
        or interrupted
        or any(
            one.status not in told or (one.status == "skip" and one.reason not in left_out)
            for one in musts
        )
    ):
        return Verdict.INCOMPLETE
    return Verdict.CONFORMANT
