"""Specimens judged several at once, each by a process of its own. An interrupt ends them all, and
their servers."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Final

from conformance.selftest.client_trial import meant_for_client
from conformance.selftest.judged import Judged
from conformance.selftest.trial import MEET_ALL, judge_specimen, meant_for
from conformance.specimens import CATALOGUE
from conformance.specimens.clients import client_specimens
from conformance.target.system import block

AGAIN: Final = 4
"""Times that a specimen which was missed is judged again: whether its fault shows almost always,
or was only lucky to be found before."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_over: Event | None = None
"""Whether the run is broken off; of a process that judges for another."""


def judge_specimens(
    names: Sequence[str], jobs: int, rounds: int, *, whole: bool
) -> Iterator[Judged]:
    """Judge each of these specimens so often, several at once; in the order they are done. Those
    that take longest begin, so that none of them is left alone in the end.

    A broken one meets the scenarios meant for what it breaks, and a legal one all but what is the
    same for another in bulk; with `whole`, each meets all. One that is missed, judged once, is
    judged `AGAIN` times more.
    """
    context = _context()
    over = context.Event()
    pool = ProcessPoolExecutor(jobs, context, _begin_to_judge, (over,))
    under_way: set[Future[Judged]] = set()
    try:
        # A process that is only beginning waits with them until it can tell what they mean.
        block(_SIGNALS, wanted=True)
        under_way = {
            pool.submit(_judge_until_broken_off, one, whole)
            for one in sorted(names, key=lambda name: -_lasts(name, whole))
            for _ in range(rounds)
        }
        block(_SIGNALS, wanted=False)
        again: set[str] = set()
        while under_way:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                if result.outcome == "missed" and rounds == 1 and result.name not in again:
                    again.add(result.name)
                    under_way |= {
                        pool.submit(_judge_until_broken_off, result.name, whole)
                        for _ in range(AGAIN)
                    }
                yield result
    finally:
        over.set()
        if under_way:
            for process in context.active_children():
                process.terminate()
        pool.shutdown(cancel_futures=True)


def _context() -> BaseContext:
    """How a process begins: forked, where the system can, from one that has imported this once for
    all of them and done nothing else."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _begin_to_judge(over: Event) -> None:
    global _over  # what a pool hands to a process can be kept nowhere else
    _over = over
    _heed_signals(_ignore)
    block(_SIGNALS, wanted=False)


def _judge_until_broken_off(name: str, whole: bool) -> Judged:
    """Judge a specimen in a process of a pool, and let an interrupt end that, its server too."""
    _heed_signals(_break_off)
    try:
        if _over is not None and _over.is_set():
            raise KeyboardInterrupt
        return judge_specimen(name, whole)
    finally:
        _heed_signals(_ignore)


def _break_off(_number: int, _frame: FrameType | None) -> None:
    # A second one would break off the ending of the server.
    _heed_signals(_ignore)
    raise KeyboardInterrupt


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Unlike SIG_IGN, a handler may take the place of another while a signal is on its way."""


def _heed_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _SIGNALS:
        signal.signal(number, handler)


def _lasts(name: str, whole: bool) -> float:
    """Estimate the seconds that a specimen takes: a scenario that finds something waits for it, and
    so does one that is played a line a read."""
    if (client := client_specimens().get(name)) is not None:
        return 1.0 * sum(1 for _ in meant_for_client(client, whole))
    specimen = CATALOGUE[name]
    waits = not specimen.legal or name in MEET_ALL
    return (3.0 if waits else 0.5) * sum(1 for _ in meant_for(specimen, whole))
