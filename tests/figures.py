"""What the suite covers of the standard, in five figures a level: docs/coverage.md.

The figures count requirements, not test cases: all of them; those with a scenario; those whose
trigger happened in a run against a correct server or client; those that a broken one was found to
break; those that need a run of their own, with the reason. The page is compared with runs and
matrices.
"""

import argparse
import difflib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from conformance.clients.registry import client_scenarios
from conformance.report.comparison import ReportError, load_report
from conformance.report.model import Report
from conformance.scenarios.registry import scenarios
from conformance.selftest.matrix import Matrix, MatrixError, read_matrix
from conformance.standard.requirements import Level, Requirement, Scope, requirements

KEPT: Final = Path(__file__).parent.parent / "docs" / "coverage.md"

_HEAD: Final = """\
# What the suite covers

For each level of the standard, the table counts the requirements: all of them; those with a
scenario; those whose trigger happened in a run against the reference server or
`chatproto-chat` (exercised); those that the suite found broken in at least one specimen (seen
failing); and those that need a run of their own. `make check` compares this page with its own runs;
CONTRIBUTING says how to write it.

| level | requirements | with a scenario | exercised | seen failing | in a run of its own |
| --- | --- | --- | --- | --- | --- |
"""
_REASONS: Final = {
    Scope.CLUSTERED: "binds several servers of one room: see `make clusters-specimens`",
}


def page(reports: Iterable[Report], matrices: Sequence[Matrix]) -> str:
    """Return the page for these runs and matrices."""
    exercised = {
        one.id
        for report in reports
        for one in report.requirements
        if one.status == "pass" and one.exercised
    }
    with_scenario = {id_ for one in (*scenarios(), *client_scenarios()) for id_ in one.requirements}
    seen_failing = {id_ for one in matrices for id_ in one.seen_failing() | _departures(one)}
    every = list(requirements().values())
    lines = [_HEAD]
    for level in Level:
        of_level = [one for one in every if one.level is level]
        counts = [len(of_level)] + [
            sum(one.id in ids for one in of_level)
            for ids in (with_scenario, exercised, seen_failing, _elsewhere())
        ]
        lines.append(f"| {level} | {' | '.join(map(str, counts))} |\n")
    lines += _missing("No scenario", every, with_scenario)
    lines += _missing("Not exercised", every, exercised)
    lines += _missing("Never seen failing", every, seen_failing)
    lines.append("\nIn a run of its own:\n\n")
    lines += [f"- {id_}: {reason}\n" for id_, reason in _elsewhere().items()]
    return "".join(lines)


def _departures(matrix: Matrix) -> set[str]:
    """Return the SHOULDs from which a strange but legal specimen was found to depart, as it
    should."""
    return {
        id_ for row in matrix.specimens if row.legal for id_ in row.found if id_ in row.may_break
    }


def _elsewhere() -> dict[str, str]:
    return {one.id: _REASONS[one.kind] for one in requirements().values() if one.kind in _REASONS}


def _missing(title: str, every: list[Requirement], those: set[str]) -> Iterator[str]:
    ids = [one.id for one in every if one.id not in those and one.id not in _elsewhere()]
    if ids:
        yield f"\n{title}: {' '.join(ids)}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--matrix",
        type=Path,
        action="append",
        required=True,
        help="one that specimens --json wrote",
    )
    parser.add_argument("report", type=Path, nargs="+", help="reports of what is correct")
    parser.add_argument("--write", action="store_true", help="write the page that is kept")
    asked = parser.parse_args()
    try:
        now = page(map(load_report, asked.report), [read_matrix(one) for one in asked.matrix])
    except (ReportError, MatrixError) as error:
        parser.error(str(error))
    if asked.write:
        KEPT.write_text(now, encoding="utf-8")
        return 0
    kept = KEPT.read_text(encoding="utf-8")
    sys.stdout.writelines(
        difflib.unified_diff(
            kept.splitlines(keepends=True), now.splitlines(keepends=True), KEPT.name, "now"
        )
    )
    return int(now != kept)


if __name__ == "__main__":
    sys.exit(main())
