"""The times that the server was told to stop, if it reacted, and whether a signal killed it."""

from collections.abc import Iterator
from itertools import pairwise
from signal import SIGINT, SIGTERM
from typing import Final

from conformance.oracle.reading.history import History
from conformance.transcript.events import Exited, Refused, Running, Stopping

_SIGNALS: Final = {"sigterm": SIGTERM, "sigint": SIGINT}
_BY_SHELL: Final = 128
"""A shell or a JVM that a signal ends has this plus the signal's number as its status."""


def was_killed(way: str, status: int) -> bool:
    """Whether the signal killed the process, which then has no handler for it."""
    number = _SIGNALS.get(way)
    return number is not None and status in (-number, _BY_SHELL + number)


def episodes(history: History) -> Iterator[tuple[int, str, int]]:
    """Yield for each time the server was told to stop the first line, the way, and the line at
    which the next such episode begins."""
    end = len(history.transcript) + 1
    stops = [(at, event.way) for at, event in history.server if isinstance(event, Stopping)]
    for (begin, way), (until, _) in pairwise([*stops, (end, "")]):
        yield begin, way, until


def has_reacted(history: History, begin: int, end: int, way: str) -> bool:
    """Whether the server reacted when it was told to stop in this way.

    It exited, other than by a signal without a handler; it notified or closed a member; or it
    refused connections.
    """
    episode = history.transcript[begin - 1 : end - 1]
    exits = [event for event in episode if isinstance(event, Exited)]
    if exits:
        return not was_killed(way, exits[0].status)
    hung = next((at for at, one in enumerate(episode, begin) if isinstance(one, Running)), end)
    return any(isinstance(event, Refused) for event in episode) or any(
        begin < at < hung
        for client in history.clients.values()
        if not client.stalls and client.cause is None
        for at in (client.ended or 0, *(one.span.last for one in client.notices))
    )


def kills(history: History) -> frozenset[int]:
    """Return the transcript's lines at which the server was told to stop by a signal that it has no
    handler for. Nothing is owed after that: the system ends the process."""
    return frozenset(
        begin
        for begin, way, end in episodes(history)
        for event in history.transcript[begin - 1 : end - 1]
        if isinstance(event, Exited) and was_killed(way, event.status)
    )
