"""Builds reports from findings: one for each scenario, then one for the whole run."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, Literal

from conformance.dialect import PLAIN, Dialect, departures
from conformance.driver.interruption import gave_up_for_time
from conformance.oracle import Finding, Outcome, judge
from conformance.oracle.findings import Judgement
from conformance.report.excerpt import stretch_of
from conformance.report.inversion import crossing_of
from conformance.report.last_words import DIED, done_before_death, printed_beside, printed_first
from conformance.report.model import (
    FOR_SERVERS,
    FindingReport,
    OutageReport,
    Report,
    RequirementReport,
    ScenarioReport,
    Verdict,
)
from conformance.scenarios.registry import Scenario, scenarios
from conformance.standard.requirements import Level, Scope, requirements
from conformance.target.usage import together
from conformance.transcript.events import Finish, Skipped, Start, Transcript

_EXCERPT: Final = 200
"""The most octets that a finding shows of what came, and of each segment."""
_SEGMENTS: Final = 8
"""The most segments that a finding shows."""
_UNPLAYABLE_IN_DIALECT: Final = ("declared", "dialect")
"""The reasons for not playing a scenario in a dialect: the profile declares all its requirements
broken, or the dialect cannot express it."""


def judged(
    scenario: Scenario, judgement: Judgement, stuck: str | None, transcript: Transcript = ()
) -> ScenarioReport:
    """Report a scenario that was played.

    The first finding of each requirement carries the stretch of the transcript that shows it.

    Args:
        scenario: The scenario.
        judgement: The oracle's judgement of the transcript.
        stuck: Why the scenario did not reach its end; None if it did. A scenario that got stuck
            and has no findings is unknown.
        transcript: The transcript. If it says that the scenario cannot be played on this server,
            the report has only the reason.
    """
    for event in transcript:
        if isinstance(event, Skipped):
            return without(scenario, "skip", event.reason)
    findings = judgement.findings
    outcomes = {finding.outcome for finding in findings}
    if Outcome.FAIL in outcomes and stuck is not None:
        findings = [*findings, *_untold(scenario, judgement, stuck)]
    first = {finding.requirement: finding for finding in reversed(findings)}
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
            finding_report(finding, transcript if first[finding.requirement] is finding else ())
            for finding in findings
        ],
        printed=printed_first(transcript) if status in ("fail", "unknown") else [],
        outages=[
            OutageReport.model_validate(one, from_attributes=True) for one in judgement.outages
        ],
    )


def _untold(scenario: Scenario, judgement: Judgement, stuck: str) -> Iterator[Finding]:
    """Yield what a scenario is about, as unknown, if it gave up for want of time; what it is mainly
    about, if another failure broke it off before it came to that."""
    found = {finding.requirement for finding in judgement.findings}
    main = scenario.requirements[0]
    untold = [] if judgement.exercised[main] else [main]
    for id_ in scenario.requirements if gave_up_for_time(stuck) else untold:
        if id_ not in found:
            expected = "a scenario that reaches its end"
            yield Finding(id_, expected, stuck, (), outcome=Outcome.UNKNOWN)


def finding_report(finding: Finding, transcript: Transcript = ()) -> FindingReport:
    """Report a finding, with the stretch of the transcript that shows it."""
    wrong = finding.wrong
    cut = max(0, (wrong or 0) - _EXCERPT // 2)
    wanted = finding.wanted
    return FindingReport(
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


def without(scenario: Scenario, status: Literal["skip", "unknown"], reason: str) -> ScenarioReport:
    """Report a scenario that was not played, or was aborted."""
    return ScenarioReport(
        id=scenario.id, status=status, requirements=list(scenario.requirements), reason=reason
    )


def judged_again(transcript: Transcript) -> ScenarioReport:
    """Judge a transcript again, and report its scenario."""
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
    """Make the report of a run from its scenarios: each requirement's status, and the verdict.

    A requirement that the dialect departs from fails once, as declared.

    Args:
        results: the reports of the scenarios.
        selected: the ids of the requirements to judge.
        managed: whether the suite launched the server itself.
        interrupted: whether the run was ended early.
        suite: the version of the suite.
        target: the server's address, or the command that launches it.
        name: the name of the profile.
        seed: the seed of the run.
        duration_s: the seconds that the run took.
        dialect: the server's dialect.
        kinds: the kinds of requirements that the verdict is about; by default those for servers.
        register: all scenarios for these kinds; by default those for servers.
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
        otherwise=None if dialect == PLAIN else verdict_of(undeclared(statuses), interrupted),
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
    unknown += [
        finding.actual
        for result in own
        for finding in result.findings
        if finding.requirement == id_ and finding.outcome is Outcome.UNKNOWN
    ]
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


def undeclared(statuses: list[RequirementReport]) -> list[RequirementReport]:
    """Select the requirements that are not declared broken and that the dialect can exercise."""
    return [
        one
        for one in statuses
        if not one.is_only_declared and one.reason not in _UNPLAYABLE_IN_DIALECT
    ]


def verdict_of(statuses: list[RequirementReport], interrupted: bool) -> Verdict:
    """Decide the verdict from the statuses of the requirements."""
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
