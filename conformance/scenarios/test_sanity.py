"""A plain chat, first and last, so that each later failure is attributed to its own cause."""

from conformance.driver.interruption import Stuck
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario

_A_MOMENT = 1.0


@scenario("ROOM-2", "MSG-1")
def test_first(stage: Stage) -> None:
    """One client sends a message and receives it, or tries a second one. Then two clients chat."""
    ann = stage.connect()
    try:
        stage.greet(ann)
    except Stuck:
        # The answer to a second line shows whether the first was taken for something else.
        word = stage.nonce()
        ann.say(word)
        stage.let(lambda: ann.ended or stage.has(ann, word), _A_MOMENT)
        raise
    [bob] = stage.join(1)
    stage.fence(ann, bob)
    stage.fence(ann, bob)


@scenario("ROOM-2", "MSG-1")
def test_last(stage: Stage) -> None:
    """After all other scenarios, two members can still chat."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    stage.fence(ann, bob)
