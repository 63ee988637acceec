"""A match without a case for an aborted connection."""

from chatproto import State


def describe(state: State) -> str:  # error: return
    match state:  # error: pyright
        case State.OPEN | State.FLUSHING | State.FLUSHING_ENDED | State.LINGERING:
            return "going on"
        case State.CLOSED:
            return "over"
