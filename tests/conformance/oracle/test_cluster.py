"""The oracle on several nodes of one room and their faults: CLU-1 to CLU-5."""

import pytest

from chatproto import Code, Notice, encode
from conformance.oracle import judge
from conformance.oracle.availability import Outage
from conformance.transcript.events import KILLED, Faulted, Finish, Settled
from tests.conformance.scene import Scene


class Cluster(Scene):
    """A scene of two nodes: Ann and Abe are at the first, Bob and Ben at the second."""

    def __init__(self, *, unix: bool = False) -> None:
        super().__init__(unix=unix)
        self.join("ann", "abe", node=0)
        self.join("bob", "ben", node=1)

    def fault(self, name: str, node: int | None = 0, *, healed: bool = False) -> None:
        self.events.append(Faulted(self.tick(), name, node, healed))
        if name == KILLED and not healed:
            for peer in self.peers.values():
                if node == int(peer.name.startswith("b")):
                    peer.member = False
                    peer.over = True
                    peer.waiting.clear()

    def settle(self) -> None:
        self.fence()
        members = tuple(peer.name for peer in self.peers.values() if peer.member)
        self.events.append(Settled(self.tick(), members))

    def outages(self) -> tuple[Outage, ...]:
        return judge([*self.events, Finish(self.now)]).outages

    def broken(self) -> set[str]:
        return {finding.requirement for finding in self.findings()}


def killed(silence: float = 0.5) -> Cluster:
    """The first node is killed while a line of Ann's is under way. For this long the others hear
    nothing, and then each other."""
    scene = Cluster()
    scene.settle()
    scene.send("ann", scene.nonce().encode() + b"\n")
    scene.fault(KILLED)
    scene.tick(silence)
    scene.settle()
    scene.fault(KILLED, healed=True)
    scene.settle()
    return scene


def test_a_node_that_ends_concerns_its_own_members_alone() -> None:
    assert killed().findings() == []
    [outage] = killed().outages()
    assert (outage.fault, outage.node) == (KILLED, 0)
    assert outage.client in ("bob", "ben")
    assert 0.5 <= outage.silence < 0.6
    assert outage.resumed < 0.1


def test_a_long_silence_at_the_other_nodes_does() -> None:
    [finding] = killed(silence=2.5).findings()
    assert finding.requirement == "CLU-3"
    assert finding.by_time


def test_of_what_lost_members_had_sent_a_beginning_is_in_the_log() -> None:
    scene = Cluster()
    scene.send("ann", scene.nonce().encode() + b"\n")
    scene.peers["ann"].unread.clear()  # the node loses it, and takes what follows
    scene.say("ann", scene.nonce())
    scene.deliver("bob", "ben")
    scene.fault(KILLED)
    scene.settle()
    scene.fault(KILLED, healed=True)
    scene.settle()
    assert "CLU-3" in scene.broken()


def test_two_members_of_two_nodes_are_not_called_the_same() -> None:
    scene = Cluster(unix=True)
    scene.settle()
    assert scene.findings() == []
    namesakes = Cluster(unix=True)
    namesakes.peers["bob"].sender = namesakes.peers["ann"].sender
    namesakes.settle()
    namesakes.settle()
    assert "CLU-2" in namesakes.broken()


@pytest.mark.parametrize(("seconds", "broken"), [(9.0, set()), (11.0, {"CLU-5"})])
def test_once_all_is_well_again_messages_flow_in_time(seconds: float, broken: set[str]) -> None:
    scene = Cluster()
    scene.settle()
    scene.fault("log-away", None)
    scene.tick(3.0)
    scene.fault("log-away", None, healed=True)
    scene.tick(seconds)
    scene.settle()
    assert scene.broken() == broken


def unavailable(node: int) -> Cluster:
    """A node is cut off. It says so to Ann and closes her connection; a line of hers is lost."""
    scene = Cluster()
    scene.settle()
    scene.fault("cut-off", node)
    scene.send("ann", scene.nonce().encode() + b"\n")
    scene.peers["ann"].unread.clear()
    scene.peers["ann"].waiting.append(encode(Notice(Code.LOG_UNAVAILABLE)))
    scene.peers["ann"].member, scene.peers["ann"].ended = False, True
    scene.deliver("ann")
    scene.settle()
    scene.fault("cut-off", node, healed=True)
    scene.settle()
    return scene


def test_a_node_that_cannot_reach_the_room_may_close_its_members() -> None:
    assert unavailable(0).findings() == []


def test_a_node_that_can_may_not() -> None:
    assert unavailable(1).broken() == {"ROOM-1"}


def test_what_some_have_received_is_not_taken_back() -> None:
    scene = Cluster()
    scene.settle()
    scene.fault("leader-lost", None)
    scene.say("ben", scene.nonce())
    scene.deliver("ann", "abe")
    scene.peers["bob"].waiting.clear()
    scene.peers["ben"].waiting.clear()
    scene.fault("leader-lost", None, healed=True)
    scene.settle()
    assert scene.broken() == {"CLU-4"}


def test_nor_doubled() -> None:
    scene = Cluster()
    scene.settle()
    scene.fault("leader-lost", None)
    scene.say("ben", scene.nonce())
    for peer in scene.peers.values():
        peer.waiting += peer.waiting
    scene.deliver()
    scene.fault("leader-lost", None, healed=True)
    scene.settle()
    assert scene.broken() == {"CLU-4"}


def test_what_comes_to_one_node_comes_to_all() -> None:
    scene = Cluster()
    scene.settle()
    scene.say("ann", scene.nonce())
    scene.peers["bob"].waiting.clear()
    scene.peers["ben"].waiting.clear()
    scene.settle()
    assert scene.broken() == {"CLU-1"}
