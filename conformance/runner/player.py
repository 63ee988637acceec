"""Plays scenarios before one target, one after the other, and reports what the oracle says."""

import inspect
import time
from functools import partial
from typing import Final

from conformance.dialect import wholly_departed
from conformance.driver.server_control import ManagedServer
from conformance.oracle.findings import Judgement
from conformance.report.model import ScenarioReport, judged
from conformance.runner.baseline_latency import leeway_when_calm
from conformance.runner.program_trials import Trials
from conformance.runner.session import Session
from conformance.scenarios.registry import Play, Scenario

FIRST: Final = "sanity/first"
"""The scenario that shows whether messages come back at all."""


class Player:
    """Plays what it is given in a session. Close it: a launched server ends with it."""

    def __init__(self, session: Session) -> None:
        self.settings = session.settings
        self._session = session
        self._no_message_came = False
        self._broken: set[str] = set()

    def reason_to_skip(self, scenario: Scenario) -> str | None:
        """Why a scenario cannot be played in this run, if it cannot."""
        profile = self.settings.profile
        if self._no_message_came:
            return "sanity"
        if "launch" in scenario.needs and profile.launch is None:
            return "needs-launch"
        if "capacity" in scenario.needs and profile.limits.capacity is None:
            return "needs-capacity"
        if wholly_departed(profile.dialect).issuperset(scenario.requirements):
            return "declared"
        if "examples" in scenario.needs and not self.settings.examples:
            return "not-selected"
        return None

    def play(self, play: Play) -> ScenarioReport:
        """Play a scenario and judge it; `LaunchError` where there is no server for it."""
        result = self._try(play) if "search" in _named(play) else self._stage(play)
        # What the server took by the time its clients had gone.
        result.usage = self._session.take_usage()
        if self.settings.isolate:
            self._session.close()
        self._broken |= {one.requirement for one in result.findings if one.outcome == "fail"}
        self._no_message_came |= says_that_no_message_came(result)
        return result

    def _stage(self, play: Play) -> ScenarioReport:
        """What only took too long is played once more, and that counts: a machine hiccups, a server
        that lets members wait for each other does so again, and more than when all is calm. That
        it was so is said."""
        result, judgement, of_stops = self._once(play)
        if not judgement.fails_by_time_alone:
            return result
        late = next(one for one in judgement.findings if one.by_time)
        leeway = leeway_when_calm(self._session, play.scenario)
        if late.requirement == "STOP-1":
            leeway = max(leeway, of_stops)
        again, then, _ = self._once(play, leeway)
        again.duration_s = round(result.duration_s + again.duration_s, 4)
        if not any(one.by_time for one in then.findings):
            again.reason = f"when played again; at first, by {late.requirement}, {late.actual}"
        return again

    def _once(self, play: Play, leeway: float = 1.0) -> tuple[ScenarioReport, Judgement, float]:
        """Play it, with this leeway; what came of it, and the leeway that its stops should have."""
        scenario = play.scenario
        with self._session.stage(scenario, leeway) as stage:
            given: dict[str, object] = {"stage": stage}
            server = None
            if "server" in _named(play):
                assert self._session.server is not None
                given["server"] = server = ManagedServer(stage, self._session.server)
            began = time.monotonic()
            stage.play(lambda: play(**given))
            judgement, transcript = self._session.judge(stage)
            self._session.keep(scenario, transcript)
            result = judged(scenario, judgement, stage.interrupted, transcript)
            result.duration_s = round(time.monotonic() - began, 4)
        return result, judgement, 1.0 if server is None else server.leeway

    def _try(self, play: Play) -> ScenarioReport:
        trials = Trials(self._session, play.scenario, frozenset(self._broken))
        began = time.monotonic()
        # Hypothesis takes its time to be imported, and most commands do without.
        from conformance.runner.program_search import search

        play(search=partial(search, trials))
        result = trials.report()
        result.duration_s = round(time.monotonic() - began, 4)
        return result

    def close(self) -> None:
        """End the server, if one was launched."""
        self._session.close()


def says_that_no_message_came(result: ScenarioReport) -> bool:
    """Whether this is the first scenario's report, and no message came back to its sender."""
    return result.id == FIRST and not result.exercised.get("ROOM-2")


def _named(play: Play) -> frozenset[str]:
    """What a scenario asks for, by its arguments' names."""
    return frozenset(inspect.signature(play).parameters)
