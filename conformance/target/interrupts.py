"""Interrupts: launched processes receive them, and one that comes during a launch waits."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


def let_interrupts_through() -> None:
    """Let launched processes receive SIGINT, even where this process ignores it.

    A shell makes its background jobs ignore SIGINT. A server would inherit that, and could not be
    stopped by SIGINT.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        with suppress(ValueError):  # a thread may not, and is not the first that launches
            signal.signal(signal.SIGINT, _ignore)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Unlike SIG_IGN, a handler is not inherited."""


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Delay interrupts until the block ends.

    An interrupt between a launch and its record, or between the removal of that record and the
    end of the process, would leave an unknown process behind.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    usual = {number: signal.getsignal(number) for number in numbers}
    if threading.current_thread() is not threading.main_thread() or None in usual.values():
        yield
        return
    came: list[int] = []
    for number in numbers:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
