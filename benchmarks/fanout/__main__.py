"""`make bench`: the reference server beside its peers, in one run, as one table and as JSON."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.fanout import table
from benchmarks.fanout.cores import choose_cores, describe
from benchmarks.fanout.generator import build
from benchmarks.fanout.results import Results, load_results
from benchmarks.fanout.run import Bench, run
from benchmarks.fanout.servers import SERVERS, MissingError, Ready, Server, prepare
from benchmarks.fanout.workloads import GROUPS, WORKLOADS, Workload

QUICK: Final = 0.3
"""Seconds a quick round measures."""

EPILOG: Final = """\
examples:
  python -m benchmarks.fanout
      everything: about a quarter of an hour on a calm machine, never much longer
  python -m benchmarks.fanout --only W1,W3 --servers reference,go --rounds 9
      two workloads, two servers, more rounds
  python -m benchmarks.fanout --quick --only W1
      to see that it works: short rounds, three of them
  python -m benchmarks.fanout --table benchmarks/results/fanout.json
      no run; the table of an earlier one

The server has one core to itself, the load generator another. A round in which others had more
than a twentieth of either is taken again, up to --attempts times; what stays disturbed is marked.
The ratio to Go is taken within each round; so is that of deliveries a second of the server's CPU
time, the one to look at where others kept disturbing. A row in which a message was lost, doubled,
altered or out of its sender's order is void. Servers whose compiler or program is not installed
are named.
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.table:
        return _show(load_results(options.table), options.markdown)
    compiler = shutil.which("cc") or shutil.which("gcc")
    wanting = [
        what
        for what, is_there in (
            ("a C compiler (gcc) for the load generator", compiler),
            ("Linux, for pinning and for what others do meanwhile", sys.platform == "linux"),
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
    results = Results(machine=describe())
    folder.chmod(0o755)  # ngIRCd reads its settings as nobody
    bench = Bench(build(compiler, folder), folder, choose_cores(), options.attempts)
    ready: list[Ready] = []
    for server in options.servers:
        try:
            ready.append(prepare(server, folder))
            results.versions[server.name] = ready[-1].version
        except MissingError as error:
            results.missing[server.name] = str(error)
            print(f"not measured: {server.name}: wants {error}", file=sys.stderr)
    workloads = [each.lasting(QUICK) if options.quick else each for each in options.only]
    rounds = options.rounds or (3 if options.quick else 5)
    results.notes.append(f"{rounds} rounds, each taken up to {options.attempts} times")
    run(bench, ready, workloads, rounds, options.minutes, results, _tell)
    print(file=sys.stderr)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(results.to_json(), encoding="utf-8")
    return _show(results, options.markdown)


def _show(results: Results, as_markdown: bool) -> int:
    if as_markdown:
        print(*table.markdown(results), sep="\n")
        return 0
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    print(machine, *table.lines(results), sep="\n")
    return 1 if any(row.void for row in results.rows if row.server == "reference") else 0


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
        "--minutes",
        type=float,
        default=15.0,
        metavar="M",
        help="begin nothing after that long (default: 15)",
    )
    add("--json", type=Path, metavar="FILE", help="write every figure of every round")
    add("--markdown", action="store_true", help="show the medians as a Markdown table instead")
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
