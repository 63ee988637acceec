"""The suite as a pytest plugin: scenarios are tests, so that pytest's own selection, order,
parallel workers and JUnit come with it.

Each scenario is played on a stage of its own and its transcript judged; what the oracle says
goes with the test's report as the property `chatproto`.
"""

import os
import time
from collections.abc import Iterator
from typing import Final

import pytest

from conformance.managed import ManagedServer
from conformance.programs.trials import Trials
from conformance.render import finding_lines
from conformance.report import ScenarioReport, judged
from conformance.scenario import SECTIONS, Scenario
from conformance.session import Session, Settings
from conformance.stage import Stage
from conformance.target import LaunchError
from conformance.transcript import Skipped

PROPERTY: Final = "chatproto"
"""The name of the test report's property that holds a scenario's report as JSON."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chat-settings", metavar="JSON", help="the run's settings")


def pytest_configure(config: pytest.Config) -> None:
    settings = config.getoption("--chat-settings")
    if settings:
        run = _Run(Session(Settings.model_validate_json(settings)))
        config.pluginmanager.register(run)
        config.add_cleanup(run.close)


class _Run:
    """One pytest process's part of a run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._no_message_came = False
        self._broken: set[str] = set()
        self._told: ScenarioReport | None = None
        self._is_one_of_several = "PYTEST_XDIST_WORKER" in os.environ

    @pytest.fixture
    def stage(self, request: pytest.FixtureRequest) -> Iterator[Stage]:
        """A stage before a server that is there."""
        scenario = _scenario(request.node)
        try:
            with self._session.stage(scenario) as stage:
                yield stage
            self._complete(request.node)
        except LaunchError as error:
            self._skip_unlaunched(request.node, scenario, error)

    @pytest.fixture
    def server(self, stage: Stage) -> ManagedServer:
        """The server of the stage, where the suite launched it."""
        assert self._session.server is not None
        return ManagedServer(stage, self._session.server)

    @pytest.fixture
    def trials(self, request: pytest.FixtureRequest) -> Iterator[Trials]:
        """What generated programs are tried with."""
        yield Trials(self._session, _scenario(request.node), frozenset(self._broken))
        self._complete(request.node)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        wanted = self._session.settings.scenarios
        items[:] = [item for item in items if _scenario(item).id in wanted]
        items.sort(key=self._place)

    def _place(self, item: pytest.Item) -> tuple[bool, bool, int]:
        """In the standard's order between the first and the last, and where several processes
        play, what takes longest first, so that none of them is left with it alone."""
        scenario = _scenario(item)
        later = not (self._is_one_of_several and scenario.lasts_seconds)
        section = SECTIONS.index(scenario.id.partition("/")[0])
        return scenario.id == "sanity/last", later and section > 0, section

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        scenario = _scenario(item)
        settings = self._session.settings
        reason = None
        if self._no_message_came:
            reason = "sanity"
        elif "launch" in scenario.needs and settings.profile.launch is None:
            reason = "needs-launch"
        elif "capacity" in scenario.needs and settings.profile.limits.capacity is None:
            reason = "needs-capacity"
        elif "examples" in scenario.needs and not settings.examples:
            reason = "not-selected"
        if reason is not None:
            self._attach(item, _skipped(scenario, reason))
            pytest.skip(reason)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        names = pyfuncitem._fixtureinfo.argnames
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        began = time.monotonic()
        scenario = _scenario(pyfuncitem)
        if isinstance(trials := arguments.get("trials"), Trials):
            try:
                pyfuncitem.obj(**arguments)
                result = trials.report()
            except LaunchError as error:
                self._skip_unlaunched(pyfuncitem, scenario, error)
        else:
            stage = pyfuncitem.funcargs["stage"]
            assert isinstance(stage, Stage)
            stage.play(lambda: pyfuncitem.obj(**arguments))
            result = self._judge(scenario, stage)
        result.duration_s = round(time.monotonic() - began, 4)
        self._tell(pyfuncitem, scenario, result)
        return True

    def close(self) -> None:
        """End the server, if one was launched."""
        self._session.close()

    def _judge(self, scenario: Scenario, stage: Stage) -> ScenarioReport:
        judgement, transcript = self._session.judge(stage)
        self._session.keep(scenario, transcript)
        for event in transcript:
            if isinstance(event, Skipped):
                return _skipped(scenario, event.reason)
        return judged(scenario, judgement, stage.interrupted, transcript)

    def _tell(self, item: pytest.Function, scenario: Scenario, result: ScenarioReport) -> None:
        """Attach what was found to pytest's report, and end the test accordingly."""
        self._told = result
        self._attach(item, result)
        self._broken |= {one.requirement for one in result.findings if one.outcome == "fail"}
        if scenario.id == "sanity/first" and result.exercised.get("ROOM-2", 0) == 0:
            self._no_message_came = True
        if result.status == "fail":
            pytest.fail(self._text(result), pytrace=False)
        if result.status != "pass":
            pytest.skip(f"{result.status}: {result.reason}")

    def _complete(self, item: pytest.Item) -> None:
        """Add to a scenario's report what the server took by the time its clients had gone."""
        if self._told is not None:
            self._told.usage = self._session.take_usage()
            self._attach(item, self._told)
            self._told = None
        if self._session.settings.isolate:
            self._session.close()

    def _skip_unlaunched(self, item: pytest.Item, scenario: Scenario, error: LaunchError) -> None:
        reason = f"the server could not be launched again: {error}"
        result = ScenarioReport(
            id=scenario.id,
            status="unknown",
            requirements=list(scenario.requirements),
            reason=reason,
        )
        self._attach(item, result)
        pytest.skip(reason)

    def _attach(self, item: pytest.Item, result: ScenarioReport) -> None:
        item.user_properties[:] = [(PROPERTY, result.model_dump_json())]

    def _text(self, result: ScenarioReport) -> str:
        again = self._session.settings.again(result)
        return "\n".join(
            line for finding in result.findings for line in [*finding_lines(finding, again), ""]
        )


def _scenario(item: pytest.Item) -> Scenario:
    assert isinstance(item, pytest.Function)
    found = item.obj.scenario
    assert isinstance(found, Scenario)
    return found


def _skipped(scenario: Scenario, reason: str) -> ScenarioReport:
    return ScenarioReport(
        id=scenario.id,
        status="skip",
        requirements=list(scenario.requirements),
        reason=reason,
    )
