"""Several launched nodes of one room, what runs before them, and what the suite does to them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import psutil
import pytest

from conformance.commands.options import find_target
from conformance.target.address import TcpAddress
from conformance.target.cluster import LaunchedCluster, run_command
from conformance.target.process import LaunchError
from conformance.target.profile import Cluster, Launch
from tests.reference_server.peer import eventually

PYTHON = sys.executable
LISTENS = """
import socket, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[-1]))):
    print(*sys.argv[1:-1], flush=True)
    time.sleep(600)
"""
NODE = f"{PYTHON} -c '{LISTENS}' {{node}} {{room}} {{port}}"

Launched = Callable[..., LaunchedCluster]


@pytest.fixture
def launched() -> Iterator[Launched]:
    """Make clusters of two nodes."""
    made: list[LaunchedCluster] = []

    def launch(**more: str) -> LaunchedCluster:
        cluster = Cluster.model_validate({"nodes": 2, **more})
        one = LaunchedCluster(Launch(command=NODE), cluster, TcpAddress("127.0.0.1", 0))
        made.append(one)
        return one

    yield launch
    for one in made:
        one.close()


def test_each_node_has_a_name_and_an_address_of_its_own_in_one_room(launched: Launched) -> None:
    one, other = launched(), launched()
    one.start()
    other.start()
    assert len({*one.address.addresses, *other.address.addresses}) == 4
    (name, room), (second, same) = map(str.split, one.new_output().splitlines())
    assert (name, second) == ("n1", "n2")
    assert room == same
    assert room not in other.new_output()


def test_what_runs_before_the_nodes_ends_with_them(launched: Launched) -> None:
    cluster = launched(before=f"{PYTHON} -c 'import time; time.sleep(600)'")
    cluster.start()
    cluster.kill(0)
    cluster.start()  # a second time: the program that runs before them is not started twice
    assert cluster._log is not None
    process = psutil.Process(cluster._log.id)
    cluster.close()
    assert not process.is_running()


AFTER = """
import pathlib, psutil, sys, time
path = pathlib.Path(sys.argv[1])
while not path.exists() or psutil.Process(int(path.read_text())).status() != "zombie":
    time.sleep(0.01)
"""
"""Goes on once the process has ended whose id is in a file."""


@pytest.mark.parametrize("then", ["raise SystemExit(7)", LISTENS])
def test_what_ends_before_the_nodes_serve_is_why_they_cannot(tmp_path: Path, then: str) -> None:
    program = tmp_path / "node.py"
    program.write_text(AFTER + then)
    before = f"sh -c 'echo no such log; echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/id; "
    cluster = LaunchedCluster(
        Launch(command=f"{PYTHON} {program} {tmp_path}/id {{port}}"),
        Cluster(nodes=2, before=before + "exit 3'"),
        TcpAddress("127.0.0.1", 0),
    )
    with pytest.raises(LaunchError, match=r"ended with status 3, and should(.|\n)*no such log"):
        cluster.start()
    cluster.close()


def test_a_killed_node_comes_back_where_it_was_and_a_replaced_one_elsewhere(
    launched: Launched,
) -> None:
    cluster = launched()
    cluster.start()
    first, second = cluster.address.addresses
    pids = [cluster.pid]
    cluster.kill(0)
    pids.append(cluster.pid)
    cluster.start_again(0)
    cluster.replace(1)
    pids.append(cluster.pid)
    assert [pid is None for pid in pids] == [False, True, False]
    assert cluster.address.addresses[0] == first
    assert cluster.address.addresses[1] != second


def test_a_paused_node_does_not_run_until_all_is_healed(launched: Launched) -> None:
    cluster = launched()
    cluster.start()
    process = psutil.Process(cluster.pid)
    cluster.pause(0)
    eventually(lambda: process.status() == psutil.STATUS_STOPPED)
    cluster.heal()
    eventually(lambda: process.status() != psutil.STATUS_STOPPED)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"""{PYTHON} -c 'raise SystemExit("not so")'""", "ended with status 1: not so"),
        ("no-such-command", "'no-such-command' cannot be run: "),
        ("'", "cannot be run: No closing quotation"),
    ],
)
def test_a_command_that_fails_is_told(command: str, said: str) -> None:
    with pytest.raises(LaunchError, match=said):
        run_command(command)


@pytest.mark.parametrize(
    ("target", "launch", "nodes", "said"),
    [
        ("tcp://a:1", None, 2, "--nodes needs --launch"),
        ("tcp://a:1", "node", 2, "2 nodes need as many TARGETs, or none"),
        ("tcp://a:1 tcp://b:2", "node", None, "several TARGETs are servers that run already"),
    ],
)
def test_what_contradicts_itself_is_refused(
    target: str, launch: str | None, nodes: int | None, said: str
) -> None:
    with pytest.raises(click.UsageError, match=said):
        find_target(target, launch, None, nodes)
