"""How far a run has come, by a clock that goes when it is told to."""

import pytest
from rich.text import Text

from conformance.output.live_table import summary, table
from conformance.output.progress import SECONDS, Progress
from conformance.report.model import FindingReport, ScenarioReport
from conformance.scenarios.registry import SECTIONS, scenarios

ALL = [one.id for one in scenarios()]


class Clock:
    """A clock that does not advance."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def over(id_: str, *broken: str) -> ScenarioReport:
    findings = [
        FindingReport.model_validate(
            {"requirement": one, "outcome": "fail", "expected": "a", "actual": "b"}
        )
        for one in broken
    ]
    return ScenarioReport(
        id=id_, status="fail" if broken else "pass", requirements=["ROOM-2"], findings=findings
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


def plain(lines: list[Text]) -> list[str]:
    return [line.plain.rstrip() for line in lines]


def test_every_section_is_known_to_take_some_time() -> None:
    assert tuple(SECONDS) == SECTIONS


def test_nothing_is_said_of_the_rest_before_a_scenario_is_over(clock: Clock) -> None:
    progress = Progress(ALL, clock=clock)
    assert progress.left is None
    progress.start(ALL[0])
    clock.now += 5
    assert progress.left is None
    assert progress.running == [(ALL[0], 5.0)]


def test_the_rest_takes_what_is_known_where_nothing_is_slower(clock: Clock) -> None:
    progress = Progress(ALL, clock=clock)
    progress.start(ALL[0])
    progress.finish(over(ALL[0]))
    known = sum(SECONDS[id_.partition("/")[0]] for id_ in ALL[1:])
    assert progress.left == pytest.approx(known)
    clock.now += 2
    assert progress.left == pytest.approx(known - 2)
    clock.now += 1000
    assert progress.left == 0


def test_the_rest_takes_longer_where_what_is_over_did(clock: Clock) -> None:
    progress = Progress(ALL[:10], clock=clock)
    for id_ in ALL[:5]:
        progress.start(id_)
        clock.now += 3
        progress.finish(over(id_))
    assert progress.left == pytest.approx(15, rel=0.05)


def test_several_at_once_share_the_rest(clock: Clock) -> None:
    progress = Progress(ALL[:12], jobs=2, clock=clock)
    for id_ in ALL[:2]:
        progress.start(id_)
    clock.now += 4
    for id_ in ALL[:2]:
        progress.finish(over(id_))
    assert progress.left == pytest.approx(20, rel=0.05)


def test_each_section_has_its_line(clock: Clock) -> None:
    progress = Progress(ALL, jobs=2, clock=clock)
    for id_ in ALL[:4]:
        progress.start(id_)
    progress.finish(over(ALL[0]))
    progress.finish(over(ALL[2], "TRN-2", "ROOM-2", "FRM-1"))
    clock.now += 83
    lines = plain(table(progress, "mine", 2, 40))
    assert lines[0] == "mine"
    assert [line.split()[0] for line in lines[1 : len(SECTIONS) + 1]] == list(SECTIONS)
    assert lines[1] == "  sanity ✓›            1/2   1 pass"
    assert lines[2] == "  trn    ✗›··          1/4   1 fail"
    total = len(SECTIONS) + 1
    assert lines[total].startswith(f"  total  1:23          2/{len(ALL)}  1 pass  1 fail   about ")
    assert lines[total + 1 : total + 3] == [f"now      {ALL[1]}  83 s", f"         {ALL[3]}  83 s"]
    assert lines[total + 3 :] == [f"failed   TRN-2 FRM-1 ROOM-2  {ALL[2]}"]


@pytest.mark.parametrize("height", range(1, 41))
def test_it_never_grows_beyond_its_room(height: int, clock: Clock) -> None:
    progress = Progress(ALL, jobs=4, clock=clock)
    for id_ in ALL[:30]:
        progress.start(id_)
    for id_ in ALL[:26]:
        progress.finish(over(id_, "ROOM-2"))
    lines = plain(table(progress, "mine", 4, height))
    assert len(lines) <= height
    if height >= 2:
        assert any(line.startswith("  total") for line in lines)
    if height >= 6:
        assert any(line.startswith("failed") or " before" in line for line in lines)
    above = len(SECTIONS) + 7
    if above + 5 <= height < above + 20:
        assert lines[-1] == f"         and {26 - (height - above)} before"


def test_all_that_is_being_played_is_named_or_counted(clock: Clock) -> None:
    progress = Progress(ALL, jobs=12, clock=clock)
    for id_ in ALL[:12]:
        progress.start(id_)
    high = plain(table(progress, "mine", 12, 60))
    above = len(SECTIONS) + 2
    assert [line.split()[-3] for line in high[above : above + 12]] == ALL[:12]
    low = plain(table(progress, "mine", 12, above + 10))
    assert low[:above] == high[:above]
    assert low[above : above + 7] == high[above : above + 7]
    assert low[above + 7] == "         and 5 more"


def test_what_was_broken_off_is_not_running_any_more(clock: Clock) -> None:
    progress = Progress(ALL[:6], clock=clock)
    progress.start(ALL[0])
    assert plain(summary(progress, "mine")) == [
        "mine", "  sanity ··            0/2", "  trn    ····          0/4",
        "  total  0:00          0/6",
    ]  # fmt: skip
