"""The simulated cluster: nodes, clients and the engine, and each step that one of them can take."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

from chatproto import Limits, Member, Replica, Standing, State, unix_sender
from chatproto.entry import Entry
from conformance.transcript.events import (
    Aborted,
    Ended,
    Event,
    Received,
    Reset,
    Sent,
)
from tests.cluster.engine import SimulatedEngine
from tests.cluster.history import EXCUSED, Broken, End, History

TIME: Final = datetime(2021, 7, 3, 17, 45, 39)


@dataclass(eq=False, slots=True)
class Client:
    """A client: what it saw, what its node has not read of it yet, and where it stands."""

    number: int
    node: "Node"
    ticket: int
    history: History
    member: Member | None = None
    unread: bytearray = field(default_factory=bytearray)
    has_finished: bool = False
    is_read_out: bool = False
    was_member: bool = False
    is_dropped: bool = False
    words: int = 0

    @property
    def name(self) -> str:
        return f"c{self.number}"

    @property
    def is_open(self) -> bool:
        return self.history.end is None and self.history.left is None


@dataclass(eq=False, slots=True)
class Node:
    """A node: its replica, and what its driver knows."""

    name: str
    replica: Replica
    is_dead: bool = False
    is_paused: bool = False
    is_cut_off: bool = False
    is_stopped: bool = False
    has_excuse: bool = False
    under_way: Entry | None = None
    waits_for: Entry | None = None
    waits_since: float = 0.0

    @property
    def is_gone(self) -> bool:
        """Whether it serves nobody, and never will."""
        return self.is_dead or self.is_stopped or self.replica.standing is Standing.FENCED


class Cluster:
    """Nodes of one room, their clients, and the engine. `now` is its clock, in seconds."""

    def __init__(
        self,
        random: Random,
        engine: SimulatedEngine,
        make_replica: Callable[[str, Limits], Replica],
        trace: Callable[[str], None] | None,
    ) -> None:
        self.random = random
        self.engine = engine
        self.has_faults = False
        self.nodes: list[Node] = []
        self.clients: list[Client] = []
        self.transcript: list[Event] = []
        self.now = 0.0
        self.step = 0
        self._make_replica = make_replica
        self._trace = trace
        self._runs = 0

    def heal(self) -> None:
        """Let every node run, and reach the engine."""
        for node in self.nodes:
            node.is_paused = node.is_cut_off = False

    def start_node(self, name: str) -> None:
        """Start a new process of a node."""
        node = Node(name, self._make_replica(name, Limits()))
        self.nodes.append(node)
        self.start(node)

    def start(self, node: Node) -> None:
        """Begin a run of a node's replica."""
        self._runs += 1
        node.under_way = None
        node.replica.start(f"run{self._runs}", self.engine.end)

    def kill(self, node: Node) -> None:
        """Kill a node's process, and with it the connections of its clients."""
        node.is_dead = True
        for client in self.clients_of(node):
            if client.history.end is None:
                # The suite's oracle knows no nodes: in its view the client left.
                self.end(client, End.KILLED, Aborted(self.t, client.name))

    def publish(self, node: Node) -> None:
        """Offer the engine what a node wants to append."""
        if node.replica.standing is Standing.LOST and not self.is_unreachable(node):
            self.start(node)
        entry = node.replica.outgoing()
        if entry is not None:
            node.under_way = entry
            if not node.is_cut_off:
                self.engine.requests.append(entry)

    def answer(self, answer: tuple[Entry, bool] | None) -> None:
        """Tell a node what the engine did with its entry."""
        if answer is None:
            return
        entry, is_stored = answer
        for node in self.nodes:
            if node.under_way is entry and not node.is_cut_off:
                node.under_way = None
                if not is_stored:
                    node.replica.refused(self.engine.last(node.name))
                    self.note(node)

    def deliver(self, node: Node) -> None:
        """Deliver the next committed entry to a node."""
        position = node.replica.position + 1
        if self.is_unreachable(node) or position > self.engine.end:
            return
        position = max(position, self.engine.first)
        node.replica.deliver(position, self.engine.entries[position - 1])
        self.note(node)
        if node.under_way is not node.replica.outgoing():
            node.under_way = None
        for client in self.clients_of(node):
            self.admit(client)

    def note(self, node: Node) -> None:
        """Note that a node has a reason to close its members; `Broken` if it has none."""
        standing = node.replica.standing
        if standing is Standing.LOST and not self.engine.is_forgetful:
            raise Broken("CLU-5", f"node {node.name} gave up: {node.replica.trouble}")
        node.has_excuse |= standing in (Standing.LOST, Standing.FENCED, Standing.UNAVAILABLE)

    def admit(self, client: Client) -> None:
        replica = client.node.replica
        if client.member is None and client.history.end is None and replica.admits(client.ticket):
            client.history.sender = unix_sender(replica.number())
            client.member = replica.join(client.history.sender)
            client.was_member = client.member.state is State.OPEN

    def keep_time(self, node: Node) -> None:
        """Let a node notice how far it lags."""
        if not node.is_dead and not node.is_paused:
            waits_for = node.replica.outgoing()
            if waits_for is None or waits_for is not node.waits_for:
                node.waits_for, node.waits_since = waits_for, self.now
            node.replica.expire(self.now)
            self.note(node)
            self.look_for_the_dark(node)
            for client in self.clients_of(node):
                self.admit(client)

    def look_for_the_dark(self, node: Node) -> None:
        """Check that no member stays at a node whose messages nobody accepts."""
        if self.now - node.waits_since > 11 and any(
            client.member is not None and client.member.state is State.OPEN
            for client in self.clients_of(node)
        ):
            raise Broken("CLU-5", f"node {node.name} keeps its members in the dark")

    def say(self, client: Client) -> None:
        """Let a client say a text that nobody else says."""
        client.words += 1
        text = f"n0ddba1x{client.number:02}{client.words:03}z"
        text += " and on" * self.random.choice((0, 0, 0, 10))
        client.history.sent.append((self.step, text))
        self.send(client, text.encode() + b"\n")

    def send(self, client: Client, octets: bytes) -> None:
        self.tell(Sent(self.t, client.name, octets))
        client.unread += octets

    def tell(self, event: Event) -> None:
        if self._trace is not None:
            self._trace(f"     {event}")
        self.transcript.append(event)

    def end(self, client: Client, end: End, event: Event) -> None:
        client.history.end = end
        if not client.is_dropped:
            self.tell(event)

    @property
    def t(self) -> float:
        return self.step / 10_000

    def read(self, client: Client, octets: int) -> None:
        """Let a client's node read some octets of it."""
        node, member = client.node, client.member
        if member is None or client.history.end is not None or node.is_paused:
            return
        if member.state in (State.CLOSED, State.ABORTED, State.FLUSHING_ENDED):
            return
        if not node.replica.may_be_read(member) or client.is_read_out:
            return
        if client.unread:
            piece = bytes(client.unread[:octets])
            del client.unread[:octets]
            node.replica.receive(member, piece, TIME)
        elif client.has_finished:
            client.is_read_out = True
            node.replica.receive_eof(member)

    def hear(self, client: Client, octets: int) -> None:
        """Let a client receive some octets."""
        member, history = client.member, client.history
        if member is None or history.end is not None or client.node.is_paused:
            return
        pending = member.pending()[:octets]
        history.take(self.step, bytes(pending))
        if not client.is_dropped and any(code in EXCUSED for code in history.notices):
            client.is_dropped = True
            self.tell(Aborted(self.t, client.name))
        elif pending and not client.is_dropped:
            self.tell(Received(self.t, client.name, bytes(pending)))
        member.sent(len(pending))
        if member.state in (State.FLUSHING, State.FLUSHING_ENDED) and not member.pending():
            client.node.replica.room.flushed(member)
            self.end(client, End.ORDERLY, Ended(self.t, client.name))
        elif member.state is State.ABORTED:
            # A stop waits only this long for members that read late (STOP-1).
            lost = Aborted if client.node.is_stopped else Reset
            self.end(client, End.RESET, lost(self.t, client.name))

    def go_on(self) -> None:
        """Let everything take a step, without faults."""
        self.step += 1
        self.now += 0.25
        for node in self.nodes:
            if not node.is_dead and not node.is_paused:
                self.publish(node)
        while self.engine.requests:
            self.answer(self.engine.take(is_calm=True))
        for node in self.nodes:
            while not (node.is_dead or node.is_paused or node.replica.position >= self.engine.end):
                before = node.replica.position
                self.deliver(node)
                if node.replica.position == before:
                    break
            self.keep_time(node)
        for client in self.clients:
            self.read(client, 1 << 20)
            self.hear(client, 1 << 20)

    def is_unreachable(self, node: Node) -> bool:
        return self.engine.is_away or node.is_cut_off

    def is_alone(self, node: Node) -> bool:
        """Whether there is no other process of its name."""
        return all(
            other is node or other.name != node.name or other.is_gone for other in self.nodes
        )

    def forget_requests(self) -> None:
        for node in self.nodes:
            node.under_way = None

    def clients_of(self, node: Node) -> list[Client]:
        return [client for client in self.clients if client.node is node]

    def some_client(self) -> Client | None:
        return self.random.choice(self.clients) if self.clients else None

    def some_node(self) -> Node | None:
        nodes = [node for node in self.nodes if not node.is_dead and not node.is_paused]
        return self.random.choice(nodes) if nodes else None
