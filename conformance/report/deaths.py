"""The deaths of a launched server in a run, gathered: what ends it in many scenarios is one fault.

Two deaths are one where the process ended in one way, and at one place or of one kind of error.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from conformance.oracle import Outcome
from conformance.report.last_words import DIED, name_of_error
from conformance.report.model import DeathReport, FindingReport, ScenarioReport

_CHANCE: Final = re.compile(r"0x[0-9a-fA-F]+|(?<![:\d])(?<!line )\d+")
"""What one error may say otherwise each time: addresses, thread ids, lengths; no line numbers."""

_Death = tuple[ScenarioReport, FindingReport]


def deaths_in(results: Sequence[ScenarioReport]) -> list[DeathReport]:
    """Gather the deaths in these scenarios, those in most scenarios first."""
    groups: dict[tuple[str, ...], list[_Death]] = defaultdict(list)
    by_others = set()
    for result in results:
        for finding in result.findings:
            if finding.kind == DIED:
                groups[_kind_of(finding)].append((result, finding))
            elif finding.outcome is Outcome.FAIL:
                by_others.add(finding.requirement)
    deaths = [_gathered(group, by_others) for group in groups.values()]
    return sorted(deaths, key=lambda death: -len(death.scenarios))


def _kind_of(finding: FindingReport) -> tuple[str, ...]:
    if not name_of_error(finding.printed):
        return (finding.actual,)
    # What stands behind a colon is about the one case: "invalid start byte in position 4".
    return (finding.actual, *(_CHANCE.sub("", one).partition(": ")[0] for one in finding.printed))


def _gathered(group: Sequence[_Death], by_others: Iterable[str]) -> DeathReport:
    shortest, finding = min(group, key=lambda death: _length(death[1]))
    return DeathReport(
        actual=finding.actual,
        error=name_of_error(finding.printed),
        before=finding.before,
        printed=finding.printed,
        follows=finding.follows,
        shown_by=shortest.id,
        scenarios=list(dict.fromkeys(result.id for result, _ in group)),
        explains=sorted({one.requirement for _, one in group}.difference(by_others)),
    )


def _length(finding: FindingReport) -> tuple[bool, int]:
    return not finding.before, len(finding.before)
