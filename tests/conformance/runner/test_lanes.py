"""Lanes play several scenarios at a time, launch no more servers than there is room for, and end
when they should, whatever a server does."""

import json
import re
import sys
import threading
from collections import deque
from pathlib import Path

import pytest

from conformance.driver.interruption import TooSlow
from conformance.driver.stage import Stage
from conformance.oracle.findings import Judgement
from conformance.report.model import Report, ScenarioReport
from conformance.runner.course import Course
from conformance.runner.lanes import LANES, Lanes, take_in_turn
from conformance.runner.player import InQuestion, Played, Player
from conformance.runner.reporter import SilentReporter
from conformance.runner.session import Session, Settings, transcript_path
from conformance.runner.suite import lanes_for
from conformance.scenarios.registry import Play, of_one_server, plays
from conformance.standard.requirements import requirements
from conformance.target.process import LaunchError
from conformance.target.profile import Launch, Profile
from conformance.timing.idle_processors import IdleProcessors
from conformance.transcript.events import Connected, Start
from conformance.transcript.files import read
from tests.conformance.command import DEADLINE, REFERENCE, run, specimen

LASTING = ["hb/a-silent-member-stays", "stop/stopping"]
FEW = ",".join(["sanity/first", "msg/header", *LASTING, "stop/a-second-server-gives-way"])
SINGLETON = """\
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.set_inheritable(lock, True)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit(f"{sys.argv[3]}: another runs already")
print("begun", file=open(sys.argv[2], "a"))
os.execv(sys.executable, [sys.executable, "-m", "reference_server", "--listen", sys.argv[3]])
"""


def settings(**changes: object) -> Settings:
    whole = {
        "profile": Profile(launch=Launch(command=REFERENCE)),
        "address": "tcp://127.0.0.1:0",
        "scenarios": frozenset(one.id for one in of_one_server()),
    }
    return Settings.model_validate(whole | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": Profile()},
        {"address": "tcp://127.0.0.1:4321"},
        {"address": "unix:/run/chat"},
    ],
    ids=["not launched", "one port", "one path"],
)
def test_there_is_one_lane_where_there_is_room_for_one_server(changes: dict[str, object]) -> None:
    assert lanes_for(settings(**changes)) == 1
    assert lanes_for(settings()) == LANES


@pytest.mark.long
def test_who_holds_leavers_in_the_first_is_not_asked_what_newcomers_find(tmp_path: Path) -> None:
    """All others wait for the first scenario, and show that fault as well."""
    came, holding = {}, specimen("half-close-hangs")
    for only in ("sanity/first", "sanity/first,msg/header"):
        run("run", "--launch", holding, "--only", only, "--transcripts", str(tmp_path), "--quiet")
        first = read(transcript_path(tmp_path, "sanity/first"))
        came[only] = sum(isinstance(event, Connected) for event in first)
    assert came["sanity/first"] > came["sanity/first,msg/header"] == 2


def test_several_are_played_at_a_time(tmp_path: Path) -> None:
    path, kept = tmp_path / "r.json", tmp_path / "transcripts"
    done = run(
        "run", "--launch", REFERENCE, "--only", FEW, "--json", str(path), "--transcripts", str(kept)
    )
    assert done.returncode == 0, done.stdout
    report = Report.model_validate_json(path.read_text())
    assert [one.id for one in report.scenarios] == FEW.split(",")
    # Each has a server of its own, so that none waits for another's.
    assert len({target_of(transcript_path(kept, id_)) for id_ in LASTING}) == len(LASTING)


def target_of(transcript: Path) -> str:
    start = read(transcript)[0]
    assert isinstance(start, Start)
    return start.target


def test_what_one_lane_finds_broken_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.xml"
    broken = specimen("removes-the-idle")
    done = run("run", "--launch", broken, "--only", FEW, "--junit", str(path), "-v")
    assert done.returncode == 1
    assert "HB-3 MUST" in done.stdout
    assert "HB-3 MUST" in re.findall(r'<failure message="([^"]*)"', path.read_text())[0]


