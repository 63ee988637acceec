"""The oracle accepts a small history exactly where trying every order finds a log for it."""

from collections.abc import Iterator
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.oracle import judge
from tests.budget import THOROUGH
from tests.conformance.oracle.small import NAMES, Small, Step, has_a_log


def is_accepted(history: Small) -> bool:
    return not judge(history.transcript()).findings


def runs_of(messages: int) -> list[tuple[int, ...]]:
    """Everything that one client may receive, each message once."""
    return [run for count in range(messages + 1) for run in permutations(range(messages), count)]


def histories(senders: tuple[int, ...]) -> Iterator[Small]:
    """Every history of these senders' messages: what each client received, in what order, and
    how much of it before each message was sent."""
    choices = [list(_timed(run, len(senders))) for run in runs_of(len(senders))]
    timed = [choice for some in choices for choice in some]
    for clients in product(timed, repeat=len(NAMES)):
        steps: list[Step] = []
        for now in range(len(senders) + 1):
            for client, received in enumerate(clients):
                steps += [Step(client, message, sends=False) for message in received[now]]
            if now < len(senders):
                steps.append(Step(senders[now], now, sends=True))
        for closed in (False, True):
            yield Small(tuple(steps), closed)


def _timed(run: tuple[int, ...], messages: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """A run cut at every set of places: what came before each message was sent, and after all."""
    if messages == 0:
        yield (run,)
        return
    for cut in range(len(run) + 1):
        late, early = run[cut:], run[:cut]
        # The parts before and after the last message was sent: they do not contain it.
        if messages - 1 not in early:
            for rest in _timed(early, messages - 1):
                yield (*rest, late)


@st.composite
def small_histories(draw: st.DrawFn) -> Small:
    """A history of up to four messages of a server that is mostly right: it gives each client the
    next items of its log or, now and then, any message."""
    log: list[int] = []
    steps: list[Step] = []
    place: dict[int, int] = {}
    senders: list[int] = []
    for _ in range(draw(st.integers(2, 16))):
        client = draw(st.integers(0, 2))
        what = draw(st.sampled_from(["send", "log", "next", "next", "next", "any"]))
        unlogged = [message for message in range(len(senders)) if message not in log]
        had = {step.message for step in steps if step.client == client and not step.sends}
        if what == "send" and len(senders) < 4:
            steps.append(Step(client, len(senders), sends=True))
            senders.append(client)
        elif what == "log" and unlogged:
            log.append(draw(st.sampled_from(unlogged)))
        elif what == "next" and log:
            at = place.setdefault(client, draw(st.integers(0, len(log) - 1)))
            if at < len(log) and log[at] not in had:
                steps.append(Step(client, log[at], sends=False))
                place[client] = at + 1
        elif what == "any":
            fresh = [message for message in range(len(senders)) if message not in had]
            if fresh:
                steps.append(Step(client, draw(st.sampled_from(fresh)), sends=False))
    return Small(tuple(steps), draw(st.booleans()))


@pytest.mark.parametrize("senders", [(), (0,), (0, 0), (0, 1)])
def test_of_every_history_of_up_to_two_messages(senders: tuple[int, ...]) -> None:
    for history in histories(senders):
        assert is_accepted(history) == has_a_log(history), history


@given(small_histories())
@settings(max_examples=100_000 if THOROUGH else 1_000)
def test_of_histories_of_up_to_four_messages(history: Small) -> None:
    assert is_accepted(history) == has_a_log(history)


@pytest.mark.skipif(not THOROUGH, reason="takes minutes: make oracle")
@pytest.mark.parametrize("senders", [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)])
def test_of_every_history_of_three_messages(senders: tuple[int, ...]) -> None:
    for history in histories(senders):
        assert is_accepted(history) == has_a_log(history), history
