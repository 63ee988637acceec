"""Judge broken clusters with the suite, and a correct one: each is caught, or let pass.

With `--rounds`, a correct cluster is judged so many times, faults and all. What came of each run
is kept in a record of one commit, accusations and all: a soak that was broken off goes on where it
was. What a run that is not as it should be wrote is kept in reports/clusters.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conformance.report.comparison import load_report
from conformance.report.model import Report
from tests.clustered_server.engines import free_ports
from tests.evidence import commit
from tests.soak import Record

ROOM: Final = "clu/all-nodes-are-one-room"
KILLED: Final = "clu/a-node-is-killed"
PAUSED: Final = "clu/a-node-is-paused"
REPLACED: Final = "clu/a-node-is-replaced"
CUT_OFF: Final = "clu/a-node-is-cut-off"
LOG_FAILS: Final = "clu/the-log-fails"
RETAINED: Final = "--retain 40"
"""Entries kept where nodes are to fall behind: fewer than are written while one is paused."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """A cluster with one fault, named as in `tests.cluster.broken`, and options for its log; the
    scenarios that it is judged by, and what is found: one of `breaks`, or nothing."""

    fault: str
    scenarios: tuple[str, ...]
    breaks: tuple[str, ...]
    is_unix: bool = False
    log: str = ""


SPECIMENS: Final = (
    Specimen("none", (ROOM, KILLED, PAUSED, REPLACED, CUT_OFF, LOG_FAILS), ()),
    Specimen("none", (PAUSED,), (), log=RETAINED),
    Specimen("none", (ROOM,), (), is_unix=True),
    Specimen("shows-words-before-commit", (ROOM,), ("ROOM-3",)),
    Specimen("doubles-an-entry-on-retry", (ROOM,), ("ROOM-2",), log="--forgets 0.1"),
    Specimen("loses-its-tail", (LOG_FAILS,), ("CLU-4",), log="--loses"),
    Specimen("orders-by-node", (ROOM,), ("ROOM-3",)),
    Specimen("joiner-misses-what-is-under-way", (ROOM,), ("ROOM-2",)),
    Specimen("leaver-goes-before-commit", (ROOM,), ("QUIT-3",)),
    Specimen("two-are-unix-1", (ROOM,), ("CLU-2",), is_unix=True),
    Specimen("passes-over-a-gap", (PAUSED,), ("CLU-4",), log=RETAINED),
    Specimen("serves-though-replaced", (REPLACED,), ("CLU-4",)),
)


SOAKED: Final = ("conformance", "chatproto", "reference_server", "clustered_server")
KEPT: Final = Path("reports/clusters")
TIME_LIMIT: Final = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the suite printed, its report if it wrote one, and how long it took."""

    specimen: Specimen
    said: str
    report: Report | None
    seconds: float

    @property
    def findings(self) -> list[str]:
        """Return what the suite accused the cluster of, in words."""
        results = self.report.scenarios if self.report else []
        found = [one for result in results for one in result.findings]
        return [f"{one.requirement}: {one.actual}" for one in found if one.outcome == "fail"]

    @property
    def broken(self) -> set[str]:
        """The requirements that were found broken."""
        every = self.report.requirements if self.report else []
        return {one.id for one in every if one.status == "fail"}

    @property
    def is_right(self) -> bool:
        """Whether the suite found one of what the specimen breaks; or, if the cluster is correct,
        nothing, and every scenario passed."""
        if self.specimen.breaks:
            return bool(self.broken & set(self.specimen.breaks))
        statuses = {one.id: one.status for one in self.report.scenarios} if self.report else {}
        played = all(statuses.get(each) == "pass" for each in self.specimen.scenarios)
        return played and not self.broken

    @property
    def word(self) -> str:
        """The result of judging a correct cluster."""
        if self.is_right:
            return "conformant"
        return "accused" if self.findings else "incomplete"

    def __str__(self) -> str:
        found = " ".join(sorted(self.broken)) or ("nothing" if self.report else "no report")
        line = f"{self.specimen.fault:34} {found}"
        if not self.is_right:
            line += f", not {' or '.join(self.specimen.breaks) or 'nothing'}\n{self.said}"
        return f"{line}  {self.seconds:.0f} s"


def judge(specimen: Specimen) -> Run:
    """Run the suite against a specimen; keep its output if the result is wrong."""
    with tempfile.TemporaryDirectory(prefix="chatproto-") as name:
        run = _judge(specimen, Path(name))
        if not run.is_right:
            Path(name, "said.txt").write_text(run.said, encoding="utf-8")
            kept = KEPT / f"{specimen.fault}-{Path(name).name}"
            shutil.copytree(name, kept, ignore=shutil.ignore_patterns("a", "b", "c"))
            run = Run(specimen, f"{run.said}kept in {kept}\n", run.report, run.seconds)
    return run


def _judge(specimen: Specimen, directory: Path) -> Run:
    began = time.monotonic()
    [port] = free_ports(1)
    python = shlex.quote(sys.executable)
    log = f"{python} -m tests.cluster_specimens.log {port}"
    profile = directory / "profile.toml"
    profile.write_text(f"""
name = "{specimen.fault}"

[launch]
command = '''{python} -m tests.cluster_specimens.node {specimen.fault}
             --node {{node}} --listen {{address}} --log {{log}}'''

[cluster]
before = "{log} {specimen.log}"
log = "127.0.0.1:{port}"

[[cluster.fault]]
name = "leader-lost"
inject = "{log} --tell lose-leader"
heal = "{log} --tell back"
seconds = 2

[[cluster.fault]]
name = "log-away"
inject = "{log} --tell away"
heal = "{log} --tell back"
""")
    report = directory / "report.json"
    command = [sys.executable, "-m", "conformance", "run", "--profile", str(profile)]
    command += ["--only", ",".join(specimen.scenarios), "--json", str(report)]
    command += ["--transcripts", str(directory)]
    if specimen.is_unix:
        command += [f"unix:{directory}/{node}" for node in "abc"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False
        )
        said = done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        said = f"it did not end within {TIME_LIMIT:g} s\n"
    read = load_report(report) if report.exists() else None
    return Run(specimen, said, read, time.monotonic() - began)


def _soak(rounds: int, jobs: int, path: Path) -> int:
    """Judge a correct cluster until the record has this many runs; 0 if it was never accused and
    every run was complete."""
    specimen = SPECIMENS[0]
    record = Record.read(path, commit(*SOAKED), "make clusters-soak")
    came = record.came["a correct cluster"]
    with ThreadPoolExecutor(jobs) as pool:
        for done in as_completed(pool.submit(judge, specimen) for _ in range(came.total(), rounds)):
            run = done.result()
            record.add("a correct cluster", run.word, run.findings)
            _say(f"{came.total()}/{rounds} {run}")
    _say(", ".join(f"{number} {word}" for word, number in came.items()))
    return 0 if came["conformant"] == came.total() else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Return 0 if each result is right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="faults to judge (default: all)")
    parser.add_argument("--rounds", type=int, help="judge a correct cluster so many times")
    parser.add_argument("--record", type=Path, help="the runs that are in it count")
    parser.add_argument("-j", "--jobs", type=int, default=3, help="clusters at once")
    options = parser.parse_args()
    if options.rounds:
        if options.record is None:
            parser.error("--rounds needs --record")
        return _soak(options.rounds, options.jobs, options.record)
    chosen = [one for one in SPECIMENS if not options.names or one.fault in options.names]
    failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for run in pool.map(judge, chosen):
            failed += not run.is_right
            _say(str(run))
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
