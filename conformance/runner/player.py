"""Plays scenarios on one target, one after the other, and reports what the oracle finds.

Here it is decided when a scenario is played again (`Player._stage`).
"""

import inspect
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from conformance.dialect import wholly_departed
from conformance.driver.cluster_control import ManagedCluster
from conformance.driver.server_control import ManagedServer
from conformance.oracle.findings import Finding, Judgement, Outcome
from conformance.oracle.triggers import Trigger, What
from conformance.report.build import judged
from conformance.report.last_words import DIED
from conformance.report.model import ScenarioReport
from conformance.runner.baseline_latency import leeway_when_calm
from conformance.runner.program_trials import Trials
from conformance.runner.session import Session
from conformance.scenarios.registry import FIRST, Play
from conformance.target.cluster import LaunchedCluster
from conformance.target.usage import ProcessFamily
from conformance.timing.cpu_starvation import Starvation
from conformance.timing.patience import Patience
from conformance.timing.policy import AGAIN
from conformance.transcript.events import Received, Sent, Transcript

SEARCH: Final = "gen/programs"
"""The scenario that searches for programs which break something."""
_NO_PLUGINS: Final = "HYPOTHESIS_NO_PLUGINS"
_NONCE: Final = re.compile(rb"n[0-9a-f]{6}x\d+z")


class InQuestion(Exception):
    """Another lane is confirming what a scenario left in doubt when it was `first` played."""

    def __init__(self, first: "Played") -> None:
        super().__init__(first.result.id)
        self.first = first


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a scenario.

    `leeway_of_stops` is what the deadlines of its stops should be multiplied by. `was_disturbed`:
    something was waited for in vain while the machine did not let the suite, or the server, run.
    """

    result: ScenarioReport
    judgement: Judgement
    leeway_of_stops: float
    was_disturbed: bool


class Player:
    """A player of scenarios in one session. Close it to end a launched server."""

    def __init__(self, session: Session) -> None:
        self.settings = session.settings
        self._session = session
        self._course = session.course
        self._seconds = 0.0

    def reason_to_skip(self, play: Play) -> str | None:
        """Return why a scenario cannot be played in this run; None if it can."""
        scenario, profile = play.scenario, self.settings.profile
        if self._course.no_message_came:
            return "sanity"
        if self._course.is_foreign:
            return "foreign"
        if scenario.needs & {"nodes", "cluster"} and not self.settings.is_clustered:
            return "needs-nodes"
        if scenario.needs & {"launch", "cluster"} and profile.launch is None:
            return "needs-launch"
        if "dead-peers" in scenario.needs and not self.settings.dead_peers:
            return "needs-dead-peers"
        if "capacity" in scenario.needs and profile.limits.capacity is None:
            return "needs-capacity"
        if wholly_departed(profile.dialect).issuperset(scenario.requirements):
            return "declared"
        if "examples" in scenario.needs:
            if not self.settings.examples:
                return "not-selected"
            if self._course.has_failed and not self.settings.examples_asked:
                return "failed-already"
        return None

    def play(self, play: Play, first: Played | None = None) -> ScenarioReport:
        """Play a scenario and judge it; `LaunchError` if its server cannot be launched.

        `InQuestion` if another lane is confirming what this scenario leaves in doubt; call it again
        with the exception's `first` after that.
        """
        try:
            result = self._try(play) if "search" in _named(play) else self._stage(play, first)
        except InQuestion as later:
            later.first.result.usage = self._session.take_usage()
            raise
        finally:
            if self.settings.isolate:
                self._session.close()
        # What the server took by the time its clients had gone.
        result.usage = self._session.take_usage() or result.usage
        self._course.broken |= _broken(result)
        return result

    def _stage(self, play: Play, first: Played | None) -> ScenarioReport:
        """Play a scenario, and decide whether to play it again; the last time counts.

        It is played again if

        - it failed by a shortened wait: then with full waits;
        - all that failed was too late: then with longer deadlines. A machine hiccups only once,
          but a server that lets members wait for each other does so again, and more than when the
          room is calm. The report says so;
        - something was waited for in vain while the machine did not let the suite, or the server,
          run;
        - the server died, maybe of clients of earlier scenarios: if a new one dies of this one too,
          that counts.
        """
        self._seconds = 0.0 if first is None else first.result.duration_s
        result = self._settled(play, first)
        result.duration_s = round(self._seconds, 4)
        return result

    def _settled(self, play: Play, first: Played | None) -> ScenarioReport:
        known = frozenset(self._course.broken)
        first = first or self._once(play)
        if self._course.no_message_came and first.result.status == "unknown":
            # All other scenarios depend on this one: a server that loses one of two clients gets
            # another chance.
            self._session.close()
            first = self._once(play, waits=self._course.waits.in_full())
        if first.judgement.hasty:
            with self._course.confirming(first.judgement.hasty) as left:
                if left is None:
                    raise InQuestion(first)
                if left:
                    first = self._once(play, waits=self._course.waits.in_full())
                    if not first.was_disturbed:
                        self._course.broken |= _broken(first.result)
        if _laid_to_earlier_clients(first) - known:
            alone = self._once(play)
            if _deaths(alone):
                first = alone
        if first.judgement.fails_by_time_alone:
            return self._again(play, first, self._leeway(play, first))
        if first.was_disturbed and _broken(first.result) - known:
            again = self._again(play, first, AGAIN)
            # What fails twice is shown best by a server that nothing has happened to before.
            return first.result if _broken(again) else again
        return first.result

    def _leeway(self, play: Play, late: Played) -> float:
        leeway = leeway_when_calm(self._session, play.scenario)
        why = _why(late)
        return max(leeway, late.leeway_of_stops) if why.requirement == "STOP-1" else leeway

    def _again(self, play: Play, first: Played, leeway: float) -> ScenarioReport:
        waits = self._course.waits.in_full()
        why, again = _why(first), self._once(play, leeway, waits).result
        if why.requirement not in _broken(again):
            again.reason = f"when played again; at first, by {why.requirement}, {why.actual}"
        return again

    def _once(self, play: Play, leeway: float = 1.0, waits: Patience | None = None) -> Played:
        """Play a scenario once, with deadlines multiplied by this leeway. `waits`: how long to
        wait, if not as long as in the rest of the run."""
        scenario = play.scenario
        with self._session.stage(scenario, leeway, waits) as stage:
            given: dict[str, object] = {"stage": stage}
            server = None
            launched = self._session.server
            if "server" in _named(play):
                assert launched is not None
                one = launched.first if isinstance(launched, LaunchedCluster) else launched
                given["server"] = server = ManagedServer(stage, one)
            if "cluster" in _named(play):
                assert isinstance(launched, LaunchedCluster)
                given["cluster"] = ManagedCluster(stage, launched)
            began = time.monotonic()
            pid = None if launched is None else launched.pid
            starvation = Starvation([] if pid is None else ProcessFamily(pid).pids())
            stage.play(lambda: play(**given))
            silences = [wait.seconds for wait in stage.vain_waits]
            starved = bool(silences) and starvation.was_starved(min(silences))
            judgement, transcript = self._session.judge(stage)
            self._session.keep(scenario, transcript)
            result = judged(scenario, judgement, stage.interrupted, transcript)
            result.duration_s = round(time.monotonic() - began, 4)
            self._seconds += result.duration_s
        if scenario.id == FIRST:
            self._course.is_foreign = judgement.is_unread
            self._course.no_message_came = not judgement.is_unread and (
                not result.exercised.get("ROOM-2")
                or (result.status != "pass" and hears_nobody(transcript))
            )
        stops = 1.0 if server is None else server.leeway
        return Played(result, judgement, stops, starved or stage.was_disturbed)

    def _try(self, play: Play) -> ScenarioReport:
        trials = Trials(self._session, play.scenario, frozenset(self._course.broken))
        began = time.monotonic()
        # Hypothesis takes its time to be imported, and most commands do without.
        with _without_plugins():
            from conformance.runner.program_search import search

        play(search=partial(search, trials))
        result = trials.report()
        result.duration_s = round(time.monotonic() - began, 4)
        return result

    def close(self) -> None:
        """End the server, if one was launched."""
        self._session.close()

    def break_off(self) -> None:
        """Kill the server, and launch no other. Any thread may call this."""
        self._session.break_off()


@contextmanager
def _without_plugins() -> Iterator[None]:
    """Keep Hypothesis, when it is imported, from importing the plugins of whatever is installed:
    trio's imports pytest, which takes longer than Hypothesis itself."""
    usual = os.environ.get(_NO_PLUGINS)
    os.environ[_NO_PLUGINS] = "1"
    try:
        yield
    finally:
        if usual is None:
            del os.environ[_NO_PLUGINS]
        else:
            os.environ[_NO_PLUGINS] = usual


