"""What is judged is what was launched, and nothing that was launched outlives the suite."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from conformance.target import guardian
from conformance.target.address import TcpAddress, UnixAddress, parse_address
from conformance.target.listening import reaches
from conformance.target.process import LaunchError, marks_of
from conformance.target.profile import Launch
from conformance.target.server import LaunchedServer
from conformance.timing.cpu_starvation import Starvation
from tests.conformance.command import DEADLINE, REFERENCE, run, start
from tests.reference_server.process import ServerProcess

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
LISTENS = """\
import socket, sys, time
host, port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
with socket.create_server((host, port), family=family):
    time.sleep(600)
"""
STARTS_LATE = """\
import socket, sys, time
time.sleep(1.2)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    listener.accept()
"""
LISTENS_BESIDE = """\
import os, socket, sys, time
port, launched, taken = sys.argv[1:]
open(launched, "w").close()
while not os.path.exists(taken):
    time.sleep(0.01)
with socket.socket() as door:
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    door.bind(("127.0.0.1", int(port)))
    door.listen()
    time.sleep(600)
"""
ANY = "0.0.0.0"  # noqa: S104  # for a moment


def listening_on(host: str, address: TcpAddress) -> LaunchedServer:
    command = f"{sys.executable} -c '{LISTENS}' {host} {{port}}"
    return LaunchedServer(Launch(command=command), address)


def test_a_server_that_is_not_let_run_may_start_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts after 1.2 s, and for most of that time its machine was busy with other work."""
    command = f"{sys.executable} -c '{STARTS_LATE}' {{port}}"
    server = LaunchedServer(Launch(command=command, ready=0.1), parse_address("tcp://127.0.0.1:0"))
    with pytest.raises(LaunchError, match=r"did not listen on .* within 0\.1 s"):
        server.start()
    monkeypatch.setattr(Starvation, "longest_wait", lambda _: DEADLINE)
    server.start()
    server.close()


def test_who_listens_already_is_not_judged_in_place_of_what_is_launched() -> None:
    with ServerProcess("--listen", "tcp://127.0.0.1:0") as stranger:
        done = run("run", stranger.addresses[0], "--launch", "sleep 600", "--only", "TXT-4")
    assert done.returncode == 3
    assert f"listens on {stranger.addresses[0]} already" in done.stderr
    assert f"process {stranger.process.pid} (" in done.stderr


def test_who_listens_on_everything_or_on_a_path_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET6) as everywhere, socket.socket(socket.AF_UNIX) as there:
        everywhere.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        everywhere.bind(("::", 0))
        everywhere.listen()
        there.bind(str(tmp_path / "s"))
        there.listen()
        for address in (
            TcpAddress("127.0.0.1", everywhere.getsockname()[1]),
            UnixAddress(str(tmp_path / "s")),
        ):
            with pytest.raises(LaunchError, match=rf"process {os.getpid()} \(.* already"):
                LaunchedServer(Launch(command="sleep 600"), address).start()


def test_a_free_port_that_somebody_else_has_taken_meanwhile_is_given_up() -> None:
    server = listening_on("127.0.0.1", TcpAddress("127.0.0.1", 0))
    chosen = server.address
    assert isinstance(chosen, TcpAddress)
    with socket.create_server((chosen.host, chosen.port)):
        server.start()
        assert server.address != chosen
        server.close()


@pytest.mark.parametrize("listens", [True, False])
@linux
def test_who_comes_to_listen_while_the_server_starts_is_not_judged(
    listens: bool, tmp_path: Path
) -> None:
    """In its place, or beside it, each with half of the connections."""
    launched, taken = tmp_path / "launched", tmp_path / "taken"
    waits = f"{sys.executable} -c '{LISTENS_BESIDE}' {{port}} {launched} {taken}"
    command = waits if listens else f"sh -c 'touch {launched}; exec sleep 600'"
    address = TcpAddress("127.0.0.1", 0).with_free_port()

    def listen() -> None:
        await_end(launched.exists)
        stranger.bind((address.host, address.port))
        stranger.listen()
        taken.touch()

    with socket.socket() as stranger, ThreadPoolExecutor() as pool:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening = pool.submit(listen)
        with pytest.raises(
            LaunchError, match=rf"process {os.getpid()} \(.*\) listens on .* by now"
        ):
            LaunchedServer(Launch(command=command), address).start()
        listening.result()


@linux
def test_a_second_server_is_not_waited_for_much_longer_than_the_first_took(tmp_path: Path) -> None:
    """However long it might have taken."""
    taken = tmp_path / "taken"
    taken.touch()
    command = f"{sys.executable} -c '{LISTENS_BESIDE}' {{port}} {tmp_path / 'launched'} {taken}"
    server = LaunchedServer(Launch(command=command, ready=600), parse_address("tcp://127.0.0.1:0"))
    server.start()
    try:
        status, _ = server.run_rival(0.1)
    finally:
        server.close()
    assert status is None


