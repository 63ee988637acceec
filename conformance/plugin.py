"""The suite as a pytest plugin: scenarios are tests, so that pytest's own selection, order,
parallel workers and JUnit come with it.

Each scenario is played on a stage of its own and its transcript judged; what the oracle says
goes with the test's report as the property `chatproto`.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from pydantic import BaseModel

from chatproto import __version__
from conformance.address import Address, parse_address
from conformance.managed import ManagedServer
from conformance.oracle import judge
from conformance.oracle.findings import Judgement
from conformance.profile import Profile
from conformance.render import finding_lines
from conformance.report import ScenarioReport, judged
from conformance.scenario import SECTIONS, Scenario
from conformance.stage import Stage
from conformance.standard import PROTOCOL
from conformance.target import LaunchedServer, LaunchError
from conformance.transcript import Exited, Finish, Skipped, Start, write

PROPERTY: Final = "chatproto"
"""The name of the test report's property that holds a scenario's report as JSON."""


class Settings(BaseModel):
    """All a run was asked for, passed on to every pytest process as JSON.

    Findings count that are of one of `requirements`; the verdict is about those `selected`, and
    whatever else was found broken.
    """

    profile: Profile
    address: str
    seed: int = 0
    factor: float = 1.0
    requirements: frozenset[str] = frozenset()
    selected: frozenset[str] = frozenset()
    scenarios: frozenset[str] = frozenset()
    transcripts: Path | None = None
    isolate: bool = False
    command: str = "chatproto-conformance run"


def transcript_path(directory: Path, scenario: str) -> Path:
    """Where a run keeps the transcript of a scenario."""
    return directory / f"{scenario.replace('/', '.')}.jsonl"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chat-settings", metavar="JSON", help="the run's settings")


def pytest_configure(config: pytest.Config) -> None:
    settings = config.getoption("--chat-settings")
    if settings:
        run = _Run(Settings.model_validate_json(settings))
        config.pluginmanager.register(run)
        config.add_cleanup(run.close)


class _Run:
    """One pytest process's part of a run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._address: Address = parse_address(settings.address)
        self._server: LaunchedServer | None = None
        self._labels: list[str] = []
        self._no_message_came = False

    @pytest.fixture
    def stage(self, request: pytest.FixtureRequest) -> Iterator[Stage]:
        """A stage before a server that is there."""
        scenario = _scenario(request.node)
        try:
            address = self._reach()
        except LaunchError as error:
            result = ScenarioReport(
                id=scenario.id,
                status="unknown",
                requirements=list(scenario.requirements),
                reason=f"the server could not be launched again: {error}",
            )
            self._attach(request.node, result)
            pytest.skip(str(result.reason))
        stage = Stage(address, self._start(scenario))
        yield stage
        stage.clear()
        if self._server is not None and (self._settings.isolate or not stage.is_sound()):
            # What a scenario did to the server is laid to that scenario, not to the next.
            self._server.close()
            self._labels.clear()
        self._labels += stage.labels
        stage.close()

    @pytest.fixture
    def server(self, stage: Stage) -> ManagedServer:
        """The server of the stage, where the suite launched it."""
        assert self._server is not None
        return ManagedServer(stage, self._server)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        wanted = self._settings.scenarios
        items[:] = [item for item in items if _scenario(item).id in wanted]
        items.sort(key=lambda item: SECTIONS.index(_scenario(item).id.partition("/")[0]))
        last = [item for item in items if _scenario(item).id == "sanity/last"]
        items[:] = [item for item in items if item not in last] + last

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        scenario = _scenario(item)
        profile = self._settings.profile
        reason = None
        if self._no_message_came:
            reason = "sanity"
        elif "launch" in scenario.needs and profile.launch is None:
            reason = "needs-launch"
        elif "capacity" in scenario.needs and profile.limits.capacity is None:
            reason = "needs-capacity"
        if reason is not None:
            self._attach(item, _skipped(scenario, reason))
            pytest.skip(reason)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        scenario = _scenario(pyfuncitem)
        stage = pyfuncitem.funcargs["stage"]
        assert isinstance(stage, Stage)
        names = pyfuncitem._fixtureinfo.argnames
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        began = time.monotonic()
        stage.play(lambda: pyfuncitem.obj(**arguments))
        result = self._judge(scenario, stage)
        result.duration_s = round(time.monotonic() - began, 4)
        self._attach(pyfuncitem, result)
        if scenario.id == "sanity/first" and result.exercised.get("ROOM-2", 0) == 0:
            self._no_message_came = True
        if result.status == "fail":
            pytest.fail(self._text(result), pytrace=False)
        if result.status != "pass":
            pytest.skip(f"{result.status}: {result.reason}")
        return True

    def close(self) -> None:
        """End the server, if one was launched."""
        if self._server is not None:
            self._server.close()

    def _reach(self) -> Address:
        """Where the server is; a launched one that has ended is started again."""
        launch = self._settings.profile.launch
        if launch is not None:
            if self._server is not None and self._server.pid is None:
                self._server.close()
                self._server = None
            if self._server is None:
                self._address = parse_address(self._settings.address).with_free_port()
                self._server = LaunchedServer(launch, self._address)
                self._server.start()
        return self._address

    def _start(self, scenario: Scenario) -> Start:
        profile = self._settings.profile
        launched = profile.launch is not None
        local = launched or self._address.is_local
        translated = profile.target.address_translation
        return Start(
            t=0.0,
            scenario=scenario.id,
            requirements=scenario.requirements,
            protocol=PROTOCOL,
            suite=__version__,
            seed=self._settings.seed,
            target=str(self._address),
            wall=time.time(),
            same_clock=local,
            exclusive=launched,
            addresses="translated" if translated else "same" if launched else "unsure",
            capacity=profile.limits.capacity,
            stops=profile.launch.stop if profile.launch is not None else (),
            factor=self._settings.factor,
            earlier=tuple(self._labels),
        )

    def _judge(self, scenario: Scenario, stage: Stage) -> ScenarioReport:
        transcript = stage.transcript
        finish = transcript.pop()
        assert isinstance(finish, Finish)
        status = None if self._server is None else self._server.poll()
        if status is not None and not any(isinstance(event, Exited) for event in transcript):
            transcript.append(Exited(finish.t, status))
        transcript.append(finish)
        if self._settings.transcripts is not None:
            write(transcript, transcript_path(self._settings.transcripts, scenario.id))
        for event in transcript:
            if isinstance(event, Skipped):
                return _skipped(scenario, event.reason)
        whole = judge(transcript)
        wanted = [one for one in whole.findings if one.requirement in self._settings.requirements]
        judgement = Judgement(wanted, whole.exercised)
        return judged(scenario, judgement, finish.interrupted, transcript)

    def _attach(self, item: pytest.Item, result: ScenarioReport) -> None:
        item.user_properties.append((PROPERTY, result.model_dump_json()))

    def _text(self, result: ScenarioReport) -> str:
        again = f"{self._settings.command} --only {result.id}"
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
