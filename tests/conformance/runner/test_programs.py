"""Generated programs: drawn, saved, performed, shrunk, performed again, and written as scripts."""

import importlib
import json
import subprocess
import sys
from collections import Counter
from math import inf
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chatproto import QuitReceived, ServerConnection, Violation
from chatproto.connection import MIN_LINE_LIMIT
from conformance.commands.cli import cli
from conformance.oracle.findings import Judgement
from conformance.output.repro_script import write_script
from conformance.programs.program import (
    Fence,
    Join,
    Program,
    Send,
    describe,
    load,
    marked,
    save,
    summary,
)
from conformance.programs.strategies import programs
from conformance.runner import program_search
from conformance.runner.program_search import search
from conformance.runner.program_trials import Trial, Trials
from conformance.runner.selection import counting
from conformance.runner.session import Session, Settings
from conformance.scenarios.registry import scenarios
from conformance.target.profile import Launch, Profile
from tests.conformance.command import REFERENCE, run, specimen
from tests.reference_server.process import ServerProcess

STEM = "n012345"
[SCENARIO] = (one for one in scenarios() if one.id == "gen/programs")


@given(programs())
def test_what_is_drawn_is_a_program(program: Program) -> None:
    """Every client joins before it does anything, and is a member of no more than eight."""
    joined: list[str] = []
    for step in program.steps:
        if isinstance(step, Join):
            joined.append(step.client)
        elif isinstance(step, Send):
            assert step.client in joined
    assert joined == [f"c{number}" for number in range(1, len(joined) + 1)]
    assert 2 <= len(joined) <= 12
    assert len(list(describe(program))) == len(program.steps)


@given(programs())
def test_nonces_take_the_place_of_marks_wherever_segments_are_cut(program: Program) -> None:
    performed = program.with_nonces(STEM)
    for before, after in zip(program.steps, performed.steps, strict=True):
        if isinstance(before, Send) and isinstance(after, Send):
            assert len(before.octets) == len(after.octets)
    for client in {step.client for step in program.steps if isinstance(step, Join)}:
        assert b"______" not in _said(performed, client)
        assert _said(performed, client) == _said(program, client).replace(b"n______", STEM.encode())


@given(programs())
def test_nothing_is_a_violation_but_what_is_meant_to_be(program: Program) -> None:
    """A line of 1,024 octets is allowed everywhere. No line between that and the greatest limit is
    sent, since nobody can say what should become of it."""
    for client in {step.client for step in program.steps if isinstance(step, Join)}:
        connection = ServerConnection(MIN_LINE_LIMIT)
        events = connection.receive(_said(program, client))
        assert all(not isinstance(one, Violation | QuitReceived) for one in events[:-1])


def _said(program: Program, client: str) -> bytes:
    sent = (step for step in program.steps if isinstance(step, Send))
    return b"".join(step.octets for step in sent if step.client == client)


@given(program=programs(), requirement=st.sampled_from([None, "ROOM-3"]))
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, program: Program, requirement: str | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "program.json"
    saved = Program(program.steps, requirement)
    save(saved, path)
    assert load(path) == saved


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "steps: Field required"),
        ("no", "not a program"),
        ('{"steps": [{"step": "dance"}]}', "steps.0"),
        ('{"steps": [{"step": "send", "client": "c1", "octets": "x"}]}', "c1 has not joined"),
        ('{"steps": [{"step": "join", "client": "c2"}]}', "the next to join is c1"),
        ('{"steps": [{"step": "pause", "seconds": 1e9}]}', "from 0 to 10 seconds"),
    ],
)
def test_what_is_no_program_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    done = CliRunner().invoke(cli, ["replay", str(path), "tcp://127.0.0.1:1"])
    assert done.exit_code == 2
    assert said in done.stderr
    assert "p.json" in done.stderr


def _trials(server: str, tmp_path: Path, examples: int = 30) -> tuple[Session, Trials]:
    settings = Settings(
        profile=Profile(launch=Launch(command=server)),
        address="tcp://127.0.0.1:0",
        requirements=counting(frozenset(), "should"),
        examples=examples,
        programs=tmp_path,
        transcripts=tmp_path,
    )
    session = Session(settings)
    return session, Trials(session, SCENARIO, frozenset())


def test_the_reference_server_stands_them(tmp_path: Path) -> None:
    session, trials = _trials(REFERENCE, tmp_path)
    try:
        search(trials)
    finally:
        session.close()
    result = trials.report()
    assert result.status == "pass", result
    assert result.program is None
    exercised = {id_ for id_, count in result.exercised.items() if count}
    assert exercised > {"FRM-1", "FRM-4", "TXT-2", "ROOM-3", "ROOM-7", "QUIT-5", "ERR-1", "LIM-1"}


SMALL = 8


class _UntilItIsSmall(program_search._Shrinking):
    """A search that ends with a small program, and not before: this takes long on a busy
    machine."""

    def fails(self, program: Program) -> bool:
        self._until = inf if len(self._smallest.steps) > SMALL else 0.0
        return super().fails(program)


