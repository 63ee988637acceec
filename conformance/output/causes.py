"""A report's causes in words, for every form of it: what is wrong, how sure that is, what it
explains, and the smallest picture that shows it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from conformance.diagnosis.families import client_families, families
from conformance.oracle import Outcome
from conformance.oracle.facts import Kind
from conformance.report.last_words import DIED
from conformance.report.model import CauseReport, DeathReport, FindingReport, Report, ScenarioReport
from conformance.report.octets import escape, tokens, visible, width
from conformance.report.text import came, wanted
from conformance.specimens import every_specimen
from conformance.standard.requirements import Level, requirements

_SEGMENTS: Final = 3
_FORMS: Final = tuple(
    kind.name.lower().replace("_", "-") for kind in (Kind.HEADER, Kind.SENDER, Kind.NO_HEADER)
)
"""Kinds of findings of which what was wanted is a form, and no octets that should have come."""

Located = tuple[ScenarioReport, FindingReport]
"""A finding, and the scenario that found it."""


@dataclass(frozen=True, slots=True)
class PictureLine:
    """One line of a picture: visible text before the first wrong octet, it, and after it. `marked`
    where one is wrong, or missing."""

    label: str
    before: str
    wrong: str = ""
    after: str = ""
    marked: bool = False

    @property
    def text(self) -> str:
        return f"{self.before}{self.wrong}{self.after}"


@dataclass(frozen=True, slots=True)
class Told:
    """A cause in words. `shown` is the finding that shows it best; None where the report holds
    none. `explains` are ids of requirements that failed. `rivals` are what it may be instead.
    `is_advice` where those are SHOULDs, of a server that breaks no MUST."""

    name: str
    title: str
    sure: str
    explains: tuple[str, ...]
    of: int
    why: str
    remedy: str
    shown: Located | None
    rivals: tuple["Told", ...] = ()
    is_advice: bool = False

    @property
    def head(self) -> str:
        """What is wrong, how sure that is, and how much it explains."""
        return f"{self.title}: {self.sure}, {self.extent}"

    @property
    def extent(self) -> str:
        """How much of what failed it explains."""
        if self.is_advice:
            count = len(self.explains)
            return "a SHOULD is missed" if count == 1 else f"{count} SHOULDs are missed"
        failures = "failure" if self.of == 1 else "failures"
        return f"explains {len(self.explains)} of {self.of} {failures}"


def causes_of(report: Report) -> list[Told]:
    """The causes that a report names, or its advice, the first explaining most, each with its
    rivals."""
    failed, named = failures_of(report), report.causes or report.advice
    told = {one.family: _told(report, one, failed) for one in named}
    causes = []
    for one in named:
        if one.instead_of not in told:
            rivals = (other.family for other in named if other.instead_of == one.family)
            causes.append(replace(told[one.family], rivals=tuple(told[name] for name in rivals)))
    return causes


def heading_of(report: Report, label: str = "it") -> str:
    """The heading of what is said of an implementation's failures."""
    is_correct = not (report.causes or report.deaths or report.spoken)
    return f"What {label} could do better" if is_correct else f"Why {label} fails"


def failures_of(report: Report) -> list[str]:
    """The ids of the requirements that were found broken, in the standard's order."""
    return [
        one.id for one in report.requirements if one.status == "fail" and not one.is_only_declared
    ]


def unexplained_of(report: Report) -> list[Located]:
    """The first finding of each requirement that fails by no cause and no death, those that decide
    first."""
    explained = {id_ for cause in named_of(report) for id_ in cause.explains}
    explained |= {id_ for death in report.deaths for id_ in death.explains}
    found = [_first(report, id_) for id_ in failures_of(report) if id_ not in explained]
    return sorted((one for one in found if one is not None), key=weight)


def weight(located: Located) -> tuple[bool, ...]:
    """What sorts findings so that what decides the verdict comes first, of that a server's death,
    then what was found where it was looked for, and what is shown by few octets."""
    result, finding = located
    return (
        finding.outcome is not Outcome.FAIL,
        finding.requirement not in requirements()
        or requirements()[finding.requirement].level is not Level.MUST,
        finding.kind != DIED,
        result.id.partition("/")[0] != finding.requirement.rpartition("-")[0].lower(),
        not finding.octets,
        finding.cut > 0,
    )


def _told(report: Report, cause: CauseReport, failed: Sequence[str]) -> Told:
    family = (families() | client_families()).get(cause.family)
    return Told(
        name=cause.family,
        title=cause.family if family is None else family.title,
        sure=cause.confidence.replace("-", " "),
        explains=tuple(id_ for id_ in failed if id_ in cause.explains),
        of=len(failed),
        why="" if family is None else family.cause,
        remedy="" if family is None else family.remedy,
        shown=_shown(report, cause),
        is_advice=not report.causes,
    )


def _shown(report: Report, cause: CauseReport) -> Located | None:
    """The finding that shows a cause best: of a requirement that most of its specimens break, with
    what was sent, by few octets, and if there are several, of the scenario that it is said to be
    shown by."""

    def key(one: Located) -> tuple[int, bool, tuple[bool, ...], bool]:
        result, finding = one
        has_begin = bool(finding.before) or _tells_what_was_sent(finding)
        is_elsewhere = result.id != cause.shown_by
        return -_directness(cause, finding.requirement), not has_begin, weight(one), is_elsewhere

    found = [
        (result, finding)
        for result in report.scenarios
        for finding in result.findings
        if finding.requirement in cause.explains and finding.outcome is Outcome.FAIL
    ]
    return min(found, key=key, default=None)


