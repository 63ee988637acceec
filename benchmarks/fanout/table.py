"""The table: a block a workload, a line a server, the marks explained where there are any."""

from collections.abc import Iterator
from typing import Final

from benchmarks.fanout.results import Figure, Results, Row, Spread
from benchmarks.fanout.servers import SERVERS
from benchmarks.fanout.targets import (
    accepting,
    by_cpu_time,
    deliveries,
    judge,
    memory,
    slowest_hundredth,
)
from benchmarks.fanout.workloads import WORKLOADS, Workload

BASE: Final = "go"
MARKS: Final = {
    "G": "the generator was the limit, not the server",
    "D": "others had more than a twentieth of a core in that many rounds, at every attempt",
    "O": "members saw the messages in different orders (which chatproto/1 forbids)",
}
_HEAD: Final = (
    f"{'':18}{'least':>11}{'median':>11}{'greatest':>11}{'x go':>8}{'least':>8}{'most':>8}"
    f"{'a CPU s':>12}{'x go':>7}{'server':>8}{'load':>6}  marks"
)


def lines(results: Results) -> Iterator[str]:
    """The whole report, for a wide terminal."""
    for workload in WORKLOADS:
        rows = [row for row in results.rows if row.workload == workload.id]
        if rows:
            yield f"{workload.id}  {workload.title}: {workload.measures}"
            yield _HEAD
            rows.sort(key=lambda row: _ORDER[row.server])
            yield from (_line(results, workload, row) for row in rows)
            yield ""
    used = {mark for row in results.rows for mark in _marks(row).split() for mark in mark[-1:]}
    yield from (f"{mark}  {text}" for mark, text in MARKS.items() if mark in used)
    yield from (f"not measured: {name}: wants {what}" for name, what in results.missing.items())
    yield from (f"note: {note}" for note in results.notes)
    yield ""
    yield from _verdicts(results)


def markdown(results: Results) -> Iterator[str]:
    """Medians for a README: a line a server, a column a workload, the ratio to Go in brackets.

    Deliveries are those a second of the server's own CPU time: a reader compares servers, and
    has no column for how busy the machine was.
    """
    columns = [each for each in WORKLOADS if any(row.workload == each.id for row in results.rows)]
    yield f"| | {' | '.join(each.id for each in columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for server in SERVERS:
        cells = [_cell(results, workload, server.name) for workload in columns]
        if any(cells):
            yield f"| {server.title} | {' | '.join(cells)} |"


_ORDER: Final = {server.name: index for index, server in enumerate(SERVERS)}


def _figure(workload: Workload, row: Row) -> Spread | None:
    return row.spread(_measure(workload))


def _measure(workload: Workload) -> Figure:
    if workload.is_idle:
        return memory
    return slowest_hundredth if workload.rate else deliveries


def _line(results: Results, workload: Workload, row: Row) -> str:
    spread = _figure(workload, row)
    if spread is None:
        return f"  {row.server:16}void: {row.void[:80]}"
    ratio = results.ratio(row, results.find(workload.id, BASE), _measure(workload))
    beside = f"{ratio.middle:>8.2f}{ratio.least:>8.2f}{ratio.greatest:>8.2f}" if ratio else " " * 24
    server = row.spread(lambda each: each.load.server_cpu / each.load.seconds if each.load else 0)
    load = row.spread(lambda each: each.load.generator_cpu / each.load.seconds if each.load else 0)
    shares = f"{server.middle:>8.0%}{load.middle:>6.0%}" if server and load else " " * 14
    asides = f"{_marks(row)}{_aside(workload, row)}"
    return (
        f"  {row.server:16}{_number(spread.least):>11}{_number(spread.middle):>11}"
        f"{_number(spread.greatest):>11}{beside}"
        f"{_by_time(results, workload, row)}{shares}  {asides}"
    )


def _by_time(results: Results, workload: Workload, row: Row) -> str:
    spread = row.spread(by_cpu_time)
    if workload.measures != "deliveries/s" or spread is None:
        return " " * 19
    ratio = results.ratio(row, results.find(workload.id, BASE), by_cpu_time)
    return f"{_number(spread.middle):>12}" + (f"{ratio.middle:>7.2f}" if ratio else " " * 7)


def _aside(workload: Workload, row: Row) -> str:
    if workload.is_idle:
        accepted = row.spread(accepting)
        threads = row.spread(lambda each: each.threads_a_member)
        assert accepted is not None
        assert threads is not None
        return f" all in {accepted.middle:.2f} s, {threads.middle:.1f} threads each"
    if workload.rate:
        quantiles = [
            row.spread(lambda each: each.load.p50_us if each.load else 0),
            row.spread(lambda each: each.load.p999_us if each.load else 0),
        ]
        return " p50 {}, p99.9 {}".format(*(_number(each.middle) for each in quantiles if each))
    return ""


def _marks(row: Row) -> str:
    loads = [each.load for each in row.rounds if each.load]
    disturbed = sum(each.is_disturbed for each in row.rounds)
    marks = ["G"] * any(load.is_generator_limit for load in loads)
    marks += [f"{disturbed}D"] * (disturbed > 0)
    marks += ["O"] * any(load.orders_differ for load in loads)
    return " ".join(marks)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _cell(results: Results, workload: Workload, server: str) -> str:
    row = results.find(workload.id, server)
    if row is None:
        return ""
    figure = _measure(workload)
    if figure is deliveries:
        figure = by_cpu_time
    spread = row.spread(figure)
    if spread is None:
        return "void"
    ratio = results.ratio(row, results.find(workload.id, BASE), figure)
    return _short(spread.middle) + (f" ({ratio.middle:.2f})" if ratio else "")


def _short(value: float) -> str:
    if value >= 999_500:
        return f"{value / 1e6:.2f} M"
    return f"{value / 1e3:.0f} k" if value >= 9_999.5 else f"{value:,.0f}"


def _verdicts(results: Results) -> Iterator[str]:
    for verdict in judge(results):
        if verdict.measured is None:
            yield f"  not measured  {verdict.target}"
            continue
        measured = verdict.measured
        met = "met     " if verdict.is_met else "MISSED  "
        aside = f"; {verdict.by_cpu_time:.2f} by CPU time" if verdict.by_cpu_time else ""
        yield (
            f"  {met}  {verdict.target}: {measured.middle:.2f} "
            f"({measured.least:.2f} to {measured.greatest:.2f}{aside})"
        )
