"""Show one room on three nodes: judge it with the suite, then kill the engine's leader under it.

Everything runs here: three engine servers that keep the log on each (R3, synced), three nodes of
the clustered server. Exit status 0 where the suite and the checker find nothing.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.clustered_server.crowd import Crowd
from tests.clustered_server.engines import EngineNode, Engines, find, free_ports

ROOM: Final = "demo"
READY: Final = 30.0
TIME_LIMIT: Final = "300"
"""Seconds for the suite: it needs a minute, and more on a machine that is busy with other work."""
TALK: Final = 14.0
FAULT_AT: Final = 3.0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def _nodes(engines: Engines, directory: Path) -> Iterator[list[str]]:
    """Three nodes of one room; their addresses, once all are ready."""
    addresses = [f"tcp://127.0.0.1:{port}" for port in free_ports(3)]
    logs = [directory / f"node-{name}.log" for name in "abc"]
    processes = []
    for name, address, log in zip("abc", addresses, logs, strict=True):
        command = [sys.executable, "-m", "clustered_server", "--node", name, "--room", ROOM]
        command += ["--log", engines.urls, "--listen", address, "--heartbeat", "1"]
        with log.open("wb") as output:
            processes.append(subprocess.Popen(command, stdout=output, stderr=output))
    try:
        deadline = time.monotonic() + READY
        while not all(b"listening on" in log.read_bytes() for log in logs):
            if time.monotonic() > deadline or any(each.poll() is not None for each in processes):
                raise TimeoutError("\n".join(log.read_text() for log in logs))
            time.sleep(0.05)
        yield addresses
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


def _judge(addresses: list[str], options: list[str]) -> bool:
    _say(f"== The suite against the three nodes as one room: {' '.join(addresses)}")
    command = [sys.executable, "-m", "conformance", "run", "--time-limit", TIME_LIMIT]
    command += ["--examples", "5", *options, *addresses]
    return subprocess.call(command) == 0


def _kill_the_leader(engines: Engines, addresses: list[str]) -> None:
    """Let nine members talk while the leader of the room's stream is killed and comes back."""
    killed: list[EngineNode] = []

    def kill() -> None:
        leader = engines.leader(f"chatproto-{ROOM}") or engines.nodes[0]
        killed.append(leader)
        leader.kill()
        _say(f"   {FAULT_AT:g} s: the engine's leader, {leader.name}, is killed")

    def start_again() -> None:
        engines.start(killed[0])
        _say(f"   {FAULT_AT + 8:g} s: {killed[0].name} is started again")

    _say("== Nine members talk, 100 lines a second")
    with Crowd(addresses, 3) as crowd:
        crowd.talk(TALK, 0.01, [(FAULT_AT, kill), (FAULT_AT + 8, start_again)])
        crowd.finish(30)
        lines = sum(talker.words for talker in crowd.talkers)
        lost = sum(not talker.is_open for talker in crowd.talkers)
        _say(
            f"   {lines} lines, each received by every member, once, in one order; "
            f"{lost} members lost"
        )
        _say(f"   the longest silence: {crowd.longest_silence():.1f} s")


def main() -> int:
    """Return 0 if nothing was found, 1 otherwise, 3 if there is no engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", nargs="*", help="options for the suite's run, after --")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what it started ends with it
    if find() is None:
        _say("there is no nats-server here: set NATS_SERVER to one")
        return 3
    with tempfile.TemporaryDirectory(prefix="chatproto-") as name:
        directory = Path(name)
        with Engines(directory, 3) as engines, _nodes(engines, directory) as addresses:
            is_conformant = _judge(addresses, options.suite)
            _kill_the_leader(engines, addresses)
    return 0 if is_conformant else 1


if __name__ == "__main__":
    sys.exit(main())
