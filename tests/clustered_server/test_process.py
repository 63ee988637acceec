"""A node as a process: options, exit statuses, signals, the console. Several of one room have a
real engine, where there is one; one alone has an engine in memory."""

import asyncio
import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clustered_server import __main__
from clustered_server.__main__ import main
from clustered_server.engine import Foreign, Unavailable
from clustered_server.jetstream import Access, JetStream
from clustered_server.options import parser
from reference_server.options import parser as reference_parser
from tests.reference_server.peer import DEADLINE, Peer

_rooms = itertools.count(1)
NOWHERE = ("--node", "a", "--room", "lobby", "--log", "nats://127.0.0.1:1")


class NodeProcess:
    """`python -m clustered_server`, or `alone`; `address` once it is ready."""

    def __init__(self, module: str, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", module, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self.address = self.read_until("listening on ").strip()

    def read_until(self, words: str) -> str:
        """Read its log up to a line with these words; return what follows them."""
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
        where = ("--node", name, "--room", room, "--log", engine_url, "--replicas", "1")
        listen = ("--listen", "tcp://127.0.0.1:0")
        node = NodeProcess("clustered_server", *where, *listen, *options)
        nodes.append(node)
        return node

    yield launch
    for node in nodes:
        node.close()


@pytest.fixture
def alone() -> Iterator[Launch]:
    """Launch one node of a room of its own."""
    nodes: list[NodeProcess] = []

    def launch(*options: str, listen: str = "tcp://127.0.0.1:0") -> NodeProcess:
        node = NodeProcess("tests.clustered_server.alone", *NOWHERE, "--listen", listen, *options)
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_one_in_order(alone: Launch, number: signal.Signals) -> None:
    node = alone("--log-text")
    peer = Peer(node.address)
    peer.fence()
    peer.send(b"hello\n")
    peer.read_until(b"hello\n")
    node.process.send_signal(number)
    assert peer.read_to_end().endswith(b"!shutting-down\n")
    peer.close()
    assert node.wait() == 0
    log = "".join(node.log)
    assert " INFO in the room, at position 1 of its log" in log
    assert " says: 'hello'" in log
    assert "stopped: 1 members served" in node.log[-1]


def test_the_console_answers_and_stops_it(alone: Launch, tmp_path: Path) -> None:
    node = alone("--console", listen=f"unix:{tmp_path}/socket")
    peer = Peer(node.address)
    peer.fence()
    assert node.process.stdin is not None
    assert node.process.stdout is not None
    node.process.stdin.write("members\nhelp\nquit\n")
    node.process.stdin.flush()
    assert node.wait() == 0
    out = node.process.stdout.read()
    assert "unix:111  OPEN  0" in out
    assert "quit      stop the server" in out
    peer.close()
    assert not Path(tmp_path, "socket").exists()


def test_the_end_of_standard_input_stops_nothing(alone: Launch) -> None:
    node = alone("--console")
    assert node.process.stdin is not None
    node.process.stdin.close()
    peer = Peer(node.address)
    peer.fence()
    peer.close()
    node.process.send_signal(signal.SIGTERM)
    assert node.process.wait(DEADLINE) == 0


def test_commands_from_a_file_are_the_console_s(tmp_path: Path) -> None:
    commands = tmp_path / "commands"
    commands.write_text("members\nquit\n")
    command = [sys.executable, "-m", "tests.clustered_server.alone", *NOWHERE, "--console"]
    with commands.open() as given:
        done = subprocess.run(
            [*command, "--listen", "tcp://127.0.0.1:0"],
            stdin=given,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "no members" in done.stdout


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
    assert "cannot reach the log at nats://127.0.0.1:1: " in said
    assert "see that the engine runs there" in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unavailable("nobody knows"), "cannot reach the log at nats://127.0.0.1:1: nobody knows; "),
        (Foreign("it is a list"), "cannot use the log: it is a list; nothing was changed; name "),
    ],
)
def test_why_the_log_was_not_to_be_had_is_told_at_the_end(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
) -> None:
    attempts = iter(range(2))

    async def fail(*_: object) -> None:
        if next(attempts, None) is None:
            await asyncio.sleep(DEADLINE)
        raise error

    monkeypatch.setattr(__main__, "PATIENCE", 0.5)
    monkeypatch.setattr(__main__, "RETRY", 0.05)
    monkeypatch.setattr(JetStream, "open", fail)
    assert main([*NOWHERE, "--listen", "tcp://127.0.0.1:0"]) == 1
    assert said in capfd.readouterr().err


def test_a_stop_while_the_log_is_sought_ends_it_with_status_0(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> None:
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGTERM)
        raise Unavailable("it is not there")

    monkeypatch.setattr(JetStream, "open", fail)
    assert main([*NOWHERE, "--listen", "tcp://127.0.0.1:0"]) == 0


def test_more_members_than_there_may_be_descriptors_are_told_of(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(__main__, "PATIENCE", 0.0)
    many = str(10**12)
    assert main([*NOWHERE, "--listen", "tcp://127.0.0.1:0", "--max-members", many]) == 1
    told = [line for line in capfd.readouterr().err.splitlines() if "has room for" in line]
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert len(told) == (allowed != resource.RLIM_INFINITY)
    assert all("RLIMIT_NOFILE" in line for line in told)


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
        (("--log", "nats://h:1,nats://h:65536"), "not a server: 'nats://h:65536'; write nats://"),
        (("--log", "http://h:1"), "not a server: 'http://h:1'; write nats://HOST:PORT"),
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


def test_without_the_nats_client_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "clustered_server.jetstream")
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(SystemExit) as ended:
        main([*NOWHERE])
    assert ended.value.code == 2
    assert 'pip install "chatproto-1[cluster]"' in capsys.readouterr().err


def test_what_must_be_said_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "--node, --room, --log" in capsys.readouterr().err


SEED = "SU" + "A2" * 28


def test_credentials_are_told_by_what_is_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    access = Access(("nats://x:1",), file)
    file.write_text(f"{SEED}\n")
    assert access.options()["nkeys_seed_str"] == SEED
    file.write_text("-----BEGIN NATS USER JWT-----\n")
    assert access.options()["user_credentials"] == str(file)
    file.write_text("ann\nse cret\n")
    assert list(access.options().items())[-2:] == [("user", "ann"), ("password", "se cret")]


@pytest.mark.parametrize("text", ["", "one", "one\ntwo\nthree", SEED[:-1]])
def test_a_file_that_cannot_be_used_ends_it_with_status_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    for option, said in (
        ("--credentials", "neither a NATS credentials file, nor an nkey's seed, nor a user and"),
        ("--tls-ca", "no certificate in PEM"),
        ("--tls-cert", "no --tls-key: no certificate in PEM and its key"),
        ("--tls-key", "a key without its certificate; use --tls-cert too"),
    ):
        with pytest.raises(SystemExit) as ended:
            main([*NOWHERE, option, str(file)])
        assert ended.value.code == 2
        assert f"{file}" in (told := capsys.readouterr().err)
        assert said in told


def test_it_has_the_options_of_the_reference_server_in_the_same_words() -> None:
    def described(help_text: str) -> str:
        options = help_text.partition("options:\n")[2]
        return options.partition("\n\n")[0]

    assert described(parser().format_help()) == described(reference_parser().format_help())