def _broken(result: ScenarioReport) -> set[str]:
    """Return the requirements that a scenario found broken."""
    return {one.requirement for one in result.findings if one.outcome == "fail"}


def _deaths(played: Played) -> list[Finding]:
    """Return the findings that a server's process ended unasked."""
    return [one for one in played.judgement.findings if one.kind == DIED]


def _laid_to_earlier_clients(played: Played) -> set[str]:
    """Return what is broken by a death that is laid to clients of earlier scenarios."""
    words = Trigger(What.LEFT_EARLIER).words
    return {one.requirement for one in _deaths(played) if one.before == words}


def hears_nobody(transcript: Transcript) -> bool:
    """Whether several clients spoke, and each received its own words and nobody else's."""
    said: dict[str, set[bytes]] = defaultdict(set)
    heard: dict[str, bytearray] = defaultdict(bytearray)
    for event in transcript:
        if isinstance(event, Sent):
            said[event.client].update(_NONCE.findall(event.octets))
        elif isinstance(event, Received):
            heard[event.client] += event.octets
    hear_themselves = all(
        any(word in heard[speaker] for word in words) for speaker, words in said.items()
    )
    hear_another = any(
        word in heard[listener]
        for speaker, words in said.items()
        for listener in said.keys() - {speaker}
        for word in words
    )
    return len(said) > 1 and hear_themselves and not hear_another


def _why(failed: Played) -> Finding:
    """Return why a scenario is played again: what was late, or else what failed first."""
    failures = [one for one in failed.judgement.findings if one.outcome is Outcome.FAIL]
    return max(failures, key=lambda one: one.by_time)


def _named(play: Play) -> frozenset[str]:
    """Return the names of a scenario's parameters, which say what it needs."""
    return frozenset(inspect.signature(play).parameters)
