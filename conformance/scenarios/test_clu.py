"""Clusters: several nodes serve one room, whatever happens to one of them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from conformance.driver.client import Client
from conformance.driver.cluster_control import ManagedCluster
from conformance.driver.interruption import Stuck, Unplayable
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario
from conformance.standard.constants import RESUME
from conformance.timing.policy import UNDISTURBED

_PAUSE: Final = 0.02
"""Seconds between two messages of the background chat."""
_A_WHILE: Final = 1.0
"""Seconds of chat before a fault, and during a short one."""
_LONG: Final = 12.0
"""Seconds for which a node is cut off. It must give up its members in this time (CLU-5)."""
_AGAIN: Final = 0.25
"""Seconds before the next attempt to join."""
_IN_FLIGHT: Final = 20
"""Lines that each member of a node has just sent when the node is killed."""


class _Chatter:
    """Members that send messages in turn without a break, so that an outage shows as a silence."""

    def __init__(self, stage: Stage, members: Sequence[Client]) -> None:
        self._stage = stage
        self._members = list(members)
        self._last: dict[Client, str] = {}
        self._turn = 0
        self._next = stage.now()

    def step(self) -> None:
        """Let a moment pass; the next member sends a message in it."""
        if self._stage.now() >= self._next:
            self._next = self._stage.now() + _PAUSE
            self._turn += 1
            speaker = self._members[self._turn % len(self._members)]
            if not speaker.ended:
                self._last[speaker] = self._stage.nonce()
                speaker.say(self._last[speaker])
        self._stage.turn(_PAUSE)

    def go_on(self, seconds: float) -> None:
        """Chat for this many seconds."""
        end = self._stage.now() + seconds
        while self._stage.now() < end:
            self.step()

    def go_on_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Chat until the condition holds, for at most this many seconds."""
        end = self._stage.now() + seconds
        while not condition() and self._stage.now() < end:
            self.step()

    def settle(self) -> None:
        """Chat until all members have received each other's messages again; then fence."""
        stage = self._stage
        words = {one: stage.nonce() for one in self._members if not one.ended}
        for one, word in words.items():
            one.say(word)
        hear_all = partial(_hear_all, words)
        self.go_on_until(hear_all, (RESUME + UNDISTURBED) * stage.start.factor)
        stage.fence(*(one for one in words if not one.ended))


def _hear_all(words: dict[Client, str]) -> bool:
    there = [one for one in words if not one.ended]
    return all(one.has_received(words[other]) for one in there for other in there)


def _members(stage: Stage, each: int) -> list[list[Client]]:
    """Join `each` members at every node, and wait until they have all heard each other."""
    nodes = [[stage.connect(node=node) for _ in range(each)] for node in range(stage.nodes)]
    everyone = [one for members in nodes for one in members]
    for one in everyone:
        stage.greet(one)
    stage.fence(*everyone)
    return nodes


def _all(nodes: Sequence[Sequence[Client]]) -> list[Client]:
    return [one for members in nodes for one in members]


def _come_back(stage: Stage, chatter: _Chatter, node: int) -> Client:
    """Join at a node that had a fault. It may take a moment before it admits anyone."""
    end = stage.now() + (RESUME + UNDISTURBED) * stage.start.factor
    while True:
        newcomer = None
        with suppress(Stuck):
            newcomer = stage.connect(node=node)
            newcomer.say(word := stage.nonce())
            chatter.go_on_until(
                lambda: newcomer.ended or newcomer.has_received(word),  # noqa: B023
                end - stage.now(),
            )
            if newcomer.has_received(word):
                return newcomer
        if stage.now() >= end:
            raise Stuck(f"no client could join at node {node} again")
        chatter.go_on(_AGAIN)


@scenario("CLU-1", "CLU-2", needs=("nodes",))
def test_all_nodes_are_one_room(stage: Stage) -> None:
    """Members at every node talk at once, while others join and leave at every node."""
    nodes = _members(stage, 2)
    everyone = _all(nodes)
    for round_ in range(12):
        leavers = []
        for node in range(stage.nodes):
            for one in everyone:
                one.say(stage.nonce())
            newcomer = stage.connect(node=node)
            newcomer.send(f"{stage.nonce()}\n{stage.nonce()}\nquit\n".encode())
            leavers.append(newcomer)
        if round_ % 3 == 2:
            for one in leavers:
                stage.await_end(one)
            stage.fence(*everyone)
    stage.fence(*everyone)


