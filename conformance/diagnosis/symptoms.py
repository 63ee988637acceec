"""Symptoms: the findings of a run without random names, ports and nonces.

A symptom is a short string made of fixed words. The same fault shows the same symptoms in every
run, except those that show by chance. There are four views of a run, and each tells apart faults
that the others cannot: the requirement; the requirement and the scenario; one sign of a finding;
and all of its signs together.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from conformance.oracle.findings import Outcome
from conformance.report.model import FindingReport, ScenarioReport

_BY_CHANCE: Final = "gen/"
"""Scenarios that differ with each seed, so that where they fail is no symptom."""


class View(StrEnum):
    """One view of a run. Its symptoms begin with its value."""

    BROKEN = "!"
    PLACE = "@"
    SIGN = "~"
    LOOKS = "="


def symptoms_of(results: Iterable[ScenarioReport]) -> frozenset[str]:
    """Return all symptoms in the results of these scenarios."""
    return frozenset(
        symptom
        for result in results
        for finding in result.findings
        if finding.outcome is Outcome.FAIL
        for symptom in _of(finding, result.id)
    )


def view_of(symptom: str) -> View:
    """Return the view that a symptom belongs to."""
    return View(symptom[0])


def place_of(symptom: str) -> tuple[str, str] | None:
    """Return the requirement and the scenario of a `PLACE` symptom; None for any other."""
    if view_of(symptom) is not View.PLACE:
        return None
    requirement, _, scenario = symptom[1:].partition(" ")
    return requirement, scenario


def _of(finding: FindingReport, scenario: str) -> Iterable[str]:
    yield f"{View.SIGN}{finding.kind}"
    for sign in finding.signs:
        yield f"{View.SIGN}{finding.kind} {sign}"
    yield f"{View.LOOKS}{' '.join((finding.kind, *sorted(finding.signs)))}"
    if not scenario.startswith(_BY_CHANCE):
        yield f"{View.BROKEN}{finding.requirement}"
        yield f"{View.PLACE}{finding.requirement} {scenario}"