def test_nothing_more_is_played_where_no_message_comes_back() -> None:
    done = run("run", "--launch", specimen("no-echo"), "--only", FEW, "--verbose")
    assert done.returncode == 1
    for id_ in FEW.split(",")[1:]:
        assert f"skip    {id_}" in done.stdout


def test_nor_where_no_two_hear_each_other() -> None:
    script = Path(__file__).with_name("hostile.py")
    launch = f"{sys.executable} {script} 'tells its sender alone' {{port}}"
    done = run("run", "--launch", launch, "--only", FEW, "--verbose")
    assert done.returncode == 1
    assert "fail    sanity/first" in done.stdout
    for id_ in FEW.split(",")[1:]:
        assert f"skip    {id_}" in done.stdout
    assert "No two clients could chat" in done.stdout


def test_one_lane_plays_all_where_one_server_alone_can_run(tmp_path: Path) -> None:
    script, begun, report = (tmp_path / name for name in ("one.py", "begun", "r.json"))
    script.write_text(SINGLETON)
    launch = f"{sys.executable} {script} {tmp_path / 'lock'} {begun} {{address}}"
    done = run("run", "--launch", launch, "--only", FEW, "--json", str(report))
    assert done.returncode == 0, done.stdout
    found = json.loads(report.read_text())["scenarios"]
    assert [(one["id"], one["status"]) for one in found] == [
        (id_, "pass") for id_ in FEW.split(",")
    ]
    # One start shows its dialect, one is for the lane, and one follows each of two stops.
    assert len(begun.read_text().splitlines()) == 4


def lanes_of(few: Settings, course: Course) -> Lanes[Play]:
    return Lanes(lambda: Player(Session(few, course)), SilentReporter(), 2, course)


def test_a_scenario_on_which_the_suite_breaks_down_takes_no_other_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"msg/header": RuntimeError("not expected"), "quit/quit-leaves": OSError("no disk")}

    def play(_: Player, play: Play, _first: object) -> ScenarioReport:
        if play.scenario.id in broken:
            raise broken[play.scenario.id]
        return ScenarioReport(id=play.scenario.id, status="pass", requirements=[])

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(Player, "play", play)
    few = settings(scenarios=frozenset({"sanity/first", "frm/cr-lf-works-as-lf", *broken}))
    with lanes_of(few, Course()) as lanes:
        lanes.play(play for play in plays() if play.scenario.id in few.scenarios)
    found = {one.id: (one.status, one.reason or "") for one in lanes.results}
    assert {id_: status for id_, (status, _) in found.items()} == {
        "sanity/first": "pass",
        "frm/cr-lf-works-as-lf": "pass",
        "msg/header": "unknown",
        "quit/quit-leaves": "unknown",
    }
    [path] = tmp_path.glob("chatproto-conformance-*.txt")
    assert str(path) in found["msg/header"][1]
    assert "not expected" in path.read_text()
    assert found["quit/quit-leaves"][1] == "the suite could not do its work: no disk"


def test_a_lane_does_not_wait_for_what_another_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    """It plays the next scenario, and resumes the one in doubt when that is confirmed."""
    confirming, played, unsure = threading.Event(), threading.Event(), "quit/quit-leaves"
    course, doubt = Course(), Judgement([], hasty=frozenset({"TXT-1"}))
    firsts: list[Played | None] = []

    def play(_: Player, play: Play, first: Played | None) -> ScenarioReport:
        result = ScenarioReport(id=play.scenario.id, status="pass", requirements=[])
        match play.scenario.id:
            case "msg/header":
                with course.confirming(doubt.hasty):
                    confirming.set()
                    assert played.wait(DEADLINE)
            case "quit/quit-leaves":
                assert confirming.wait(DEADLINE)
                firsts.append(first)
                if first is None:
                    raise InQuestion(Played(result, doubt, 1.0, was_disturbed=False))
            case "err/a-notice-says-why":
                played.set()
        return result

    monkeypatch.setattr(Player, "play", play)
    few = settings(scenarios=frozenset({"msg/header", unsure, "err/a-notice-says-why"}))
    with lanes_of(few, course) as lanes:
        lanes.play(play for play in plays() if play.scenario.id in few.scenarios)
    assert sorted(one.id for one in lanes.results) == sorted(few.scenarios)
    first, again = firsts
    assert first is None
    assert again is not None
    assert again.result.id == unsure


