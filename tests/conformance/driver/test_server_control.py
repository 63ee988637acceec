"""A server that is launched again is not tried on the same address for ever."""

import sys
from pathlib import Path

from conformance.driver.server_control import ManagedServer
from conformance.runner.session import Session, Settings
from conformance.scenarios.registry import plays
from conformance.target.profile import Launch, Profile
from conformance.target.server import LaunchedServer
from conformance.transcript.events import Restarted

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
