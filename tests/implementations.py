"""Makes docs/implementations.md from runs of the suite.

`python -m tests.implementations NAME…` judges these of docs/implementations.toml, or all of them,
keeps their statuses in evidence/implementations.json, and draws the page from that file alone.
With --check it writes nothing and says where the page differs. With --against it judges nobody:
it compares the page with what `make check` has just found.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from chatproto import __version__
from conformance.output.html import render_page
from conformance.output.markdown import matrix, verdicts
from conformance.report.comparison import Comparison, Status, compare, load_report, sections
from conformance.report.model import Report, RequirementReport, Verdict
from conformance.selftest.matrix import Matrix, read_matrix
from conformance.standard.requirements import PROTOCOL, requirements
from tests.evidence import EVIDENCE, ROOT, keep

LIST: Final = ROOT / "docs" / "implementations.toml"
STORE: Final = EVIDENCE / "implementations.json"
CLIENTS: Final = EVIDENCE / "client-matrix.json"
PAGE: Final = ROOT / "docs" / "implementations.md"
REPORTS: Final = ROOT / "reports" / "implementations"

INTRO: Final = """\
# Implementations

The verdicts of the conformance suite {suite} on the servers in this repository: {protocol}, {count}
requirements, each with all of its scenarios. `make implementations` judges every server and writes
this page; `make implementations-check` judges them and prints the differences. Both leave the
reports, with a picture of each failure, in `reports/implementations/`.
"""
ABOUT_CLIENTS: Final = """
## Clients

