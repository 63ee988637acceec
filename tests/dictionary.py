"""Makes the dictionary of faults, and measures the diagnosis by it: `make diagnosis`.

`python -m tests.dictionary` runs the suite against each broken server, keeps the reports in
reports/dictionary/COMMIT/SPECIMEN/ROUND.json, and writes conformance/diagnosis/dictionary.json. Of
a specimen that fails in few scenarios of evidence/whole-matrix.json it plays those, and those that
the matrix does not know; of any other all, as a user would. With `--clients` it runs the suite
against each broken client, and writes client_dictionary.json. Broken off, it goes on where it was:
a run whose report is there is not run again, until the suite is another. Then it measures: every
run held against the dictionary; each specimen left out in turn where its family has others; pairs
of faults, as the union of what two runs found; and specimens that are strange and right, of which
only those that miss a SHOULD are run unless `--legal` is given: where nothing fails, nothing is
diagnosed. What was measured, with each miss, is kept in evidence/diagnosis.json, or
client-diagnosis.json.

Where specimens are named these alone are run; the others keep the entries that they have, and
nothing is measured.
"""

import argparse
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from conformance.diagnosis import Diagnosis, diagnose
from conformance.diagnosis.dictionary import DictionaryFile, compiled, opened
from conformance.diagnosis.families import Family, client_family_of, family_of
from conformance.report.comparison import load_report
from conformance.report.model import ScenarioReport
from conformance.scenarios.registry import of_one_server
from conformance.selftest.client_trial import SILENCE, launch_of
from conformance.selftest.matrix import read_matrix
from conformance.specimens import CATALOGUE, every_specimen
from conformance.specimens.clients import client_specimens
from tests.conformance.command import told_of
from tests.evidence import EVIDENCE, ROOT, commit, keep, made

_PAIRS: Final = 200
_FEW: Final = 24
_PROGRAMS: Final = "gen/programs"
_TIME_LIMIT: Final = 180.0
_SUITE: Final = ("chatproto", "conformance", ":!conformance/diagnosis")
"""What judges: not the diagnosis, which may be changed and measured by the runs that there are."""

Results = list[ScenarioReport]


@dataclass(frozen=True, slots=True)
class Subjects:
    """The input of a dictionary: broken specimens by name, whether each is legal, and its family.
    `run` writes the report of one run, and returns how that ended. `suite` is the commit of the
    suite that judges them."""

    name: str
    legal: Mapping[str, bool]
    family_of: Mapping[str, Family]
    run: Callable[[str, int, Path], str]
    suite: str

    @property
    def kept(self) -> Path:
        """The dictionary."""
        return ROOT / "conformance" / "diagnosis" / f"{self.name}.json"

    @property
    def evidence(self) -> Path:
        """The measurements."""
        return EVIDENCE / f"{self.name.replace('dictionary', 'diagnosis').replace('_', '-')}.json"

    def report(self, name: str, number: int) -> Path:
        """Return the path at which the report of a run is kept."""
        return ROOT / "reports" / self.name / self.suite / name / f"{number}.json"

    def runs(self, name: str) -> list[Results]:
        """Return what each run against a specimen found."""
        paths = sorted(self.report(name, 0).parent.glob("*.json"))
        return [load_report(path).scenarios for path in paths]


