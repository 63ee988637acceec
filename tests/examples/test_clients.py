"""Every example of a client keeps the clauses for clients, and the least of them are short."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.reference_server.conftest import Connect, Serve, connect, serve
from tests.reference_server.peer import DEADLINE

__all__ = ["connect", "serve"]

CLIENTS: Final = Path(__file__).parents[2] / "examples" / "clients"
LEAST: Final = [CLIENTS / "selectors_client.py", CLIENTS / "asyncio_client.py"]
JSONL: Final = CLIENTS / "jsonl_client.py"

each = pytest.mark.parametrize("client", [*LEAST, JSONL], ids=lambda path: path.stem)
least = pytest.mark.parametrize("client", LEAST, ids=lambda path: path.stem)

HEADER: Final = b"20210703 17:45:39 unix:7\n"


def say(client: Path, *texts: str) -> bytes:
    """Return what a user types to say these texts."""
    if client == JSONL:
        return b"".join(json.dumps({"say": text}).encode() + b"\n" for text in texts)
    return b"".join(text.encode() + b"\n" for text in texts)


def texts(client: Path, shown: bytes) -> list[str]:
    """Return the texts of the broadcasts that were shown, in order."""
    if client == JSONL:
        lines = [json.loads(line) for line in shown.splitlines()]
        return [line["broadcast"]["text"] for line in lines if "broadcast" in line]
    return re.findall(r"^\d{8} \d\d:\d\d:\d\d \S+\n  (.*)\n", shown.decode(), re.MULTILINE)


def end(client: Path, shown: bytes, told: bytes) -> str:
    """Return what was shown of how it ended, and nothing else."""
    assert b"Traceback" not in told
    if client == JSONL:
        assert told == b""
        return str(json.loads(shown.splitlines()[-1])["ended"]["reason"])
    return told.decode().splitlines()[-1]


def run(client: Path, port: int, typed: bytes) -> tuple[int, bytes, bytes]:
    """Give a client all its input at once; return its exit status, its output, and its errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(client), "127.0.0.1", str(port)],
        input=typed,
        capture_output=True,
        timeout=DEADLINE,
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def started(client: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-W", "error", str(client), "127.0.0.1", str(port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def met(client: Path) -> Iterator[tuple["subprocess.Popen[bytes]", socket.socket]]:
    """Start a client; the test is its server."""
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as listener,
        started(client, listener.getsockname()[1]) as process,
    ):
        peer, _ = listener.accept()
        peer.settimeout(DEADLINE)
        with peer:
            yield process, peer


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


@each
def test_cli_5_it_shows_what_comes_while_its_user_says_nothing(
    client: Path, serve: Serve, connect: Connect
) -> None:
    server = serve()
    peer = connect(server)
    with started(client, port_of(server.addresses[0])) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(say(client, "good 早"))
        process.stdin.flush()
        peer.read_until("good 早\n".encode())
        peer.send("you\ttoo\u2028now\n".encode())
        rows = 1 if client == JSONL else 2
        shown = b"".join(process.stdout.readline() for _ in range(2 * rows))
        assert texts(client, shown) == ["good 早", "you\ttoo\u2028now"]
        process.stdin.close()
        assert process.wait(DEADLINE) == 0
    peer.fence()
    assert b"quit" not in peer.received


@each
def test_cli_2_what_a_file_says_comes_back_whole_and_in_order(
    client: Path, serve: Serve, tmp_path: Path
) -> None:
    said = [f"line {number} {'x' * 900}" for number in range(3_000)]
    path = tmp_path / "said"
    path.write_bytes(say(client, *said).removesuffix(b"\n"))
    port = port_of(serve().addresses[0])
    with path.open("rb") as lines:
        done = subprocess.run(
            [sys.executable, "-W", "error", str(client), "127.0.0.1", str(port)],
            stdin=lines,
            capture_output=True,
            timeout=DEADLINE,
        )
    assert texts(client, done.stdout) == said
    assert done.returncode == 0


