"""The fan-out benchmark works, and voids what lost, doubled, altered or reordered a message."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.fanout.cores import Cores, choose_cores
from benchmarks.fanout.generator import build
from benchmarks.fanout.run import Bench
from benchmarks.fanout.servers import SERVERS, Ready, Server, prepare
from benchmarks.fanout.workloads import WORKLOADS

COMPILER = shutil.which("cc") or shutil.which("gcc")

pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="no C compiler for the load generator"),
    pytest.mark.skipif(sys.platform != "linux", reason="the generator is of Linux"),
]

W1 = replace(WORKLOADS[0], members=20, seconds=0.1)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    cores: Cores = choose_cores()
    assert COMPILER is not None
    return Bench(build(COMPILER, folder), folder, cores)


def launched(name: str, folder: Path) -> Ready:
    [server] = [each for each in SERVERS if each.name == name]
    return prepare(server, folder)


@pytest.mark.parametrize("name", ["reference", "asyncio-protocol"])
def test_a_round_counts(bench: Bench, name: str) -> None:
    server = launched(name, bench.folder)
    # Two cores busy with other tests may leave one of the two no time at all for a while.
    rounds = (bench.measure(server, W1, number) for number in range(10))
    round_ = next(one for one in rounds if one.void or one.deliveries_a_second)
    assert round_.void == ""
    assert round_.deliveries_a_second > 0
    assert round_.load is not None
    assert round_.load.messages * W1.members >= round_.load.deliveries


@pytest.mark.parametrize(
    ("specimen", "fault"),
    [
        ("loses-some-for-each", "lost"),
        ("doubles-some", "doubled"),
        ("reverses-a-read", "disordered"),
        ("sender-sees-me", "wrong octets"),
    ],
)
def test_a_faulty_server_voids_its_row(bench: Bench, specimen: str, fault: str) -> None:
    command = [sys.executable, "-m", "conformance.specimens", specimen, "{port}"]
    server = Server(specimen, specimen, lambda _: command)
    round_ = bench.measure(Ready(server, command, ""), W1, 0)
    assert fault in round_.void


def test_what_cannot_be_joined_is_said(bench: Bench) -> None:
    command = [sys.executable, "-c", "raise SystemExit(3)", "{port}"]
    server = Server("none", "none", lambda _: command)
    assert "status 3" in bench.measure(Ready(server, command, ""), W1, 0).void