@scenario("CLU-3", "CLU-4", needs=("cluster",), waits=4.0)
def test_a_node_is_killed(stage: Stage, cluster: ManagedCluster) -> None:
    """A node is killed while lines of its members are in flight and the other members talk. It is
    started again, and a client joins there. This is done to each node in turn."""
    for node in range(stage.nodes):
        nodes = _members(stage, 2)
        lost, others = nodes[node], _all(nodes[:node] + nodes[node + 1 :])
        chatter = _Chatter(stage, others)
        cluster.meanwhile = chatter.step
        chatter.go_on(_A_WHILE / 2)
        for one in lost:
            for _ in range(_IN_FLIGHT):
                one.say(stage.nonce())
        with cluster.killed(node):
            chatter.go_on(_A_WHILE)
        newcomer = _come_back(stage, chatter, node)
        chatter.settle()
        stage.fence(newcomer, *others)
        for one in list(stage.open_clients()):
            one.half_close()
        stage.let(lambda: not any(stage.open_clients()), stage.patience_to_leave)


@scenario("CLU-4", "CLU-5", needs=("cluster",), waits=4.0)
def test_a_node_is_paused(stage: Stage, cluster: ManagedCluster) -> None:
    """A node is paused (SIGSTOP) for a while. The members of all nodes talk on."""
    nodes = _members(stage, 2)
    chatter = _Chatter(stage, _all(nodes))
    cluster.meanwhile = chatter.step
    with cluster.paused(0):
        chatter.go_on(2 * _A_WHILE)
    chatter.settle()
    newcomer = _come_back(stage, chatter, 0)
    chatter.settle()
    stage.fence(newcomer)


@scenario("CLU-4", "CLU-5", needs=("cluster",), waits=8.0)
def test_a_node_is_replaced(stage: Stage, cluster: ManagedCluster) -> None:
    """A paused node is replaced by a new one of the same name, as if it were dead. Then the old one
    runs on: its members must be closed, or still be part of the room."""
    nodes = _members(stage, 2)
    chatter = _Chatter(stage, _all(nodes))
    cluster.meanwhile = chatter.step
    with cluster.replaced(1):
        chatter.go_on(_A_WHILE)
        [newcomer] = [_come_back(stage, chatter, 1)]
    chatter.settle()
    stage.fence(newcomer, *(one for one in _all(nodes) if not one.ended))


@scenario("CLU-5", "CLU-4", needs=("cluster",), waits=14.0)
def test_a_node_is_cut_off(stage: Stage, cluster: ManagedCluster) -> None:
    """A node is cut off from the log until it gives up its members. Then it is connected again."""
    nodes = _members(stage, 2)
    chatter = _Chatter(stage, _all(nodes))
    cluster.meanwhile = chatter.step
    with cluster.cut_off(0):
        chatter.go_on_until(lambda: all(one.ended for one in nodes[0]), _LONG * stage.start.factor)
    chatter.settle()
    newcomer = _come_back(stage, chatter, 0)
    chatter.settle()
    stage.fence(newcomer)


@scenario("CLU-4", "CLU-5", needs=("cluster",), waits=15.0)
def test_the_log_fails(stage: Stage, cluster: ManagedCluster) -> None:
    """The faults of the log that the profile can inject, one after the other, while members at all
    nodes talk."""
    if not cluster.faults:
        raise Unplayable("needs-faults", "the profile has no [[cluster.fault]]")
    for fault in cluster.faults:
        nodes = _members(stage, 2)
        chatter = _Chatter(stage, _all(nodes))
        cluster.meanwhile = chatter.step
        with cluster.injected(fault):
            chatter.go_on(fault.seconds)
        chatter.settle()
        newcomers = [_come_back(stage, chatter, node) for node in range(stage.nodes)]
        stage.fence(*newcomers)
        for one in list(stage.open_clients()):
            one.half_close()
        stage.let(lambda: not any(stage.open_clients()), stage.patience_to_leave)
