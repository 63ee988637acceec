"""One run of a simulated cluster, from its seed to the checker's verdict.

Nodes, clients and the engine take their steps in an order drawn from the seed, and so are the
faults. Then all faults end, and all must go on: whoever is still a member hears everybody (CLU-5).
"""

from collections.abc import Callable
from random import Random
from typing import Final
from unittest.mock import patch

from chatproto import Code, Limits, Replica, Standing
from conformance.oracle import judge
from conformance.transcript.events import Connected, Event, Finish
from tests.cluster.actions import CLIENTS, FAULTS, USUAL
from tests.cluster.cluster import Client, Cluster
from tests.cluster.engine import RETAINED, SimulatedEngine
from tests.cluster.history import Broken, History, check
from tests.conformance.scene import START

STEPS: Final = 800
SETTLING: Final = 40
"""Rounds of a quarter of a second each in which all must go on, once the faults have ended."""


class Simulation:
    """The run of one seed."""

    def __init__(
        self,
        seed: int,
        make_replica: Callable[[str, Limits], Replica] = Replica,
        make_engine: Callable[[Random, int | None], SimulatedEngine] = SimulatedEngine,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self._random = Random(seed)  # noqa: S311
        engine = make_engine(self._random, self._random.choice((None, None, RETAINED)))
        self.cluster = Cluster(self._random, engine, make_replica, trace)
        self._trace = trace
        self._faults = self._random.choice(((), FAULTS, FAULTS, FAULTS))
        self.cluster.has_faults = bool(self._faults)

    @patch.multiple("chatproto.member", PATIENCE=1e9, LEAVING=1e9)  # they read late
    def run(self) -> list[History]:
        """Play the seed; raise `Broken`, or return what the clients saw."""
        for name in ("a", "b", "c")[: self._random.choice((2, 3))]:
            self.cluster.start_node(name)
        actions = USUAL * 3 + self._faults
        for _ in range(self._random.randint(STEPS // 2, STEPS)):
            self.cluster.step += 1
            action = self._random.choice(actions)
            if self._trace is not None:
                self._trace(f"{self.cluster.step:4} {self.cluster.now:6.2f} s {action.__name__}")
            action(self.cluster)
        self._settle()
        histories = [client.history for client in self.cluster.clients if client.was_member]
        check(histories)
        self._check_excuses()
        self._let_the_suite_judge()
        return histories

    def _settle(self) -> None:
        """End all faults; check that every node and every client goes on."""
        self.cluster.heal()
        self.cluster.engine.is_away = False
        self.cluster.has_faults = False
        for node in self.cluster.nodes:
            if node.is_gone and self.cluster.is_alone(node):
                self.cluster.start_node(node.name)
        self._wait("a node serves", self._all_serve)
        self._wait("a visitor is answered", self._all_are_answered)
        said = [client for client in self.cluster.clients if client.is_open]
        for client in said:
            self.cluster.say(client)
        self._wait("all is heard", lambda: self._all_have_heard(said))

    def _check_excuses(self) -> None:
        """Check that no client was closed or refused because of a log that was reachable."""
        for client in self.cluster.clients:
            notices = client.history.notices
            if notices not in ([], [Code.INVALID_TEXT]) and not client.node.has_excuse:
                raise Broken("CLU-5", f"without a cause, a client got {notices}")

    def _let_the_suite_judge(self) -> None:
        """Judge all that members received by the suite's oracle, as if it were of one server."""
        members = {client.name: client for client in self.cluster.clients if client.was_member}
        transcript: list[Event] = [START]
        for event in self.cluster.transcript:
            if isinstance(event, Connected) and event.client in members:
                label = members[event.client].history.sender
                transcript.append(Connected(event.t, event.client, label))
            elif getattr(event, "client", None) in members:
                transcript.append(event)
        transcript.append(Finish(self.cluster.t))
        for finding in judge(transcript).findings:
            raise Broken(finding.requirement, f"expected {finding.expected}; {finding.actual}")

    def _wait(self, what: str, is_so: Callable[[], bool]) -> None:
        for _ in range(SETTLING):
            self.cluster.go_on()
            if is_so():
                return
        raise Broken("CLU-5", f"after 10 s without faults it is not so that {what}")

    def _all_serve(self) -> bool:
        return all(
            node.is_gone or node.replica.standing is Standing.SERVING for node in self.cluster.nodes
        )

    def _all_are_answered(self) -> bool:
        return all(
            client.member is not None or client.history.end is not None
            for client in self.cluster.clients
        )

    def _all_have_heard(self, speakers: list[Client]) -> bool:
        """Check that whoever spoke last has received what all others did, and that leavers have
        left."""
        texts = {client.history.sent[-1][1] for client in speakers if client.is_open}
        for client in self.cluster.clients:
            if client.is_open:
                if not texts <= {text for _, _, text in client.history.received[-CLIENTS:]}:
                    return False
            elif client.history.end is None:
                return False
        return True