@linux
def test_who_takes_a_path_while_the_server_starts_is_not_judged(tmp_path: Path) -> None:
    launched, path = tmp_path / "launched", tmp_path / "s"

    def listen() -> None:
        await_end(launched.exists)
        stranger.bind(str(path))
        stranger.listen()

    with socket.socket(socket.AF_UNIX) as stranger, ThreadPoolExecutor() as pool:
        pool.submit(listen)
        command = f"sh -c 'touch {launched}; exec sleep 600'"
        with pytest.raises(
            LaunchError, match=rf"process {os.getpid()} \(.*\) listens on .* by now"
        ):
            LaunchedServer(Launch(command=command), UnixAddress(str(path))).start()


@pytest.mark.parametrize(
    ("asked", "host"), [("127.0.0.1", "127.0.0.2"), ("127.0.0.1", "::1"), ("::1", "127.0.0.1")]
)
def test_who_listens_elsewhere_is_not_what_was_asked_for(asked: str, host: str) -> None:
    address = TcpAddress(asked, 0).with_free_port()
    server = listening_on(host, address)
    elsewhere = TcpAddress(host, address.port)
    with pytest.raises(LaunchError, match="was asked for") as raised:
        server.start()
    assert f"listens on {elsewhere}, and was asked for {address};" in str(raised.value)


def test_a_server_that_starts_late_has_no_client_before_the_first_scenario() -> None:
    command = f"{sys.executable} -c '{STARTS_LATE}' {{port}}"
    server = LaunchedServer(Launch(command=command), TcpAddress("127.0.0.1", 0))
    server.start()
    assert server.wait(0.5) is None
    server.close()


@pytest.mark.parametrize(("asked", "host"), [("127.0.0.1", ANY), ("localhost", "127.0.0.1")])
def test_who_listens_on_more_or_on_one_of_several_is_reached(asked: str, host: str) -> None:
    address = TcpAddress(asked, TcpAddress("127.0.0.1", 0).with_free_port().port)
    server = listening_on(host, address)
    server.start()
    assert server.pid is not None
    server.close()


@linux
@pytest.mark.parametrize(
    ("host", "only", "is_reached"),
    [("::", False, True), ("::", True, False), ("::ffff:127.0.0.1", False, True)],
)
def test_who_listens_for_ipv6_is_known_to_take_ipv4(
    host: str, only: bool, is_reached: bool
) -> None:
    """It makes no connection: a client that connects and goes before anybody speaks may break a
    server."""
    with socket.socket(socket.AF_INET6) as door:
        door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        door.bind((host, 0))
        door.listen()
        assert reaches(host, TcpAddress("127.0.0.1", door.getsockname()[1])) is is_reached


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "the command to launch is empty"),
        ("   ", "the command to launch is empty"),
        ("cd /tmp && python server.py {port}", "write sh -c"),
        ("PORT=1 python server.py", "write sh -c"),
        ("false", "does not say where to listen: write {port}"),
        ("sh -c 'setsid sleep 60 & exit 0' {port}", "behind: launch it in the foreground"),
    ],
)
def test_a_command_that_cannot_work_is_told_what_to_do(command: str, said: str) -> None:
    done = run("run", "--launch", command, "--only", "TXT-4")
    assert done.returncode == 3
    assert said in done.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (f"{REFERENCE}; true", 0),
        (f"{REFERENCE}; exit 3", -signal.SIGTERM),
        (f"{sys.executable} -c {shlex.quote(LISTENS)} 127.0.0.1 {{port}}; exit 3", -signal.SIGTERM),
    ],
    ids=["passes it on", "has its own", "killed"],
)
@linux
def test_a_signal_is_for_who_serves_and_not_for_the_shell_around(command: str, status: int) -> None:
    """The status that a shell makes of its child's status says nothing."""
    server = LaunchedServer(
        Launch(command=f"sh -c {shlex.quote(command)}"), TcpAddress("127.0.0.1", 0)
    )
    server.start()
    server.stop("sigterm")
    assert server.wait(DEADLINE) == status
    with pytest.raises(ConnectionRefusedError):
        server.address.connect(1).close()
    server.close()


LEAVES_ONE = """\
import os, socket, sys, time
try:
    door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
except OSError:
    time.sleep(3)
    raise
if not os.fork():
    os.setsid()
time.sleep(600)
"""


@linux
def test_what_an_earlier_server_left_behind_does_not_answer_for_the_next() -> None:
    command = f"{sys.executable} -c '{LEAVES_ONE}' {{port}}"
    server = LaunchedServer(Launch(command=command), TcpAddress("127.0.0.1", 0))
    server.start()
    server.stop("sigterm")
    server.wait(DEADLINE)
    with pytest.raises(LaunchError, match="before it listened"):
        server.start()
    server.close()