def _directness(cause: CauseReport, id_: str) -> int:
    """How many of a cause's specimens break a requirement; others fail as a consequence."""
    known = (one for name in cause.specimens if (one := every_specimen().get(name)))
    return sum(id_ in one.breaks for one in known)


def _first(report: Report, id_: str) -> Located | None:
    found = [
        (result, finding)
        for result in report.scenarios
        for finding in result.findings
        if finding.requirement == id_
    ]
    return min(found, key=weight, default=None)


def spoken_words(report: Report) -> str:
    """What a dialect that the server seems to speak would explain; empty where there is none."""
    if report.spoken is None:
        return ""
    what = "a dialect" if report.spoken.profile is None else f"the dialect {report.spoken.profile}"
    failed = failures_of(report)
    explained = sum(id_ in report.spoken.explains for id_ in failed)
    return (
        f"The server seems to speak {what}: judged in it, {explained} of {len(failed)} failures "
        "would be declared or gone."
    )


def cause_of(report: Report, id_: str) -> Told | None:
    """The cause that explains a requirement's failure, if there is one."""
    return next((one for one in named_of(report) if id_ in one.explains), None)


def named_of(report: Report) -> Iterator[Told]:
    """The causes, and after each what it may be instead."""
    for cause in causes_of(report):
        yield cause
        yield from cause.rivals


def picture_of(finding: FindingReport, room: int) -> list[PictureLine]:
    """The smallest picture of a finding, its texts cut to so many columns: what was sent, what
    came back, and what was expected."""
    facts: list[PictureLine] = []
    if finding.before:
        facts.append(PictureLine("before", _cut(visible(finding.before), room)))
    if finding.kind != DIED and (sent := _sent(finding)):
        facts.append(PictureLine("sent", _cut(visible(sent), room)))
    if finding.octets:
        shown = came(finding, room - 6)
        left = room - width(shown.before + shown.wrong)
        if finding.wrong is not None and left > 0:
            after = _cut(shown.after, left)
            facts.append(PictureLine("came", shown.before, shown.wrong, after, marked=True))
        else:
            facts.append(PictureLine("came", _cut(shown.before + shown.wrong + shown.after, room)))
    facts.append(PictureLine("" if finding.octets else "came", _cut(visible(finding.actual), room)))
    in_octets = finding.octets and finding.wanted and finding.kind not in _FORMS
    expected = wanted(finding, room - 6) if in_octets else finding.expected
    facts.append(PictureLine("expected", _cut(visible(expected), room)))
    return facts


def _tells_what_was_sent(finding: FindingReport) -> bool:
    return bool(finding.segments) or any(
        one.event == "stalled" or (one.evidence and one.event == "sent") for one in finding.stretch
    )


def _sent(finding: FindingReport) -> str:
    """What its client sent: the segments that led to it, or else the last thing that was done."""
    evidence = [one for one in finding.stretch if one.evidence]
    sent = ["".join(tokens(one.octets, one.runs)) for one in evidence if one.event == "sent"]
    if sent or finding.segments:
        parts = sent if len(sent) >= len(finding.segments) else map(escape, finding.segments)
        return " | ".join(list(parts)[:_SEGMENTS])
    stalled = [one.client for one in finding.stretch if one.event == "stalled"]
    return f"{stalled[-1]} stops reading" if stalled else ""


def _cut(text: str, room: int) -> str:
    """Text in so many columns, with an ellipsis where it was longer."""
    line = " ".join(text.split("\n"))
    if width(line) <= room:
        return line
    while line and width(line) >= room:
        line = line[:-1]
    return f"{line}…"


def head_of(death: DeathReport) -> str:
    """What a death is, in a line: in how many scenarios, and of what."""
    count = len(death.scenarios)
    where = "1 scenario" if count == 1 else f"{count} scenarios"
    return f"The server died in {where}: {death.error.strip() or death.actual}"


def decides(death: DeathReport) -> bool:
    """Whether a death is more than a missed SHOULD."""
    levels = [requirements()[id_].level for id_ in death.explains if id_ in requirements()]
    return not levels or Level.MUST in levels


def death_in(report: Report, result: ScenarioReport) -> DeathReport | None:
    """The death that a scenario ended by, if there was one."""
    return next((one for one in report.deaths if result.id in one.scenarios), None)


def printed_of(report: Report) -> list[str]:
    """The lines that a launched server that lived on printed, and that say most: the error that
    came most often, or else what it printed first in a scenario that failed."""
    errors = Counter(
        tuple(finding.printed)
        for result in report.scenarios
        for finding in result.findings[:1]
        if finding.printed and death_in(report, result) is None
    )
    if errors:
        [(most, _)] = errors.most_common(1)
        return list(most)
    failed = [one for one in report.scenarios if one.status == "fail"]
    return [] if report.deaths else next((one.printed for one in failed if one.printed), [])


def first_findings(results: Sequence[ScenarioReport]) -> Iterator[list[Located]]:
    """The findings of each requirement of which there are any, in the standard's order."""
    found: dict[str, list[Located]] = {}
    for result in results:
        for finding in result.findings:
            found.setdefault(finding.requirement, []).append((result, finding))
    yield from (found[id_] for id_ in requirements() if id_ in found)
