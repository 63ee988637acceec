"""What a run's failures come from, as its report says it."""

from conformance.diagnosis import Diagnosis
from conformance.report.model import CauseReport, Report, SpokenReport


def say_causes(report: Report, found: Diagnosis) -> None:
    """Enter a diagnosis in the report of the run that it is of."""
    failed = {one.id for one in report.requirements if one.status == "fail"}
    report.causes = [
        CauseReport(
            family=cause.family.name,
            specimens=list(cause.family.specimens),
            confidence=cause.confidence,
            explains=list(cause.explains),
            shown_by=cause.shown_by,
            instead_of=cause.instead_of,
        )
        for cause in found.causes
        if failed.intersection(cause.explains)
    ]
    report.unexplained = list(found.unexplained)
    if found.dialect is not None:
        report.spoken = SpokenReport(
            profile=found.dialect.profile,
            options=found.dialect.options,
            explains=list(found.dialect.explains),
        )
