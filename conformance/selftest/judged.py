"""One run of the suite on one specimen, compared with what the specimen breaks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from conformance.report.model import Report
from conformance.specimens import Specimen
from conformance.specimens.clients import ClientSpecimen
from conformance.standard.requirements import Level


@dataclass(frozen=True, slots=True)
class Judged:
    """The result of one run of the suite on one specimen.

    `found` maps each requirement that was found broken to the scenarios that found it. `missed`
    are the requirements that it breaks and no scenario found; for a legal specimen, those left
    undecided. `accused` are the requirements found broken that it does not break. `otherwise` are
    the scenarios whose transcript, judged again, gives other findings, if that was tried.
    `legal`: it breaks nothing.
    """

    name: str
    found: dict[str, list[str]]
    missed: list[str]
    accused: list[str]
    seconds: float
    otherwise: list[str] = field(default_factory=list)
    legal: bool = False

    @property
    def outcome(self) -> Literal["caught", "passed", "missed", "accused"]:
        if self.missed:
            return "missed"
        if self.accused:
            return "accused"
        return "passed" if self.legal else "caught"


def compared(
    report: Report,
    specimen: Specimen | ClientSpecimen,
    chosen: Collection[str],
    otherwise: Sequence[str] = (),
) -> Judged:
    """Compare what a run found, which played the chosen scenarios, with what the specimen breaks.

    Raises:
        KeyboardInterrupt: The run was interrupted.
    """
    if report.interrupted:
        raise KeyboardInterrupt
    found: dict[str, list[str]] = {}
    for result in report.scenarios:
        for finding in result.findings:
            if finding.outcome == "fail" and result.id not in found.setdefault(
                finding.requirement, []
            ):
                found[finding.requirement].append(result.id)
    undecided = [
        one.id
        for one in report.requirements
        if specimen.legal and one.level is Level.MUST and one.status in ("unknown", "not-exercised")
        if set(one.scenarios) <= set(chosen)
    ]
    return Judged(
        name=specimen.name,
        found={id_: found[id_] for id_ in sorted(found)},
        missed=sorted(specimen.breaks - found.keys()) + undecided,
        accused=sorted(found.keys() - specimen.breaks - specimen.may_break),
        seconds=report.duration_s,
        otherwise=list(otherwise),
        legal=specimen.legal,
    )
