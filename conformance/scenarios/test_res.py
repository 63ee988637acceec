"""Resources: no work while idle, service without free descriptors, and no descriptor leaks."""

from typing import Final

from conformance.driver.bulk_traffic import Talker, stall_one
from conformance.driver.client import Client
from conformance.driver.interruption import Stuck
from conformance.driver.server_control import ManagedServer
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario
from conformance.target.address import FAR
from conformance.timing.policy import WAVES

_UNREAD: Final = 900_000
"""Octets for members that do not read: enough that some wait in the server, too few to evict."""
_WAVE: Final = 20
"""Members that join and leave between two counts of the server's descriptors."""
_WAITING: Final = 2
"""Clients for which no descriptor is free: few, since the server's listen queue may be short."""


@scenario("RES-1", needs=("launch",), waits=3.0)
def test_nothing_to_do(stage: Stage, server: ManagedServer) -> None:
    """No one talks for a while: once while all stay; once after three have left, each in its way;
    once with one member that reads nothing and another that has half-closed with a backlog; once
    with no one connected."""
    ann, bob, quitter, ender, eve = stage.join(5)
    server.rest()
    quitter.send(b"quit\n")
    ender.half_close()
    eve.reset()
    stage.fence(ann, bob)
    server.rest()
    try:
        _rest_with_a_backlog(stage, server, ann, bob)
    except Stuck:
        # A server that waits for who reads nothing goes on when that has gone.
        _reset_all(stage)
        stage.fence(*stage.join(2))
        server.rest()
        raise
    _reset_all(stage)
    server.rest()


def _rest_with_a_backlog(stage: Stage, server: ManagedServer, ann: Client, bob: Client) -> None:
    talker = Talker(stage, ann, bob)
    stall_one(stage, FAR)
    leaver = stall_one(stage, FAR)
    talker.say(_UNREAD)
    leaver.half_close()
    stage.fence(ann, bob)
    server.rest()


def _reset_all(stage: Stage) -> None:
    for client in list(stage.open_clients()):
        client.reset()


@scenario("RES-2", "RES-1", needs=("launch",), waits=2.0)
def test_no_descriptor_is_free(stage: Stage, server: ManagedServer) -> None:
    """More clients connect than the server has descriptors for, and two members talk on. Then these
    clients leave, and another joins."""
    ann, bob = stage.join(2)
    with server.without_descriptors() as gaps:
        waiting = [stage.connect() for _ in range(gaps + _WAITING)]
        stage.fence(ann, bob, exercises=["RES-2"])
        server.rest()
        stage.fence(ann, bob, exercises=["RES-2"])
        for client in waiting:
            client.reset()
    [eve] = stage.join(1, exercises=["RES-2"])
    stage.fence(ann, bob, eve, exercises=["RES-2"])


@scenario("RES-2", needs=("launch",))
def test_members_come_and_go(stage: Stage, server: ManagedServer) -> None:
    """Twenty clients join, talk and leave, by quit, half-close, violation and reset. This is
    repeated as long as the server has more descriptors open afterwards than before."""
    ann, bob = stage.join(2)
    opened: list[int] = []
    for _ in range(WAVES + 1):
        _come_and_go(stage)
        stage.fence(ann, bob)
        usual = opened[-1] if opened else None
        opened.append(server.count_descriptors(_WAVE, usual))
        if usual is not None and opened[-1] < usual + _WAVE / 2:
            break


def _come_and_go(stage: Stage) -> None:
    for number, client in enumerate(stage.join(_WAVE)):
        match number % 4:
            case 0:
                client.send(b"quit\n")
            case 1:
                client.half_close()
            case 2:
                client.send(b"\xff\n")
            case _:
                client.reset()
        if not client.should_have_left:
            stage.await_end(client)
        client.reset()  # In a dialect it may still be there.
