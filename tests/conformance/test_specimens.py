"""Every specimen serves: it takes members who do everything that members do, and ends."""

import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Final

import pytest

from conformance.address import TcpAddress
from conformance.profile import Launch
from conformance.specimens import CATALOGUE
from conformance.target import LaunchedServer

_WORDS: Final = (
    "hello\nquit now\nQUIT\n/quit\n\n\t\n a\tb \x1b[2J \u2028\ufeff é e\u0301 \ue000\r\n".encode(),
    b"x" * 1_000 + b"\n" + b"y" * 1_000 + b"\n",
    b"the same\n" * 30,
)
_WAYS: Final = (b"quit\nmore\n", b"bad \xff\nmore\n", b"z" * 1_100_000, b"incomplete", b"\n\n\n")


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=1.0)


def _read(client: socket.socket, first: float = 0.05) -> bytes:
    """What comes until nothing more does, or a second has passed; `first` are the seconds in
    which it begins to."""
    came, end = b"", time.monotonic() + 1.0
    client.settimeout(first)
    with suppress(OSError):
        while time.monotonic() < end and (octets := client.recv(65_536)):
            came += octets
            client.settimeout(0.05)
    return came


def _work_out(port: int) -> bytes:
    """Everything a member may do; what the first of them received of its first words."""
    ann, bob = _connect(port), _connect(port)
    with ann, bob:
        ann.sendall(_WORDS[0])
        came = _read(ann, 2.0)
        with suppress(OSError):
            for octets in _WORDS[1:]:
                bob.sendall(octets)
            _read(ann)
            for way in _WAYS:
                with _connect(port) as eve:
                    eve.sendall(b"a word\n")
                    eve.sendall(way)
                    eve.shutdown(socket.SHUT_WR)
                    _read(eve)
            with _connect(port) as eve:
                eve.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return came


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_serves(name: str) -> None:
    address = TcpAddress("127.0.0.1", 0).with_free_port()
    command = f"{sys.executable} -m conformance.specimens {name} {{port}}"
    server = LaunchedServer(Launch(command=command), address)
    server.start()
    try:
        came = _work_out(address.port)
        if CATALOGUE[name].legal and CATALOGUE[name].profile is None:
            assert b"quit now" in came
        pid = server.pid
        if pid is not None:
            server.stop("sigterm")
            assert server.wait(4.0) is not None or not CATALOGUE[name].legal
    finally:
        server.close()


def test_the_list_names_them() -> None:
    listed = _specimens("--list")
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in CATALOGUE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["correct"], "a name and a port"), (["corect", "1"], "the nearest is 'correct'")],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    wrong = _specimens(*arguments)
    assert wrong.returncode == 2
    assert said in wrong.stderr


def _specimens(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance.specimens", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
