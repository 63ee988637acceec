"""The fan-out benchmark works, and voids what lost, doubled, altered or reordered a message."""

import re
import shutil
import sys
from dataclasses import replace

import pytest

from benchmarks.fanout.cores import Cores, choose_cores
from benchmarks.fanout.figures import deliveries
from benchmarks.fanout.generator import SOURCES, build
from benchmarks.fanout.run import Bench
from benchmarks.fanout.servers import SERVERS, MissingError, Ready, Server, prepare
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


@pytest.mark.parametrize("server", SERVERS, ids=lambda each: each.name)
def test_every_server_delivers_each_message_once(bench: Bench, server: Server) -> None:
    try:
        ready = prepare(server, bench.folder)
    except MissingError as error:
        pytest.skip(f"wants {error}")
    # On two cores that are busy with other tests, one of the two may not run at all for a while.
    rounds = (bench.measure(ready, W1, number) for number in range(10))
    round_ = next(one for one in rounds if one.void or deliveries(one))
    assert round_.void == ""
    assert deliveries(round_) > 0
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


def test_a_file_of_the_generator_uses_those_above_it_alone() -> None:
    """`load.h` names the files in their order; `load.h` itself, the data, uses none of them."""
    header = (SOURCES / "load.h").read_text(encoding="utf-8")
    order = re.findall(r"^ \*   ([a-z]+)\.c ", header, re.MULTILINE)
    assert sorted(order) == sorted(path.stem for path in SOURCES.glob("*.c"))
    for at, name in enumerate(order):
        for path in SOURCES.glob(f"{name}.[ch]"):
            used = re.findall(r'^#include "([a-z]+)\.h"', path.read_text("utf-8"), re.MULTILINE)
            assert set(used) <= {"load", *order[: at + 1]}, path.name
    assert not re.findall(r'^#include "', header, re.MULTILINE)
