"""Several reports side by side: for each requirement, the result of each implementation."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from conformance.report.model import FindingReport, Report, RequirementReport, Verdict
from conformance.report.octets import visible
from conformance.scenarios.registry import SECTIONS
from conformance.standard.requirements import Level, Requirement, requirements

_PROBLEMS: Final = 3


class ReportError(Exception):
    """An error in a file that should hold a report. The message names the file and the error."""


class Status(StrEnum):
    """The status in a cell.

    A SHOULD that fails does not decide the verdict. A `DECLARED` requirement fails only because the
    profile says so: no scenario found it broken.
    """

    PASS = "pass"  # noqa: S105  # a status
    FAIL = "fail"
    SHOULD_FAIL = "should-fail"
    DECLARED = "declared"
    UNKNOWN = "unknown"
    SKIP = "skip"
    NOT_EXERCISED = "not-exercised"

    @property
    def symbol(self) -> str:
        return _SYMBOLS[self]

    @property
    def word(self) -> str:
        words = {Status.SHOULD_FAIL: "SHOULD fail", Status.DECLARED: "fail, declared"}
        return words.get(self, self.replace("-", " "))


_SYMBOLS: Final = {
    Status.PASS: "✓",
    Status.FAIL: "✗",
    Status.SHOULD_FAIL: "△",
    Status.DECLARED: "◇",
    Status.UNKNOWN: "?",
    Status.SKIP: "–",
    Status.NOT_EXERCISED: "○",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, the scenario that found it, and the command that plays this scenario again."""

    scenario: str
    finding: FindingReport
    again: str


@dataclass(frozen=True, slots=True)
class Implementation:
    """One implementation that was judged. `number` counts from 1; `label` is unique."""

    number: int
    label: str
    report: Report

    @property
    def counts(self) -> dict[Status, int]:
        counts = Counter(map(status_of, self.report.requirements))
        return {status: counts[status] for status in Status}

    def count(self, level: Level, status: Status) -> int:
        """Return how many requirements of a level have this status."""
        return sum(
            one.level is level and status_of(one) is status for one in self.report.requirements
        )

    def total(self, level: Level) -> int:
        return sum(one.level is level for one in self.report.requirements)

    @property
    def left_out(self) -> str:
        """Why the verdict does not cover the whole standard; empty if it does."""
        reasons = Counter(one.reason for one in self.report.requirements if one.status == "skip")
        said = {
            "needs-launch": "stopping was not checked: the suite did not launch the server",
            "not-selected": f"{reasons['not-selected']} requirements were not selected",
        }
        return "; ".join(words for reason, words in said.items() if reasons[reason])


@dataclass(frozen=True, slots=True)
class Cell:
    """The result for one requirement and one implementation."""

    implementation: Implementation
    status: Status
    result: RequirementReport | None
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """The results for one requirement. `known` is None if this version of the suite lacks it."""

    id: str
    level: Level
    title: str
    section: str
    known: Requirement | None
    cells: tuple[Cell, ...]

    @property
    def statuses(self) -> list[Status]:
        """The statuses of the row's cells, each once."""
        return list(dict.fromkeys(cell.status for cell in self.cells))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The matrix: rows in the standard's order, cells in the order of the implementations."""

    implementations: tuple[Implementation, ...]
    rows: tuple[ComparisonRow, ...]

    @property
    def conformant(self) -> int:
        return sum(
            one.report.verdict is Verdict.CONFORMANT and not one.report.interrupted
            for one in self.implementations
        )

    @property
    def verdict(self) -> str:
        """The verdict on one implementation, or how many of several are conformant."""
        count = len(self.implementations)
        if count == 1:
            return self.implementations[0].report.verdict_in_words
        return f"{self.conformant} of {count} conformant"


def load_report(path: Path) -> Report:
    """Read a report from a file; `ReportError` if it holds none."""
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from None
    try:
        return Report.model_validate_json(octets)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        said = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" if one["loc"] else one["msg"]
            for one in problems[:_PROBLEMS]
        ]
        if len(problems) > _PROBLEMS:
            said.append(f"and {len(problems) - _PROBLEMS} more")
        raise ReportError(
            f"{path}: not a report of chatproto-conformance run --json: {'; '.join(said)}"
        ) from None


