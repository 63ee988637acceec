"""Stopping: in order, in time, and with the address free afterwards."""

from collections.abc import Callable
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
"""Seconds in which a backlog is built up before the server is stopped. It is smaller for a slower
server."""
_TALKING: Final = 200
"""Lines of some 1,000 octets that are in flight when the server is told to stop."""


@scenario("STOP-1", "STOP-2", "ERR-3", needs=("launch",), waits=3.0)
def test_stopping(stage: Stage, server: ManagedServer) -> None:
    """The server is stopped while its members are silent, in one way after the other until it
    offers one. In that way it is stopped again while some members listen, some talk, one reads late
    and one never reads. Then it is started again on the same address. One that stands still behind
    who never reads is stopped all the same."""
    stood_still: Stuck | None = None
    for way in _ways(stage):
        stage.join(2)
        if not _stop(stage, server, way):
            continue
        stood_still = _stop_amid_talk(stage, server, way) or stood_still
        if not stage.start.stops:
            break
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    if stood_still is not None:
        raise stood_still


def _stop_amid_talk(stage: Stage, server: ManagedServer, way: Way) -> Stuck | None:
    """Stop a busy server; return what was waited for in vain if it stood still before."""
    ann, bob = stage.join(2)
    stage.connect()
    holder = stage.connect(holds=True)
    stage.greet(holder)
    try:
        laggard = _keep_busy(stage, ann, bob)
    except Stuck as stood_still:
        _stop(stage, server, way)
        return stood_still

    def insist() -> None:
        # The laggard must read on well before the server may abort it: that time is not scaled.
        stage.let(partial(_has_ended, holder), min(LAST_LINE * stage.start.factor, STOP / 2))
        holder.insist(stage.nonce(), exercises=["STOP-1"])
        laggard.resume()

    _stop(stage, server, way, meanwhile=insist)
    return None


def _stop(
    stage: Stage, server: ManagedServer, way: Way, meanwhile: Callable[[], None] | None = None
) -> bool:
    """Stop the server and start it again; return whether it offers this way of stopping."""
    server.stop(way)
    if meanwhile is not None:
        meanwhile()
    offered = server.await_exit(way)
    if not offered:
        _knock(stage)
    for client in list(stage.open_clients()):
        client.reset()
    server.restart()
    return offered


def _keep_busy(stage: Stage, ann: Client, bob: Client) -> Client:
    """Let backlogs build up and two members talk on. Return the one of the stalled that can read
    late."""
    talker = Talker(stage, ann, bob)
    stall_one(stage)
    talker.say(2_100_000, seconds=_CARRYING)
    # Its buffers are small, so most of what waits for it is in the server, not in kernels.
    laggard = stall_one(stage, FAR)
    talker.say(500_000, seconds=_CARRYING / 2)
    for talking in (ann, bob):
        lines = "".join(f"{stage.nonce()} {'x' * 980}\n" for _ in range(_TALKING))
        talking.send(lines.encode())
    return laggard


@scenario("STOP-2", "STOP-1", needs=("launch",))
def test_the_address_is_free_at_once(stage: Stage, server: ManagedServer) -> None:
    """The server is ended with members connected, by a stop or by the signal itself, so that it
    closes first and its address is in TIME_WAIT. Then it is started again."""
    for way in _ways(stage):
        stage.join(3)
        server.stop(way)
        server.await_exit(way)
        has_ended = server.has_ended
        server.restart()
        if has_ended:
            break
    ann, bob = stage.join(2)
    stage.fence(ann, bob)


@scenario("STOP-1", needs=("launch",), waits=0.5)
def test_the_end_of_input_does_not_stop_it(stage: Stage, server: ManagedServer) -> None:
    """Standard input ends, and two members talk on for longer than a server takes to notice."""
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
    """A second server is launched on the address in use. Two members of the first talk on."""
    ann, bob = stage.join(2)
    server.run_rival()
    stage.fence(ann, bob, exercises=["STOP-3"])
    [eve] = stage.join(1, exercises=["STOP-3"])
    stage.fence(ann, bob, eve, exercises=["STOP-3"])


def _ways(stage: Stage) -> list[Way]:
    """Return the ways to stop the server that its profile names, or all if it names none."""
    ways: tuple[Way, ...] = get_args(Way)
    return [way for way in ways if way in stage.start.stops] or list(ways)


def _knock(stage: Stage) -> None:
    """Connect twice to a server that did not stop: it may accept one more that it was waiting for,
    and refuse others."""
    with suppress(Stuck):
        for _ in range(2):
            stage.connect()


def _has_ended(client: Client) -> bool:
    return client.ended
