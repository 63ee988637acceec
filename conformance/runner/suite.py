"""A run of the suite: its scenarios are played in lanes, and what they find is reported."""

import time
from collections.abc import Iterable
from typing import Final

from chatproto import __version__
from conformance.diagnosis.ranking import diagnose
from conformance.dialect import PLAIN
from conformance.report.build import summarise
from conformance.report.model import Report, ScenarioReport
from conformance.runner.causes import say_causes
from conformance.runner.course import Course
from conformance.runner.lanes import LANES, SPARE, Lanes
from conformance.runner.player import Player
from conformance.runner.preflight import Unreachable, check_descriptors, reach
from conformance.runner.reporter import Reporter
from conformance.runner.session import Session, Settings
from conformance.scenarios.registry import plays
from conformance.target.address import parse_address
from conformance.target.interrupts import let_interrupts_through
from conformance.target.process import LaunchError
from conformance.target.system import descriptor_limit
from conformance.timing.limit import TimeLimit

_FOR_A_LANE: Final = 300
"""Descriptors of this process that a lane may need: it can have a full room."""


def lanes_for(settings: Settings) -> int:
    """Return how many lanes a run with these settings has by default."""
    if settings.is_clustered:
        return 1
    address = parse_address(settings.address)
    has_room = settings.profile.launch is not None and address.with_free_port() != address
    return max(1, min(LANES, _most_lanes())) if has_room else 1


def _most_lanes() -> int:
    return int(min(LANES + SPARE, descriptor_limit() / _FOR_A_LANE))


def run_suite(
    settings: Settings, reporter: Reporter, jobs: int | None = None, *, explained: bool = True
) -> Report:
    """Play the scenarios that the settings name, `jobs` at a time; without it, a default number
    that grows while the processors are idle.

    An interrupt ends the run, and the report has what was found by then and says so. The time limit
    ends it too, and what was not played by then is unknown. `explained`: report a visible dialect
    first, and the causes of the failures at the end. `Unreachable` if there is no server.
    """
    check_descriptors()
    began = time.monotonic()
    interrupted = False
    course = Course(TimeLimit(settings.time_limit))
    count = jobs or lanes_for(settings)
    spare = 0 if jobs or count < LANES else _most_lanes() - count
    lanes = Lanes(lambda: Player(Session(settings, course)), reporter, count, course, spare=spare)
    let_interrupts_through()
    try:
        if settings.profile.launch is None or (explained and settings.profile.dialect == PLAIN):
            reach(settings, reporter.on_strange)
        with lanes:
            lanes.play(play for play in plays() if play.scenario.id in settings.scenarios)
    except KeyboardInterrupt:
        interrupted = True
    except LaunchError as error:
        raise Unreachable(str(error)) from None
    return report_of(
        lanes.results,
        settings,
        interrupted=interrupted,
        duration_s=time.monotonic() - began,
        explained=explained,
    )


def report_of(
    results: Iterable[ScenarioReport],
    settings: Settings,
    *,
    interrupted: bool,
    duration_s: float,
    explained: bool = True,
) -> Report:
    """Make the report of a run with these settings; with the causes of its failures, if it is to be
    `explained`."""
    launch = settings.profile.launch
    report = summarise(
        results,
        settings.selected or settings.requirements,
        managed=launch is not None,
        kinds=settings.kinds,
        interrupted=interrupted,
        suite=__version__,
        target=settings.address if launch is None else launch.command,
        name=settings.profile.name,
        seed=settings.seed,
        duration_s=duration_s,
        dialect=settings.profile.dialect,
    )
    if explained:
        say_causes(report, diagnose(report.scenarios))
    return report