def status_of(one: RequirementReport) -> Status:
    """Return the status of a requirement. Failed SHOULDs and declared failures have their own."""
    if one.status == "fail" and one.is_only_declared:
        return Status.DECLARED
    if one.status == "fail" and one.level is Level.SHOULD:
        return Status.SHOULD_FAIL
    return Status(one.status)


def compare(reports: Sequence[Report], names: Sequence[str] = ()) -> Comparison:
    """Put reports side by side, in the given order.

    Each is called by the name of its profile, or else by its entry in `names`, or else by its
    target.
    """
    implementations = tuple(
        Implementation(number, label, report)
        for number, (label, report) in enumerate(
            zip(_labels(reports, names), reports, strict=True), 1
        )
    )
    seen: dict[str, RequirementReport] = {}
    for report in reports:
        for one in report.requirements:
            seen.setdefault(one.id, one)
    order = list(requirements())
    ids = sorted(seen, key=lambda id_: (order.index(id_) if id_ in order else len(order), id_))
    found = [_found(report) for report in reports]
    rows = tuple(_row(seen[id_], implementations, found) for id_ in ids)
    return Comparison(implementations, rows)


def one_line(implementation: Implementation) -> str:
    """Sum up a report in one line."""
    report = implementation.report
    levels = []
    for level in Level:
        counts = ((status, implementation.count(level, status)) for status in Status)
        said = ", ".join(f"{count} {status.word}" for status, count in counts if count)
        levels.append(f"{level} {said.replace('SHOULD fail', 'fail') or 'none'}")
    verdict = f"{report.verdict_in_words}{', interrupted' if report.interrupted else ''}"
    return f"{visible(implementation.label)}: {verdict} ({'; '.join(levels)})"


def sections(rows: Iterable[ComparisonRow]) -> list[str]:
    """Return the sections of these rows, in the standard's order."""
    known = {name: place for place, name in enumerate(SECTIONS)}
    return sorted({row.section for row in rows}, key=lambda name: (known.get(name, 99), name))


def again(report: Report, scenario: str) -> str:
    """Return the command that plays a scenario of a run again."""
    address = report.target.startswith(("tcp://", "unix:"))
    target = shlex.quote(report.target) if address else f"--launch {shlex.quote(report.target)}"
    target += f" {report.options}" if report.options else ""
    seed = f" --seed {report.seed}" if report.seed else ""
    command = "clients" if scenario.startswith("cli/") else "run"
    return f"chatproto-conformance {command} {target}{seed} --only {scenario}"


def _labels(reports: Sequence[Report], given: Sequence[str]) -> list[str]:
    names = [
        report.name or name or report.target
        for report, name in zip_longest(reports, given[: len(reports)])
    ]
    times = Counter(names)
    seen: Counter[str] = Counter()
    labels = []
    for name in names:
        seen[name] += 1
        labels.append(f"{name} ({seen[name]})" if times[name] > 1 else name)
    return labels


def _row(
    one: RequirementReport,
    implementations: Iterable[Implementation],
    found: Sequence[dict[str, list[Found]]],
) -> ComparisonRow:
    return ComparisonRow(
        id=one.id,
        level=one.level,
        title=one.title,
        section=one.id.rpartition("-")[0].lower(),
        known=requirements().get(one.id),
        cells=tuple(
            _cell(one.id, implementation, tuple(own.get(one.id, ())))
            for implementation, own in zip(implementations, found, strict=True)
        ),
    )


def _cell(id_: str, implementation: Implementation, found: tuple[Found, ...]) -> Cell:
    results = implementation.report.requirements
    result = next((one for one in results if one.id == id_), None)
    status = Status.NOT_EXERCISED if result is None else status_of(result)
    return Cell(implementation, status, result, found)


def _found(report: Report) -> dict[str, list[Found]]:
    """Return the findings of a report by requirement."""
    found: dict[str, list[Found]] = defaultdict(list)
    for scenario in report.scenarios:
        command = again(report, scenario.id)
        for finding in scenario.findings:
            found[finding.requirement].append(Found(scenario.id, finding, command))
    return found
