"""`make bench`: the reference server beside its peers, in one run, as one table and as JSON."""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.fanout import table
from benchmarks.fanout.cores import choose_cores, describe
from benchmarks.fanout.generator import build
from benchmarks.fanout.results import Results, load_results
from benchmarks.fanout.run import Bench, run
from benchmarks.fanout.servers import (
    REFERENCE,
    SERVERS,
    MissingError,
    Ready,
    Server,
    identity,
    prepare,
    reference_under,
)
from benchmarks.fanout.workloads import GROUPS, WORKLOADS, Workload
from tests.evidence import made

QUICK: Final = 0.3
"""Seconds a quick round measures."""

EPILOG: Final = """\
examples:
  python -m benchmarks.fanout
      everything: 20 minutes at most
  python -m benchmarks.fanout --only W1,W3 --servers reference,go --rounds 9
      two workloads, two servers, more rounds
  python -m benchmarks.fanout --quick --only W1
      to see that it works: short rounds, three of them
  python -m benchmarks.fanout --servers reference --pythons python3.13 python3.13t
      the reference server under this interpreter and under others
  python -m benchmarks.fanout --table evidence/benchmarks/fanout.json
      no run; the table of an earlier one

The server has one core to itself, the load generator another. If other processes take more than a
twentieth of either core, the round is repeated, up to --attempts times; what stays disturbed is
marked. "x best" is the ratio to the best peer of the workload, "x C" that to a log in C, which
shows what the design allows; both are taken within each round. Deliveries a second of the server's
CPU time depend less on other processes. A row is void if a message was lost, doubled, altered or
out of its sender's order. Servers whose compiler or program is not installed are named.
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.table:
        return _show(load_results(options.table))
    compiler = shutil.which("cc") or shutil.which("gcc")
    wanting = [
        what
        for what, is_there in (
            ("a C compiler (gcc) for the load generator", compiler),
            ("Linux, for pinning and for what others do meanwhile", sys.platform == "linux"),
            ("root, for --first", not options.first or os.geteuid() == 0),
            ("two cores", sys.platform == "linux" and len(os.sched_getaffinity(0)) >= 2),
        )
        if not is_there
    ]
    if wanting or compiler is None:
        print(f"cannot measure here: it takes {', and '.join(wanting)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="chatproto-bench-") as name:
        return _measure(options, compiler, Path(name))


def _measure(options: argparse.Namespace, compiler: str, folder: Path) -> int:
    results = Results(made(shlex.join(["python", "-m", *sys.orig_argv[2:]])), describe())
    folder.chmod(0o755)  # ngIRCd reads its settings as nobody
    bench = Bench(build(compiler, folder), folder, choose_cores(options.first), options.attempts)
    ready: list[Ready] = []
    for server in [*options.servers, *_variants(options.pythons, results)]:
        try:
            ready.append(prepare(server, folder))
            results.versions[server.name] = ready[-1].version
        except MissingError as error:
            results.missing[server.name] = str(error)
    for name, what in results.missing.items():
        print(f"not measured: {name}: wants {what}", file=sys.stderr)
    workloads = [each.lasting(QUICK) if options.quick else each for each in options.only]
    rounds = options.rounds or (3 if options.quick else 5)
    results.notes.append(f"{rounds} rounds, each taken up to {options.attempts} times")
    run(bench, ready, workloads, rounds, options.minutes, results, _tell)
    print(file=sys.stderr)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(results.to_json(), encoding="utf-8")
    return _show(results)


def _variants(interpreters: list[str], results: Results) -> Iterator[Server]:
    """The reference server under each interpreter that is not this one."""
    seen = {identity(sys.executable)}
    for interpreter in interpreters:
        try:
            version = identity(interpreter)
        except MissingError as error:
            results.missing[interpreter] = str(error)
            continue
        if version not in seen:
            yield reference_under(interpreter, version)
        seen.add(version)


def _show(results: Results) -> int:
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    print(*results.made.values())
    print(machine, *table.lines(results), sep="\n")
    return 1 if any(row.void for row in results.rows if row.server == REFERENCE) else 0


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text:60}", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fanout",
        description="Measure fan-out: the reference server beside its peers, in one run.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--only",
        type=_workloads,
        default=list(WORKLOADS),
        metavar="W1,W3",
        help=f"workloads, of {', '.join(GROUPS)} (default: all)",
    )
    add(
        "--servers",
        type=_servers,
        default=list(SERVERS),
        metavar="NAME,NAME",
        help=f"servers, of {', '.join(server.name for server in SERVERS)} (default: all)",
    )
    add(
        "--pythons",
        nargs="+",
        default=[],
        metavar="PROGRAM",
        help="measure the reference server under these interpreters too",
    )
    add("--rounds", type=_positive, metavar="N", help="rounds of everything (default: 5)")
    add(
        "--attempts",
        type=_positive,
        default=3,
        metavar="N",
        help="how often a round is taken while others disturb it (default: 3)",
    )
    add("--quick", action="store_true", help="short rounds, and 3 of them")
    add(
        "--first",
        action="store_true",
        help="let the server and the generator go ahead of all other processes (takes root)",
    )
    add(
        "--minutes",
        type=float,
        default=20.0,
        metavar="M",
        help="begin nothing after that long (default: 20)",
    )
    add("--json", type=Path, metavar="FILE", help="write every figure of every round")
    add("--table", type=Path, metavar="FILE", help="show the table of an earlier run's JSON")
    return parser


def _workloads(given: str) -> list[Workload]:
    names = given.split(",")
    known = {each.id for each in WORKLOADS} | set(GROUPS)
    _check(names, known, "workload")
    return [each for each in WORKLOADS if {each.id, each.group} & set(names)]


def _servers(given: str) -> list[Server]:
    names = given.split(",")
    _check(names, {server.name for server in SERVERS}, "server")
    return [server for server in SERVERS if server.name in names]


def _check(names: list[str], known: set[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"no such {what}: {name!r}; there are {', '.join(sorted(known))}"
            )


def _positive(given: str) -> int:
    if not given.isdigit() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"not a number: {given!r}; write 1 or more")
    return int(given)


if __name__ == "__main__":
    sys.exit(main())
