"""A probe finds out what a server speaks from the server alone."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance.dialect import PLAIN, Dialect, departures
from conformance.probe.learning import Learnt
from conformance.probe.questions import probe
from conformance.probe.shape import Shape, take_apart
from conformance.target.address import TcpAddress, parse_address
from conformance.target.bundled_profiles import shipped_names, shipped_profile
from conformance.target.process import LaunchedServer
from conformance.target.profile import Launch, load_profile, read_profile
from tests.conformance.command import run, specimen


def learn(command: str, factor: float = 1.0) -> Learnt:
    return probe(parse_address("tcp://127.0.0.1:0"), Launch(command=command), factor)


def comparable(dialect: Dialect) -> dict[str, object]:
    """What can be told: reads of more octets than the probe sends look the same, as it says."""
    fields = dialect.model_dump(exclude={"read_size"} if dialect.read_size > 5_000 else set())
    fields["quit"]["words"] = set(fields["quit"]["words"])
    return fields


def is_found(name: str, factor: float) -> bool:
    learnt = learn(specimen(name), factor)
    again = read_profile(learnt.profile(None, "./server {port}"), "probed")
    same = comparable(learnt.dialect) == comparable(shipped_profile(name).dialect)
    return same and again.dialect == learnt.dialect and not learnt.restarts


def test_the_dialect_of_each_profile_is_found_from_its_server_alone() -> None:
    """Several at once, for most of a probe is waiting; on a busy machine, with more patience."""
    names = shipped_names()
    with ThreadPoolExecutor(8) as pool:
        found = dict(zip(names, pool.map(lambda name: is_found(name, 1.0), names), strict=True))
    assert [name for name in names if not found[name] and not is_found(name, 3.0)] == []


def test_a_conformant_server_departs_from_nothing() -> None:
    assert departures(learn(specimen("correct")).dialect) == ()


@pytest.mark.parametrize("way", ["dies", "hangs"])
def test_a_server_that_dies_or_hangs_is_started_again(way: str) -> None:
    learnt = learn(f"{sys.executable} -m tests.conformance.probe.probed {way} {{port}}")
    assert learnt.dialect.undecodable == "kills"
    assert learnt.restarts > 0
    assert learnt.dialect.model_copy(update={"undecodable": "closes"}) == PLAIN


def test_of_one_that_runs_already_and_dies_is_kept_what_was_learnt() -> None:
    command = f"{sys.executable} -m tests.conformance.probe.probed dies {{port}}"
    server = LaunchedServer(Launch(command=command), TcpAddress("127.0.0.1", 0).with_free_port())
    server.start()
    try:
        learnt = probe(server.address, None, 1.0)
    finally:
        server.close()
    assert learnt.get("quit.words") == ["quit"]
    assert learnt.restarts == 0
    assert any(one.startswith("whether there is a line limit: ") for one in learnt.untold)


def test_a_server_that_relays_nothing_leaves_nothing_to_learn() -> None:
    done = run("probe", "--launch", specimen("s0"))
    assert done.returncode == 3
    assert "came to another" in done.stderr


def test_each_conclusion_is_explained_and_the_run_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "found.toml"
    done = run("probe", "--launch", specimen("slash-dates"), "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert "time = '%Y/%m/%d %H:%M:%S'" in done.stdout
    assert "with an LF came as '" in done.stdout
    assert "could not be told  backlog-limit: a run asks for it" in done.stdout
    assert f"next: chatproto-conformance run --profile {path}" in done.stdout
    text = path.read_text()
    assert "# of one segment with " in text
    assert load_profile(path).dialect == shipped_profile("slash-dates").dialect
    judged = run("run", "--profile", str(path), "--only", "quit/quit-leaves", "--accept-declared")
    assert judged.returncode == 0, judged.stdout
    wrong = run("probe", "--launch", "x", "-o", str(tmp_path / "no" / "p.toml"))
    assert wrong.returncode == 2
    assert "there is no directory" in wrong.stderr


def test_nothing_there_is_said() -> None:
    done = run("probe", "tcp://127.0.0.1:1")
    assert done.returncode == 3
    assert "nothing could be learnt of it: it takes no connection" in done.stderr


@pytest.mark.parametrize(
    ("before", "shape"),
    [
        ("", Shape("", "", None, None, "")),
        ("Ack: ", Shape("Ack: ", "", None, None, "")),
        ("<10.0.0.9> ", Shape("<", "{peer}", None, "{host}", "> ")),
        ("ann42 says: ", Shape("", "{peer}", None, "{name}", " says: ")),
        ("[('10.0.0.9', 4711)] ", Shape("[", "{peer}", None, "('{host}', {port})", "] ")),
        ("{10.0.0.9/4711}", Shape("{{", "{peer}", None, "{host}/{port}", "}}")),
    ],
)
def test_a_broadcast_is_taken_apart(before: str, shape: Shape) -> None:
    assert take_apart(before, "10.0.0.9", 4711, "ann42") == shape


def test_a_time_is_known_in_many_forms() -> None:
    for form in ("%Y%m%d %H:%M:%S", "%d.%m.%Y %H:%M", "%H:%M:%S", "%a %b %d %H:%M:%S %Y"):
        told = time.strftime(form)
        found = take_apart(f"{told} 10.0.0.9:4711 ", "10.0.0.9", 4711, "ann42")
        assert found == Shape("", "{time} {peer}", form, "{host}:{port}", " ")
