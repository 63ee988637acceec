"""In a pipe: lines in, lines out, the reasons on standard error, the end in the exit status."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chat_client.terminal import CTRL_D, Terminal
from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.peer import DEADLINE

CLIENT = [sys.executable, "-W", "error", "-m", "chat_client", "--plain"]
LINE = re.compile(
    rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d \S+ ([^\n]*)\n"
)


def run(address: str, said: bytes, *options: str) -> tuple[int, list[bytes], list[str]]:
    """Pipe lines in; return the exit status, the texts that came, and the lines on standard
    error."""
    done = subprocess.run(
        [*CLIENT, *options, address], input=said, capture_output=True, timeout=DEADLINE
    )
    texts = LINE.findall(done.stdout)
    assert LINE.sub(b"", done.stdout) == b""
    return done.returncode, texts, done.stderr.decode().splitlines()


@contextmanager
def fake_server(octets: bytes, *, ends_first: bool) -> Iterator[str]:
    """Send these octets and an end of stream to the first client, before or after its own end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(octets)
                if ends_first:
                    peer.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionResetError):
                    while peer.recv(4096):
                        pass

        serving = threading.Thread(target=serve)
        serving.start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        serving.join(DEADLINE)


def test_lines_go_both_ways(serve: Serve, connect: Connect) -> None:
    server = serve()
    peer = connect(server)
    with subprocess.Popen(
        [*CLIENT, server.addresses[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write("good 早\n".encode())
        client.stdin.flush()
        peer.read_until("good 早\n".encode())
        peer.send("with\ttabs\u2028and all\n".encode())
        assert [LINE.fullmatch(client.stdout.readline())[1] for _ in range(2)] == [  # type: ignore[index]
            "good 早".encode(),
            "with\ttabs\u2028and all".encode(),
        ]
        client.stdin.close()
        assert client.stdout.read() == b""
        assert client.wait(DEADLINE) == 0
    peer.fence()
    assert b"quit" not in peer.received


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "tcp://[::1]:0", "unix"])
def test_all_that_was_said_comes_back_before_it_ends(
    serve: Serve, tmp_path: Path, listen: str
) -> None:
    server = serve(f"unix:{tmp_path}/chat" if listen == "unix" else listen)
    said = [b"line %d" % number for number in range(5_000)]
    assert run(server.addresses[0], b"\n".join(said)) == (0, said, [])


def test_a_file_is_said(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"  one \r\n//quit\n/quit\nnever\n")
    with path.open("rb") as lines:
        done = subprocess.run(
            [*CLIENT, serve().addresses[0]], stdin=lines, capture_output=True, timeout=DEADLINE
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert LINE.findall(done.stdout) == [b"one", b"/quit"]


def test_what_the_terminal_s_charset_lacks_is_written_out(serve: Serve) -> None:
    done = subprocess.run(
        [*CLIENT, serve().addresses[0]],
        input="早\n".encode(),
        capture_output=True,
        timeout=DEADLINE,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert LINE.findall(done.stdout) == [b"\\u65e9"]
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_would_not_arrive_is_refused_with_the_reason(serve: Serve) -> None:
    said = b"one\n\nquit\na\0b\n\xff\n" + b"x" * 1_025 + b"\n/help\ntwo\n"
    status, texts, errors = run(serve().addresses[0], said)
    assert status == 0
    assert texts == [b"one", b"two"]
    for error, expected in zip(
        errors,
        [
            "line 2 is not sent: it is blank",
            "line 3 is not sent: quit alone would make you leave",
            "line 4 is not sent: the text would not arrive as it is: character 2 is U+0000",
            "line 5 is not sent: octet 1 is not UTF-8: invalid start byte",
            "line 6 is not sent: the text has 1025 octets; a line may have 1024",
            "chatproto-chat --help explains",
        ],
        strict=True,
    ):
        assert error.startswith(f"chatproto-chat: {expected}")


def test_cli_12_a_text_of_3_mib_is_printed_whole() -> None:
    text = "é".encode() * (3 << 19)
    unit = b"20210703 17:45:39 127.0.0.1:52012\n" + text + b"\n"
    with fake_server(unit, ends_first=True) as address:
        _, texts, _ = run(address, b"")
    assert texts == [text]


def test_blank_lines_alone_are_no_failure(serve: Serve) -> None:
    assert run(serve().addresses[0], b" \none\n")[:2] == (0, [b"one"])


def test_notices_are_printed_as_they_are_on_the_wire() -> None:
    with fake_server(b"!moon-phase full\n!shutting-down\n", ends_first=False) as address:
        done = subprocess.run(
            [*CLIENT, address], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE
        )
    assert done.returncode == 0
    assert re.fullmatch(rb"- \S+ !moon-phase full\n- \S+ !shutting-down\n", done.stdout)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "the server ended the connection"),
        (b"20210703 17:45:39 unix:1\nhal", "the connection ended within a message"),
        (b"HTTP/1.1 400 Bad Request\r\n", "what came is not chatproto/1: line 1 (b'HTTP/1.1 400"),
    ],
)
def test_a_connection_that_ends_too_soon_is_told(sent: bytes, why: str) -> None:
    with (
        fake_server(sent, ends_first=True) as address,
        subprocess.Popen(
            [*CLIENT, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as client,
    ):
        assert client.stderr is not None
        assert client.wait(DEADLINE) == 1
        assert client.stderr.read().decode().startswith(f"chatproto-chat: {why}")


def test_a_reset_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with subprocess.Popen(
            [*CLIENT, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as client:
            peer, _ = listener.accept()
            peer.sendall(b"!here\n")
            assert client.stdout is not None
            assert client.stdout.readline().endswith(b"!here\n")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.close()
            assert client.stderr is not None
            assert client.wait(DEADLINE) == 1
            assert client.stderr.read().decode() == (
                "chatproto-chat: the connection was lost: Connection reset by peer\n"
            )


def test_a_reader_that_goes_away_makes_it_leave(serve: Serve, connect: Connect) -> None:
    server = serve()
    peer = connect(server)
    with subprocess.Popen(
        [*CLIENT, server.addresses[0]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stderr is not None
        client.stdin.write(b"one\n")
        client.stdin.flush()
        client.stdout.readline()
        client.stdout.close()
        peer.send(b"two\n")
        assert client.wait(DEADLINE) == 0
        assert client.stderr.read() == b""
    assert len(server.members()) == 1


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("unix:/nowhere/chat", "there is no such socket; look at the path, or start a server"),
        ("unix:/" + "x" * 200, "AF_UNIX path too long; look at the address"),
        ("unix:/", "Connection refused"),
        ("tcp://no.such.host.invalid:1", "look at the host's name"),
    ],
)
def test_an_address_that_cannot_be_connected_to_is_named(address: str, why: str) -> None:
    status, texts, [error] = run(address, b"hello\n")
    assert status == 1
    assert texts == []
    assert error.startswith(f"chatproto-chat: cannot connect to {address}: ")
    assert why in error or address == "unix:/"


@pytest.mark.parametrize("address", ["localhost:9999", "tcp://host", "tcp://h:0", "tcp://h:65536"])
def test_what_is_no_address_is_wrong_usage(address: str) -> None:
    status, _, errors = run(address, b"")
    assert status == 2
    assert f"not an address: '{address}'; write tcp://127.0.0.1:9999" in errors[-1]


def test_at_a_terminal_there_are_no_escapes(serve: Serve, connect: Connect) -> None:
    server = serve()
    peer = connect(server)
    with Terminal("--plain", server.addresses[0]) as user:
        user.press("first\n")
        peer.read_until(b"first\n")
        peer.send("a\u202eb\n".encode())
        user.shows(" a<U+202E>b")
        user.press(CTRL_D)
        assert user.end() == 0
    assert b"\x1b" not in user.octets


def test_without_prompt_toolkit_plain_works_and_the_rest_names_the_extra(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "prompt_toolkit.py").write_text(
        "raise ModuleNotFoundError('hidden', name='prompt_toolkit')"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    server = serve()
    with Terminal(server.addresses[0], PYTHONPATH=path) as user:
        assert user.end() == 2
        assert 'pip install "chatproto-1[client]", or use --plain' in " ".join(user.text.split())
    with Terminal("--plain", server.addresses[0], PYTHONPATH=path) as user:
        user.press(f"hello\n{CTRL_D}")
        assert user.end() == 0
        assert " hello" in user.text


def test_help_teaches() -> None:
    done = subprocess.run(
        [*CLIENT, "--help"], capture_output=True, timeout=DEADLINE, text=True, check=True
    )
    for word in ("Ctrl-D", "/quit", "--plain", "NO_COLOR", "Exit status"):
        assert word in done.stdout
