"""Every example is a conformant server, in its MUSTs and its SHOULDs, and short enough to read."""

import fcntl
import re
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import termios
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.examples.suite import judge

EXAMPLES = Path(__file__).parents[2] / "examples"
DRIVERS = sorted(EXAMPLES.glob("*.py"))

DEADLINE = 30.0

each = pytest.mark.parametrize("driver", DRIVERS, ids=[driver.stem for driver in DRIVERS])


@each
@pytest.mark.heavy
@pytest.mark.long
def test_it_passes_the_whole_suite(driver: Path, tmp_path: Path) -> None:
    judge(driver, tmp_path)


@each
def test_however_members_go_it_has_nothing_to_say_and_ends_well(
    driver: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack:
        process, port = launch(stack, log, driver)
        members = [connect(stack, port) for _ in range(5)]
        for member in members:
            speak(member, b"hello")
        quits, ends, resets, breaks, stays = members
        quits.sendall(b"bye\nquit\n")
        ends.sendall(b"half a li")
        ends.shutdown(socket.SHUT_WR)
        resets.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        resets.close()
        breaks.sendall(b"\xff\n")
        for member in quits, ends, breaks:
            read_until(member, b"")
        speak(stays, b"still here")
        process.send_signal(signal.SIGTERM)
        assert read_until(stays, b"").endswith(b"!shutting-down\n")
        stays.close()
        assert process.wait(DEADLINE) == 0
    assert log.read_text() == ""


@each
@pytest.mark.heavy
def test_it_keeps_time_while_nobody_speaks(driver: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        _, port = launch(stack, tmp_path / "log", driver, "--heartbeat", "0.2")
        [stays, holds] = [connect(stack, port) for _ in range(2)]
        read_until(stays, b"\n\n\n")
        holds.sendall(b"quit\n")
        read_until(holds, b"")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            talk_on(holds, stays)


@each
def test_it_survives_having_no_descriptor_free(driver: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack:
        process, port = launch(stack, log, driver)
        first = connect(stack, port)
        speak(first, b"hello")
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        open_now = max(int(each.name) for each in Path(f"/proc/{process.pid}/fd").iterdir()) + 1
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (open_now, hard))
        others = [connect(stack, port) for _ in range(3)]
        speak(first, b"alone")
        speak(first, b"still alone")
        for other in others:
            other.close()
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        speak(connect(stack, port), b"hello again")
    assert log.stat().st_size < 65_536


@each
def test_after_a_failed_write_it_reads_what_was_said_before(driver: Path, tmp_path: Path) -> None:
    lines = [b"line %d" % number for number in range(6_000)]
    with ExitStack() as stack:
        process, port = launch(stack, tmp_path / "log", driver)
        [stays, goes] = [connect(stack, port) for _ in range(2)]
        speak(goes, b"here")
        speak(stays, b"hello")  # it stays unread in the kernel: closing resets
        process.send_signal(signal.SIGSTOP)
        stays.sendall(b"a word for both\n")
        goes.sendall(b"".join(line + b"\n" for line in lines))
        await_acknowledged(goes)
        goes.close()
        process.send_signal(signal.SIGCONT)
        heard = read_until(stays, b"\nline 5999\n")
    assert [line for line in heard.splitlines() if line.startswith(b"line")] == lines


def test_asyncio_streams_speak_tls(tmp_path: Path) -> None:
    pem, log = tmp_path / "server.pem", tmp_path / "log"
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost")
    files = ("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(pem), "-out", str(pem) + "c")
    subprocess.run([openssl, *request, *files], check=True, capture_output=True, timeout=DEADLINE)
    pem.write_text(pem.read_text() + Path(f"{pem}c").read_text())
    trust = ssl.create_default_context(cafile=f"{pem}c")
    with ExitStack() as stack:
        driver = EXAMPLES / "asyncio_streams.py"
        process, port = launch(stack, log, driver, "--certificate", str(pem))
        ann, bob, cid, dan = (
            stack.enter_context(
                trust.wrap_socket(
                    connect(stack, port), server_hostname="127.0.0.1", suppress_ragged_eofs=False
                )
            )
            for _ in range(4)
        )
        for member in ann, bob, cid, dan:
            speak(member, b"hello")
        ann.sendall(b"line\n" * 5_000 + b"bye\nquit\n")
        heard = read_until(ann, b"")  # to an orderly end: anything else is an SSLError
        assert heard.endswith(b"\nbye\n")
        assert heard.count(b"\nline\n") == 5_000
        bob.sendall(b"\xff\n")
        assert b"!invalid-text" in read_until(bob, b"")
        cid.sendall(b"going\n")
        cid.shutdown(socket.SHUT_WR)
        read_until(dan, b"\ngoing\n")
        process.send_signal(signal.SIGTERM)
        assert read_until(dan, b"").endswith(b"!shutting-down\n")
        assert process.wait(20) == 0  # it does not wait for close_notify, which takes half a minute
    assert log.read_text() == ""


def launch(
    stack: ExitStack, log: Path, driver: Path, *options: str
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a server; it ends with the stack at the latest."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, str(driver), "--listen", f"tcp://127.0.0.1:{port}", *options]
    with log.open("w") as file:
        process = stack.enter_context(subprocess.Popen(command, stderr=file))
    stack.callback(process.kill)
    return process, port


def connect(stack: ExitStack, port: int) -> socket.socket:
    """Connect, as soon as the server listens."""
    give_up = time.monotonic() + DEADLINE
    while True:
        try:
            return stack.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE))
        except ConnectionRefusedError:
            assert time.monotonic() < give_up
            time.sleep(0.01)


def speak(member: socket.socket, text: bytes) -> None:
    """Say something, and receive it."""
    member.sendall(text + b"\n")
    read_until(member, b"\n" + text + b"\n")


def talk_on(member: socket.socket, other: socket.socket) -> None:
    """Send an octet for each heartbeat that another client receives, for as long as it goes."""
    give_up = time.monotonic() + DEADLINE
    while time.monotonic() < give_up:
        member.sendall(b"x")
        read_until(other, b"\n")


def await_acknowledged(member: socket.socket) -> None:
    """Wait until the other end's kernel has all that was sent."""
    give_up = time.monotonic() + DEADLINE
    while any(fcntl.ioctl(member.fileno(), termios.TIOCOUTQ, bytes(4))):
        assert time.monotonic() < give_up
        time.sleep(0.001)


def read_until(member: socket.socket, end: bytes) -> bytes:
    """Read until this comes; if it is empty, to the end of the stream."""
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


@each
def test_it_shares_nothing_but_chatproto(driver: Path) -> None:
    text = driver.read_text(encoding="utf-8")
    assert not re.search(r"^(from|import) (reference_server|conformance|examples|\.)", text, re.M)
    assert len(text.splitlines()) <= 160
