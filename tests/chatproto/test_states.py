"""The table of states, walked whole, and every step of it taken by a real connection."""

from collections.abc import Callable

import pytest

from chatproto import TRANSITIONS, LocalProtocolError, ServerConnection, State, Step
from chatproto.states import advance

EXPECTED = """
               OCTETS    QUIT     VIOLATION END_OF_STREAM  CLOSE          FLUSHED   LINGERED ABORT
OPEN           OPEN      FLUSHING FLUSHING  FLUSHING_ENDED FLUSHING       -         -        ABORTED
FLUSHING       FLUSHING  -        -         FLUSHING_ENDED FLUSHING       LINGERING -        ABORTED
FLUSHING_ENDED -         -        -         -              FLUSHING_ENDED CLOSED    -        ABORTED
LINGERING      LINGERING -        -         CLOSED         LINGERING      -         CLOSED   ABORTED
CLOSED         CLOSED    CLOSED   CLOSED    CLOSED         CLOSED         CLOSED    CLOSED   CLOSED
ABORTED        ABORTED   ABORTED  ABORTED   ABORTED        ABORTED        ABORTED   ABORTED  ABORTED
"""

EVERY_PAIR = [(state, step) for state in State for step in Step]

TAKE: dict[Step, Callable[[ServerConnection], object]] = {
    Step.OCTETS: lambda connection: connection.receive(b"hello\nhel"),
    Step.QUIT: lambda connection: connection.receive(b"quit\n"),
    Step.VIOLATION: lambda connection: connection.receive(b"\xff\n"),
    Step.END_OF_STREAM: ServerConnection.receive_eof,
    Step.CLOSE: ServerConnection.close,
    Step.FLUSHED: ServerConnection.flushed,
    Step.LINGERED: ServerConnection.lingered,
    Step.ABORT: ServerConnection.abort,
}

PATHS: dict[State, list[Step]] = {
    State.OPEN: [],
    State.FLUSHING: [Step.CLOSE],
    State.FLUSHING_ENDED: [Step.END_OF_STREAM],
    State.LINGERING: [Step.QUIT, Step.FLUSHED],
    State.CLOSED: [Step.END_OF_STREAM, Step.FLUSHED],
    State.ABORTED: [Step.ABORT],
}


def expected() -> dict[tuple[State, Step], State]:
    """Read the grid above."""
    head, *rows = (line.split() for line in EXPECTED.strip().splitlines())
    return {
        (State[row[0]], Step[step]): State[cell]
        for row in rows
        for step, cell in zip(head, row[1:], strict=True)
        if cell != "-"
    }


def test_the_table_says_what_is_expected_of_it_and_no_more() -> None:
    assert dict(TRANSITIONS) == expected()


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[State.OPEN, Step.FLUSHED] = State.CLOSED  # type: ignore[index]  # the point


@pytest.mark.parametrize(("state", "step"), EVERY_PAIR)
def test_each_step_leads_where_the_table_says_or_is_refused(state: State, step: Step) -> None:
    if (state, step) in TRANSITIONS:
        assert advance(state, step) is TRANSITIONS[state, step]
    else:
        with pytest.raises(LocalProtocolError, match=f"{step.name} cannot .* {state.name}$"):
            advance(state, step)


@pytest.mark.parametrize(("state", "step"), EVERY_PAIR)
def test_a_connection_moves_by_the_table(state: State, step: Step) -> None:
    connection = ServerConnection()
    for each in PATHS[state]:
        TAKE[each](connection)
    assert connection.state is state
    # A leaver's lines are no longer read: its `quit` or violation counts as octets.
    is_read = state is State.OPEN or step not in (Step.QUIT, Step.VIOLATION)
    taken = step if is_read else Step.OCTETS
    if (state, taken) in TRANSITIONS:
        TAKE[step](connection)
        assert connection.state is TRANSITIONS[state, taken]
    else:
        with pytest.raises(LocalProtocolError):
            TAKE[step](connection)
        assert connection.state is state


@pytest.mark.parametrize("step", Step)
def test_what_is_over_stays_over_and_refuses_nothing(step: Step) -> None:
    for state in (State.CLOSED, State.ABORTED):
        assert advance(state, step) is state


def test_leaving_is_never_taken_back() -> None:
    order = [
        State.OPEN,
        State.FLUSHING,
        State.FLUSHING_ENDED,
        State.LINGERING,
        State.CLOSED,
        State.ABORTED,
    ]
    for (before, _), after in TRANSITIONS.items():
        assert order.index(before) <= order.index(after)


def test_every_state_can_be_reached_and_left_for_the_end() -> None:
    assert set(PATHS) == set(State)
    for state in State:
        reached = {state}
        for _ in State:
            reached |= {TRANSITIONS[pair] for pair in TRANSITIONS if pair[0] in reached}
        assert reached & {State.CLOSED, State.ABORTED}
