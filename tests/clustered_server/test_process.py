"""A node as a process: options, exit statuses, signals, the console; with a real engine where
there is one."""

import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clustered_server import __main__
from clustered_server.__main__ import main
from clustered_server.jetstream import Access
from tests.reference_server.peer import DEADLINE, Peer

_rooms = itertools.count(1)
NOWHERE = ("--node", "a", "--room", "lobby", "--log", "nats://127.0.0.1:1")


class NodeProcess:
    """`python -m clustered_server`; `address` once it is ready."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "clustered_server", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self.address = self.read_until("listening on ").strip()

    def read_until(self, words: str) -> str:
        """Read its log up to a line with these words, and give what follows them."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if words in line:
                return line.partition(words)[2]
        raise AssertionError(self.log)

    def wait(self) -> int:
        assert self.process.stderr is not None
        self.log += self.process.stderr
        self.process.wait(DEADLINE)
        assert not [line for line in self.log if "Traceback" in line or "Warning" in line]
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in self.process.stdin, self.process.stdout, self.process.stderr:
            assert stream is not None
            stream.close()


Launch = Callable[..., NodeProcess]


@pytest.fixture
def launch(engine_url: str) -> Iterator[Launch]:
    """Launch nodes of one new room."""
    room = f"process{next(_rooms)}-{os.getpid()}"
    nodes: list[NodeProcess] = []

    def launch(name: str, *options: str) -> NodeProcess:
        where = ("--room", room, "--log", engine_url, "--replicas", "1")
        node = NodeProcess("--node", name, *where, "--listen", "tcp://127.0.0.1:0", *options)
        nodes.append(node)
        return node

    yield launch
    for node in nodes:
        node.close()


def test_two_processes_are_one_room_and_signals_stop_them(launch: Launch) -> None:
    nodes = [launch("a"), launch("b")]
    ann, bob = (Peer(node.address) for node in nodes)
    ann.fence()
    bob.fence()
    ann.send(b"hello\n")
    bob.read_until(b"hello\n")
    for node, peer, number in zip(nodes, (ann, bob), ("TERM", "INT"), strict=True):
        node.process.send_signal(signal.Signals[f"SIG{number}"])
        assert peer.read_to_end().endswith(b"!shutting-down\n")
        peer.close()
        assert node.wait() == 0
        assert "stopped: 1 members served" in node.log[-1]


def test_a_killed_node_starts_again_under_its_name(launch: Launch) -> None:
    first, other = launch("a"), launch("b")
    ann, bob = Peer(first.address), Peer(other.address)
    ann.fence()
    bob.fence()
    ann.send(b"last\n")
    bob.read_until(b"last\n")
    first.process.kill()
    cas = Peer(launch("a").address)
    cas.fence()
    cas.send(b"back\n")
    bob.read_until(b"back\n")
    assert bob.texts() == [b"last", b"back"]
    for peer in ann, bob, cas:
        peer.close()


def test_a_second_node_of_a_name_ends_the_first_with_status_1(launch: Launch) -> None:
    first = launch("a")
    launch("a")
    assert first.wait() == 1
    assert "another node named a has started; give each node a name of its own" in first.log[-1]


def test_the_console_answers_and_stops_it(launch: Launch) -> None:
    node = launch("a", "--console")
    assert node.process.stdin is not None
    assert node.process.stdout is not None
    node.process.stdin.write("members\nhelp\nquit\n")
    node.process.stdin.flush()
    assert node.wait() == 0
    out = node.process.stdout.read()
    assert "no members" in out
    assert "quit      stop the server" in out


def test_the_end_of_standard_input_stops_nothing(launch: Launch) -> None:
    node = launch("a", "--console")
    assert node.process.stdin is not None
    node.process.stdin.close()
    peer = Peer(node.address)
    peer.fence()
    peer.close()
    node.process.send_signal(signal.SIGTERM)
    assert node.process.wait(DEADLINE) == 0


def test_a_line_limit_that_the_engine_cannot_carry_is_refused(
    engine_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--node", "a", "--room", "large", "--log", engine_url, "--replicas", "1")
    assert main([*options, "--listen", "tcp://127.0.0.1:0", "--line-limit", "1MiB"]) == 1
    assert "max_payload" in capfd.readouterr().err


def test_an_engine_that_is_not_there_ends_it_with_status_1(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(__main__, "PATIENCE", 1.0)
    assert main([*NOWHERE, "--listen", "tcp://127.0.0.1:0"]) == 1
    said = capfd.readouterr().err
    assert "cannot reach the log at nats://127.0.0.1:1" in said
    assert "see that the engine runs there" in said


def test_an_address_in_use_ends_it_with_status_1(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        address = f"tcp://127.0.0.1:{holder.getsockname()[1]}"
        assert main([*NOWHERE, "--listen", address]) == 1
    assert f"cannot listen on {address}" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--log", "nats://me:secret@127.0.0.1:4222"), "credentials are not for the command line"),
        (("--log", "127.0.0.1"), "not a server: '127.0.0.1'; write nats://HOST:PORT"),
        (("--node", "a b"), "not a name: 'a b'; write up to 32 letters, digits, - and _"),
        (("--room", ""), "not a name: ''"),
        (("--retain", "1MiB"), "too little: '1MiB'; write 16MiB or more"),
        (("--credentials", "/nowhere/at/all"), "cannot read /nowhere/at/all: No such file"),
        (("--replicas", "2"), "invalid choice"),
    ],
)
def test_bad_options_are_named_with_a_remedy(
    capsys: pytest.CaptureFixture[str], options: tuple[str, str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*NOWHERE, *options])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_what_must_be_said_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "--node, --room, --log" in capsys.readouterr().err


def test_an_nkey_seed_is_credentials(tmp_path: Path) -> None:
    file = tmp_path / "seed"
    file.write_text("SUAM\n")
    assert Access(("nats://x:1",), file).options()["nkeys_seed_str"] == "SUAM"
    file.write_text("-----BEGIN NATS USER JWT-----\n")
    assert Access(("nats://x:1",), file).options()["user_credentials"] == str(file)