@each
@pytest.mark.parametrize("leaves", ["by its word", "by the end of input"])
def test_cli_6_it_leaves_and_reads_on_to_the_end(client: Path, leaves: str) -> None:
    with met(client) as (process, peer):
        assert process.stdin is not None
        assert process.stdout is not None
        if leaves == "by its word":
            process.stdin.write(b'{"leave": true}\n' if client == JSONL else b"/quit\n")
            process.stdin.flush()
        else:
            process.stdin.write(b'{"say": "last"}' if client == JSONL else b"last")
            process.stdin.close()
        received = b""
        while not received.endswith(b"quit\n"):
            received += peer.recv(100)
        assert received == (b"quit\n" if leaves == "by its word" else b"last\nquit\n")
        peer.sendall(b"\n" + HEADER + b"for the leaver\n!bye\n")
        peer.shutdown(socket.SHUT_WR)
        shown = process.stdout.read()
        assert texts(client, shown) == ["for the leaver"]
        assert b"bye" in shown
        assert process.wait(DEADLINE) == 0


@each
@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "end of stream|ServerEnded.complete=True"),
        (b"!moon-phase full\n", "end of stream|ServerEnded.complete=True"),
        (HEADER + b"hal", "end of stream|ServerEnded.complete=False"),
        (b"HTTP/1.1 400 Bad Request\r\n" + HEADER + b"hal\n", "not chatproto/1|Malformed"),
    ],
)
def test_cli_7_an_end_that_nobody_asked_for_is_shown_and_is_a_failure(
    client: Path, sent: bytes, why: str
) -> None:
    with met(client) as (process, peer):
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_WR)
        assert process.wait(DEADLINE) == 1
        assert process.stdout is not None
        assert process.stderr is not None
        shown = process.stdout.read()
        assert re.search(why, end(client, shown, process.stderr.read()))
        assert texts(client, shown) == []
        assert (b"moon-phase" in shown) == (b"moon-phase" in sent)


@each
def test_cli_7_a_connection_that_is_lost_is_shown(client: Path) -> None:
    with met(client) as (process, peer):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        assert process.wait(DEADLINE) == 1
        assert process.stdout is not None
        assert process.stderr is not None
        assert "reset" in end(client, process.stdout.read(), process.stderr.read()).lower()


@each
def test_cli_7_a_connection_that_cannot_be_made_is_shown(client: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        status, shown, told = run(client, held.getsockname()[1], b"")
    assert status == 1
    assert "refused" in end(client, shown, told).lower()


@each
def test_what_would_not_arrive_is_refused_and_its_user_is_told(client: Path, serve: Serve) -> None:
    wrong = ["quit", "a\0b", "x" * 1_025]
    port = port_of(serve().addresses[0])
    typed = say(client, "one", *wrong, " two\u3000")
    typed += b'{"shout": 1}\nnot JSON\n' if client == JSONL else b"\xff\n"
    status, shown, told = run(client, port, typed)
    assert status == 0
    assert texts(client, shown) == ["one", "two"]
    if client == JSONL:
        lines = [json.loads(line) for line in shown.splitlines()]
        refused = [line["refused"]["text"] for line in lines if "refused" in line]
        assert refused == [*wrong, '{"shout": 1}', "not JSON"]
    else:
        assert told.count(b"not sent: ") == 4


@each
def test_cli_12_a_text_of_3_mib_is_shown(client: Path) -> None:
    text = "早" * 1_048_576
    with met(client) as (process, peer):
        peer.sendall(HEADER + text.encode() + b"\n")
        peer.shutdown(socket.SHUT_WR)
        assert process.stdout is not None
        assert texts(client, process.stdout.read()) == [text]


@least
def test_it_is_short_and_shares_nothing_but_chatproto(client: Path) -> None:
    text = client.read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line]) <= 40
    assert not re.search(r"^(from|import) (reference_server|conformance|examples|\.)", text, re.M)


def test_the_readme_tells_of_each() -> None:
    text = (CLIENTS.parent / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| \[([a-z_]+\.py)\]\(clients/\1\) \|", text, re.MULTILINE)
    assert named == sorted(path.name for path in CLIENTS.glob("*.py"))
