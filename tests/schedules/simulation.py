"""One schedule, from its seed to what the oracle says of it.

The server is the real one. Where its modules name the operating system's sockets, selectors,
threads, locks and clocks, those of `transport` stand in for the time of the run. Limits are scaled
down, the room's and the oracle's alike, so that floods and evictions happen within a few lines.
"""

import logging
import selectors
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from socket import socket
from types import ModuleType, SimpleNamespace
from typing import Any, Final, cast

import chatproto.limits
import chatproto.log
import chatproto.member
import chatproto.room
import reference_server.distributor
import reference_server.locked_room
import reference_server.receiver
import reference_server.server
from chatproto import Limits
from conformance.oracle import Finding, backlog, judge
from conformance.oracle.checks import limits
from conformance.transcript.events import Event, Exited, Finish, Stopping
from reference_server import ChatServer
from reference_server.addresses import Listener
from tests.conformance.scene import START, WALL
from tests.schedules.clients import Client
from tests.schedules.scheduler import Scheduler
from tests.schedules.transport import (
    SimulatedCondition,
    SimulatedListener,
    SimulatedLock,
    SimulatedSelector,
    SimulatedThread,
    SimulatedWaker,
    System,
    Unsound,
)

ADDRESS: Final = "tcp://127.0.0.1:9999"
BACKLOG: Final = 8192
SCALED: Final[tuple[tuple[ModuleType, str, object], ...]] = (
    (chatproto.limits, "MIN_BACKLOG", 1024),
    (chatproto.member, "FLOOD", 256),
    (chatproto.room, "OWN_BACKLOG", 1024),
    (chatproto.room, "SEGMENT_SIZE", 512),
    (chatproto.log, "SEGMENT_SIZE", 512),
    (reference_server.distributor, "KEEPALIVE", {}),  # nobody here is silent for a minute
    (reference_server.locked_room, "AHEAD", 2048),
    (reference_server.locked_room, "CHECK", 1e9),  # no timer may make up for a lost wake-up
    (reference_server.receiver, "READ_SIZE", 128),
    (backlog, "MIN_BACKLOG", 1024),
    (limits, "MIN_BACKLOG", 1024),
)


class Failed(Exception):
    """A schedule that went wrong: what happened, and what it breaks."""

    def __init__(self, seed: int, what: str, transcript: list[Event]) -> None:
        super().__init__(f"{what}\nagain: python -m tests.schedules --show {seed}")
        self.transcript = transcript


def run(seed: int, trace: Callable[[str], None] | None = None) -> list[Event]:
    """Run the schedule of this seed, and return its transcript; `Failed` if it broke anything."""
    scheduler = Scheduler(seed, trace)
    system = System(scheduler)
    transcript: list[Event] = [replace(START, seed=seed)]
    listener = SimulatedListener(system)
    with _installed(_names(system, listener)):
        heartbeat = scheduler.random.choice((None, 0.3))
        server = ChatServer([ADDRESS], limits=Limits(backlog=BACKLOG), heartbeat=heartbeat)
        clients = [
            Client(number, system, listener, transcript)
            for number in range(scheduler.random.randint(2, 5))
        ]
        scheduler.spawn("operator", lambda: _operate(server, scheduler, clients, transcript))
        for client in clients:
            scheduler.spawn(client.name, client.run, 10.0 if client is clients[0] else None)
        try:
            scheduler.run()
            if system.open:
                raise Unsound(f"left open: {system.open}")
        except Exception as failure:
            raise Failed(seed, f"{type(failure).__name__}: {failure}", transcript) from failure
        transcript.append(Finish(scheduler.now))
        # A client that came while the listener was closing was never a member, and is not judged.
        refused = {client.name for client in clients if client.socket.is_refused}
        findings = judge(
            [event for event in transcript if getattr(event, "client", None) not in refused]
        ).findings
    if findings:
        raise Failed(seed, "\n".join(map(_told, findings)), transcript)
    return transcript


def _operate(
    server: ChatServer, scheduler: Scheduler, clients: list[Client], transcript: list[Event]
) -> None:
    """Start the server; stop it when all have finished, or earlier."""
    server.start()
    if scheduler.random.random() < 0.7:
        scheduler.wait("the end of the play", lambda: all(each.has_acted for each in clients))
    else:
        scheduler.wait("the moment to stop", lambda: False, scheduler.random.random())
    began = scheduler.now
    transcript.append(Stopping(began, "sigterm"))
    server.stop()
    transcript.append(Exited(scheduler.now, 0))
    if scheduler.now - began > 3:
        raise Unsound(f"the stop took {scheduler.now - began:.1f} s")


def _names(system: System, listener: SimulatedListener) -> list[tuple[Any, str, Any]]:
    """Return what each of the server's modules finds under the operating system's names."""
    scheduler = system.scheduler

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(WALL + scheduler.now, tz or UTC)

    simulated = SimpleNamespace(
        DefaultSelector=lambda: SimulatedSelector(system),
        PollSelector=lambda: SimulatedSelector(system),
        EVENT_READ=selectors.EVENT_READ,
        EVENT_WRITE=selectors.EVENT_WRITE,
    )
    threads = SimpleNamespace(
        Thread=lambda **named: SimulatedThread(system, **named), Lock=threading.Lock
    )
    time = SimpleNamespace(monotonic=lambda: scheduler.now)
    lock = SimulatedLock(system, is_the_rooms=True)
    return [
        (reference_server.server, "selectors", simulated),
        (reference_server.server, "threading", threads),
        (reference_server.server, "time", time),
        (
            reference_server.server,
            "open_listeners",
            lambda _: [Listener(cast(socket, listener), ADDRESS)],
        ),
        (reference_server.server, "Waker", lambda: SimulatedWaker(system)),
        (reference_server.distributor, "selectors", simulated),
        (reference_server.receiver, "selectors", simulated),
        (reference_server.distributor, "time", time),
        (
            reference_server.distributor,
            "count_unacknowledged",
            lambda connected: connected.count_unacknowledged(),
        ),
        (reference_server.distributor, "seconds_unanswered", lambda _: 0.0),
        (reference_server.locked_room, "Lock", lambda: lock),
        (reference_server.locked_room, "Condition", SimulatedCondition),
        (reference_server.locked_room, "datetime", Clock),
        *SCALED,
    ]


@contextmanager
def _installed(names: list[tuple[Any, str, Any]]) -> Iterator[None]:
    before = [(module, name, getattr(module, name)) for module, name, _ in names]
    log = logging.getLogger("reference_server")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        for module, name, value in names:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
        log.setLevel(level)


def _told(finding: Finding) -> str:
    return (
        f"{finding.requirement}: expected {finding.expected}; {finding.actual} "
        f"({finding.client}, lines {finding.evidence})"
    )
