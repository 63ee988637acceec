"""Symptoms: what a run showed of a server, without chance names, ports and nonces.

A symptom is a short string in closed words. The same fault shows the same symptoms in every run,
but for those that show by chance. There are four views of a run, and each tells faults apart that
another does not: what was broken; in which scenario; one sign of what was detected; and all of its
signs together.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from conformance.oracle.findings import Outcome
from conformance.report.model import FindingReport, ScenarioReport

_BY_CHANCE: Final = "gen/"
"""Scenarios that do another thing with each seed: where they failed says nothing."""


class View(StrEnum):
    """One way to look at a run. A symptom of it begins with its value."""

    BROKEN = "!"
    PLACE = "@"
    SIGN = "~"
    LOOKS = "="


def symptoms_of(results: Iterable[ScenarioReport]) -> frozenset[str]:
    """All symptoms that these scenarios showed."""
    return frozenset(
        symptom
        for result in results
        for finding in result.findings
        if finding.outcome is Outcome.FAIL
        for symptom in _of(finding, result.id)
    )


def view_of(symptom: str) -> View:
    """The view that a symptom belongs to."""
    return View(symptom[0])


def place_of(symptom: str) -> tuple[str, str] | None:
    """The requirement and the scenario of a symptom; None where it is of no certain place."""
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
