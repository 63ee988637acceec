"""The table for a terminal: a block a workload, a line a server, the marks explained."""

from collections.abc import Iterator
from typing import Final

from benchmarks.fanout.figures import (
    admitting,
    best_peer,
    by_cpu_time,
    main_figure,
    ratio_to_best,
)
from benchmarks.fanout.results import Results, Row
from benchmarks.fanout.servers import LIMIT, SERVERS
from benchmarks.fanout.targets import Verdict, judge
from benchmarks.fanout.workloads import WORKLOADS, Workload

SATURATED: Final = 0.9
MARKS: Final = {
    "G": "the generator was at work all the time: the server may be faster than this",
    "D": "in that many rounds, other processes had more than a twentieth of a core at each attempt",
    "O": "members saw the messages in different orders, which chatproto/1 forbids: no best peer",
}
_HEAD: Final = (
    f"{'':18}{'least':>11}{'median':>11}{'greatest':>11}{'x best':>8}{'least':>7}{'most':>7}"
    f"{'x C':>7}{'a CPU s':>12}{'x best':>8}{'server':>8}{'load':>6}  marks"
)


def lines(results: Results) -> Iterator[str]:
    """The whole report, for a wide terminal."""
    for on in WORKLOADS:
        rows = [row for row in results.rows if row.workload == on.id]
        if rows:
            best = best_peer(results, on)
            beside = f"; best peer: {best.server}" if best else ""
            yield f"{on.id}  {on.title}: {on.measures}{beside}"
            yield _HEAD
            rows.sort(key=lambda row: _ORDER.get(row.server, 0))
            yield from (_line(results, on, row) for row in rows)
            yield ""
    used = {mark[-1] for row in results.rows for mark in marks(row)}
    yield from (f"{mark}  {text}" for mark, text in MARKS.items() if mark in used)
    yield from (f"not measured: {name}: wants {what}" for name, what in results.missing.items())
    yield from (f"note: {note}" for note in results.notes)
    yield ""
    yield from map(_verdict, judge(results))


def marks(row: Row) -> list[str]:
    """What a reader must know of the row; see `MARKS`."""
    share = row.spread(lambda each: each.load.generator_share if each.load else 0)
    disturbed = sum(each.is_disturbed for each in row.rounds)
    found = ["G"] * (share is not None and share.middle > SATURATED)
    found += [f"{disturbed}D"] * (disturbed > 0)
    return found + ["O"] * row.has_many_orders


_ORDER: Final = {server.name: index for index, server in enumerate(SERVERS)}


def _line(results: Results, on: Workload, row: Row) -> str:
    spread = row.spread(main_figure(on))
    if spread is None:
        return f"  {row.server:16}void: {row.void[:80]}"
    best = ratio_to_best(results, on, row)
    limit = results.ratio(row, results.find(on.id, LIMIT), main_figure(on))
    beside = f"{best.middle:>8.2f}{best.least:>7.2f}{best.greatest:>7.2f}" if best else " " * 22
    beside += f"{limit.middle:>7.2f}" if limit else " " * 7
    server = row.spread(lambda each: each.load.server_cpu / each.load.seconds if each.load else 0)
    load = row.spread(lambda each: each.load.generator_cpu / each.load.seconds if each.load else 0)
    shares = f"{server.middle:>8.0%}{load.middle:>6.0%}" if server and load else " " * 14
    return (
        f"  {row.server:16}{_number(spread.least):>11}{_number(spread.middle):>11}"
        f"{_number(spread.greatest):>11}{beside}"
        f"{_by_time(results, on, row)}{shares}  {' '.join(marks(row))}{_aside(on, row)}"
    )


def _by_time(results: Results, on: Workload, row: Row) -> str:
    spread = row.spread(by_cpu_time)
    if on.is_less_better or spread is None:
        return " " * 20
    ratio = ratio_to_best(results, on, row, by_cpu_time)
    return f"{_number(spread.middle):>12}" + (f"{ratio.middle:>8.2f}" if ratio else " " * 8)


def _aside(on: Workload, row: Row) -> str:
    if on.is_idle:
        admitted = row.spread(admitting)
        threads = row.spread(lambda each: each.threads_a_member)
        assert admitted is not None
        assert threads is not None
        return f" all in {admitted.middle:.2f} s, {threads.middle:.1f} threads each"
    if on.rate:
        quantiles = [
            row.spread(lambda each: each.load.p50_us if each.load else 0),
            row.spread(lambda each: each.load.p999_us if each.load else 0),
        ]
        return " p50 {}, p99.9 {}".format(*(_number(each.middle) for each in quantiles if each))
    return ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _verdict(verdict: Verdict) -> str:
    if verdict.measured is None:
        return f"  not measured  {verdict.target}"
    measured = verdict.measured
    word = "met   " if verdict.is_met else "MISSED"
    spread = f"{measured.middle:.2f} ({measured.least:.2f} to {measured.greatest:.2f})"
    return f"  {word}  {verdict.target}: {spread}" + (
        f" [{verdict.beside}]" if verdict.beside else ""
    )