@pytest.mark.parametrize("idle", [True, False], ids=["idle", "busy"])
def test_more_are_played_at_a_time_while_the_processors_are_idle(
    monkeypatch: pytest.MonkeyPatch, *, idle: bool
) -> None:
    few = settings(scenarios=frozenset(one.id for one in of_one_server() if one.section == "frm"))
    expected = 4 if idle else 2
    together, lock, playing, most = threading.Event(), threading.Lock(), 0, 0

    def play(_: Player, play: Play, _first: object) -> ScenarioReport:
        nonlocal playing, most
        with lock:
            playing += 1
            most = max(most, playing)
            if playing == expected:
                together.set()
        assert together.wait(DEADLINE)
        with lock:
            playing -= 1
        return ScenarioReport(id=play.scenario.id, status="pass", requirements=[])

    monkeypatch.setattr(Player, "play", play)
    monkeypatch.setattr(IdleProcessors, "seconds_left", lambda _: 0.0)
    monkeypatch.setattr(IdleProcessors, "are_idle", lambda _, **_named: idle)
    course = Course()
    lanes = Lanes(lambda: Player(Session(few, course)), SilentReporter(), 2, course, spare=2)
    with lanes:
        lanes.play(play for play in plays() if play.scenario.id in few.scenarios)
    assert {one.status for one in lanes.results} == {"pass"}
    assert most == expected


def test_who_is_broken_off_launches_no_other() -> None:
    session = Session(settings())
    session.break_off()
    [play] = (play for play in plays() if play.scenario.id == "msg/header")
    with pytest.raises(LaunchError, match="aborted"), session.stage(play.scenario):
        pass


def test_what_is_untold_comes_first_and_what_is_known_to_be_broken_last() -> None:
    ids = [
        "lim/a-laggard-stays", "quit/a-leaver-that-never-reads-delays-nobody",
        "quit/all-leave-at-once", "txt/white-space-is-trimmed", "frm/cr-lf-works-as-lf",
    ]  # fmt: skip
    left = deque(play for id_ in ids for play in plays() if play.scenario.id == id_)
    course = Course(broken={"LIM-3"})
    taken = list(take_in_turn(left, course.broken))
    assert [play.scenario.id for play in taken] == [ids[1], ids[3], ids[4], ids[2], ids[0]]


def test_no_server_is_stopped_while_another_lane_may_launch_one_in_its_place() -> None:
    ids = ["stop/stopping", "room/cause-before-effect"]
    left = deque(play for id_ in ids for play in plays() if play.scenario.id == id_)
    taken = list(take_in_turn(left, set(), lambda: False))
    assert [play.scenario.id for play in taken] == [ids[1], ids[0]]


def test_a_long_scenario_is_not_put_off() -> None:
    ids = ["room/cause-before-effect", "stop/stopping"]
    left = deque(play for id_ in ids for play in plays() if play.scenario.id == id_)
    known = {play.scenario.requirements[0] for play in left}
    taken = list(take_in_turn(left, known))
    assert [play.scenario.id for play in taken] == [ids[1], ids[0]]


def test_a_server_that_dies_as_all_leave_has_not_died_of_nothing() -> None:
    """Though the scenario before did not end, as the server was too slow for it."""
    script = Path(__file__).with_name("hostile.py")
    command = f"{sys.executable} {script} 'dies when one leaves' {{port}}"
    whole = settings(profile=Profile(launch=Launch(command=command)))
    session = Session(whole.model_copy(update={"requirements": frozenset(requirements())}))
    [play] = (play for play in plays() if play.scenario.id == "msg/header")

    def chat_slowly(stage: Stage) -> None:
        stage.fence(*stage.join(2))
        raise TooSlow

    try:
        with session.stage(play.scenario) as stage:
            stage.play(lambda: chat_slowly(stage))
            judgement, _ = session.judge(stage)
    finally:
        session.close()
    assert {one.requirement for one in judgement.findings if one.kind == "died"} == {"QUIT-5"}
