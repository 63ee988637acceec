"""Groups the deaths of a launched server: the same crash in many scenarios is one fault.

Two deaths are the same if the process ended with the same status, and printed the same kind of
error or the same place in the program.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from conformance.oracle import Outcome
from conformance.report.last_words import DIED, name_of_error
from conformance.report.model import DeathReport, FindingReport, ScenarioReport

_CHANCE: Final = re.compile(r"0x[0-9a-fA-F]+|(?<![:\d])(?<!line )\d+")
"""Numbers that vary each time an error occurs: addresses, thread ids, lengths; not line numbers."""

_Death = tuple[ScenarioReport, FindingReport]


def deaths_in(results: Sequence[ScenarioReport]) -> list[DeathReport]:
    """Group the deaths in these scenarios; the group with the most scenarios comes first."""
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
    # What follows a colon is about the single case: "invalid start byte in position 4".
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
