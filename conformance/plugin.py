"""The suite as a pytest plugin: scenarios are tests, so that pytest's own selection, order,
parallel workers and JUnit come with it.

Each scenario is played on a stage of its own and its transcript judged; what the oracle says
goes with the test's report as the property `chatproto`. Scenarios are items of a kind of their
own: fixtures and plugins meant for the functions of somebody's own tests pass them by.
"""

import importlib
import inspect
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import pytest

from conformance.dialect import wholly_departed
from conformance.managed import ManagedServer
from conformance.programs.trials import Trials
from conformance.reach import Unreachable
from conformance.render import finding_lines
from conformance.report import ScenarioReport, Verdict, judged
from conformance.scenario import SECTIONS, Play, Scenario
from conformance.session import Session, Settings
from conformance.standard import Level, requirements
from conformance.target import LaunchError
from conformance.transcript import Skipped

_PROPERTY: Final = "chatproto"
_PACKAGE: Final = Path(__file__).parent
_SAID: Final = {
    "sanity": "no message came back to its sender, so nothing more could be learnt",
    "needs-launch": "only where the suite launches the server itself",
    "needs-capacity": "only where the profile says limits.capacity",
    "declared": "the profile says that the server departs from all that it is there for",
    "dialect": "what it says has no meaning in the server's dialect",
}
_RUN: Final = pytest.StashKey["Run"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chat-settings", metavar="JSON", help="the run's settings")


def pytest_configure(config: pytest.Config) -> None:
    settings = config.getoption("--chat-settings")
    if settings:
        take_part(config, Session(Settings.model_validate_json(settings)))


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
        config.stash[_RUN] = Run(session, look)
        config.add_cleanup(session.close)


def result_in(report: pytest.TestReport) -> ScenarioReport | None:
    """What was found, where this is the last that pytest reports of a scenario."""
    if report.when == "teardown":
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
        in_order = iter(sorted(own, key=_place))
        items[:] = [next(in_order) if isinstance(item, ScenarioItem) else item for item in items]


def _scenario_of(item: pytest.Item, wanted: frozenset[str]) -> bool | None:
    """Whether an item is a scenario that is wanted; None where it is none."""
    return item.scenario.id in wanted if isinstance(item, ScenarioItem) else None


def _place(item: "ScenarioItem") -> tuple[bool, bool, int]:
    """In the standard's order between the first and the last, and where several processes play,
    what takes longest first, so that none of them is left with it alone."""
    scenario = item.scenario
    later = not ("PYTEST_XDIST_WORKER" in os.environ and scenario.lasts_seconds)
    section = SECTIONS.index(scenario.id.partition("/")[0])
    return scenario.id == "sanity/last", later and section > 0, section


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

    def attach(self, result: ScenarioReport) -> None:
        """Let a report go with what pytest says of this item."""
        self.user_properties[:] = [(_PROPERTY, result.model_dump_json())]


class Run:
    """One pytest process's part of a run."""

    def __init__(self, session: Session, look: Callable[[Settings], None] | None) -> None:
        self._session = session
        self._look = look
        self._no_message_came = False
        self._broken: set[str] = set()
        self._unreachable = ""

    def prepare(self, item: ScenarioItem) -> None:
        """Skip a scenario that cannot be played in this run; fail where there is no server."""
        self._find_server()
        scenario = item.scenario
        settings = self._session.settings
        reason = None
        if self._no_message_came:
            reason = "sanity"
        elif "launch" in scenario.needs and settings.profile.launch is None:
            reason = "needs-launch"
        elif "capacity" in scenario.needs and settings.profile.limits.capacity is None:
            reason = "needs-capacity"
        elif wholly_departed(settings.profile.dialect).issuperset(scenario.requirements):
            reason = "declared"
        elif "examples" in scenario.needs and not settings.examples:
            reason = "not-selected"
        if reason is not None:
            item.attach(_without(scenario, "skip", reason))
            pytest.skip(f"{reason}: {_SAID[reason]}" if reason in _SAID else reason)

    def _find_server(self) -> None:
        if self._unreachable:
            pytest.skip("there is no server, as the first scenario says")
        if self._look is not None:
            look, self._look = self._look, None
            try:
                look(self._session.settings)
            except Unreachable as error:
                self._unreachable = str(error)
        if self._unreachable:
            pytest.fail(self._unreachable, pytrace=False)

    def play(self, item: ScenarioItem) -> None:
        """Play a scenario, judge it, and end its test accordingly."""
        try:
            result = self._try(item) if "trials" in _named(item) else self._stage(item)
            self._broken |= {one.requirement for one in result.findings if one.outcome == "fail"}
            if item.scenario.id == "sanity/first" and result.exercised.get("ROOM-2", 0) == 0:
                self._no_message_came = True
        except LaunchError as error:
            result = _without(
                item.scenario, "unknown", f"the server could not be launched again: {error}"
            )
        item.attach(result)
        self._end(result)

    def _stage(self, item: ScenarioItem) -> ScenarioReport:
        scenario = item.scenario
        with self._session.stage(scenario) as stage:
            given: dict[str, object] = {"stage": stage}
            if "server" in _named(item):
                assert self._session.server is not None
                given["server"] = ManagedServer(stage, self._session.server)
            began = time.monotonic()
            stage.play(lambda: item.play(**given))
            judgement, transcript = self._session.judge(stage)
            self._session.keep(scenario, transcript)
            result = judged(scenario, judgement, stage.interrupted, transcript)
            for event in transcript:
                if isinstance(event, Skipped):
                    result = _without(scenario, "skip", event.reason)
            result.duration_s = round(time.monotonic() - began, 4)
        self._complete(result)
        return result

    def _try(self, item: ScenarioItem) -> ScenarioReport:
        trials = Trials(self._session, item.scenario, frozenset(self._broken))
        began = time.monotonic()
        item.play(trials=trials)
        result = trials.report()
        result.duration_s = round(time.monotonic() - began, 4)
        self._complete(result)
        return result

    def _complete(self, result: ScenarioReport) -> None:
        """Add to a scenario's report what the server took by the time its clients had gone."""
        result.usage = self._session.take_usage()
        if self._session.settings.isolate:
            self._session.close()

    def _end(self, result: ScenarioReport) -> None:
        """End a test: it fails where a MUST is broken or cannot be told; what concerns SHOULD
        alone, or is known, is reported only, as a failure that was to be expected."""
        text = self._text(result)
        known = self._session.settings.known
        anew = [one for one in result.findings if not known.has(one, result.id)]
        if result.model_copy(update={"findings": anew}).verdict is Verdict.NON_CONFORMANT:
            pytest.fail(text, pytrace=False)
        if result.status == "fail":
            pytest.xfail(text)
        if result.status == "unknown":
            if any(requirements()[id_].level is Level.MUST for id_ in result.requirements):
                pytest.fail(f"could not be told: {result.reason}\n\n{text}", pytrace=False)
            pytest.skip(f"could not be told: {result.reason}")
        if result.status == "skip":
            pytest.skip(f"{result.reason}")

    def _text(self, result: ScenarioReport) -> str:
        """The first finding of each requirement, as the report has it."""
        again = self._session.settings.again(result)
        first = {finding.requirement: finding for finding in reversed(result.findings)}
        return "\n".join(
            line for one in reversed(first.values()) for line in [*finding_lines(one, again), ""]
        )


def _named(item: ScenarioItem) -> frozenset[str]:
    """What a scenario asks for, by its arguments' names."""
    return frozenset(inspect.signature(item.play).parameters)


def _without(scenario: Scenario, status: Literal["skip", "unknown"], reason: str) -> ScenarioReport:
    """The report of a scenario that was not played to any end."""
    return ScenarioReport(
        id=scenario.id, status=status, requirements=list(scenario.requirements), reason=reason
    )
