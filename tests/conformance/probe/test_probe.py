"""A probe finds out what a server speaks from the server alone."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance.dialect import PLAIN, Dialect, departures
from conformance.probe.learning import Learnt
from conformance.probe.questions import probe
from conformance.probe.shape import Sample, Shape, Who, common_form, common_shape
from conformance.target.address import TcpAddress, parse_address
from conformance.target.bundled_profiles import shipped_names, shipped_profile
from conformance.target.profile import Launch, load_profile, read_profile
from conformance.target.server import LaunchedServer
from tests.conformance.command import run, specimen

pytestmark = pytest.mark.heavy


def learn(command: str, factor: float = 1.0) -> Learnt:
    return probe(parse_address("tcp://127.0.0.1:0"), Launch(command=command), factor)


def comparable(dialect: Dialect) -> dict[str, object]:
    """Return what the probe can tell: reads of more octets than it sends look the same."""
    fields = dialect.model_dump(exclude={"read_size"} if dialect.read_size > 20_000 else set())
    fields["quit"]["words"] = set(fields["quit"]["words"])
    return fields


def is_found(name: str, factor: float) -> bool:
    learnt = learn(specimen(name), factor)
    again = read_profile(learnt.profile(None, "./server {port}"), "probed")
    same = comparable(learnt.dialect) == comparable(shipped_profile(name).dialect)
    return same and again.dialect == learnt.dialect and not learnt.restarts


def taken_apart(before: str, host: str, port: int, name: str) -> Shape | None:
    """Return the shape of what came before a text whose sender is known."""
    return common_shape([Sample(Who(host, port, name), before, "")])


def test_the_dialect_of_each_profile_is_found_from_its_server_alone() -> None:
    """Probe several at once, since most of a probe is waiting; with more patience on a busy
    machine."""
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
    assert learnt.get("undecodable") == "kills"
    assert learnt.restarts == 0


def test_a_server_that_relays_nothing_leaves_nothing_to_learn() -> None:
    done = run("probe", "--launch", specimen("s0"))
    assert done.returncode == 3
    assert "nothing could be learnt about the server" in done.stderr


def test_each_conclusion_is_explained_and_the_run_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "found.toml"
    done = run("probe", "--launch", specimen("slash-dates"), "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert "time = '%Y/%m/%d %H:%M:%S'" in done.stdout
    assert "with an LF came as '" in done.stdout
    assert "as in chatproto/1: " in done.stdout
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
    assert "nothing could be learnt about the server: it accepts no connection" in done.stderr


@pytest.mark.parametrize(
    ("before", "shape"),
    [
        ("", Shape("", "", None, None, "")),
        ("Ack: ", Shape("Ack: ", "", None, None, "")),
        ("<10.0.0.9> ", Shape("<", "{peer}", None, "{host}", "> ")),
        ("ann42 says: ", Shape("", "{peer}", None, "{name}", " says: ")),
        ("[('10.0.0.9', 4711)] ", Shape("[", "{peer}", None, "('{host}', {port})", "] ")),
        ("{10.0.0.9/4711}", Shape("{", "{peer}", None, "{host}/{port}", "}")),
        ("::ffff:10.0.0.9:4711> ", Shape("", "{peer}", None, "::ffff:{host}:{port}", "> ")),
        ("[10.0.0.9]:4711 ", Shape("", "{peer}", None, "[{host}]:{port}", " ")),
        ("ann42 (10.0.0.9:4711): ", Shape("", "{peer}", None, "{name} ({host}:{port}", "): ")),
    ],
)
def test_a_broadcast_is_taken_apart(before: str, shape: Shape) -> None:
    assert taken_apart(before, "10.0.0.9", 4711, "ann42") == shape


def shape_of(*before: tuple[int, str]) -> Shape | None:
    """Return the shape of what came before the words of members with these ports."""
    return common_shape(
        [Sample(Who("10.0.0.9", port, f"p{port}r"), one, "") for port, one in before]
    )


def test_what_differs_between_messages_is_no_constant() -> None:
    assert shape_of((4001, "user 4> "), (4001, "user 4> "), (4002, "user 12> ")) == Shape(
        "user ", "{peer}", None, "{number}", "> "
    )
    assert shape_of(
        (4001, "[7] p4001r: "), (4001, "[8] p4001r: "), (4002, "[9] p4002r: ")
    ) == Shape("[", "{number}] {peer}", None, "{name}", ": ")
    assert shape_of((4001, "<Fox> "), (4001, "<Fox> "), (4002, "<Owl> ")) == Shape(
        "<", "{peer}", None, "{any}", "> "
    )
    assert shape_of((4001, "room 1: "), (4002, "room 1: ")) == Shape("room 1: ", "", None, None, "")
    assert shape_of((4001, "a\n"), (4001, "b")) is None


def test_forms_that_have_something_in_common() -> None:
    assert common_form(["3 here\n", "14 here\n"]) == "{number} here\n"
    assert common_form(["{number} here\n", "14 here\n"]) == "{number} here\n"
    assert common_form(["{name} left\n", "{name} left\n"]) == "{name} left\n"
    assert common_form(["hello Fox!\n", "hello Owl!\n"]) == "hello {any}!\n"
    assert common_form(["a\n", "b\n"]) is None
    assert common_form(["{host}\n", "{name}\n"]) is None


WILD = f"{sys.executable} -m tests.conformance.probe.probed {{}} {{{{port}}}}"


def test_who_enters_late_is_waited_for() -> None:
    learnt = learn(WILD.format("enters-late"))
    assert departures(learnt.dialect) == ()
    assert learnt.untold == []


def test_a_flood_after_a_half_close_is_a_fault_and_no_farewell() -> None:
    learnt = learn(specimen("half-close-floods"))
    assert [one.key for one in learnt.faults] == ["QUIT-5"]
    assert learnt.dialect.leave == ""
    assert "half-close" not in learnt.dialect.absent
    text = learnt.profile(None, None)
    assert "# Breaks QUIT-5: after a half-close others receive" in text
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) < 120 + len("# As in chatproto/1: ") * 10


def test_reads_behind_a_pure_relay_are_told_by_their_parts() -> None:
    learnt = learn(WILD.format("relays-reads"))
    assert learnt.dialect.by_read
    assert learnt.dialect.read_size == 256
    assert learnt.dialect.header == ""
    assert not learnt.dialect.echo


def test_a_quit_that_is_relayed_is_no_farewell() -> None:
    learnt = learn(WILD.format("relays-the-quit"))
    assert learnt.dialect.quit.match == "bare"
    assert learnt.dialect.leave == ""
    assert [one.key for one in learnt.faults] == ["QUIT-1"]


def test_a_slow_server_is_waited_for() -> None:
    learnt = learn(WILD.format("answers-late"))
    assert departures(learnt.dialect) == ()
    assert learnt.untold == []


def test_who_waits_for_the_rest_of_a_line_has_no_limit() -> None:
    learnt = learn(WILD.format("awaits-the-lf"))
    assert [one.requirement for one in departures(learnt.dialect)] == ["LIM-2"]
    assert learnt.dialect.absent == {"line-limit"}
    assert learnt.untold == []
    assert learnt.restarts == 0


def test_who_hears_itself_alone_is_told_from_who_hears_nothing() -> None:
    done = run("probe", "--launch", WILD.format("hears-itself"))
    assert done.returncode == 3
    assert "clients receive only their own messages" in done.stderr


def test_a_time_is_known_in_many_forms() -> None:
    for form in ("%Y%m%d %H:%M:%S", "%d.%m.%Y %H:%M", "%H:%M:%S", "%a %b %e %H:%M:%S %Y"):
        told = time.strftime(form)
        found = taken_apart(f"{told} 10.0.0.9:4711 ", "10.0.0.9", 4711, "ann42")
        assert found == Shape("", "{time} {peer}", form, "{host}:{port}", " ")
