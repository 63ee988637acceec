"""Scenarios that wait far more than they do, played beside the others, so that a run does not wait
with them: each in a thread of its own, before a server of its own.

A plugin of the pytest process that tells of the run, be it the one that plays the others or not.
Where no second server can be launched beside the first, what was to be played before it is played
when the others are over.
"""

import threading
from collections.abc import Generator, Sequence
from typing import Final

import pytest

from conformance.address import parse_address
from conformance.dialect import wholly_departed
from conformance.player import FIRST, Player, says_that_no_message_came, without
from conformance.plugin import end_session, not_launched, outcome_of, property_of, result_in
from conformance.report import ScenarioReport
from conformance.scenario import Play, plays
from conformance.session import Session, Settings
from conformance.target import LaunchError

_GOING: Final = 1.0
"""Seconds that a thread is waited for whose server has been ended."""


def played_beside(settings: Settings) -> list[Play]:
    """What is played beside the rest of a run with these settings, if there is a rest, and room for
    more than one server."""
    profile, address = settings.profile, parse_address(settings.address)
    if profile.launch is None or settings.isolate or address.with_free_port() == address:
        return []
    departed = wholly_departed(profile.dialect)
    lasting = [
        play
        for play in plays()
        if play.scenario.id in settings.scenarios
        and play.scenario.lasts_seconds
        and play.scenario.needs <= {"launch"}
        and not departed.issuperset(play.scenario.requirements)
    ]
    return lasting if len(lasting) < len(settings.scenarios) else []


class Beside:
    """Plays these as soon as it is known that messages come back at all."""

    def __init__(self, settings: Settings, chosen: Sequence[Play]) -> None:
        self._settings = settings
        self._waiting = list(chosen)
        self._playing: list[_Playing] = []
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
            self._tell_finished(wait=True)
        finally:
            for one in self._playing:
                one.break_off()
        return done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = result_in(report)
        if result is not None and result.id == FIRST:
            self._first = result

    def pytest_runtest_logfinish(self) -> None:
        if self._first is not None:
            self._begin()
        self._tell_finished()

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, []
        for play in waiting:
            if self._first is not None and says_that_no_message_came(self._first):
                self._tell(play, without(play.scenario, "skip", "sanity"))
                continue
            self._config.hook.pytest_runtest_logstart(
                nodeid=_nodeid(play), location=_location(play)
            )
            self._playing.append(_Playing(self._settings, play))

    def _tell_finished(self, *, wait: bool = False) -> None:
        for one in list(self._playing):
            if wait:
                one.join()
            if one.is_alive() or (one.refused and not wait):
                continue
            self._playing.remove(one)
            self._tell(one.play, one.result() or self._play_alone(one.play))

    def _play_alone(self, play: Play) -> ScenarioReport:
        """Play what no second server could be launched for, when the first has ended."""
        end_session(self._config)
        player = Player(Session(self._settings))
        try:
            return player.play(play)
        except LaunchError as error:
            return not_launched(play.scenario, error)
        finally:
            player.close()

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


class _Playing(threading.Thread):
    """A scenario that is being played. `refused`: there was no room for a server beside another."""

    def __init__(self, settings: Settings, play: Play) -> None:
        super().__init__(name=play.scenario.id, daemon=True)
        self.play = play
        self.refused = False
        self._session = Session(settings)
        self._result: ScenarioReport | None = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._result = Player(self._session).play(self.play)
        except LaunchError:
            self.refused = True
        except BaseException as error:
            self._error = error
        finally:
            self._session.close()

    def result(self) -> ScenarioReport | None:
        """What came of it, when it is over; None where it was refused."""
        if self._error is not None:
            raise self._error
        return self._result

    def break_off(self) -> None:
        """End its server, and launch no other."""
        self._session.break_off()
        self.join(_GOING)


def _nodeid(play: Play) -> str:
    return f"{play.__module__.replace('.', '/')}.py::{play.__name__}"


def _location(play: Play) -> tuple[str, int, str]:
    return _nodeid(play).partition("::")[0], 0, play.__name__
