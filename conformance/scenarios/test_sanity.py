"""Before all and after all: the plainest chat, so that what breaks later is laid to its cause."""

from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario


@scenario("ROOM-2", "MSG-1")
def test_first(stage: Stage) -> None:
    """One client says a word and reads it; then two chat."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)


@scenario("ROOM-2", "MSG-1")
def test_last(stage: Stage) -> None:
    """The server that has been through everything still carries the plainest chat."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    stage.fence(ann, bob)
