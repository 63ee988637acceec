"""The room's lock is never held over a system call."""

import contextlib
import logging
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from chatproto import Limits
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
    assert len(made) == 13
    assert WatchedLock.times > 100
    assert under_lock == set()
