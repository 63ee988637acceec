"""The room's lock is never held over a system call, and guards all that threads share."""

import contextlib
import logging
import selectors
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest

from chatproto import Limits, Member, Room, ServerConnection
from chatproto.cursors import Cursors, Group
from chatproto.log import Log
from reference_server.locked_room import CHECK, Connection, LockedRoom, Totals
from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.peer import Peer
from tests.reference_server.test_slow import talk


class WatchedLock:
    """A lock that knows which thread holds it."""

    held: set[int] = set()  # noqa: RUF012
    times = 0

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        acquired = self._lock.acquire(blocking, timeout)
        if acquired:
            self.held.add(threading.get_ident())
            WatchedLock.times += 1
        return acquired

    def release(self) -> None:
        self.held.discard(threading.get_ident())
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def live(serve: Serve, connect: Connect) -> None:
    """Everything that may happen to a server: talk, a lost member, a violation, an eviction, a full
    room."""
    server = serve(limits=Limits(backlog=1 << 20, members=4), heartbeat=0.01)
    talker, stalled = connect(server), connect(server, receive_buffer=4096)
    lost, leaver = connect(server), connect(server)
    Peer(server.addresses[0]).close()  # one too many
    lost.reset()
    leaver.send(b"\xff\n")
    leaver.read_to_end()
    while any(sender == stalled.sender for sender, _, _ in server.members()):
        talk(talker, 8)
    talker.send(b"quit\n")
    with contextlib.suppress(ConnectionResetError):
        stalled.read_to_end()
    server.stop()


def test_no_system_call_is_made_under_the_lock(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: set[str] = set()
    under_lock: set[str] = set()

    def watch(owner: type, name: str) -> None:
        call: Callable[..., Any] = getattr(owner, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            made.add(name)
            if threading.get_ident() in WatchedLock.held:
                under_lock.add(name)
            return call(*arguments, **options)

        monkeypatch.setattr(owner, name, watched)

    monkeypatch.setattr("reference_server.locked_room.Lock", WatchedLock)
    for name in "accept", "close", "recv", "send", "setblocking", "setsockopt", "shutdown":
        watch(socket.socket, name)
    for name in "register", "unregister", "select":
        watch(selectors.DefaultSelector, name)
    watch(threading.Thread, "start")
    watch(threading.Thread, "join")
    watch(logging.Logger, "_log")

    live(serve, connect)
    assert len(made) == 13
    assert WatchedLock.times > 100
    assert under_lock == set()


class Lockset:
    """A record of which thread reads and writes which field, and whether under the lock: Eraser's
    algorithm, for one lock.

    A field that one thread alone has used so far belongs to it. There is a race on a field if, once
    a second thread has used it, one thread writes it, another uses it, and not all of them hold the
    lock.
    """

    CONTAINERS = (dict, set, list, bytearray, deque)

    def __init__(self) -> None:
        self._uses: dict[tuple[int, str], set[tuple[int, bool, bool]]] = defaultdict(set)
        self._owners: dict[tuple[int, str], int | None] = {}
        self._kept: dict[int, object] = {}
        self.fields: set[str] = set()

    def use(self, owner: object, name: str, *, writes: bool) -> None:
        self._kept[id(owner)] = owner  # so that no other thread takes its id
        thread = threading.get_ident()
        if self._owners.setdefault((id(owner), name), thread) == thread:
            return  # it belongs to this thread until another uses it
        self._owners[id(owner), name] = None
        self._uses[id(owner), name].add((thread, writes, thread in WatchedLock.held))

    def races(self) -> set[str]:
        found = set()
        for (owner, name), uses in list(self._uses.items()):
            threads = {thread for thread, _, _ in uses}
            writes = any(writes for _, writes, _ in uses)
            self.fields.add(f"{type(self._kept[owner]).__name__}.{name}")
            if len(threads) > 1 and writes and not all(locked for _, _, locked in uses):
                found.add(f"{type(self._kept[owner]).__name__}.{name}")
        return found

    def watch(self, patch: pytest.MonkeyPatch, owner: type) -> None:
        def read(self_: object, name: str) -> object:
            value = object.__getattribute__(self_, name)
            if not name.startswith("__") and not callable(value):
                self.use(self_, name, writes=isinstance(value, self.CONTAINERS))
            return value

        def write(self_: object, name: str, value: object) -> None:
            self.use(self_, name, writes=True)
            object.__setattr__(self_, name, value)

        patch.setattr(owner, "__getattribute__", read)
        patch.setattr(owner, "__setattr__", write)


SHARED = (LockedRoom, Connection, Totals, Room, Member, Log, Cursors, Group, ServerConnection)


def test_whatever_two_threads_use_is_used_under_the_lock(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_server.locked_room.Lock", WatchedLock)
    lockset = Lockset()
    with monkeypatch.context() as patch:
        for shared in SHARED:
            lockset.watch(patch, shared)
        live(serve, connect)
    assert lockset.races() == set()
    assert {"LockedRoom._turn", "Room._members", "Cursors._groups"} <= lockset.fields


def test_a_field_used_without_the_lock_is_seen(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_server.locked_room.Lock", WatchedLock)
    monkeypatch.setattr(
        LockedRoom, "totals", lambda self: Totals(broadcasts=self._totals.broadcasts)
    )
    lockset = Lockset()
    with monkeypatch.context() as patch:
        for shared in SHARED:
            lockset.watch(patch, shared)
        live(serve, connect)
    assert lockset.races() == {"Totals.broadcasts"}


def test_a_round_checks_no_connection_that_it_closes() -> None:
    """A closed socket cannot be asked: the error would end the distribute thread."""
    room = LockedRoom(Limits(), "utf-8", None, UTC, lambda: None, lambda: watch())

    def watch() -> None:
        room.to_watch()

    stays, goes = (room.join(socket.socket(), f"192.0.2.1:{port}") for port in (1, 2))
    with stays.socket, goes.socket:
        room.end_reading(goes, orderly=False)
        round_ = room.next_round(CHECK, ())
    assert round_ is not None
    assert (round_.closes, round_.checks) == ([goes], [stays])
