"""Every port is a conformant server, in its MUSTs and its SHOULDs, and short enough to read.

What the vectors of the standard say of lines, streams and senders is checked through sockets.
"""

import fcntl
import re
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.evidence import ROOT
from tests.examples.suite import CAPACITY, judge_launched
from tests.spec.standard import Vector, vectors

PORTS: Final = ROOT / "ports"
DEADLINE: Final = 30.0
LIMIT: Final = 1024
"""The line limit of the vectors that name none."""

TIME: Final = rb"\d{8} \d\d:\d\d:\d\d "


@dataclass(frozen=True, slots=True)
class Port:
    """A port: the program that builds or runs it, and how it is built and launched."""

    folder: str
    needs: str
    launch: str
    built: str | None = None

    def command(self) -> list[str]:
        """Build it, and return the command that launches it."""
        if shutil.which(self.needs) is None:
            pytest.skip(f"{self.needs} is not installed")
        if self.built is not None:
            make = ["make", "--silent", self.built]
            with (ROOT / "Makefile").open() as lock:  # tests run at once, one of them builds
                fcntl.flock(lock, fcntl.LOCK_EX)
                subprocess.run(make, cwd=ROOT, check=True, timeout=300)
        return [str(ROOT / word) if "/" in word else word for word in shlex.split(self.launch)]


ALL: Final = (
    Port("go", "go", "build/ports/chatproto-go", "build/ports/chatproto-go"),
    Port("node", "node", "node ports/node/server.mjs"),
    Port("c", "cc", "build/ports/chatproto-c", "build/ports/chatproto-c"),
)
each = pytest.mark.parametrize("port", ALL, ids=[port.folder for port in ALL])


@each
@pytest.mark.heavy
@pytest.mark.long
def test_it_passes_the_whole_suite(port: Port, tmp_path: Path) -> None:
    options = f"--listen {{address}} --heartbeat 1 --capacity {CAPACITY}"
    judge_launched(f"{shlex.join(port.command())} {options}", tmp_path)


@each
@pytest.mark.heavy
def test_it_reads_lines_as_the_vectors_say(port: Port) -> None:
    with serving(port.command(), "127.0.0.1") as address:
        for vector in vectors("lines"):
            if vector.get("charset", "utf-8") == "utf-8":
                line = bytes.fromhex(vector["octets"]) + b"\n"
                check(vector, [vector["result"]], converse(address, [line]))


@each
@pytest.mark.heavy
def test_it_reads_streams_as_the_vectors_say(port: Port) -> None:
    with serving(port.command(), "127.0.0.1") as address:
        for vector in vectors("client-streams"):
            if vector.get("line_limit", LIMIT) == LIMIT:
                segments = [bytes.fromhex(segment) for segment in vector["segments"]]
                for cut in (segments, [b"".join(segments)]):
                    events = [{**event, "kind": event["event"]} for event in vector["events"]]
                    check(vector, events, converse(address, cut))


@each
@pytest.mark.heavy
@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6")
def test_an_ipv6_sender_is_in_brackets(port: Port) -> None:
    with serving(port.command(), "::1") as address:
        received, name = converse(address, [b"hello\n"])
        assert name.startswith("[::1]:")
        assert re.fullmatch(TIME + re.escape(name.encode()) + b"\nhello\n", received)


@each
@pytest.mark.heavy
def test_it_serves_ipv4_on_an_ipv6_address(port: Port) -> None:
    with serving(port.command(), "::") as address:
        received, name = converse(("127.0.0.1", address[1]), [b"hello\n"])
        assert re.fullmatch(TIME + re.escape(name.encode()) + b"\nhello\n", received)


@each
@pytest.mark.heavy
def test_it_serves_a_unix_domain_socket(port: Port, tmp_path: Path) -> None:
    path = tmp_path / "room"
    command = [*port.command(), "--listen", f"unix:{path}"]
    for _ in range(2):  # the second time over what the first, killed, has left
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
            try:
                received = [converse(str(path), [b"hello\n"])[0] for _ in range(2)]
            finally:
                process.kill()
        for octets in received:
            assert re.fullmatch(TIME + rb"unix:\d+\nhello\n", octets)
        assert received[0] != received[1]


def test_each_is_short_and_shares_nothing() -> None:
    folders = {path.name for path in PORTS.iterdir() if path.is_dir()}
    assert folders == {port.folder for port in ALL}
    for folder in folders:
        sources = [path for path in (PORTS / folder).iterdir() if path.suffix != ".mod"]
        assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources) <= 600
    assert "require" not in (PORTS / "go" / "go.mod").read_text(encoding="utf-8")
    for path in (PORTS / "node").iterdir():
        froms = re.findall(r"^import .* from '(.*)';$", path.read_text(encoding="utf-8"), re.M)
        assert all(name.startswith(("node:", "./")) for name in froms)


Address = str | tuple[str, int]


@contextmanager
def serving(command: Sequence[str], host: str) -> Iterator[tuple[str, int]]:
    """Start a server on a free port, with the line limit of the vectors; end it afterwards."""
    with socket.create_server((host, 0), family=family((host, 0))) as probe:
        port = probe.getsockname()[1]
    where = f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
    told = ["--listen", where, "--line-limit", str(LIMIT)]
    with subprocess.Popen([*command, *told], stdin=subprocess.DEVNULL) as process:
        try:
            yield host, port
        finally:
            process.kill()


def converse(address: Address, segments: Iterable[bytes]) -> tuple[bytes, str]:
    """Send these and half-close; return all that the server sends, and its label for the client."""
    with connect(address) as client:
        for segment in segments:
            client.sendall(segment)
        client.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: client.recv(65_536), b""))
        if isinstance(address, str):
            return received, ""
        host, port = client.getsockname()[:2]
        return received, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connect(address: Address) -> socket.socket:
    """Connect, as soon as the server listens."""
    give_up = time.monotonic() + DEADLINE
    while True:
        client = socket.socket(family(address))
        client.settimeout(DEADLINE)
        try:
            client.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            client.close()
            assert time.monotonic() < give_up
            time.sleep(0.01)
        else:
            return client


def family(address: Address) -> socket.AddressFamily:
    """Return the family of the socket that reaches an address."""
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def check(vector: Vector, events: Iterable[dict[str, object]], answer: tuple[bytes, str]) -> None:
    """Check that there is a broadcast for each message, and a notice for a violation."""
    received, sender = answer
    expected = b""
    for event in events:
        if event["kind"] == "message":
            expected += TIME + re.escape(f"{sender}\n{event['text']}\n".encode())
        elif event["kind"] == "violation":
            expected += re.escape(f"!{event['code']}".encode()) + rb"( [^\n]+)?\n"
    assert re.fullmatch(expected, received), f"{vector['id']}: {received!r}"