def test_what_a_server_started_elsewhere_ends_with_it(tmp_path: Path) -> None:
    """It is in a session of its own, where no signal to the group reaches it."""
    told = tmp_path / "pid"
    command = f"sh -c 'setsid sleep 600 & echo $! > {told}; exec {REFERENCE}'"
    server = LaunchedServer(Launch(command=command), parse_address("tcp://127.0.0.1:0"))
    server.start()
    server.close()
    assert not alive(int(told.read_text()))


def test_no_server_outlives_the_suite_though_that_is_killed() -> None:
    with start("run", "--verbose", "--launch", REFERENCE) as process:
        assert process.stdout is not None
        while "sanity/first" not in (line := process.stdout.readline()):
            assert line, "the run ended"
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
    end = time.monotonic() + 30
    while any(alive(child.pid) for child in children) and time.monotonic() < end:
        time.sleep(0.01)
    assert not [child for child in children if alive(child.pid)]


KILLED_AT_A_LAUNCH = """\
import os, signal, subprocess, time
from conformance.target import process
from conformance.target.address import parse_address
from conformance.target.profile import Launch

def told(text):
    while not os.path.exists("listening"):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

process.tell_guardian = told
daemon = "echo $$ > daemon; mv daemon listening; exec sleep 600"
command = f"sh -c 'setsid sh -c \\"{daemon}\\" & sleep 600'"
process.Process(Launch(command=command), parse_address("tcp://127.0.0.1:9"))
"""


@linux
def test_no_server_outlives_a_suite_that_is_killed_as_it_launches(tmp_path: Path) -> None:
    """It happens before the guardian knows of the server, whose child has left its group as
    well."""
    with subprocess.Popen([sys.executable, "-c", KILLED_AT_A_LAUNCH], cwd=tmp_path) as suite:
        assert suite.wait() == -signal.SIGKILL
    daemon = int((tmp_path / "listening").read_text())
    await_end(lambda: not any(map(alive, [daemon, *guardian.marked(marks_of(suite.pid))])))


LEAVES_A_DAEMON = """\
import os, sys
told, *command = sys.argv[1:]
if not os.fork():
    os.setsid()
    if not os.fork():
        os.chdir("/")
        os.closerange(0, 1_000)
        script = 'echo $$ > "$0.new"; mv "$0.new" "$0"; exec sleep 600'
        os.execve("/bin/sh", ["sh", "-c", script, told], {})
    os._exit(0)
os.wait()
while not os.path.exists(told):
    pass
os.execvp(command[0], command)
"""


def after_a_daemon(command: str, told: Path) -> str:
    """A command that first starts a daemon in another session, with another parent, no environment
    and nothing open, whose id it writes to a file."""
    script = told.with_suffix(".py")
    script.write_text(LEAVES_A_DAEMON)
    return f"{sys.executable} {script} {told} {command}"


@linux
@pytest.mark.parametrize("is_killed", [False, True])
def test_no_daemon_outlives_the_suite(is_killed: bool, tmp_path: Path) -> None:
    told = tmp_path / "daemon"
    suite = (
        "from conformance.target.address import parse_address\n"
        "from conformance.target.process import Process\n"
        "from conformance.target.profile import Launch\n"
        f"launch = Launch(command={after_a_daemon('sleep 600', told)!r})\n"
        "process = Process(launch, parse_address('tcp://127.0.0.1:9'))\n"
        "input()\n"
        "process.end()\n"
    )
    with subprocess.Popen([sys.executable, "-c", suite], stdin=subprocess.PIPE) as running:
        await_end(told.exists)
        daemon = int(told.read_text())
        assert alive(daemon)
        if is_killed:
            running.kill()
        else:
            running.communicate(b"\n")
    await_end(lambda: not alive(daemon))


@linux
def test_a_daemon_that_is_left_behind_is_named(tmp_path: Path) -> None:
    told = tmp_path / "daemon"
    done = run("run", "--launch", after_a_daemon("true", told), "--only", "TXT-4")
    assert done.returncode == 3
    assert f"and left {told.read_text().strip()} (sleep) behind: launch it in the" in done.stderr
    assert not alive(int(told.read_text()))


def await_end(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not reached() and time.monotonic() < end:
        time.sleep(0.01)
    assert reached()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_it_printed_is_told_once() -> None:
    command = f"sh -c 'echo one; exec {REFERENCE}'"
    server = LaunchedServer(Launch(command=command), parse_address("tcp://127.0.0.1:0"))
    server.start()
    assert server.new_output().startswith("one\n")
    assert "one" not in server.new_output()
    server.close()


def test_a_shell_is_needed_to_print_much() -> None:
    """Both ends of a long output are kept: the head of a traceback says what, its tail where."""
    shout = "import sys; sys.exit('first' + 'x' * 100_000 + 'last')"
    with pytest.raises(LaunchError) as raised:
        LaunchedServer(
            Launch(command=f'{sys.executable} -c "{shout}" {{port}}'),
            parse_address("tcp://127.0.0.1:0"),
        ).start()
    said = str(raised.value)
    assert "first" in said
    assert said.endswith("last")
    assert len(said) < 10_000
