"""One run of a simulated cluster, from its seed to the checker's verdict.

Nodes, clients and the engine take their steps in an order drawn from the seed, and so are the
faults. Then all faults end, and all must go on: whoever is still a member hears everybody (CLU-5).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final
from unittest.mock import patch

from chatproto import Code, Limits, Member, Replica, Standing, State, unix_sender
from chatproto.entry import Entry
from conformance.oracle import judge
from conformance.transcript.events import (
    Aborted,
    Connected,
    Ended,
    Event,
    Finish,
    HalfClosed,
    Received,
    Reset,
    Sent,
)
from tests.cluster.engine import RETAINED, SimulatedEngine
from tests.cluster.history import EXCUSED, Broken, End, History, check
from tests.conformance.scene import START

TIME: Final = datetime(2021, 7, 3, 17, 45, 39)
CLIENTS: Final = 10
STEPS: Final = 800
SETTLING: Final = 40
"""Rounds of a quarter of a second each in which all must go on, once the faults have ended."""


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


class Simulation:
    """The cluster of one seed."""

    def __init__(
        self,
        seed: int,
        make_replica: Callable[[str, Limits], Replica] = Replica,
        make_engine: Callable[[Random, int | None], SimulatedEngine] = SimulatedEngine,
        trace: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.random = Random(seed)  # noqa: S311
        self.engine = make_engine(self.random, self.random.choice((None, None, RETAINED)))
        self.nodes: list[Node] = []
        self.clients: list[Client] = []
        self.now = 0.0
        self.step = 0
        self._make_replica = make_replica
        self._trace = trace
        self._runs = 0
        self._transcript: list[Event] = []
        self._faults = self.random.choice(((), FAULTS, FAULTS, FAULTS))

    @patch.multiple("chatproto.member", PATIENCE=1e9, LEAVING=1e9)  # they read late
    def run(self) -> list[History]:
        """Play the seed; raise `Broken`, or give back what the clients saw."""
        for name in ("a", "b", "c")[: self.random.choice((2, 3))]:
            self._start_node(name)
        actions = USUAL * 3 + self._faults
        for _ in range(self.random.randint(STEPS // 2, STEPS)):
            self.step += 1
            action = self.random.choice(actions)
            self._trace(f"{self.step:4} {self.now:6.2f} s {action.__name__}")
            action(self)
        self._settle()
        histories = [client.history for client in self.clients if client.was_member]
        check(histories)
        self._check_excuses()
        self._let_the_suite_judge()
        return histories

    # What usually happens

    def client_connects(self) -> None:
        nodes = [node for node in self.nodes if not node.is_dead]
        is_due = len(self.clients) < CLIENTS and self.random.random() < 0.2
        if is_due and nodes:
            node = self.random.choice(nodes)
            history = History("", self.step)
            number = node.replica.knock()
            client = Client(len(self.clients), node, number, history)
            self.clients.append(client)
            self._tell(Connected(self._t, client.name, None))

    def client_speaks(self) -> None:
        client = self._some_client()
        if client is not None and client.is_open and client.member is not None:
            for _ in range(self.random.randint(1, 3)):
                self._say(client)

    def client_leaves(self) -> None:
        client = self._some_client()
        is_due = self.random.random() < 0.2
        if client is None or not client.is_open or client.member is None or not is_due:
            return
        if self.random.random() < 0.5:
            self._say(client)
        match self.random.choice(("quit", "half-close", "violation", "reset", "stay")):
            case "quit":
                self._send(client, b"quit\nignored\n")
            case "violation":
                self._send(client, b"\xff\nignored\n")
            case "half-close":
                self._send(client, b"no end")
                self._tell(HalfClosed(self._t, client.name))
                client.has_finished = True
            case "reset":
                client.node.replica.room.abort(client.member)
                self._end(client, End.RESET, Aborted(self._t, client.name))
                return
            case _:
                return
        client.history.left = self.step

    def node_reads(self) -> None:
        client = self._some_client()
        if client is not None:
            self._read(client, self.random.randint(1, 40))

    def client_hears(self) -> None:
        client = self._some_client()
        if client is not None:
            self._hear(client, self.random.randint(1, 300))

    def node_publishes(self) -> None:
        for _ in range(2):
            node = self._some_node()
            if node is not None and (node.under_way is None or self.random.random() < 0.1):
                self._publish(node)

    def engine_answers(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            self._answer(self.engine.take(is_calm=not self._faults))

    def node_is_delivered(self) -> None:
        node = self._some_node()
        if node is not None:
            for _ in range(self.random.randint(1, 5)):
                self._deliver(node)

    def node_keeps_time(self) -> None:
        self.now += self.random.choice((0.01, 0.05, 0.25))
        for node in self.nodes:
            self._keep_time(node)

    # What goes wrong

    def engine_delivers_again(self) -> None:
        node = self._some_node()
        if node is not None and not self._is_unreachable(node):
            position = max(self.engine.first, node.replica.position - self.random.randint(0, 3))
            while position <= min(node.replica.position, self.engine.end):
                node.replica.deliver(position, self.engine.entries[position - 1])
                position += 1
            self._note(node)

    def engine_goes_away(self) -> None:
        if self.random.random() < 0.2:
            self.engine.is_away = not self.engine.is_away

    def engine_loses_its_leader(self) -> None:
        if self.random.random() < 0.2:
            self.engine.lose_leader()
            self._forget_requests()

    def requests_are_lost(self) -> None:
        if self.random.random() < 0.3:
            self.engine.requests.clear()
            self._forget_requests()

    def engine_comes_back(self) -> None:
        self.engine.is_away = False

    def node_is_killed(self) -> None:
        node = self._some_node()
        if node is not None and self.random.random() < 0.05:
            self._kill(node)

    def node_is_stopped(self) -> None:
        node = self._some_node()
        if node is not None and self.random.random() < 0.02:
            node.replica.stop()
            node.is_stopped = node.has_excuse = True

    def node_is_started(self) -> None:
        dead = [node for node in self.nodes if node.is_gone and self._is_alone(node)]
        if dead and self.random.random() < 0.5:
            self._start_node(self.random.choice(dead).name)

    def node_is_replaced(self) -> None:
        node = self._some_node()
        if node is not None and self.random.random() < 0.02 and self._is_alone(node):
            self._start_node(node.name)

    def node_is_paused(self) -> None:
        node = self._some_node()
        if node is not None and self.random.random() < 0.1:
            node.is_paused = True

    def node_is_cut_off(self) -> None:
        node = self._some_node()
        if node is not None and self.random.random() < 0.1:
            node.is_cut_off = True

    def node_falls_behind(self) -> None:
        """While one node is cut off for seconds, the others speak on."""
        node = self._some_node()
        if node is None or self.engine.is_away or self.random.random() > 0.1:
            return
        node.is_cut_off = True
        for _ in range(self.random.randint(2, 20)):
            for _ in range(3):
                self.client_speaks()
            self._go_on()
        node.is_cut_off = False

    def node_goes_on(self) -> None:
        if self.random.random() < 0.3:
            self._heal()

    def _heal(self) -> None:
        for node in self.nodes:
            node.is_paused = node.is_cut_off = False

    def time_passes(self) -> None:
        if self.random.random() < 0.1:
            for _ in range(self.random.choice((5, 22))):
                self.now += 0.5
                for node in self.nodes:
                    self._keep_time(node)

    # How it is done

    def _start_node(self, name: str) -> None:
        node = Node(name, self._make_replica(name, Limits()))
        self.nodes.append(node)
        self._start(node)

    def _start(self, node: Node) -> None:
        self._runs += 1
        node.under_way = None
        node.replica.start(f"run{self._runs}", self.engine.end)

    def _kill(self, node: Node) -> None:
        node.is_dead = True
        for client in self._clients_of(node):
            if client.history.end is None:
                # The suite's oracle knows no node: to it, the client went.
                self._end(client, End.KILLED, Aborted(self._t, client.name))

    def _publish(self, node: Node) -> None:
        if node.replica.standing is Standing.LOST and not self._is_unreachable(node):
            self._start(node)
        entry = node.replica.outgoing()
        if entry is not None:
            node.under_way = entry
            if not node.is_cut_off:
                self.engine.requests.append(entry)

    def _answer(self, answer: tuple[Entry, bool] | None) -> None:
        if answer is None:
            return
        entry, is_stored = answer
        for node in self.nodes:
            if node.under_way is entry and not node.is_cut_off:
                node.under_way = None
                if not is_stored:
                    node.replica.refused(self.engine.last(node.name))
                    self._note(node)

    def _deliver(self, node: Node) -> None:
        position = node.replica.position + 1
        if self._is_unreachable(node) or position > self.engine.end:
            return
        position = max(position, self.engine.first)
        node.replica.deliver(position, self.engine.entries[position - 1])
        self._note(node)
        if node.under_way is not node.replica.outgoing():
            node.under_way = None
        for client in self._clients_of(node):
            self._admit(client)

    def _note(self, node: Node) -> None:
        """Note that a node has cause to close its members; `Broken` where it has none."""
        standing = node.replica.standing
        if standing is Standing.LOST and not self.engine.is_forgetful:
            raise Broken("CLU-5", f"node {node.name} gave up: {node.replica.trouble}")
        node.has_excuse |= standing in (Standing.LOST, Standing.FENCED, Standing.UNAVAILABLE)

    def _admit(self, client: Client) -> None:
        replica = client.node.replica
        if client.member is None and client.history.end is None and replica.admits(client.ticket):
            client.history.sender = unix_sender(replica.number())
            client.member = replica.join(client.history.sender)
            client.was_member = client.member.state is State.OPEN

    def _keep_time(self, node: Node) -> None:
        if not node.is_dead and not node.is_paused:
            waits_for = node.replica.outgoing()
            if waits_for is None or waits_for is not node.waits_for:
                node.waits_for, node.waits_since = waits_for, self.now
            node.replica.expire(self.now)
            self._note(node)
            self._look_for_the_dark(node)
            for client in self._clients_of(node):
                self._admit(client)

    def _look_for_the_dark(self, node: Node) -> None:
        """See that no member stays at a node whose words nobody takes."""
        if self.now - node.waits_since > 11 and any(
            client.member is not None and client.member.state is State.OPEN
            for client in self._clients_of(node)
        ):
            raise Broken("CLU-5", f"node {node.name} keeps its members in the dark")

    def _say(self, client: Client) -> None:
        client.words += 1
        text = f"n0ddba1x{client.number:02}{client.words:03}z"
        text += " and on" * self.random.choice((0, 0, 0, 10))
        client.history.sent.append((self.step, text))
        self._send(client, text.encode() + b"\n")

    def _send(self, client: Client, octets: bytes) -> None:
        self._tell(Sent(self._t, client.name, octets))
        client.unread += octets

    def _tell(self, event: Event) -> None:
        self._trace(f"     {event}")
        self._transcript.append(event)

    def _end(self, client: Client, end: End, event: Event) -> None:
        client.history.end = end
        if not client.is_dropped:
            self._tell(event)

    @property
    def _t(self) -> float:
        return self.step / 10_000

    def _read(self, client: Client, octets: int) -> None:
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

    def _hear(self, client: Client, octets: int) -> None:
        member, history = client.member, client.history
        if member is None or history.end is not None or client.node.is_paused:
            return
        pending = member.pending()[:octets]
        history.take(self.step, bytes(pending))
        if not client.is_dropped and any(code in EXCUSED for code in history.notices):
            client.is_dropped = True
            self._tell(Aborted(self._t, client.name))
        elif pending and not client.is_dropped:
            self._tell(Received(self._t, client.name, bytes(pending)))
        member.sent(len(pending))
        if member.state in (State.FLUSHING, State.FLUSHING_ENDED) and not member.pending():
            client.node.replica.room.flushed(member)
            self._end(client, End.ORDERLY, Ended(self._t, client.name))
        elif member.state is State.ABORTED:
            # A stop waits for those who read late only so long (STOP-1).
            lost = Aborted if client.node.is_stopped else Reset
            self._end(client, End.RESET, lost(self._t, client.name))

    def _settle(self) -> None:
        """End all faults; see that every node, and every client, goes on."""
        self._heal()
        self.engine.is_away = False
        self._faults = ()
        for node in self.nodes:
            if node.is_gone and self._is_alone(node):
                self._start_node(node.name)
        self._wait("a node serves", self._all_serve)
        self._wait("a visitor is answered", self._all_are_answered)
        said = [client for client in self.clients if client.is_open]
        for client in said:
            self._say(client)
        self._wait("all is heard", lambda: self._all_have_heard(said))

    def _check_excuses(self) -> None:
        """No client was closed, or refused, for a log that was there."""
        for client in self.clients:
            notices = client.history.notices
            if notices not in ([], [Code.INVALID_TEXT]) and not client.node.has_excuse:
                raise Broken("CLU-5", f"without a cause, a client got {notices}")

    def _let_the_suite_judge(self) -> None:
        """Show all that members saw to the suite's oracle, as of one server."""
        members = {client.name: client for client in self.clients if client.was_member}
        transcript: list[Event] = [START]
        for event in self._transcript:
            if isinstance(event, Connected) and event.client in members:
                label = members[event.client].history.sender
                transcript.append(Connected(event.t, event.client, label))
            elif getattr(event, "client", None) in members:
                transcript.append(event)
        transcript.append(Finish(self._t))
        for finding in judge(transcript).findings:
            raise Broken(finding.requirement, f"expected {finding.expected}; {finding.actual}")

    def _wait(self, what: str, is_so: Callable[[], bool]) -> None:
        for _ in range(SETTLING):
            self._go_on()
            if is_so():
                return
        raise Broken("CLU-5", f"after 10 s without faults it is not so that {what}")

    def _go_on(self) -> None:
        self.step += 1
        self.now += 0.25
        for node in self.nodes:
            if not node.is_dead and not node.is_paused:
                self._publish(node)
        while self.engine.requests:
            self._answer(self.engine.take(is_calm=True))
        for node in self.nodes:
            while not (node.is_dead or node.is_paused or node.replica.position >= self.engine.end):
                before = node.replica.position
                self._deliver(node)
                if node.replica.position == before:
                    break
            self._keep_time(node)
        for client in self.clients:
            self._read(client, 1 << 20)
            self._hear(client, 1 << 20)

    def _all_serve(self) -> bool:
        return all(node.is_gone or node.replica.standing is Standing.SERVING for node in self.nodes)

    def _all_are_answered(self) -> bool:
        return all(
            client.member is not None or client.history.end is not None for client in self.clients
        )

    def _all_have_heard(self, speakers: list[Client]) -> bool:
        """Whoever said something at last has received what all others did; leavers have left."""
        texts = {client.history.sent[-1][1] for client in speakers if client.is_open}
        for client in self.clients:
            if client.is_open:
                if not texts <= {text for _, _, text in client.history.received[-CLIENTS:]}:
                    return False
            elif client.history.end is None:
                return False
        return True

    def _is_unreachable(self, node: Node) -> bool:
        return self.engine.is_away or node.is_cut_off

    def _is_alone(self, node: Node) -> bool:
        """Whether no other process of its name is there."""
        return all(
            other is node or other.name != node.name or other.is_gone for other in self.nodes
        )

    def _forget_requests(self) -> None:
        for node in self.nodes:
            node.under_way = None

    def _clients_of(self, node: Node) -> list[Client]:
        return [client for client in self.clients if client.node is node]

    def _some_client(self) -> Client | None:
        return self.random.choice(self.clients) if self.clients else None

    def _some_node(self) -> Node | None:
        nodes = [node for node in self.nodes if not node.is_dead and not node.is_paused]
        return self.random.choice(nodes) if nodes else None


Action = Callable[[Simulation], None]

USUAL: Final[tuple[Action, ...]] = (
    Simulation.client_connects,
    Simulation.client_speaks,
    Simulation.client_speaks,
    Simulation.client_leaves,
    Simulation.node_reads,
    Simulation.node_reads,
    Simulation.client_hears,
    Simulation.client_hears,
    Simulation.node_publishes,
    Simulation.node_publishes,
    Simulation.engine_answers,
    Simulation.engine_answers,
    Simulation.node_is_delivered,
    Simulation.node_is_delivered,
    Simulation.node_is_delivered,
    Simulation.node_keeps_time,
)
FAULTS: Final[tuple[Action, ...]] = (
    Simulation.engine_delivers_again,
    Simulation.engine_goes_away,
    Simulation.engine_comes_back,
    Simulation.engine_comes_back,
    Simulation.engine_loses_its_leader,
    Simulation.requests_are_lost,
    Simulation.node_is_killed,
    Simulation.node_is_stopped,
    Simulation.node_is_started,
    Simulation.node_is_replaced,
    Simulation.node_is_paused,
    Simulation.node_is_cut_off,
    Simulation.node_falls_behind,
    Simulation.node_goes_on,
    Simulation.time_passes,
)
