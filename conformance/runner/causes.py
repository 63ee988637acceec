"""The causes of a run's failures, entered in its report."""

from collections.abc import Iterable

from conformance.diagnosis import Cause, Diagnosis
from conformance.report.deaths import deaths_in
from conformance.report.model import CauseReport, Report, SpokenReport


def say_causes(report: Report, found: Diagnosis) -> None:
    """Enter a diagnosis in the report of the run that it is of, and the deaths of its server.

    What failed by nothing but a death is explained by that.
    """
    report.deaths = deaths_in(report.scenarios)
    report.causes = _reported(found.causes, report)
    report.advice = _reported(found.advice, report)
    deadly = {id_ for death in report.deaths for id_ in death.explains}
    report.unexplained = [id_ for id_ in found.unexplained if id_ not in deadly]
    if found.dialect is not None:
        report.spoken = SpokenReport(
            profile=found.dialect.profile,
            options=found.dialect.options,
            explains=list(found.dialect.explains),
        )


def _reported(causes: Iterable[Cause], report: Report) -> list[CauseReport]:
    failed = {one.id for one in report.requirements if one.status == "fail"}
    return [
        CauseReport(
            family=cause.family.name,
            specimens=list(cause.family.specimens),
            confidence=cause.confidence,
            explains=list(cause.explains),
            shown_by=cause.shown_by,
            instead_of=cause.instead_of,
        )
        for cause in causes
        if failed.intersection(cause.explains)
    ]
