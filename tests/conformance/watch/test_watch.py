"""chatproto-conformance watch, as a user runs it: between real clients and a real server."""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatproto import Limits
from tests.chat_client.terminal import CTRL_D, Terminal
from tests.conformance import command
from tests.reference_server.conftest import Serve, serve
from tests.reference_server.peer import DEADLINE, Peer

__all__ = ["serve"]

NC = shutil.which("nc")
PLAIN = [sys.executable, "-m", "chat_client", "--plain"]
EXERCISE = Path(__file__).parents[3] / "docs" / "tutorial" / "server" / "server_00.py"


class Watch:
    """A watch that is running. `address` is where clients connect."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address
        self.peers: list[Peer] = []

    def connect(self, address: str | None = None) -> Peer:
        """Connect a client to the watch, or to another address."""
        self.peers.append(Peer(address or self.address))
        return self.peers[-1]

    def end(self) -> tuple[int, str]:
        """Press Ctrl-C; return the exit status, and what was printed from then on."""
        self.process.send_signal(signal.SIGINT)
        output, errors = self.process.communicate(timeout=DEADLINE)
        assert "Traceback" not in output + errors
        return self.process.returncode, output


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def watching(server: str, *options: str) -> Iterator[Watch]:
    address = f"tcp://127.0.0.1:{free_port()}"
    with command.start("watch", server, "--listen", address, *options) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"watching {server}; Ctrl-C ends it\n"
            yield (watch := Watch(process, address))
            for peer in watch.peers:
                peer.close()
        finally:
            process.kill()


def findings(output: str) -> list[str]:
    """Return what was printed of each finding, without the command that shows it again."""
    return [line for line in output.splitlines() if line.strip() and "  again " not in line]


def test_nothing_is_found_where_nothing_is_wrong(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    kept = tmp_path / "kept.jsonl"
    with watching(server.addresses[0], "--transcript", str(kept)) as watch:
        other = watch.connect(server.addresses[0])
        for peer in [watch.connect(), watch.connect(), other]:
            peer.fence()
            peer.send(b"hi\nhi\n")
            peer.read_until(b"\nhi\n")
        done = subprocess.run(
            [*PLAIN, watch.address],
            input="早\nhi\nlast".encode(),
            capture_output=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0
        assert done.stdout.endswith(b" last\n")
        status, output = watch.end()
    assert status == 0
    assert output.endswith("\nnothing broken was seen\n")
    again = command.run("judge", str(kept))
    assert again.returncode == 0
    assert again.stdout.endswith("\nnothing broken was seen\n")


def test_a_stage_of_the_exercise_and_a_client_are_told_apart(tmp_path: Path) -> None:
    port, kept = free_port(), tmp_path / "kept.jsonl"
    with (
        subprocess.Popen(
            [sys.executable, str(EXERCISE), str(port)], stderr=subprocess.DEVNULL
        ) as exercise,
        watching(f"tcp://127.0.0.1:{port}", "--transcript", str(kept)) as watch,
    ):
        try:
            peer = connect_when_it_listens(watch)
            peer.send(b"one\ntwo\n")
            peer.read_until(b"two\n")
            peer.send(b"caf\xe9 \n")
            status, output = watch.end()
        finally:
            exercise.kill()
    assert status == 1
    assert "TRN-2 MUST" in output
    assert "CLI-4 MUST" in output
    assert re.search(r"^the server broke (.*\b)?TRN-2\b.*\bFRM-1\b", output, re.M)
    assert re.search(r"^client c\d+ broke CLI-4$", output, re.M)
    again = command.run("judge", str(kept))
    assert again.returncode == 1
    found = findings(again.stdout)[1:]
    assert [line for line in findings(output) if not re.match(r"c\d+ ", line)] == found


def connect_when_it_listens(watch: Watch) -> Peer:
    """Join as soon as the server accepts connections: before that, the watch ends each one."""
    for _ in range(200):
        peer = watch.connect()
        peer.send(b"first\n")
        try:
            peer.read_until(b"first\n")
        except (AssertionError, OSError):
            peer.close()
        else:
            return peer
    raise AssertionError("the server never listened")


def test_one_member_s_stall_stays_that_member_s(serve: Serve) -> None:
    with watching(serve().addresses[0]) as watch:
        stalled, speaker, listener = (watch.connect() for _ in range(3))
        for peer in (stalled, speaker, listener):
            peer.fence()
        for number in range(6):
            speaker.send((b"x" * 1_000 + b"\n") * 1_000)
            speaker.send(b"part %d\n" % number)
            for peer in (speaker, listener):
                peer.forget_until(b"part %d\n" % number)
        stalled.read_until(b"part 5\n")
        assert stalled.received.count(b"x" * 1_000) == 6_000
        status, output = watch.end()
    assert status == 0, output


def test_a_half_close_a_reset_and_a_refusal_pass_through(serve: Serve) -> None:
    server = serve(limits=Limits(members=2))
    with watching(server.addresses[0]) as watch:
        first, second = watch.connect(), watch.connect()
        first.fence()
        second.fence()
        third = watch.connect()
        third.read_to_end()
        assert third.received.startswith(b"!room-full")
        first.send(b"bye\n")
        first.end()
        assert first.read_to_end().endswith(b"\nbye\n")
        second.read_until(b"\nbye\n")
        second.reset()
        status, output = watch.end()
    assert (status, output.splitlines()[-1]) == (0, "nothing broken was seen")


@pytest.mark.skipif(NC is None, reason="nc is not installed")
def test_a_full_transcript_is_told_and_the_rest_is_unknown(serve: Serve, tmp_path: Path) -> None:
    server, kept = serve(), tmp_path / "kept.jsonl"
    options = ("--most", "0.01", "--transcript", str(kept))
    with watching(server.addresses[0], *options) as watch:
        peer = watch.connect()
        for _ in range(20):
            peer.send(b"x" * 1_000 + b"\n")
            peer.fence()
        status, output = watch.end()
    assert status == 4, output
    assert "the transcript is full: traffic from now on is not judged" in output
    assert "nothing broken was seen" in output
    assert kept.stat().st_size < 60_000
    judged = command.run("judge", str(kept))
    assert judged.returncode == 4
    assert "the transcript was full after" in judged.stdout


def test_nc_is_watched(serve: Serve) -> None:
    with watching(serve().addresses[0]) as watch:
        host, port = watch.address.removeprefix("tcp://").split(":")
        done = subprocess.run(
            [str(NC), host, port], input=b"hello\nquit\n", capture_output=True, timeout=DEADLINE
        )
        assert done.stdout.endswith(b"\nhello\n")
        status, _ = watch.end()
    assert status == 0


def test_where_no_server_listens_a_client_is_told_by_an_end(tmp_path: Path) -> None:
    with watching(f"unix:{tmp_path}/nowhere") as watch:
        assert watch.connect().read_to_end() == b""
        status, output = watch.end()
    assert status == 0
    assert "the server cannot be reached: No such file or directory" in output


def test_an_address_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        done = command.run("watch", "tcp://127.0.0.1:9", "--listen", address)
    assert done.returncode == 3
    assert f"cannot listen on {address}: Address already in use" in done.stderr


@pytest.mark.parametrize("server", ["nowhere", "tcp://127.0.0.1:1 tcp://127.0.0.1:2"])
def test_what_is_no_address_is_wrong_usage(server: str) -> None:
    assert command.run("watch", server).returncode == 2


def test_people_at_a_terminal_are_watched(serve: Serve) -> None:
    with watching(serve().addresses[0]) as watch:
        with Terminal(watch.address) as one, Terminal(watch.address) as other:
            for user, word in ((one, "first"), (other, "second"), (one, "third")):
                user.shows("-- connected to")
                user.press(f"{word}\r")
                user.shows(f"  {word}")
            other.shows("  third")
            one.press(CTRL_D)
            assert one.end() == 0
            other.press("/quit\r")
            assert other.end() == 0
        status, output = watch.end()
    assert status == 0, output
    assert "nothing broken was seen" in output
