"""A scenario in which a used server dies is played on a new one."""

from types import SimpleNamespace
from typing import cast

import pytest

from conformance.oracle.findings import Finding, Judgement
from conformance.oracle.triggers import What
from conformance.report.build import judged
from conformance.runner.course import Course
from conformance.runner.player import Played, Player
from conformance.runner.session import Session
from conformance.scenarios.registry import plays

[PLAY] = (play for play in plays() if play.scenario.id == "lim/256-members")
EARLIER = Finding("ROOM-7", "", "", kind="died", before=What.LEFT_EARLIER.value)
OF_MANY = Finding("LIM-6", "", "", kind="died")


def played(*findings: Finding) -> Played:
    judgement = Judgement([*findings])
    result = judged(PLAY.scenario, judgement, None)
    return Played(result, judgement, leeway_of_stops=1.0, was_disturbed=False)


@pytest.mark.parametrize(
    ("broken", "then", "found"),
    [
        pytest.param(set(), played(OF_MANY), {"LIM-6"}, id="that dies, too"),
        pytest.param(set(), played(), {"ROOM-7"}, id="that lives"),
        pytest.param({"ROOM-7"}, None, {"ROOM-7"}, id="unless that is known"),
    ],
)
def test_a_death_that_is_laid_to_earlier_clients_is_tried_on_a_new_server(
    broken: set[str], then: Played | None, found: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = SimpleNamespace(settings=None, course=Course(broken=broken))
    player = Player(cast("Session", session))
    times = iter([played(EARLIER), *([] if then is None else [then])])
    monkeypatch.setattr(player, "_once", lambda _: next(times))
    result = player._stage(PLAY, None)
    assert {one.requirement for one in result.findings} == found
    assert next(times, None) is None
