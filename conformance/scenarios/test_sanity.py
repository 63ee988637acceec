"""First and last: the plainest chat, so that a later failure is attributed to its cause."""

from conformance.driver.interruption import Stuck
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario

_A_MOMENT = 1.0


@scenario("ROOM-2", "MSG-1")
def test_first(stage: Stage) -> None:
    """One client says a word and reads it, or another where that does not come; then two chat."""
    ann = stage.connect()
    try:
        stage.greet(ann)
    except Stuck:
        # What comes of a second line tells whether the first was taken for something else.
        word = stage.nonce()
        ann.say(word)
        stage.let(lambda: ann.ended or stage.has(ann, word), _A_MOMENT)
        raise
    [bob] = stage.join(1)
    stage.fence(ann, bob)
    stage.fence(ann, bob)


@scenario("ROOM-2", "MSG-1")
def test_last(stage: Stage) -> None:
    """The server that has been through everything still carries the plainest chat."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    stage.fence(ann, bob)
