"""Scenarios that wait more than they do, played beside the others, so that a run does not wait with
them: in threads of their own, each before a server of its own.

A plugin of the pytest process that tells of the run, be it the one that plays the others or not.
Where no more servers can be launched beside the first, what was to be played before them is played
when the others are over.
"""

import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

import pytest

from conformance.dialect import wholly_departed
from conformance.report.model import ScenarioReport, without
from conformance.runner.player import FIRST, Player, says_that_no_message_came
from conformance.runner.pytest_plugin import (
    end_session,
    not_launched,
    outcome_of,
    property_of,
    result_in,
)
from conformance.runner.session import Session, Settings
from conformance.scenarios.registry import Play, plays
from conformance.target.address import parse_address
from conformance.target.process import LaunchError

_LANES: Final = 4
_GOING: Final = 1.0
"""Seconds that a thread is waited for whose server has been ended."""


def played_beside(settings: Settings) -> list[Play]:
    """What is played beside the rest of a run with these settings, if there is a rest, and room for
    more than one server: what waits longest first."""
    profile, address = settings.profile, parse_address(settings.address)
    if profile.launch is None or settings.isolate or address.with_free_port() == address:
        return []
    departed = wholly_departed(profile.dialect)
    waiting = [
        play
        for play in plays()
        if play.scenario.id in settings.scenarios
        and play.scenario.waits
        and play.scenario.needs <= {"launch"}
        and not departed.issuperset(play.scenario.requirements)
    ]
    if len(waiting) == len(settings.scenarios):
        return []
    return sorted(waiting, key=lambda play: -play.scenario.waits)


class Beside:
    """Plays these as soon as it is known that messages come back at all."""

    def __init__(self, settings: Settings, chosen: Sequence[Play]) -> None:
        self._settings = settings
        self._chosen = list(chosen)
        self._left: SimpleQueue[Play] = SimpleQueue()
        self._said: SimpleQueue[_Said] = SimpleQueue()
        self._lanes: list[_Lane] = []
        self._first: ScenarioReport | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        if FIRST not in self._settings.scenarios:
            self._begin()
        try:
            done = yield
            self._begin()
            for lane in self._lanes:
                lane.join()
            self._tell_on()
            self._play_the_rest()
        finally:
            for lane in self._lanes:
                lane.break_off()
        return done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = result_in(report)
        if result is not None and result.id == FIRST:
            self._first = result

    def pytest_runtest_logfinish(self) -> None:
        if self._first is not None:
            self._begin()
        self._tell_on()

    def _begin(self) -> None:
        chosen, self._chosen = self._chosen, []
        if self._first is not None and says_that_no_message_came(self._first):
            for play in chosen:
                self._tell(play, without(play.scenario, "skip", "sanity"))
            return
        for play in chosen:
            self._left.put(play)
        for _ in chosen[:_LANES]:
            self._lanes.append(_Lane(Session(self._settings), self._left, self._said))

    def _tell_on(self) -> None:
        """Tell what the lanes have said by now."""
        while not self._said.empty():
            said = self._said.get()
            match said.result:
                case None:
                    self._tell_begin(said.play)
                case ScenarioReport() as result:
                    self._tell(said.play, result)
                case LaunchError():
                    self._left.put(said.play)
                case error:
                    raise error

    def _play_the_rest(self) -> None:
        """Play what no more servers could be launched for, when the first has ended."""
        if self._left.empty():
            return
        end_session(self._config)
        player = Player(Session(self._settings))
        try:
            while not self._left.empty():
                play = self._left.get()
                self._tell_begin(play)
                try:
                    self._tell(play, player.play(play))
                except LaunchError as error:
                    self._tell(play, not_launched(play.scenario, error))
        finally:
            player.close()

    def _tell_begin(self, play: Play) -> None:
        self._config.hook.pytest_runtest_logstart(nodeid=_nodeid(play), location=_location(play))

    def _tell(self, play: Play, result: ScenarioReport) -> None:
        """Report it as pytest does what it has run itself."""
        outcome, text = outcome_of(result, self._settings)
        for when in ("setup", "call", "teardown"):
            report = pytest.TestReport(
                _nodeid(play),
                _location(play),
                keywords={},
                outcome="passed",
                longrepr=None,
                when=when,
                duration=result.duration_s if when == "call" else 0.0,
            )
            if when == "call" and outcome != "passed":
                report.outcome = "failed" if outcome == "failed" else "skipped"
                report.longrepr = text if outcome == "failed" else (*_location(play)[:2], text)
                if outcome == "expected":
                    report.wasxfail = text
            if when == "teardown":
                report.user_properties = [property_of(result)]
            self._config.hook.pytest_runtest_logreport(report=report)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a lane says of a scenario: that it begins, what came of it, or what prevented it."""

    play: Play
    result: ScenarioReport | BaseException | None = None


class _Lane(threading.Thread):
    """Plays what is left, one after the other, as long as there is a server."""

    def __init__(self, session: Session, left: SimpleQueue[Play], said: SimpleQueue[_Said]) -> None:
        super().__init__(daemon=True)
        self._session = session
        self._left = left
        self._said = said
        self.start()

    def run(self) -> None:
        player = Player(self._session)
        with suppress(Empty):
            going = True
            while going:
                play = self._left.get_nowait()
                self._said.put(_Said(play))
                try:
                    self._said.put(_Said(play, player.play(play)))
                except BaseException as error:
                    self._said.put(_Said(play, error))
                    going = False
        player.close()

    def break_off(self) -> None:
        """End its server, and launch no other."""
        self._session.break_off()
        self.join(_GOING)


def _nodeid(play: Play) -> str:
    return f"{play.__module__.replace('.', '/')}.py::{play.__name__}"


def _location(play: Play) -> tuple[str, int, str]:
    return _nodeid(play).partition("::")[0], 0, play.__name__