def main() -> int:
    """Run what has not been run, make the dictionary of it, and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="specimens; all if none is named")
    parser.add_argument("--rounds", type=int, default=1, help="runs against each specimen")
    parser.add_argument("--jobs", type=int, default=4, help="runs at once")
    parser.add_argument("--legal", action="store_true", help="run all that are right, too")
    parser.add_argument("--clients", action="store_true", help="broken clients, not servers")
    asked = parser.parse_args()
    subjects = _clients() if asked.clients else _servers()
    command = f"make {'client-diagnosis' if asked.clients else 'diagnosis'}"
    if asked.names:
        subjects = replace(subjects, legal=dict.fromkeys(asked.names, False))
    _run_all(subjects, asked.rounds, asked.jobs, legal=asked.legal)
    runs = {name: subjects.runs(name) for name in subjects.legal}
    broken = {name: ones for name, ones in runs.items() if ones and name in subjects.family_of}
    legal = {name: ones for name, ones in runs.items() if ones and subjects.legal[name]}
    families = {name: family.name for name, family in subjects.family_of.items()}
    file = compiled(broken, families, made(command))
    if asked.names:
        file = _joined(DictionaryFile.model_validate_json(subjects.kept.read_bytes()), file)
    subjects.kept.write_text(file.model_dump_json() + "\n", encoding="utf-8")
    if asked.names:
        return 0
    measured = measure(file, families, broken, legal)
    keep(subjects.evidence, measured, command)
    for what, figures in measured.items():
        sys.stdout.write(f"{what}: {figures}\n")
    return 0


def _joined(kept: DictionaryFile, fresh: DictionaryFile) -> DictionaryFile:
    """Return a dictionary in which the fresh entries replace those of the same name."""
    symptoms = sorted({*kept.symptoms, *fresh.symptoms})
    number = {symptom: at for at, symptom in enumerate(symptoms)}
    entries = {
        name: (family, runs, {number[file.symptoms[at]]: n for at, n in shown.items()})
        for file in (kept, fresh)
        for name, (family, runs, shown) in file.specimens.items()
    }
    return DictionaryFile(made=kept.made, symptoms=symptoms, specimens=entries)


def _servers() -> Subjects:
    failing = _failing()
    legal = {
        name: CATALOGUE[name].legal
        for name in sorted(CATALOGUE, key=lambda n: -len(failing.get(n, ())))
    }
    return Subjects(
        "dictionary",
        legal,
        family_of(),
        lambda name, number, path: _run_server(name, number, path, failing.get(name, frozenset())),
        commit(*_SUITE),
    )


def _clients() -> Subjects:
    legal = {name: one.legal for name, one in client_specimens().items()}
    return Subjects("client_dictionary", legal, client_family_of(), _run_client, commit(*_SUITE))


def _run_all(subjects: Subjects, rounds: int, jobs: int, *, legal: bool) -> None:
    wanted = [
        (name, number)
        for number in range(rounds)
        for name, is_legal in subjects.legal.items()
        if (legal or not is_legal or every_specimen()[name].may_break)
        and not subjects.report(name, number).exists()
    ]
    with ThreadPoolExecutor(jobs) as pool:
        futures = {}
        for name, number in wanted:
            path = subjects.report(name, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            futures[pool.submit(subjects.run, name, number, path)] = name
        for count, future in enumerate(as_completed(futures), 1):
            sys.stdout.write(f"{count}/{len(wanted)} {futures[future]}: {future.result()}\n")
            sys.stdout.flush()


def _failing() -> dict[str, frozenset[str]]:
    """Return the scenarios in which each specimen fails, and those for which that is unknown."""
    played = {one.id for one in of_one_server()} - {_PROGRAMS}
    rows = read_matrix(EVIDENCE / "whole-matrix.json").specimens
    found = {row.name: {id_ for ids in row.found.values() for id_ in ids} for row in rows}
    known = {id_ for ids in found.values() for id_ in ids}
    return {name: frozenset(played & (ids | (played - known))) for name, ids in found.items()}


def _run_server(name: str, number: int, path: Path, failing: frozenset[str]) -> str:
    with TemporaryDirectory() as directory:
        command = ["run", *told_of(CATALOGUE[name], Path(directory)), "--programs", directory]
        if 0 < len(failing) <= _FEW:
            command += ["--only", ",".join(sorted(failing | {"sanity/first"}))]
        return _run(command, number, path)


def _run_client(name: str, number: int, path: Path) -> str:
    command = ["clients", "--launch", launch_of(name), "--silence", f"{SILENCE:g}"]
    command += ["--pipe"] if client_specimens()[name].way == "pipe" else []
    return _run(command, number, path)


def _run(command: Sequence[str], number: int, path: Path) -> str:
    common = ["--quiet", "--seed", str(number), "--time-limit", str(_TIME_LIMIT)]
    done = subprocess.run(
        [sys.executable, "-m", "conformance", *command, *common, "--json", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip().rpartition("\n")[2] or f"status {done.returncode}"


def measure(
    file: DictionaryFile,
    family_of: Mapping[str, str],
    broken: Mapping[str, Sequence[Results]],
    legal: Mapping[str, Sequence[Results]],
) -> dict[str, object]:
    """Return how often the right family comes first, or among three, and how often a wrong one is
    certain."""
    known = opened(file)
    families = Counter(family_of[name] for name in broken)
    seen, left_out, pairs = _Tally(), _Tally(), _Tally()
    for name, ones in broken.items():
        right = family_of[name]
        has_others = families[right] > 1
        without = opened(file, without=name) if has_others else None
        for results in ones:
            seen.count(name, [right], diagnose(results, known))
            if without is not None:
                left_out.count(name, [right], diagnose(results, without))
    drawn = random.Random(0)  # noqa: S311  # a choice of pairs
    for _ in range(_PAIRS):
        one, other = drawn.sample(sorted(broken), 2)
        rights = [family_of[one], family_of[other]]
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
        causes = diagnosis.causes or diagnosis.advice
        named = [one.family.name for one in causes]
        self._counts["all"] += 1
        self._counts["first"] += named[:1] == rights[:1] or named[:1] == rights[1:]
        self._counts["among three"] += set(rights) <= set(named)
        self._counts["wrongly almost certain"] += any(
            one.confidence == "almost-certain" and one.family.name not in rights for one in causes
        )
        if named[:1] != rights[:1] or not set(rights) <= set(named):
            self._misses[what] = [
                f"is {' and '.join(rights)}",
                *(f"{one.family.name}, {one.confidence}" for one in causes),
            ]

    def figures(self) -> dict[str, object]:
        return {**self._counts, "misses": self._misses}


def _union(one: Results, other: Results) -> Results:
    """Return about what a run against a server with both faults would show."""
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
