"""From verdict to cause: which families of faults a run's findings are laid to."""

from collections import defaultdict

import pytest

from conformance.diagnosis.dictionary import dictionary
from conformance.diagnosis.families import family_of
from conformance.diagnosis.ranking import MOST, Diagnosis, diagnose
from conformance.diagnosis.symptoms import requirement_of, scenario_of
from conformance.oracle.findings import Outcome
from conformance.report.model import FindingReport, ScenarioReport
from conformance.scenarios.registry import scenarios

_ENTRIES = {one.specimen: one for one in dictionary()}


def _finding(requirement: str, outcome: Outcome = Outcome.FAIL) -> FindingReport:
    return FindingReport(requirement=requirement, outcome=outcome, expected="", actual="")


def _run(broken: dict[str, set[str]]) -> list[ScenarioReport]:
    """A run of all scenarios, in which these requirements failed, by the scenario."""
    return [
        ScenarioReport(
            id=one.id,
            status="fail" if one.id in broken else "pass",
            requirements=list(one.requirements),
            findings=[_finding(id_) for id_ in broken.get(one.id, ())],
        )
        for one in scenarios()
    ]


def _run_of(specimen: str) -> list[ScenarioReport]:
    broken: dict[str, set[str]] = defaultdict(set)
    for symptom in _ENTRIES[specimen].shows:
        scenario = scenario_of(symptom)
        if scenario is not None:
            broken[scenario].add(requirement_of(symptom))
    return _run(broken)


def test_where_nothing_fails_there_is_no_cause() -> None:
    passed = ScenarioReport(id="sanity/first", status="pass", requirements=["ROOM-2"])
    unsure = ScenarioReport(
        id="sanity/last",
        status="unknown",
        requirements=["ROOM-2"],
        findings=[_finding("ROOM-2", Outcome.UNKNOWN)],
    )
    assert diagnose([passed, unsure]) == Diagnosis()


@pytest.mark.parametrize("specimen", ["one-read-one-message", "drops-repeats", "knows-no-quit"])
def test_what_a_specimen_shows_is_laid_to_its_family(specimen: str) -> None:
    results = _run_of(specimen)
    found = diagnose(results)
    first = found.causes[0]
    assert first.family == family_of()[specimen]
    assert first.shown_by in {one.id for one in results}
    broken = {finding.requirement for one in results for finding in one.findings}
    assert set(first.explains) <= broken
    assert len(found.causes) <= MOST
    told = {id_ for cause in found.causes for id_ in cause.explains}
    assert set(found.unexplained) == broken - told


def test_each_broken_specimen_has_an_entry() -> None:
    """`make diagnosis` makes the dictionary anew."""
    assert set(_ENTRIES) == set(family_of())
