"""Judge broken clusters with the suite, and a correct one: each is caught, or let pass."""

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conformance.report.model import Report
from tests.clustered_server.engines import free_ports

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
    """A cluster with one fault in it, as `tests.cluster.broken` names it, and options for its log;
    the scenarios before which it is put, and what is found: one of `breaks`, or nothing."""

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


def judge(specimen: Specimen, directory: Path) -> tuple[str, Report]:
    """Run the suite against a specimen: what it printed, and its report."""
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    return said, Report.model_validate_json(report.read_text())


def is_as_it_should_be(specimen: Specimen, report: Report) -> bool:
    """Whether what was found is one of what the specimen breaks, or nothing where it is correct."""
    found = {one.id for one in report.requirements if one.status == "fail"}
    if specimen.breaks:
        return bool(found & set(specimen.breaks))
    return not found and all(
        one.status == "pass" for one in report.scenarios if one.id in specimen.scenarios
    )


def _line(specimen: Specimen) -> tuple[bool, str]:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chatproto-") as name:
        said, report = judge(specimen, Path(name))
    right = is_as_it_should_be(specimen, report)
    found = " ".join(one.id for one in report.requirements if one.status == "fail") or "nothing"
    wanted = f", not {' or '.join(specimen.breaks) or 'nothing'}\n{said}"
    took = time.monotonic() - began
    return right, f"{specimen.fault:34} {found}{'' if right else wanted}  {took:.0f} s"


def main() -> int:
    """0 where each is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="faults to judge (default: all)")
    parser.add_argument("--rounds", type=int, help="judge a correct cluster so many times")
    parser.add_argument("-j", "--jobs", type=int, default=3, help="clusters at once")
    options = parser.parse_args()
    chosen = [one for one in SPECIMENS if not options.names or one.fault in options.names]
    if options.rounds:
        chosen = [SPECIMENS[0]] * options.rounds
    failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for right, line in pool.map(_line, chosen):
            failed += not right
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
