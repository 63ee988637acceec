"""The table is asked for a state and a step, in that order."""

from chatproto import TRANSITIONS, State, Step

TRANSITIONS[Step.QUIT, State.OPEN]  # error: index