def test_one_that_fails_is_shrunk_counted_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two broadcasts are swapped for one member: what remains is three clients and hardly a step
    more."""
    monkeypatch.setattr(program_search, "_Shrinking", _UntilItIsSmall)
    session, trials = _trials(specimen("swaps-two-senders"), tmp_path)
    try:
        search(trials)
    finally:
        session.close()
    result = trials.report()
    assert result.status == "fail"
    assert result.program is not None
    assert 2 <= result.program.fails <= result.program.of
    assert len(result.program.program.steps) <= SMALL
    saved = load(tmp_path / "ROOM-3.json")
    assert saved == result.program.program
    assert (tmp_path / "gen.programs.jsonl").is_file()


class _Unperformed(Trials):
    """There is no server; the steps that would be performed are noted."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, SCENARIO, frozenset())
        self.drawn: list[tuple[Program, float]] = []

    def perform(self, program: Program, leeway: float = 1.0) -> Trial:
        self.drawn.append((program, leeway))
        return Trial(program, Judgement([], Counter()), [], None)


def test_what_a_seed_draws_depends_on_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hypothesis also draws constants of modules that are not installed packages."""
    (tmp_path / "somebodys_own.py").write_text(f"constants = {list(range(1_000, 2_000))}\n")
    monkeypatch.syspath_prepend(tmp_path)
    session, _ = _trials(REFERENCE, tmp_path, 60)
    drawn = []
    for _ in range(2):
        trials = _Unperformed(session)
        search(trials)
        drawn.append(trials.drawn)
        importlib.import_module("somebodys_own")
    assert len(drawn[0]) == 60
    assert drawn[0] == drawn[1]


SWAPPED = Program((Join("c1"), Join("c2"), Fence(), Join("c3")), "ROOM-3")


def test_a_user_is_not_warned_of_a_program_that_is_long_to_print() -> None:
    @settings(max_examples=1, database=None, phases=(Phase.generate,), deadline=None)
    @given(st.just("x" * 2_000_000))
    def fail(_: str) -> None:
        raise ZeroDivisionError

    with program_search._by_the_seed_alone(), pytest.raises(ZeroDivisionError):
        fail()


def test_a_saved_one_is_replayed(tmp_path: Path) -> None:
    path, script = tmp_path / "p.json", tmp_path / "bug.py"
    save(SWAPPED, path)
    failed = run(
        "replay", str(path), "--launch", specimen("swaps-two-senders"), "--times", "3",
        "--transcripts", str(tmp_path), "--emit-script", str(script),
    )  # fmt: skip
    assert failed.returncode == 1, failed.stdout
    assert "ROOM-3 MUST" in failed.stdout
    assert "of 3" in failed.stdout
    assert f"replay {path}" in failed.stdout
    assert "Expected: one order" in script.read_text()
    again = run("judge", str(tmp_path / "gen.programs.jsonl"))
    assert again.returncode == 1
    passed = run("replay", str(path), "--launch", REFERENCE, "--times", "2")
    assert passed.returncode == 0, passed.stdout
    assert "fails 0 of 2" in passed.stdout


def test_where_nothing_can_be_replayed_against(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    save(SWAPPED, path)
    unreachable = run("replay", str(path), "tcp://127.0.0.1:1")
    assert unreachable.returncode == 3
    assert "nothing answers" in unreachable.stderr
    unsaid = CliRunner().invoke(cli, ["replay", str(path)])
    assert unsaid.exit_code == 2
    assert "say what to judge" in unsaid.stderr


def test_as_a_script_it_needs_nothing_but_python(tmp_path: Path) -> None:
    """It runs isolated from everything installed, and shows what each client received."""
    program, script = tmp_path / "p.json", tmp_path / "bug.py"
    rest = marked(1)[5:] + b" \xc3\xa9\n" + b"x" * 1_000 + b"\n"
    said = (Send("c1", marked(1)[:5]), Send("c1", rest), Send("c2", b"quit\n"))
    save(Program((Join("c1"), Join("c2"), Fence(), *said)), program)
    assert (
        CliRunner().invoke(cli, ["replay", str(program), "--emit-script", str(script)]).exit_code
        == 0
    )
    with ServerProcess("--listen", "tcp://127.0.0.1:0") as server:
        host, _, port = server.addresses[0].removeprefix("tcp://").rpartition(":")
        shown = subprocess.run(
            [sys.executable, "-I", "-S", str(script), host, port],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
    assert "c1 received, and then nothing more:" in shown.stdout
    assert "c2 received, and then end of stream:" in shown.stdout
    assert r"n000000x50001z \xc3\xa9\n" in shown.stdout
    assert "in vain" not in shown.stdout


@given(programs())
def test_every_one_can_be_a_script(program: Program) -> None:
    compile(write_script(program, "bug.py"), "bug.py", "exec")


def test_it_is_told_in_few_words() -> None:
    assert summary(SWAPPED) == "3 clients, 4 steps, 0 octets sent"
    assert json.dumps(list(describe(SWAPPED))[2]) == '"  3 all say a word and hear all"'
