"""Checks that blank lines are not answered."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import Fate, Line
from conformance.oracle.reading.units import ReceivedHeartbeat, ReceivedNotice

_MANY: Final = 20
"""How many blank lines between two echoes tell their answers from heartbeats."""


def check_answers(case: Case) -> Iterator[Fact]:
    """Detect answers to blank lines."""
    for client in case.clients:
        if any(line.fate is Fate.BLANK for line in client.lines):
            yield from _answers(case, client)


def _answers(case: Case, client: ClientHistory) -> Iterator[Fact]:
    """Detect that the blank lines of one client are answered.

    Repeatedly, a heartbeat or notice for each blank line came between two echoes, and hardly any
    came when no blank line was sent.
    """
    answered: list[tuple[Line, int]] = []
    quiet: list[int] = []
    run = [tie for tie in case.runs[client.name] if tie.line.client == client.name]
    answers = [
        unit.span.start
        for unit in client.units
        if isinstance(unit, ReceivedHeartbeat | ReceivedNotice)
    ]
    for earlier, later in pairwise(run):
        between = client.lines[earlier.line.number : later.line.number - 1]
        blanks = sum(line.fate is Fate.BLANK for line in between)
        came = bisect_left(answers, later.unit.span.end) - bisect_left(
            answers, earlier.unit.span.end
        )
        if blanks >= _MANY and came >= blanks:
            answered.append((later.line, came))
        elif not blanks:
            quiet.append(came)
    if len(answered) > 1 and quiet and max(quiet) < _MANY // 4:
        line, came = answered[-1]
        yield Fact(
            Kind.ANSWERED,
            "no answer to blank lines",
            f"{came} of them came between two broadcasts, one for each blank line",
            (line.begun, line.done),
            client.name,
            segments=case.segments(line),
            signs=(Sign.BLANK,),
            line=line,
        )
