"""Symptoms: what a run showed of a server, without chance names, ports and nonces.

A symptom is a short string in closed words: a requirement that was broken, what was detected, how
it looked, and in which scenario. The same fault shows the same symptoms in every run, but for
those that show by chance.
"""

from collections.abc import Iterable
from typing import Final

from conformance.report.model import FindingReport, ScenarioReport

_BY_CHANCE: Final = "gen/"
"""Scenarios that do another thing with each seed: where they failed says nothing."""


def symptoms_of(results: Iterable[ScenarioReport]) -> frozenset[str]:
    """All symptoms that these scenarios showed."""
    return frozenset(
        symptom
        for result in results
        for finding in result.findings
        if finding.outcome == "fail"
        for symptom in _of(finding, result.id)
    )


def played(results: Iterable[ScenarioReport]) -> frozenset[str]:
    """The scenarios that were played: only these could show a symptom."""
    return frozenset(one.id for one in results if one.status in ("pass", "fail"))


def scenario_of(symptom: str) -> str | None:
    """The scenario in which a symptom shows; None where it is of no certain one."""
    rest = symptom.partition(" @ ")[2]
    return rest.partition(" | ")[0] if rest else None


def requirement_of(symptom: str) -> str:
    """The requirement that a symptom is about."""
    return symptom.partition(" ")[0]


def _of(finding: FindingReport, scenario: str) -> Iterable[str]:
    id_ = finding.requirement
    yield id_
    yield f"{id_} | {finding.kind}"
    for sign in finding.signs:
        yield f"{id_} | {finding.kind} | {sign}"
    if not scenario.startswith(_BY_CHANCE):
        yield f"{id_} @ {scenario}"
        yield f"{id_} @ {scenario} | {finding.kind}"
