"""The baseline latency: how long a broadcast takes on an idle server. A server that is always slow
is not accused of letting one member delay the others."""

from typing import Final

from conformance.runner.session import Session
from conformance.scenarios.registry import Scenario
from conformance.timing.policy import leeway_for

_MEMBERS: Final = 4
_SECONDS: Final = 3.0
_PAUSE: Final = 0.02


def leeway_when_calm(session: Session, scenario: Scenario) -> float:
    """Measure the longest idle echo, by letting a few members chat for some seconds.

    Returns:
        What to multiply deadlines by so that twice that echo is no delay; 1 or more.
    """
    longest = 0.0

    def chat() -> None:
        nonlocal longest
        members = stage.join(_MEMBERS)
        end = stage.now() + _SECONDS
        while stage.now() < end:
            for member in members:
                said = stage.now()
                stage.greet(member)
                longest = max(longest, stage.now() - said)
                stage.pass_time(_PAUSE)

    with session.stage(scenario) as stage:
        stage.play(chat)
    return leeway_for(longest, stage.start.factor)
