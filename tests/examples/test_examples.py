"""Every example is a conformant server, in its MUSTs and its SHOULDs, and short enough to read."""

import re
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.examples.suite import judge

EXAMPLES = Path(__file__).parents[2] / "examples"
DRIVERS = sorted(EXAMPLES.glob("*.py"))

DEADLINE = 30.0


@pytest.mark.parametrize("driver", DRIVERS, ids=[driver.stem for driver in DRIVERS])
def test_it_passes_the_whole_suite(driver: Path, tmp_path: Path) -> None:
    judge(driver, tmp_path)


@pytest.mark.parametrize("driver", DRIVERS, ids=[driver.stem for driver in DRIVERS])
def test_however_members_go_it_has_nothing_to_say_and_ends_well(driver: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, str(driver), "--listen", f"tcp://127.0.0.1:{port}"]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
        ExitStack() as stack,
    ):
        members = [stack.enter_context(connect(port)) for _ in range(5)]
        for member in members:
            member.sendall(b"hello\n")
            read_until(member, b"\nhello\n")
        quits, ends, resets, breaks, stays = members
        quits.sendall(b"bye\nquit\n")
        ends.sendall(b"half a li")
        ends.shutdown(socket.SHUT_WR)
        resets.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        resets.close()
        breaks.sendall(b"\xff\n")
        for member in quits, ends, breaks:
            read_until(member, b"")
        stays.sendall(b"still here\n")
        read_until(stays, b"\nstill here\n")
        process.send_signal(signal.SIGTERM)
        assert read_until(stays, b"").endswith(b"!shutting-down\n")
        stays.close()
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert errors == ""


def connect(port: int) -> socket.socket:
    """Connect, as soon as the server listens."""
    give_up = time.monotonic() + DEADLINE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), DEADLINE)
        except ConnectionRefusedError:
            assert time.monotonic() < give_up
            time.sleep(0.01)


def read_until(member: socket.socket, end: bytes) -> bytes:
    """Read until this comes; without it, to the end of the stream."""
    received = b""
    while octets := member.recv(65_536):
        received += octets
        if end and end in received:
            break
    assert end in received
    return received


def test_the_readme_of_the_examples_tells_of_each() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[([a-z_]+\.py)\]\(\1\) \|", text, re.MULTILINE) == [
        driver.name for driver in DRIVERS
    ]


@pytest.mark.parametrize("driver", DRIVERS, ids=[driver.stem for driver in DRIVERS])
def test_it_shares_nothing_but_chatproto(driver: Path) -> None:
    text = driver.read_text(encoding="utf-8")
    assert not re.search(r"^(from|import) (reference_server|conformance|examples|\.)", text, re.M)
    assert len(text.splitlines()) <= 160
