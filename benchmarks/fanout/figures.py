"""The figures of a round, which of them a workload is about, and the best peer by it."""

from benchmarks.fanout.results import Figure, Results, Round, Row, Spread
from benchmarks.fanout.servers import PEER_NAMES
from benchmarks.fanout.workloads import Workload


def deliveries(round_: Round) -> float:
    """Deliveries a second of the clock on the wall."""
    return round_.load.deliveries / round_.load.seconds if round_.load else 0.0


def by_cpu_time(round_: Round) -> float:
    """Deliveries a second of the server's own CPU time, which others cannot take away."""
    load = round_.load
    return load.deliveries / load.server_cpu if load and load.server_cpu else 0.0


def slowest_hundredth(round_: Round) -> float:
    """The 99th percentile of the latency, in microseconds."""
    return round_.load.p99_us if round_.load else 0.0


def memory(round_: Round) -> float:
    """KB (1,000 octets) a member."""
    return round_.kib_a_member * 1.024


def admitting(round_: Round) -> float:
    """Seconds until all members have heard a message."""
    return round_.load.accepted_s if round_.load else 0.0


def main_figure(workload: Workload) -> Figure:
    """The figure that the workload is about."""
    if workload.is_idle:
        return memory
    return slowest_hundredth if workload.rate else deliveries


def best_peer(results: Results, workload: Workload) -> Row | None:
    """The peer with the best median, of those that delivered everything and in one order."""
    figure = main_figure(workload)
    found: list[tuple[float, Row]] = []
    for row in results.rows:
        spread = row.spread(figure)
        is_peer = row.workload == workload.id and row.server in PEER_NAMES
        if is_peer and spread is not None and not row.has_many_orders:
            found.append((spread.middle, row))
    if not found:
        return None
    pick = min if workload.is_less_better else max
    return pick(found, key=lambda each: each[0])[1]


def ratio_to_best(
    results: Results, workload: Workload, row: Row, figure: Figure | None = None
) -> Spread | None:
    """The row's figure over that of the best peer, round by round."""
    best = best_peer(results, workload)
    return results.ratio(row, best, figure or main_figure(workload))