The verdicts on clients, of {count} requirements. `make client-matrix` judges each and writes this
part. `nc` and `telnet` are judged with `--raw`, by the five clauses that a client can keep that
knows nothing of the protocol.
"""
SECTIONS: Final = """\
By section: ✓ if nothing is broken, ✗ and how many requirements are, ? if one was never exercised.
"""
VARYING: Final = """\
Some faults do not show in every run. A requirement counts as broken if one run found it broken.
These differed between runs: {cells}.
"""

_WORST: Final = ("fail", "unknown", "not-exercised", "skip", "pass")
"""Of several runs, the status that counts: what one of them saw broken is broken."""
_DONE: Final = (0, 1, 4)
"""The statuses of a run that came to its end."""


class Listed(BaseModel):
    """An implementation, as in the list."""

    model_config = ConfigDict(extra="forbid")

    name: str
    launch: str
    about: str


class Judged(BaseModel):
    """The suite's result for one: the status of each requirement, and every status seen if it was
    not the same in every run."""

    model_config = ConfigDict(extra="forbid")

    name: str
    launch: str
    options: str = ""
    about: str = ""
    suite: str
    verdict: Verdict
    statuses: dict[str, str]
    varies: dict[str, list[str]]

    def seen(self, id_: str) -> set[str]:
        """Return every status that a requirement had in some run."""
        return {*self.varies.get(id_, ()), *filter(None, [self.statuses.get(id_)])}


def listed() -> list[Listed]:
    whole = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [Listed.model_validate(one) for one in whole["implementation"]]


def stored() -> list[Judged]:
    if not STORE.exists():
        return []
    kept = json.loads(STORE.read_text(encoding="utf-8"))
    return [Judged.model_validate(one) for one in kept["implementations"]]


def stored_clients() -> list[Judged]:
    if not CLIENTS.exists():
        return []
    kept = json.loads(CLIENTS.read_text(encoding="utf-8"))
    return [Judged.model_validate(one) for one in kept["clients"]]


def judge(one: Listed, rounds: int, jobs: int) -> Judged:
    """Run the whole suite against one, this many times; without jobs, take the reports that are
    there."""
    if jobs:
        for number in range(1, rounds + 1):
            _run(one, number, jobs)
    reports = [load_report(_path(one, number)) for number in range(1, rounds + 1)]
    if any(report.interrupted for report in reports):
        raise SystemExit(f"{one.name}: a run was interrupted, so nothing is written")
    found = [{each.id: each.status for each in report.requirements} for report in reports]
    seen = {id_: {statuses[id_] for statuses in found} for id_ in found[0]}
    broken = any(report.verdict is Verdict.NON_CONFORMANT for report in reports)
    return Judged(
        name=one.name,
        launch=one.launch,
        suite=reports[0].suite,
        verdict=Verdict.NON_CONFORMANT if broken else reports[0].verdict,
        statuses={id_: min(few, key=_WORST.index) for id_, few in seen.items()},
        varies={id_: sorted(few) for id_, few in seen.items() if len(few) > 1},
    )


def _path(one: Listed, number: int) -> Path:
    return REPORTS / f"{one.name.replace(' ', '-')}.{number}.json"


def _run(one: Listed, number: int, jobs: int) -> None:
    REPORTS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "conformance", "run", "--quiet", "--launch", one.launch]
    command += ["--isolate", "-j", str(jobs), "--json", str(_path(one, number))]
    command += ["--time-limit", "900"]  # a server for each scenario, since the machine may be busy
    done = subprocess.run(command, cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE)
    if done.returncode not in _DONE:
        raise SystemExit(f"{one.name}: the suite ended with status {done.returncode}")
    last = done.stdout.strip().rpartition("\n")[2]
    _say(f"{one.name}, run {number}: {last or 'conformant'}")


def comparison(judged: Sequence[Judged]) -> Comparison:
    """Return the stored results as reports, side by side."""
    return compare([_report(one) for one in judged])


def _report(one: Judged) -> Report:
    """Return the stored result of one as a report. A client without the protocol was not asked for
    what it is not judged by."""
    known = requirements()
    return Report(
        suite=one.suite,
        target=one.launch,
        name=one.name,
        seed=0,
        duration_s=0.0,
        verdict=one.verdict,
        requirements=[
            RequirementReport.model_validate(
                {
                    "id": id_,
                    "level": known[id_].level,
                    "kind": known[id_].kind,
                    "title": known[id_].title,
                    "status": status,
                    "exercised": 0,
                    "scenarios": [],
                    "reason": "not-selected" if status == "skip" and one.options else None,
                }
            )
            for id_, status in one.statuses.items()
        ],
        scenarios=[],
    )


def page(judged: Sequence[Judged], known: Sequence[Listed], clients: Sequence[Judged] = ()) -> str:
    """The page of docs/."""
    whole = comparison(judged)
    about = {one.name: one for one in known}
    intro = INTRO.format(suite=__version__, protocol=PROTOCOL, count=len(whole.rows))
    lines = [
        intro,
        *(f"- **{one.name}**: {about[one.name].about}; `{one.launch}`" for one in judged),
        "",
        *verdicts(whole),
        "",
        SECTIONS,
        *by_section(whole),
        "",
        *matrix(whole),
        "",
    ]
    if varying := [f"{one.name}: {', '.join(one.varies)}" for one in judged if one.varies]:
        lines.append(VARYING.format(cells="; ".join(varying)))
    if clients:
        of_clients = comparison(clients)
        lines += [
            ABOUT_CLIENTS.format(count=len(of_clients.rows)),
            *(
                f"- **{one.name}**: {one.about}; `{one.launch}` {one.options}".rstrip()
                for one in clients
            ),
            "",
            *verdicts(of_clients),
            "",
            *matrix(of_clients),
            "",
        ]
    return "\n".join(lines)


def by_section(whole: Comparison) -> Iterator[str]:
    """Yield the lines of a table: a row an implementation, a column a section."""
    names = sections(whole.rows)
    yield f"| | {' | '.join(name.upper() for name in names)} | verdict |"
    yield f"|---|{'---|' * len(names)}---|"
    for index, one in enumerate(whole.implementations):
        cells = (
            _section([row.cells[index].status for row in whole.rows if row.section == name])
            for name in names
        )
        yield f"| {one.label} | {' | '.join(cells)} | {one.report.verdict} |"


def _section(statuses: Sequence[Status]) -> str:
    broken = sum(status in (Status.FAIL, Status.SHOULD_FAIL) for status in statuses)
    if broken:
        return f"✗ {broken}"
    untold = any(status in (Status.UNKNOWN, Status.NOT_EXERCISED) for status in statuses)
    return "?" if untold else "✓"


def differences(before: Sequence[Judged], now: Sequence[Judged]) -> Iterator[str]:
    """Yield where two results differ: in the list, or in a cell, if no run showed the other's
    status."""
    was = {one.name: one for one in before}
    for one in now:
        old = was.get(one.name)
        if old is None:
            yield f"{one.name}: it is not on the page"
            continue
        if old.suite != one.suite:
            yield f"{one.name}: the page is of suite {old.suite}, this is {one.suite}"
        for id_ in sorted(old.statuses.keys() | one.statuses.keys()):
            if old.seen(id_).isdisjoint(one.seen(id_)):
                here, then = (" or ".join(sorted(each.seen(id_))) for each in (one, old))
                yield f"{one.name}: {id_} is {here}, the page says {then}"


def stale(report: Report, found: Matrix) -> Iterator[str]:
    """Yield where the pages differ from a report on the reference server, and from the matrix of
    the specimens, some of which are on the pages: of those, only what shows in every run is
    compared."""
    rows = {row.name: row for row in found.specimens}
    for one in stored():
        words = shlex.split(one.launch)
        if one.launch.startswith("chatproto-server"):
            now = {each.id: each.status for each in report.requirements}
            yield from differences([one], [one.model_copy(update={"statuses": now})])
        elif "conformance.specimens" in words:
            row = rows[words[words.index("conformance.specimens") + 1]]
            for id_ in row.breaks:
                here = "fail" if id_ in row.found else "pass"
                if here not in one.seen(id_):
                    yield f"{one.name}: {id_} is {here}, the page says {one.statuses[id_]}"


def _write(judged: Sequence[Judged], known: Sequence[Listed]) -> None:
    order = {one.name: place for place, one in enumerate(known)}
    fresh = {one.name: one for one in (*stored(), *judged) if one.name in order}
    everyone = sorted(fresh.values(), key=lambda one: order[one.name])
    dumped = [one.model_dump(mode="json") for one in everyone]
    keep(STORE, {"implementations": dumped}, "make implementations")
    draw()


def draw() -> None:
    """Write the page from the stored results."""
    PAGE.write_text(page(stored(), listed(), stored_clients()), encoding="utf-8")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _tell(differing: Iterable[str]) -> int:
    """Print the differences; return 1 if there are any."""
    said = list(differing)
    for line in said:
        _say(line)
    _say(f"{len(said)} differences")
    return 1 if said else 0


def main() -> int:
    """Judge, and write or compare; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="whom to judge; all, where none is named")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    parser.add_argument("--draw", action="store_true", help="judge nobody, draw the pages")
    parser.add_argument("--kept", action="store_true", help="take the reports of the last time")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each")
    parser.add_argument("--jobs", type=int, default=4, help="scenarios at a time")
    parser.add_argument(
        "--against",
        nargs=2,
        type=Path,
        metavar=("REPORT", "MATRIX"),
        help="judge nobody, say where the pages differ from these",
    )
    asked = parser.parse_args()
    if asked.draw:
        draw()
        return 0
    if asked.against:
        return _tell(stale(load_report(asked.against[0]), read_matrix(asked.against[1])))
    known = listed()
    if unknown := set(asked.names) - {one.name for one in known}:
        parser.error(f"not in {LIST.name}: {', '.join(sorted(unknown))}")
    chosen = [one for one in known if not asked.names or one.name in asked.names]
    judged = [judge(one, asked.rounds, 0 if asked.kept else asked.jobs) for one in chosen]
    drawn = compare([load_report(_path(one, 1)) for one in chosen], [one.name for one in chosen])
    (REPORTS / "implementations.html").write_text(render_page(drawn), encoding="utf-8")
    if asked.check:
        return _tell(differences(stored(), judged))
    _write(judged, known)
    return 0


if __name__ == "__main__":
    sys.exit(main())
