"""The causes of a run's failures, entered in its report."""

from conformance.diagnosis import Diagnosis
from conformance.report.deaths import deaths_in
from conformance.report.model import CauseReport, Report, SpokenReport, Verdict


def say_causes(report: Report, found: Diagnosis) -> None:
    """Enter a diagnosis in the report of the run that it is of, and the deaths of its server.

    What failed by nothing but a death is explained by that. Where no MUST failed the server is
    correct: what it misses SHOULDs by is no cause, but advice.
    """
    report.deaths = deaths_in(report.scenarios)
    failed = {one.id for one in report.requirements if one.status == "fail"}
    named = [
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
    if (report.otherwise or report.verdict) is Verdict.NON_CONFORMANT:
        report.causes = named
    else:
        report.advice = named
    deadly = {id_ for death in report.deaths for id_ in death.explains}
    report.unexplained = [id_ for id_ in found.unexplained if id_ not in deadly]
    if found.dialect is not None:
        report.spoken = SpokenReport(
            profile=found.dialect.profile,
            options=found.dialect.options,
            explains=list(found.dialect.explains),
        )
