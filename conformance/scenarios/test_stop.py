"""Stopping: in order, in time, and with the address free again."""

from contextlib import suppress
from functools import partial
from typing import Final, get_args

from conformance.driver.bulk_traffic import Talker, stall_one
from conformance.driver.client import Client
from conformance.driver.interruption import Stuck
from conformance.driver.server_control import ManagedServer
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario
from conformance.standard.constants import STOP
from conformance.target.address import FAR
from conformance.target.profile import Way
from conformance.timing.policy import LAST_LINE

_NOTICED: Final = 0.5
_CARRYING: Final = 3.0
"""Seconds that a server is given to carry what is to wait for members when it is told to stop; for
a slower one less waits."""
_TALKING: Final = 200
"""Lines of some 1,000 octets that are on their way when the server is told to stop."""


@scenario("STOP-1", "STOP-2", "ERR-3", needs=("launch",), waits=3.0)
def test_stopping(stage: Stage, server: ManagedServer) -> None:
    """Stopped in each way it offers, with members that listen, talk at that very moment, lag and
    never read; then started again on the same address."""
    for way in _ways(stage):
        ann, bob = stage.join(2)
        stage.connect()
        holder = stage.connect(holds=True)
        stage.greet(holder)
        talker = Talker(stage, ann, bob)
        stall_one(stage)
        talker.say(2_100_000, seconds=_CARRYING)
        # Its path is narrow: little of what waits for it is in kernels, most in the server.
        laggard = stall_one(stage, FAR)
        talker.say(500_000, seconds=_CARRYING / 2)
        for talking in (ann, bob):
            lines = "".join(f"{stage.nonce()} {'x' * 980}\n" for _ in range(_TALKING))
            talking.send(lines.encode())
        server.stop(way)
        # The laggard reads on long before the server may abort it, which no deadline stretches.
        stage.let(partial(_has_ended, holder), min(LAST_LINE * stage.start.factor, STOP / 2))
        holder.insist(stage.nonce(), exercises=["STOP-1"])
        laggard.resume()
        offered = server.await_exit(way)
        if not offered:
            _knock(stage)
        for client in list(stage.open_clients()):
            client.reset()
        server.restart()
        if offered and not stage.start.stops:
            break
    ann, bob = stage.join(2)
    stage.fence(ann, bob)


@scenario("STOP-2", "STOP-1", needs=("launch",))
def test_the_address_is_free_at_once(stage: Stage, server: ManagedServer) -> None:
    """Stopped with members connected, so that the server ends the connections first, and
    started again."""
    for way in _ways(stage):
        stage.join(3)
        server.stop(way)
        offered = server.await_exit(way)
        server.restart()
        if offered:
            break
    ann, bob = stage.join(2)
    stage.fence(ann, bob)


@scenario("STOP-1", needs=("launch",), waits=0.5)
def test_the_end_of_input_does_not_stop_it(stage: Stage, server: ManagedServer) -> None:
    """Standard input ends, and two talk on, for longer than it takes to notice that."""
    ann, bob = stage.join(2)
    server.end_input()
    ended = stage.now()
    while stage.now() - ended < _NOTICED:
        stage.fence(ann, bob, exercises=["STOP-1"])
        stage.pass_time(0.01)
    [eve] = stage.join(1, exercises=["STOP-1"])
    stage.fence(ann, bob, eve, exercises=["STOP-1"])


@scenario("STOP-3", needs=("launch",))
def test_a_second_server_gives_way(stage: Stage, server: ManagedServer) -> None:
    """A second server is launched on the address in use; two talk on with the first."""
    ann, bob = stage.join(2)
    server.run_rival()
    stage.fence(ann, bob, exercises=["STOP-3"])
    [eve] = stage.join(1, exercises=["STOP-3"])
    stage.fence(ann, bob, eve, exercises=["STOP-3"])


def _ways(stage: Stage) -> list[Way]:
    """The ways to stop the server that it is said to offer; where nothing is said, all."""
    ways: tuple[Way, ...] = get_args(Way)
    return [way for way in ways if way in stage.start.stops] or list(ways)


def _knock(stage: Stage) -> None:
    """See whether a server that goes on still takes connections; it may take one more that it was
    waiting for."""
    with suppress(Stuck):
        for _ in range(2):
            stage.connect()


def _has_ended(client: Client) -> bool:
    return client.ended
