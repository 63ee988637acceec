"""The life of one connection as the server sees it, in one table.

No transition hides in code: this table is the one in the standard's section on states.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from chatproto.errors import LocalProtocolError


class State(Enum):
    """Where a connection stands; the value says it in words."""

    OPEN = "a member: its lines are read"
    FLUSHING = "left: what it is owed is being sent, what it sends is discarded"
    FLUSHING_ENDED = "left, and its end of stream has come: what it is owed is being sent"
    LINGERING = "the write side is shut: what it sends is discarded until its end of stream"
    CLOSED = "over, in order: close the socket"
    ABORTED = "over: reset the connection"


class Step(Enum):
    """What can happen to a connection; the value says it in words."""

    OCTETS = "octets came that end nothing"
    QUIT = "the line quit came"
    VIOLATION = "a line broke the protocol"
    END_OF_STREAM = "the client's end of stream came"
    CLOSE = "the server decided to close"
    FLUSHED = "all it is owed is sent and the write side is shut"
    LINGERED = "1 s of lingering is over"
    ABORT = "the connection was lost, or the server gave it up"


_OVER: Final = {State.CLOSED, State.ABORTED}

TRANSITIONS: Final[Mapping[tuple[State, Step], State]] = MappingProxyType(
    {
        (State.OPEN, Step.OCTETS): State.OPEN,
        (State.OPEN, Step.QUIT): State.FLUSHING,
        (State.OPEN, Step.VIOLATION): State.FLUSHING,
        (State.OPEN, Step.END_OF_STREAM): State.FLUSHING_ENDED,
        (State.OPEN, Step.CLOSE): State.FLUSHING,
        (State.OPEN, Step.ABORT): State.ABORTED,
        (State.FLUSHING, Step.OCTETS): State.FLUSHING,
        (State.FLUSHING, Step.END_OF_STREAM): State.FLUSHING_ENDED,
        (State.FLUSHING, Step.CLOSE): State.FLUSHING,
        (State.FLUSHING, Step.FLUSHED): State.LINGERING,
        (State.FLUSHING, Step.ABORT): State.ABORTED,
        (State.FLUSHING_ENDED, Step.CLOSE): State.FLUSHING_ENDED,
        (State.FLUSHING_ENDED, Step.FLUSHED): State.CLOSED,
        (State.FLUSHING_ENDED, Step.ABORT): State.ABORTED,
        (State.LINGERING, Step.OCTETS): State.LINGERING,
        (State.LINGERING, Step.END_OF_STREAM): State.CLOSED,
        (State.LINGERING, Step.CLOSE): State.LINGERING,
        (State.LINGERING, Step.LINGERED): State.CLOSED,
        (State.LINGERING, Step.ABORT): State.ABORTED,
        # What still arrives when all is over, from a thread that has not heard, changes nothing.
        **{(state, step): state for state in _OVER for step in Step},
    }
)


def advance(state: State, step: Step) -> State:
    """Look a step up in the table; `LocalProtocolError` where the state does not know it."""
    try:
        return TRANSITIONS[state, step]
    except KeyError:
        raise LocalProtocolError(
            f"{step.name} cannot happen to a connection {state.name}"
        ) from None
