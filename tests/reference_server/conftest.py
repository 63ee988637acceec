"""Servers and clients that every test here gets, and gives back: no thread, no descriptor left."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reference_server import ChatServer
from tests.reference_server.peer import Peer

Serve = Callable[..., ChatServer]
Connect = Callable[..., Peer]


@pytest.fixture(autouse=True)
def _all_log_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "reference_server")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers; at the end stop them, and check that nothing is left."""
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    servers: list[ChatServer] = []

    def serve(*listen: str, **options: Any) -> ChatServer:
        server = ChatServer(listen or ["tcp://127.0.0.1:0"], **options)
        servers.append(server)
        server.start()
        return server

    yield serve
    for server in servers:
        server.stop()
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors


@pytest.fixture
def connect(serve: Serve) -> Iterator[Connect]:  # noqa: ARG001  (closes before the server stops)
    """Connect to a server; `member=True` fences, so that the client is known to be a member."""
    peers: list[Peer] = []

    def connect(
        server: ChatServer, *, member: bool = True, at: int = 0, receive_buffer: int | None = None
    ) -> Peer:
        peer = Peer(server.addresses[at], receive_buffer)
        peers.append(peer)
        if member:
            peer.fence()
        return peer

    yield connect
    for peer in peers:
        peer.close()
