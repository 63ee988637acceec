"""The suite within somebody's own pytest run: scenarios are tests there, so that pytest's
selection, order, parallel workers and JUnit come with it.

Each scenario is played on a stage of its own and its transcript judged; what the oracle says
goes with the test's report as the property `chatproto`. Scenarios are items of a kind of their
own: fixtures and plugins meant for the functions of somebody's own tests pass them by.
"""

import importlib
import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from conformance.report.build import without
from conformance.report.model import ScenarioReport
from conformance.runner.outcome import outcome_of
from conformance.runner.player import Player
from conformance.runner.preflight import Unreachable
from conformance.runner.session import Session, Settings
from conformance.scenarios.registry import LAST, SECTIONS, Play, Scenario
from conformance.target.process import LaunchError

_PROPERTY: Final = "chatproto"
_PACKAGE: Final = Path(__file__).parent.parent
_LONG: Final = 1.0
_RUN: Final = pytest.StashKey["PluginRun"]()


def take_part(
    config: pytest.Config,
    session: Session | None,
    look: Callable[[Settings], None] | None = None,
) -> None:
    """Let this pytest process collect the scenarios, and play them; without a session, skip them.

    `look` makes sure that there is a server before the first is played, or raises `Unreachable`.
    """
    config.pluginmanager.register(_Collecting(session))
    if session is not None:
        config.stash[_RUN] = PluginRun(session, look)
        config.add_cleanup(session.close)


def result_in(report: pytest.TestReport) -> ScenarioReport | None:
    """Return the result of a scenario from pytest's report of it, or None."""
    for name, value in report.user_properties:
        if name == _PROPERTY:
            return ScenarioReport.model_validate_json(str(value))
    return None


class _Collecting:
    """What pytest is to make of the files in this package."""

    def __init__(self, session: Session | None) -> None:
        self._wanted = session.settings.scenarios if session is not None else frozenset()

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        """Collect scenarios, whatever pattern test files are found by; and else nothing here."""
        found = yield
        if not file_path.is_relative_to(_PACKAGE):
            return found
        if file_path.parent == _PACKAGE / "scenarios" and file_path.name.startswith("test_"):
            name = file_path.relative_to(_PACKAGE.parent).as_posix()
            return [ScenarioFile.from_parent(parent, path=file_path, nodeid=name)]
        return []

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect what was not asked for, and put the rest in the standard's order."""
        if self._wanted:
            refused = [item for item in items if _scenario_of(item, self._wanted) is False]
            items[:] = [item for item in items if item not in refused]
            if refused:
                config.hook.pytest_deselected(items=refused)
        own = [item for item in items if isinstance(item, ScenarioItem)]
        is_worker = hasattr(config, "workerinput")
        in_order = iter(sorted(own, key=lambda item: _place(item.scenario, is_worker)))
        items[:] = [next(in_order) if isinstance(item, ScenarioItem) else item for item in items]


def _scenario_of(item: pytest.Item, wanted: frozenset[str]) -> bool | None:
    """Whether an item is a scenario that is wanted; None where it is none."""
    return item.scenario.id in wanted if isinstance(item, ScenarioItem) else None


def _place(scenario: Scenario, is_worker: bool) -> tuple[bool, bool, int]:
    """In the standard's order between the first and the last, and in one of several processes,
    what takes longest first, so that none of them is left with it alone."""
    later = not (is_worker and scenario.waits >= _LONG)
    section = SECTIONS.index(scenario.section)
    return scenario.id == LAST, later and section > 0, section


class ScenarioFile(pytest.File):
    """The scenarios of one section."""

    def collect(self) -> Iterator["ScenarioItem"]:
        module = importlib.import_module(f"conformance.scenarios.{self.path.stem}")
        for name, play in vars(module).items():
            if hasattr(play, "scenario"):
                yield ScenarioItem.from_parent(self, name=name, play=play)


class ScenarioItem(pytest.Item):
    """One scenario. -k finds it by its id and by the requirements it is there for, too."""

    def __init__(self, name: str, parent: ScenarioFile, play: Play) -> None:
        super().__init__(name, parent)
        self.play = play
        self.scenario: Scenario = play.scenario
        self.extra_keyword_matches.update((self.scenario.id, *self.scenario.requirements))

    def setup(self) -> None:
        self.user_properties.clear()  # which an earlier try may have left
        run = self.config.stash.get(_RUN, None)
        if run is None:
            pytest.skip("no server is named: --chat-launch, --chat-target or --chat-profile does")
        run.prepare(self)

    def runtest(self) -> None:
        self.config.stash[_RUN].play(self)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        line = None
        with suppress(OSError):
            line = inspect.getsourcelines(self.play)[1] - 1
        return self.path, line, self.name


def end(item: pytest.Item, result: ScenarioReport, settings: Settings) -> None:
    """End a scenario's test as its report says, which goes with what pytest says of the test."""
    item.user_properties[:] = [(_PROPERTY, result.model_dump_json())]
    outcome, text = outcome_of(result, settings)
    if outcome == "expected":
        item.add_marker(pytest.mark.xfail(reason=text))
    if outcome in ("failed", "expected"):
        pytest.fail(text, pytrace=False)
    if outcome == "skipped":
        pytest.skip(text)


class PluginRun:
    """One pytest process's part of a run."""

    def __init__(self, session: Session, look: Callable[[Settings], None] | None) -> None:
        self._player = Player(session)
        self._look = look
        self._unreachable = ""

    def prepare(self, item: ScenarioItem) -> None:
        """Skip a scenario that cannot be played in this run; fail where there is no server."""
        self._find_server()
        reason = self._player.reason_to_skip(item.play)
        if reason is not None:
            end(item, without(item.scenario, "skip", reason), self._player.settings)

    def _find_server(self) -> None:
        if self._unreachable:
            pytest.skip("there is no server, as the first scenario says")
        if self._look is not None:
            look, self._look = self._look, None
            try:
                look(self._player.settings)
            except Unreachable as error:
                self._unreachable = str(error)
        if self._unreachable:
            pytest.fail(self._unreachable, pytrace=False)

    def play(self, item: ScenarioItem) -> None:
        """Play a scenario, judge it, and end its test accordingly."""
        try:
            result = self._player.play(item.play)
        except LaunchError as error:
            result = not_launched(item.scenario, error)
        end(item, result, self._player.settings)

    def close(self) -> None:
        """End the server, if one was launched."""
        self._player.close()


def not_launched(scenario: Scenario, error: LaunchError) -> ScenarioReport:
    """Return the report of a scenario before which the server ended, and could not be started
    again."""
    return without(scenario, "unknown", f"the server could not be launched again: {error}")
