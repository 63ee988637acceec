"""Broadcast: the header, the sender, the time, and one encoding for all."""

from conformance.scenario import scenario
from conformance.stage import Stage


@scenario("MSG-1", "MSG-2", "MSG-4", "MSG-5")
def test_header(stage: Stage) -> None:
    """Members that come and go, each under its own address."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    ann.half_close()
    ann.await_end()
    [eve] = stage.join(1)
    stage.fence(bob, eve)


@scenario("MSG-3")
def test_the_same_octets_for_all(stage: Stage) -> None:
    """Eight members, of whom each speaks; and all at once for a while."""
    members = stage.join(8)
    stage.fence(*members)
    for text in ("é e\u0301 ﬁ", "\u3042 😀", "a\tb", "a\x1bb"):
        for member in members:
            member.say(f"{stage.nonce()} {text}")
        stage.fence(*members)
