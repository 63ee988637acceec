"""A server that is launched again is not tried on the same address for ever."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.driver import server_control
from conformance.driver.server_control import ManagedServer
from conformance.runner.session import Session, Settings
from conformance.scenarios.registry import plays
from conformance.target.profile import Launch, Profile, Way
from conformance.target.server import LaunchedServer
from conformance.target.usage import ProcessFamily
from conformance.transcript.events import Restarted, Rested

HEEDS_NOTHING = """\
import signal, socket, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        listener.accept()
"""
ONCE = """\
import socket, sys
with open(sys.argv[1], "a+") as ports:
    ports.seek(0)
    known = ports.read().split()
    ports.write(sys.argv[2] + "\\n")
if sys.argv[2] in known:
    sys.exit("bound before")
with socket.create_server(("127.0.0.1", int(sys.argv[2]))) as listener:
    while True:
        listener.accept()
"""

SPINS_AND_ENDS = """\
import socket, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    listener.accept()
    while time.process_time() < 0.5:
        pass
"""


@pytest.mark.parametrize(
    ("way", "offered", "waits"), [("console", (), 1), ("sigint", (), 1), ("sigint", ("sigint",), 2)]
)
def test_a_stop_that_changes_nothing_is_not_waited_for_longer(
    way: Way, offered: tuple[Way, ...], waits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its profile says that it stops in this way, a server that goes on may be late."""
    monkeypatch.setattr(server_control, "STOP", 0.1)
    monkeypatch.setattr(server_control, "ABORT", 0.1)
    launch = Launch(command=f"{sys.executable} -c '{HEEDS_NOTHING}' {{port}}", stop=offered)
    session = Session(Settings(profile=Profile(launch=launch), address="tcp://127.0.0.1:0"))
    [play] = (play for play in plays() if play.scenario.id == "stop/stopping")
    waited = list[float]()
    try:
        with session.stage(play.scenario) as stage:
            assert isinstance(session.server, LaunchedServer)
            let = stage.let

            def count(condition: Callable[[], bool], seconds: float) -> None:
                waited.append(seconds)
                let(condition, seconds)

            stage.let = count
            server = ManagedServer(stage, session.server)
            server.stop(way)
            assert not server.await_exit(way)
    finally:
        session.close()
    assert len(waited) == waits


def test_who_does_not_bind_its_address_again_moves_at_once_after_that(tmp_path: Path) -> None:
    script, log = tmp_path / "once.py", tmp_path / "ports"
    script.write_text(ONCE)
    launch = Launch(command=f"{sys.executable} {script} {log} {{port}}")
    session = Session(Settings(profile=Profile(launch=launch), address="tcp://127.0.0.1:0"))
    [play] = (play for play in plays() if play.scenario.id == "stop/stopping")
    try:
        with session.stage(play.scenario) as stage:
            assert isinstance(session.server, LaunchedServer)
            server = ManagedServer(stage, session.server)
            for _ in range(3):
                server.restart()
            told = [one.error for one in stage.transcript if isinstance(one, Restarted)]
    finally:
        session.close()
    first, again, *others = log.read_text().split()
    assert first == again
    assert len({first, *others}) == 4
    assert told[0] is not None
    assert told[1:] == [None, None]


def test_what_a_server_takes_before_it_ends_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_control, "REST", 0.1)
    launch = Launch(command=f"{sys.executable} -c '{SPINS_AND_ENDS}' {{port}}")
    session = Session(Settings(profile=Profile(launch=launch), address="tcp://127.0.0.1:0"))
    [play] = (play for play in plays() if play.scenario.id == "res/nothing-to-do")
    try:
        with session.stage(play.scenario) as stage:
            assert isinstance(session.server, LaunchedServer)
            family = ProcessFamily(session.server.pid or 0)
            before = family.cpu_s()
            stage.connect()
            # A busy machine may not let it begin at once.
            stage.let(lambda: family.cpu_s() > before, 60)
            ManagedServer(stage, session.server).rest()
            [rested] = [one for one in stage.transcript if isinstance(one, Rested)]
    finally:
        session.close()
    assert rested.cpu_s > rested.seconds / 2
