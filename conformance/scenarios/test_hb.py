"""Heartbeats: a blank line means only that its sender is alive, and silent members stay."""

from typing import Final

from chatproto.text import WHITE_SPACE
from conformance.driver.server_control import ManagedServer
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario
from conformance.standard.constants import DEAD_PEER

_SILENCE: Final = 2.1
_BLANKS = (
    b"\n", b"\r\n", b" \n", b"\t \v\f\r\n", "\xa0\u3000\u2028\n".encode(), b"\n\n\n",
    "".join(f"{point}\n" for point in WHITE_SPACE).encode(),
)  # fmt: skip


@scenario("HB-1")
def test_blank_lines_mean_nothing(stage: Stage) -> None:
    """Blank lines of every kind: alone, between messages, and as a client's first line."""
    ann, bob = stage.join(2)
    visitor = stage.connect()
    visitor.send(b"\n", exercises=["HB-1"])
    stage.greet(visitor)
    for octets in _BLANKS:
        ann.send(octets, exercises=["HB-1"])
        stage.fence(ann, bob)
        ann.send(f"{stage.nonce()}\n".encode() + octets + f"{stage.nonce()}\n".encode())
        stage.fence(ann, bob)


@scenario("HB-1")
def test_blank_lines_are_not_answered(stage: Stage) -> None:
    """Three times: two messages with forty blank lines before them, and two without. Then twice:
    thirty blank lines, each in its own segment, and a pause of the same length without any."""
    ann, bob = stage.join(2)
    for _ in range(3):
        ann.send(b"\n" * 40)
        stage.fence(ann, bob)
        stage.fence(ann, bob)
    for octets in (b"\n", b"") * 2:
        for _ in range(30):
            if octets:
                ann.send(octets)
            stage.greet(bob)
        stage.fence(ann, bob)


@scenario("HB-3", "HB-2", "MSG-5", "MSG-3", waits=2.0)
def test_a_silent_member_stays(stage: Stage) -> None:
    """For over two seconds two members only listen; one has sent a message before, one never. Two
    others talk throughout, so that headers show several times, the same for all."""
    ann, bob, listener = stage.join(3)
    mute = stage.connect()
    stage.be_heard(bob, [mute])
    began = stage.now()
    while stage.now() - began < _SILENCE:
        stage.fence(ann, bob)
        stage.pass_time(0.005)
    stage.fence(ann, bob, listener, exercises=["HB-3"])
    stage.await_text(mute, stage.last_nonce, exercises=["HB-3"])
    stage.fence(mute, exercises=["HB-3"])


@scenario("HB-2", needs=("launch", "dead-peers"), waits=DEAD_PEER)
def test_a_peer_that_vanishes(stage: Stage, server: ManagedServer) -> None:
    """A member's host stops answering, and no one talks. The server has 5 minutes to notice. Then
    two members talk."""
    ann, bob, dead = stage.join(3)
    dead.vanish()
    server.let_miss(dead)
    stage.fence(ann, bob)
    dead.reset()


@scenario("HB-2", needs=("launch", "dead-peers"), waits=DEAD_PEER)
def test_a_peer_that_vanishes_before_it_has_all(stage: Stage, server: ManagedServer) -> None:
    """A member's host stops answering, and two members talk. While TCP retransmits their messages
    to it, keepalive does not probe. The server has 5 minutes to notice."""
    ann, bob, dead = stage.join(3)
    dead.vanish()
    stage.fence(ann, bob)
    server.let_miss(dead)
    stage.fence(ann, bob)
    dead.reset()
