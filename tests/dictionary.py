"""Makes the dictionary of faults, and measures the diagnosis by it: `make diagnosis`.

`python -m tests.dictionary` runs the suite against each broken specimen, keeps the reports in
reports/dictionary/SPECIMEN/ROUND.json, and writes conformance/diagnosis/dictionary.json. Of a
specimen that fails in few scenarios of evidence/whole-matrix.json it plays those, and those that
the matrix does not know; of any other all, as a user would. A run whose report is there is not run
again. Then it measures: every run held against the
dictionary; each specimen left out in turn where its family has others; pairs of faults, as the
union of what two runs found; and specimens that are strange and right. What was measured, with each
miss, is kept in evidence/diagnosis.json.
"""

import argparse
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from conformance.diagnosis import Diagnosis, diagnose
from conformance.diagnosis.dictionary import DictionaryFile, compiled, opened
from conformance.diagnosis.families import family_of
from conformance.report.comparison import load_report
from conformance.report.model import ScenarioReport
from conformance.scenarios.registry import of_one_server
from conformance.selftest.matrix import read_matrix
from conformance.specimens import CATALOGUE
from tests.conformance.command import told_of
from tests.evidence import EVIDENCE, ROOT, keep, made

KEPT: Final = ROOT / "conformance" / "diagnosis" / "dictionary.json"
REPORTS: Final = ROOT / "reports" / "dictionary"
_COMMAND: Final = "make diagnosis"
_PAIRS: Final = 200
_FEW: Final = 24
_PROGRAMS: Final = "gen/programs"
_TIME_LIMIT: Final = 180.0

Results = list[ScenarioReport]


def main() -> int:
    """Run what has not been run, make the dictionary of it, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="runs against each specimen")
    parser.add_argument("--jobs", type=int, default=4, help="runs at once")
    parser.add_argument("--legal", action="store_true", help="run those that are right, too")
    asked = parser.parse_args()
    _run_all(asked.rounds, asked.jobs, legal=asked.legal)
    runs = {name: list(_runs(name)) for name in CATALOGUE}
    broken = {name: ones for name, ones in runs.items() if ones and name in family_of()}
    legal = {name: ones for name, ones in runs.items() if ones and CATALOGUE[name].legal}
    families = {name: family.name for name, family in family_of().items()}
    file = compiled(broken, families, made(_COMMAND))
    KEPT.write_text(file.model_dump_json() + "\n", encoding="utf-8")
    measured = measure(file, broken, legal)
    keep(EVIDENCE / "diagnosis.json", measured, _COMMAND)
    for what, figures in measured.items():
        sys.stdout.write(f"{what}: {figures}\n")
    return 0


def _run_all(rounds: int, jobs: int, *, legal: bool) -> None:
    failing = _failing()
    wanted = [
        (name, number)
        for number in range(rounds)
        for name in sorted(CATALOGUE, key=lambda name: -len(failing.get(name, ())))
        if (legal or not CATALOGUE[name].legal) and not _path(name, number).exists()
    ]
    with ThreadPoolExecutor(jobs) as pool:
        futures = {
            pool.submit(_run, name, number, failing.get(name, frozenset())): name
            for name, number in wanted
        }
        for count, future in enumerate(as_completed(futures), 1):
            sys.stdout.write(f"{count}/{len(wanted)} {futures[future]}: {future.result()}\n")
            sys.stdout.flush()


def _failing() -> dict[str, frozenset[str]]:
    """The scenarios in which each specimen fails, and those of which that is not known."""
    played = {one.id for one in of_one_server()} - {_PROGRAMS}
    rows = read_matrix(EVIDENCE / "whole-matrix.json").specimens
    found = {row.name: {id_ for ids in row.found.values() for id_ in ids} for row in rows}
    known = {id_ for ids in found.values() for id_ in ids}
    return {name: frozenset(played & (ids | (played - known))) for name, ids in found.items()}


def _run(name: str, number: int, failing: frozenset[str]) -> str:
    path = _path(name, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "conformance", "run", "--quiet", "--seed", str(number)]
        command += [*told_of(CATALOGUE[name], Path(directory)), "--json", str(path)]
        if 0 < len(failing) <= _FEW:
            command += ["--only", ",".join(sorted(failing | {"sanity/first"}))]
        command += ["--programs", directory, "--time-limit", str(_TIME_LIMIT)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().rpartition("\n")[2] or f"status {done.returncode}"


def _path(name: str, number: int) -> Path:
    return REPORTS / name / f"{number}.json"


def _runs(name: str) -> Iterator[Results]:
    for path in sorted((REPORTS / name).glob("*.json")):
        yield load_report(path).scenarios


def measure(
    file: DictionaryFile,
    broken: Mapping[str, Sequence[Results]],
    legal: Mapping[str, Sequence[Results]],
) -> dict[str, object]:
    """Say how often the right family comes first, or among three, and is wrongly certain."""
    known = opened(file)
    families = Counter(family_of()[name].name for name in broken)
    seen, left_out, pairs = _Tally(), _Tally(), _Tally()
    for name, ones in broken.items():
        right = family_of()[name].name
        has_others = families[right] > 1
        without = opened(file, without=name) if has_others else None
        for results in ones:
            seen.count(name, [right], diagnose(results, known))
            if without is not None:
                left_out.count(name, [right], diagnose(results, without))
    drawn = random.Random(0)  # noqa: S311  # a choice of pairs
    for _ in range(_PAIRS):
        one, other = drawn.sample(sorted(broken), 2)
        rights = [family_of()[one].name, family_of()[other].name]
        if rights[0] != rights[1]:
            found = diagnose(_union(broken[one][0], broken[other][0]), known)
            pairs.count(f"{one} and {other}", rights, found)
    accused = {
        name: [cause.family.name for cause in found.causes]
        for name, ones in legal.items()
        for results in ones
        if (found := diagnose(results, known)).causes
    }
    return {
        "seen": seen.figures(),
        "left out": left_out.figures(),
        "pairs": pairs.figures(),
        "legal": {"all": sum(map(len, legal.values())), "with a cause": accused},
    }


class _Tally:
    """Counts of one kind of measurement, and each miss."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._misses: dict[str, list[str]] = {}

    def count(self, what: str, rights: Sequence[str], diagnosis: Diagnosis) -> None:
        named = [one.family.name for one in diagnosis.causes]
        self._counts["all"] += 1
        self._counts["first"] += named[:1] == rights[:1] or named[:1] == rights[1:]
        self._counts["among three"] += set(rights) <= set(named)
        self._counts["wrongly almost certain"] += any(
            one.confidence == "almost-certain" and one.family.name not in rights
            for one in diagnosis.causes
        )
        if named[:1] != rights[:1] or not set(rights) <= set(named):
            self._misses[what] = [
                f"is {' and '.join(rights)}",
                *(f"{one.family.name}, {one.confidence}" for one in diagnosis.causes),
            ]

    def figures(self) -> dict[str, object]:
        return {**self._counts, "misses": self._misses}


def _union(one: Results, other: Results) -> Results:
    """What a run against a server with both faults would about show."""
    found: dict[str, ScenarioReport] = {}
    for result in (*one, *other):
        there = found.get(result.id)
        if there is None or not there.findings:
            found[result.id] = result
        elif result.findings:
            findings = [*there.findings, *result.findings]
            found[result.id] = there.model_copy(update={"findings": findings})
    return list(found.values())


if __name__ == "__main__":
    sys.exit(main())
