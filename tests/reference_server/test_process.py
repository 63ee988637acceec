"""The server as a process: options, exit statuses, signals, the operator's console."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from reference_server import __main__
from reference_server.__main__ import main
from reference_server.options import parser
from tests.reference_server.conftest import Connect, Serve
from tests.reference_server.peer import Peer
from tests.reference_server.process import ServerProcess, Terminal

ANY_PORT = ("--listen", "tcp://127.0.0.1:0")


@pytest.fixture(autouse=True)
def _keep_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Main runs in the tests' own process, where it must not tune the process."""
    monkeypatch.setattr(__main__, "make_room", lambda _: None)


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """The writing end of main's standard input."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as stdin, os.fdopen(writer, "w", buffering=1) as operator:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield operator


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_with_status_0(number: signal.Signals) -> None:
    with ServerProcess(*ANY_PORT) as server:
        peer = Peer(server.addresses[0])
        peer.fence()
        server.process.send_signal(number)
        assert peer.read_to_end().endswith(b"!shutting-down\n")
        peer.close()
        assert server.wait() == 0
        assert "stopped: 1 members served, 1 broadcasts" in server.log[-1]


def test_the_end_of_standard_input_does_not_stop_it() -> None:
    with ServerProcess(*ANY_PORT, "--console", stdin=subprocess.PIPE) as server:
        assert server.process.stdin is not None
        assert server.process.stdout is not None
        server.process.stdin.write(b"help\n")
        server.process.stdin.close()
        while b"members" not in server.process.stdout.readline():
            pass
        peer = Peer(server.addresses[0])
        peer.fence()
        peer.close()
        server.process.terminate()
        assert server.wait() == 0


def test_a_second_server_on_the_address_ends_with_status_1() -> None:
    with ServerProcess(*ANY_PORT) as first:
        second = subprocess.run(
            [sys.executable, "-m", "reference_server", "--listen", first.addresses[0]],
            check=False,
            capture_output=True,
            timeout=20,
            text=True,
        )
        assert second.returncode == 1
        assert first.addresses[0] in second.stderr
        assert "listen on another address" in second.stderr
        assert "Traceback" not in second.stderr
        peer = Peer(first.addresses[0])
        peer.fence()
        peer.close()


def test_the_console_at_a_terminal() -> None:
    with Terminal(sys.executable, "-W", "error", "-m", "reference_server", *ANY_PORT) as operator:
        operator.show_until(b">>> ")
        address = operator.shown.partition(b"listening on ")[2].split()[0].decode()
        peer = Peer(address)
        operator.show_until(b"joined\r\n>>> ")
        peer.fence()
        operator.enter(b"members\n")
        operator.show_until(f"{peer.sender}  OPEN  ".encode())
        operator.show_until(b"\r\n>>> ")
        operator.enter(b"\n")
        operator.show_until(b">>> ")
        operator.enter(b"\x04")
        peer.close()
        operator.show_until(b"left: end of stream\r\n>>> ")
        operator.process.terminate()
        operator.show_until(b"octets\r\n")
        assert operator.process.wait(20) == 0


def test_quit_at_the_console_stops_it(console: TextIO, capsys: pytest.CaptureFixture[str]) -> None:
    console.write("\x1cquit\n\u3000quit\x85\r\nnever read\n")
    assert main([*ANY_PORT, "--console"]) == 0
    told = capsys.readouterr()
    assert told.out == (  # trimmed as a member's line is: U+001C is not White_Space
        ">>> no such command: '\\x1cquit'; there are quit, members and help\n>>> "
    )
    assert "stopped: 0 members served" in told.err


def test_the_console_answers(console: TextIO, capsys: pytest.CaptureFixture[str]) -> None:
    console.write("members\nhelp\nkick ann\n\nquit\n")
    assert main([*ANY_PORT, "--console", "--log-level", "error"]) == 0
    told = capsys.readouterr()
    assert "no members\n" in told.out
    assert "quit      stop the server" in told.out
    assert "no such command: 'kick ann'; there are quit, members and help\n" in told.out
    assert told.out.count(">>> ") == 5
    assert told.err == ""


def test_a_signal_stops_it_after_the_end_of_input(
    console: TextIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, was_read = os.read, threading.Event()

    def fail(descriptor: int, size: int) -> bytes:
        was_read.set()
        if descriptor == sys.stdin.fileno():
            raise OSError("the terminal is gone")
        return read(descriptor, size)

    def interrupt() -> None:
        was_read.wait()
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(os, "read", fail)
    console.write("members\n")
    handler = signal.getsignal(signal.SIGINT)
    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    assert main(["--listen", f"unix:{tmp_path}/chat", "--console"]) == 0
    interrupter.join()
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize("stdin", [None, "closed", "file"])
def test_without_an_operator_it_serves_all_the_same(
    stdin: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open(tmp_path / "empty", "w+") as file:
        if stdin == "closed":
            file.close()
        monkeypatch.setattr(sys, "stdin", None if stdin is None else file)
        monkeypatch.setattr(__main__, "_wait", lambda *_: None)
        assert main(list(ANY_PORT)) == 0


def test_an_address_in_use_is_told(
    serve: Serve, connect: Connect, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve()
    assert main(["--listen", server.addresses[0]]) == 1
    told = capsys.readouterr().err
    assert f"chatproto-server: cannot listen on {server.addresses[0]}: " in told
    assert "stop the server" in told
    connect(server)


@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [
        ("--listen", "9999", "write tcp://127.0.0.1:9999"),
        ("--line-limit", "10", "from 1024 to 1048576"),
        ("--line-limit", "many", "write octets, as 65536, 64KiB or 8MiB"),
        ("--backlog", "64MiB", "from 1048576 to 15728640"),
        ("--max-members", "0", "write 1 or more"),
        ("--max-members", "some", "write 1 or more"),
        ("--heartbeat", "-1", "0 for none"),
        ("--heartbeat", "nan", "0 for none"),
        ("--charset", "latin-1", "'utf-8', 'gbk'"),
        ("--time-zone", "Nowhere", "an IANA name, as Europe/Berlin"),
        ("--time-zone", "+25:00", "quarter hours"),
        ("--time-zone", "../etc", "an IANA name"),
        ("--log-level", "all", "'debug'"),
    ],
)
def test_bad_options_are_named_with_a_remedy(
    option: str, value: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([f"{option}={value}"])
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert f"argument {option}: " in told
    assert remedy.replace("'", "") in told.replace("'", "")


def test_good_options_reach_the_server() -> None:
    options = [
        *("--listen", "unix:/a", "--listen", "tcp://[::1]:1", "--line-limit", "4 kib"),
        *("--backlog", "8MiB", "--max-members", "3", "--heartbeat", "0.5", "--charset", "gbk"),
        *("--time-zone=-03:30", "--log-text", "--log-level", "debug"),
    ]
    parsed = parser().parse_args(options)
    assert parsed.listen == ["unix:/a", "tcp://[::1]:1"]
    assert (parsed.line_limit, parsed.backlog, parsed.max_members) == (4096, 8 << 20, 3)
    assert (parsed.heartbeat, parsed.charset, parsed.log_text) == (0.5, "gbk", True)
    assert str(parsed.time_zone) == "UTC-03:30"
    assert str(parser().parse_args(["--time-zone", "+05:45"]).time_zone) == "UTC+05:45"
    assert str(parser().parse_args(["--time-zone", "UTC"]).time_zone) == "UTC"
    assert __main__._server(parsed).addresses == []


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    assert "examples:" in told
    assert "nc 127.0.0.1 9999" in told
