"""Connecting to an address that is slow to let one in."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.target.address import parse_address


@pytest.fixture
def full(tmp_path: Path) -> Iterator[socket.socket]:
    """A Unix-domain socket with one place in its queue, and that taken."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as taker:
        listener.bind(str(tmp_path / "chat"))
        listener.listen(0)
        taker.connect(listener.getsockname())
        yield listener


def test_a_full_queue_is_waited_for(full: socket.socket) -> None:
    accepting = threading.Timer(0.05, lambda: full.accept()[0].close())
    accepting.start()
    parse_address(f"unix:{full.getsockname()}").connect(5.0).close()
    accepting.join()


def test_but_not_for_ever(full: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        parse_address(f"unix:{full.getsockname()}").connect(0.05)
