"""A kept run: its files in `evidence/benchmarks/`, and the parts of pages that are made of them.

`python -m benchmarks.fanout.pages` writes those parts again. With `--keep-fanout FILE` it first
takes FILE, the JSON of a new run, in place of the one that was kept.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.fanout.figures import best_peer, by_cpu_time, main_figure, ratio_to_best
from benchmarks.fanout.results import Results, Row, load_results, merge
from benchmarks.fanout.servers import LIMIT, REFERENCE, SERVERS
from benchmarks.fanout.table import MARKS, marks
from benchmarks.fanout.targets import judge
from benchmarks.fanout.workloads import WORKLOADS, Workload
from tests.evidence import ROOT

KEPT: Final = ROOT / "evidence" / "benchmarks"
FANOUT: Final = KEPT / "fanout.json"
PYTHONS: Final = KEPT / "pythons.json"


def pages() -> dict[Path, str]:
    """Every page that shows a kept run, as it should be."""
    fanout, pythons = load_results(FANOUT), load_results(PYTHONS)
    parts = {
        ROOT / "docs" / "speed.md": {"make bench": headline(fanout)},
        ROOT / "benchmarks" / "README.md": {
            "targets": targets(fanout),
            "every server": every_server(fanout),
            "pythons": interpreters(pythons),
            "origin": origin(fanout),
        },
    }
    return {page: _filled(page, blocks) for page, blocks in parts.items()}


def headline(results: Results) -> Iterator[str]:
    """The reference server beside the best peer of each workload."""
    yield "| | reference server | best peer | ratio | CPU time | to the log in C |"
    yield "|---|---:|---|---:|---:|---:|"
    shown: list[Row] = []
    for on in WORKLOADS:
        row, best = results.find(on.id, REFERENCE), best_peer(results, on)
        ratio = ratio_to_best(results, on, row) if row else None
        if row is None or best is None or ratio is None:
            continue
        by_time = None if on.is_less_better else ratio_to_best(results, on, row, by_cpu_time)
        limit = results.ratio(row, results.find(on.id, LIMIT), main_figure(on))
        cells = [
            f"{on.id}: {on.title}",
            _cell(on, row),
            f"{_TITLES[best.server]}: {_cell(on, best)}",
            f"**{ratio.middle:.2f}**",
            f"{by_time.middle:.2f}" if by_time else "",
            f"{limit.middle:.2f}" if limit else "",
        ]
        shown += [row, best]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield from _explained(shown)


def every_server(results: Results) -> Iterator[str]:
    """Medians: a line a server, a column a workload; the best peer of each is bold."""
    columns = [on for on in WORKLOADS if any(row.workload == on.id for row in results.rows)]
    best = {on.id: best_peer(results, on) for on in columns}
    yield f"| | {' | '.join(on.id for on in columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for server in SERVERS:
        rows = [(on, results.find(on.id, server.name)) for on in columns]
        cells = [
            "" if row is None else f"**{_cell(on, row)}**" if row is best[on.id] else _cell(on, row)
            for on, row in rows
        ]
        if any(cells):
            yield f"| {server.title} | {' | '.join(cells)} |"
    yield ""
    yield from _explained(results.rows)
    yield from (f"Not measured: {name} wants {what}.  " for name, what in results.missing.items())


def _explained(rows: list[Row]) -> Iterator[str]:
    """The marks that these rows have."""
    used = {mark[-1] for row in rows for mark in marks(row)}
    yield from (f"{mark}: {text}.  " for mark, text in MARKS.items() if mark in used)


def targets(results: Results) -> Iterator[str]:
    """Each target, met or missed."""
    yield "| target | median | least to most | |"
    yield "|---|---:|---:|---|"
    for verdict in judge(results):
        measured = verdict.measured
        target = verdict.target + (
            f" ({_TITLES[verdict.beside]})" if verdict.beside not in ("", REFERENCE, LIMIT) else ""
        )
        if measured is None:
            yield f"| {target} | | | not measured |"
        else:
            spread = f"{measured.least:.2f} to {measured.greatest:.2f}"
            outcome = "met" if verdict.is_met else "**missed**"
            yield f"| {target} | {measured.middle:.2f} | {spread} | {outcome} |"


def interpreters(results: Results) -> Iterator[str]:
    """The reference server under each interpreter, and the ratio to the first of them."""
    first, *others = dict.fromkeys(row.server for row in results.rows)
    beside = "".join(f" {results.versions[name]} | ratio | CPU time |" for name in others)
    yield f"| | {results.versions[first]} |{beside}"
    yield f"|---|---:|{'---:|' * 3 * len(others)}"
    for on in WORKLOADS:
        base = results.find(on.id, first)
        if base is None:
            continue
        cells = [f"{on.id}: {on.measures}", _cell(on, base)]
        for row in (results.find(on.id, name) for name in others):
            ratio = results.ratio(row, base, main_figure(on))
            by_time = None if on.is_less_better else results.ratio(row, base, by_cpu_time)
            cells += [
                _cell(on, row) if row else "",
                f"{ratio.middle:.2f}" if ratio else "",
                f"{by_time.middle:.2f}" if by_time else "",
            ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield from _origin(results)
    yield from (f"Not measured: {name} wants {what}.  " for name, what in results.missing.items())


def origin(results: Results) -> Iterator[str]:
    """What was measured, where, and how."""
    yield from _origin(results)
    versions = (f"{_TITLES[name]}: {version}" for name, version in results.versions.items())
    yield f"{'; '.join([*versions, *results.notes])}."


def _origin(results: Results) -> Iterator[str]:
    machine, made = results.machine, results.made
    yield (
        f"Commit {made['commit']}, {made['date']}, `{made['command']}`, on {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['kernel']}; "
        f"load average at the start {machine['load_average']}."
    )


_TITLES: Final = {server.name: server.title for server in SERVERS}


def _cell(on: Workload, row: Row) -> str:
    spread = row.spread(main_figure(on))
    if spread is None:
        return "void"
    unit = {"p99 µs": " µs", "KB a member": " KB"}.get(on.measures, "")
    return " ".join([f"{_short(spread.middle)}{unit}", *marks(row)])


def _short(value: float) -> str:
    if value >= 999_500:
        return f"{value / 1e6:.2f} M"
    if value >= 9_999.5:
        return f"{value / 1e3:.0f} k"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _filled(page: Path, blocks: dict[str, Iterator[str]]) -> str:
    text = page.read_text(encoding="utf-8")
    for name, block in blocks.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, found, rest = text.partition(begin)
        if not found or end not in rest:
            raise ValueError(f"{page.name} has no part between {begin.strip()} and {end}")
        text = before + begin + "".join(f"{line}\n" for line in block) + end
        text += rest.partition(end)[2]
    return text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fanout.pages",
        description="Write the parts of pages that show the kept runs.",
    )
    add = parser.add_argument
    help_ = "first keep this run of {}; several that were made of one commit, part by part"
    add("--keep-fanout", type=Path, nargs="+", metavar="FILE", help=help_.format("all servers"))
    add("--keep-pythons", type=Path, nargs="+", metavar="FILE", help=help_.format("interpreters"))
    options = parser.parse_args(arguments)
    for new, kept in (options.keep_fanout, FANOUT), (options.keep_pythons, PYTHONS):
        if new is not None:
            run = merge([load_results(path) for path in new])
            if run.made.get("commit", "+").endswith("+"):
                parser.error(f"{new[0]} is not of one commit; commit, then measure")
            kept.write_text(run.to_json(), encoding="utf-8")
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
