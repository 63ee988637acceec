"""Programs performed against the target and judged, once or again and again, and what came of
all of it as the report of one scenario."""

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from conformance.oracle import Outcome
from conformance.oracle.findings import Judgement
from conformance.programs.program import Program, save
from conformance.report.build import judged
from conformance.report.model import ProgramReport, ScenarioReport
from conformance.runner.program_performance import perform
from conformance.runner.session import Session
from conformance.scenarios.registry import Scenario
from conformance.timing.policy import COUNTING
from conformance.transcript.events import Event


@dataclass(frozen=True, slots=True)
class Trial:
    """One performance of a program, judged."""

    program: Program
    judgement: Judgement
    transcript: list[Event]
    stuck: str | None

    @property
    def broken(self) -> list[str]:
        """The requirements it showed to be broken, in the order of the findings."""
        findings = self.judgement.findings
        failed = (one.requirement for one in findings if one.outcome is Outcome.FAIL)
        return list(dict.fromkeys(failed))


@dataclass(frozen=True, slots=True)
class Count:
    """How often a program failed, of how many times; and a trial in which it did, if any."""

    fails: int
    of: int
    shown: Trial | None


class Trials:
    """Trials of programs for one scenario. `known` are requirements that are known to be broken
    already."""

    def __init__(self, session: Session, scenario: Scenario, known: frozenset[str]) -> None:
        self.settings = session.settings
        self.known = known
        self._session = session
        self._scenario = scenario
        self._exercised: Counter[str] = Counter()
        self._shown: Trial | None = None
        self._latest: Trial | None = None
        self._saved: ProgramReport | None = None

    def perform(self, program: Program, leeway: float = 1.0) -> Trial:
        """Perform a program once; `LaunchError` where there is no server."""
        waits = self._session.course.waits.in_full()
        with self._session.stage(self._scenario, leeway, waits) as stage:
            stage.play(lambda: perform(stage, program))
            judgement, transcript = self._session.judge(stage)
        self._exercised += judgement.exercised
        self._latest = Trial(program, judgement, transcript, stage.interrupted)
        return self._latest

    def count(self, program: Program, times: int, sought: Collection[str] = ()) -> Count:
        """Perform a program again and again, as long as there is time, and count how often it
        breaks one of the requirements sought, or any."""
        until = time.monotonic() + COUNTING * self.settings.factor
        shown: Trial | None = None
        fails = of = 0
        while of < times and (of == 0 or time.monotonic() < until):
            trial, of = self.perform(program), of + 1
            if trial.broken and not (sought and set(sought).isdisjoint(trial.broken)):
                shown, fails = shown or trial, fails + 1
        self._shown = self._shown or shown
        return Count(fails, of, shown)

    def show(self, trial: Trial) -> None:
        """Let this trial stand for all of them in the report."""
        self._shown = trial

    def save(self, trial: Trial, fails: int, of: int, drawn: int) -> None:
        """Save the program of a trial in which it failed, and let it stand for all of them."""
        requirement = trial.broken[0]
        path = self.settings.programs / f"{requirement}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        program = replace(trial.program, requirement=requirement)
        save(program, path)
        self._shown = trial
        self._saved = ProgramReport(
            fails=fails, of=of, drawn=drawn, path=str(path), program=program
        )

    def report(self) -> ScenarioReport:
        """Report the scenario from all trials together."""
        trial = self._shown or self._latest
        assert trial is not None
        self._session.keep(self._scenario, trial.transcript)
        result = judged(self._scenario, trial.judgement, trial.stuck, trial.transcript)
        result.exercised = dict(sorted(self._exercised.items()))
        result.program = self._saved
        return result
