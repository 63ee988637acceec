"""The causes in a report, in words for every output: what is wrong, how certain that is, what it
explains, and the smallest example that shows it."""

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
"""Kinds of findings whose `wanted` is a format, not the octets that should have come."""

Located = tuple[ScenarioReport, FindingReport]
"""A finding, and the scenario that found it."""


@dataclass(frozen=True, slots=True)
class PictureLine:
    """One line of an example: the first wrong octet, and the visible text before and after it.

    `marked`: an octet is wrong or missing.
    """

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
    """A cause in words.

    `shown` is the finding that shows it best, or None. `explains` are the ids of requirements that
    failed because of it, of `of` failed ones. `rivals` are alternative causes. `is_advice`: the
    server breaks no MUST, and the requirements are SHOULDs.
    """

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
        """What is wrong, how certain that is, and how much it explains."""
        return f"{self.title}: {self.sure}, {self.extent}"

    @property
    def extent(self) -> str:
        """How many of the failures it explains."""
        if self.is_advice:
            count = len(self.explains)
            return "a SHOULD is missed" if count == 1 else f"{count} SHOULDs are missed"
        return f"explains {len(self.explains)} of {_failures(self.of)}"


def causes_of(report: Report) -> list[Told]:
    """Return the causes in a report, or else its advice, each with its rivals.

    The first explains the most failures.
    """
    failed, named = failures_of(report), report.causes or report.advice
    told = {one.family: _told(report, one, failed) for one in named}
    causes = []
    for one in named:
        if one.instead_of not in told:
            rivals = (other.family for other in named if other.instead_of == one.family)
            causes.append(replace(told[one.family], rivals=tuple(told[name] for name in rivals)))
    return causes


def _failures(count: int) -> str:
    return "1 failure" if count == 1 else f"{count} failures"


def heading_of(report: Report, label: str = "it") -> str:
    """Return the heading of the section about an implementation's failures."""
    is_correct = not (report.causes or report.deaths or report.spoken)
    return f"What {label} could do better" if is_correct else f"Why {label} fails"


def failures_of(report: Report) -> list[str]:
    """Return the ids of the requirements that were found broken, in the standard's order."""
    return [
        one.id for one in report.requirements if one.status == "fail" and not one.is_only_declared
    ]


def unexplained_of(report: Report) -> list[Located]:
    """Return the best finding of each failed requirement that no cause and no death explains.

    Those that decide the verdict come first.
    """
    explained = {id_ for cause in named_of(report) for id_ in cause.explains}
    explained |= {id_ for death in report.deaths for id_ in death.explains}
    found = [_first(report, id_) for id_ in failures_of(report) if id_ not in explained]
    return sorted((one for one in found if one is not None), key=weight)


def weight(located: Located) -> tuple[bool, ...]:
    """Return a sort key that puts the most important findings first.

    First those that decide the verdict; among these a server's death, then findings of scenarios in
    the requirement's own section, then those with octets, and with all of them.
    """
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
    """Choose the finding that shows a cause best.

    It is of a requirement that most of the cause's specimens break; it shows what was sent; it is
    important (`weight`); and it is from the scenario that the cause names.
    """

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
    """Return how many of a cause's specimens break a requirement directly."""
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
    """Say which dialect the server seems to speak, and what that would explain; may be empty."""
    if report.spoken is None:
        return ""
    what = "a dialect" if report.spoken.profile is None else f"the dialect {report.spoken.profile}"
    failed = failures_of(report)
    explained = sum(id_ in report.spoken.explains for id_ in failed)
    return (
        f"The server seems to speak {what}: judged in it, {explained} of {_failures(len(failed))} "
        "would be declared or gone."
    )


def cause_of(report: Report, id_: str) -> Told | None:
    """Return the cause that explains a requirement's failure, or None."""
    return next((one for one in named_of(report) if id_ in one.explains), None)


def named_of(report: Report) -> Iterator[Told]:
    """Yield each cause, and after it its rivals."""
    for cause in causes_of(report):
        yield cause
        yield from cause.rivals


def picture_of(finding: FindingReport, room: int) -> list[PictureLine]:
    """Return the smallest example of a finding: what was sent, what came, what was expected.

    Its texts are cut to `room` columns.
    """
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
    """Return what the client sent: the segments that led to the finding, or else its stall."""
    evidence = [one for one in finding.stretch if one.evidence]
    sent = ["".join(tokens(one.octets, one.runs)) for one in evidence if one.event == "sent"]
    if sent or finding.segments:
        parts = sent if len(sent) >= len(finding.segments) else map(escape, finding.segments)
        return " | ".join(list(parts)[:_SEGMENTS])
    stalled = [one.client for one in finding.stretch if one.event == "stalled"]
    return f"{stalled[-1]} stops reading" if stalled else ""


def _cut(text: str, room: int) -> str:
    """Cut text to `room` columns, with an ellipsis if it is longer."""
    line = " ".join(text.split("\n"))
    if width(line) <= room:
        return line
    while line and width(line) >= room:
        line = line[:-1]
    return f"{line}…"


def head_of(death: DeathReport) -> str:
    """Describe a death in one line: in how many scenarios, and with which error or status."""
    count = len(death.scenarios)
    where = "1 scenario" if count == 1 else f"{count} scenarios"
    return f"The server died in {where}: {death.error.strip() or death.actual}"


def decides(death: DeathReport) -> bool:
    """Whether a death breaks more than SHOULDs."""
    levels = [requirements()[id_].level for id_ in death.explains if id_ in requirements()]
    return not levels or Level.MUST in levels


def death_in(report: Report, result: ScenarioReport) -> DeathReport | None:
    """Return the death of the server in a scenario, or None."""
    return next((one for one in report.deaths if result.id in one.scenarios), None)


def printed_of(report: Report) -> list[str]:
    """Return the most telling lines that a launched server printed without dying.

    They are the error printed most often, or else the first lines of a failed scenario.
    """
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
    """Yield the findings of each requirement that has any, in the standard's order."""
    found: dict[str, list[Located]] = {}
    for result in results:
        for finding in result.findings:
            found.setdefault(finding.requirement, []).append((result, finding))
    yield from (found[id_] for id_ in requirements() if id_ in found)
