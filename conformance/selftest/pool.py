"""A pool of processes that judges several specimens at once, one in each process.

An interrupt ends all processes and the servers that they launched.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_all_start_methods, get_context, parent_process
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
"""How often a missed specimen is judged again: this tells a fault that shows almost always from one
that was found before by luck."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_over: Event | None = None
"""Set when the run is aborted; only in a process of the pool."""


def judge_specimens(
    names: Sequence[str], jobs: int, rounds: int, *, whole: bool
) -> Iterator[Judged]:
    """Judge each specimen `rounds` times, `jobs` at once, and yield results as they are done.

    The specimens that take longest begin, so that no processor is idle at the end. A broken one
    plays the scenarios that exercise what it breaks. A legal one plays all, except bulk scenarios
    that would show nothing new. With `whole`, each plays all. If `rounds` is 1, a specimen that is
    missed is judged `AGAIN` times more.
    """
    context = _context()
    over = context.Event()
    pool = ProcessPoolExecutor(jobs, context, _begin_to_judge, (over,))
    under_way: set[Future[Judged]] = set()
    try:
        # A process that is still starting must not receive these signals before it handles them.
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
    """Choose how processes start: forked, where possible, from a server process that has imported
    this module and done nothing else."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _begin_to_judge(over: Event) -> None:
    global _over  # the only place where an initializer can leave something for its tasks
    _over = over
    threading.Thread(target=_end_with_the_pool, daemon=True).start()
    _heed_signals(_ignore)
    block(_SIGNALS, wanted=False)


def _end_with_the_pool() -> None:
    """End this process once the one that made the pool is gone, killed or interrupted twice. Its
    servers end with it."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _judge_until_broken_off(name: str, whole: bool) -> Judged:
    """Judge a specimen in a process of the pool; an interrupt ends this and its server."""
    _heed_signals(_break_off)
    try:
        if _over is not None and _over.is_set():
            raise KeyboardInterrupt
        return judge_specimen(name, whole)
    finally:
        _heed_signals(_ignore)


def _break_off(_number: int, _frame: FrameType | None) -> None:
    # A second interrupt would abort the shutdown of the server.
    _heed_signals(_ignore)
    raise KeyboardInterrupt


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing. Unlike SIG_IGN, a handler can replace another while a signal is pending."""


def _heed_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _SIGNALS:
        signal.signal(number, handler)


def _lasts(name: str, whole: bool) -> float:
    """Estimate the seconds that a specimen takes. Scenarios that find a fault wait longer, and so
    do those in dialects where each read is a line."""
    if (client := client_specimens().get(name)) is not None:
        return 1.0 * sum(1 for _ in meant_for_client(client, whole))
    specimen = CATALOGUE[name]
    waits = not specimen.legal or name in MEET_ALL
    return (3.0 if waits else 0.5) * sum(1 for _ in meant_for(specimen, whole))
