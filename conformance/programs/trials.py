"""Programs tried against the target: drawn by Hypothesis, and shrunk where one breaks something
that nothing before has shown to be broken.

A server may fail now and then only, so a smaller program is kept if it fails often enough, and
how often the smallest does is counted in the end.
"""

import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir

from conformance.oracle import Outcome
from conformance.oracle.findings import Judgement
from conformance.programs.drawing import programs
from conformance.programs.performance import perform
from conformance.programs.program import Program, save
from conformance.report import ProgramReport, ScenarioReport, judged
from conformance.scenario import Scenario
from conformance.session import Session
from conformance.transcript import Event

COUNTED: Final = 20
"""Performances of a program by which is told how often it fails."""
_TRIES: Final = 5
_OFTEN: Final = 2
_SHRINKING: Final = 20.0
_COUNTING: Final = 15.0
"""Seconds, times the factor, in which a program is shrunk and its failures counted."""
_HASTE: Final = 0.2
"""Part of the deadlines that is waited while shrinking: what was only late, and not lost, is told
by the count."""


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
class Failure:
    """A trial in which a program failed, and how often it did, of how many."""

    trial: Trial
    fails: int
    of: int


class _Failed(Exception):
    """Tells Hypothesis that a program fails."""


class Trials:
    """Trials of programs for one scenario. `known` are requirements that are known to be broken:
    a program that shows no more than these is reported, and not shrunk."""

    def __init__(self, session: Session, scenario: Scenario, known: frozenset[str]) -> None:
        self._session = session
        self._scenario = scenario
        self._known = known
        self._exercised: Counter[str] = Counter()
        self._drawn = 0
        self._latest: Trial | None = None
        self._failure: Failure | None = None
        self._saved: ProgramReport | None = None

    def search(self) -> None:
        """Draw programs, and perform each; shrink the first that fails anew."""
        asked = self._session.settings
        shrinking: _Shrinking | None = None

        @seed(asked.seed)
        @settings(
            max_examples=asked.examples,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            report_multiple_bugs=False,
        )
        @given(programs())
        def attempt(program: Program) -> None:
            nonlocal shrinking
            if shrinking is None:
                self._drawn += 1
                trial = self.perform(program)
                if set(trial.broken) - self._known:
                    shrinking = _Shrinking(self, trial, set(trial.broken) - self._known)
                elif trial.broken and self._failure is None:
                    self._failure = Failure(trial, 1, 1)
            if shrinking is not None and shrinking.fails(program):
                raise _Failed

        # Hypothesis would keep what it learns in the user's working directory.
        with TemporaryDirectory() as home, suppress(_Failed):
            set_hypothesis_home_dir(home)
            attempt()
        if shrinking is not None:
            self._failure = shrinking.count()
        if self._failure is not None:
            self._saved = self._save(self._failure)

    def repeat(self, program: Program, times: int) -> tuple[int, int]:
        """Perform a program so often; how often it failed, of how many times there was time for."""
        self._failure, of = self._count(program, times, ())
        return (0 if self._failure is None else self._failure.fails), of

    def perform(self, program: Program, haste: float = 1.0) -> Trial:
        """Perform a program once; `LaunchError` where there is no server."""
        with self._session.stage(self._scenario, haste) as stage:
            stage.play(lambda: perform(stage, program))
            judgement, transcript = self._session.judge(stage)
        self._exercised += judgement.exercised
        self._latest = Trial(program, judgement, transcript, stage.interrupted)
        return self._latest

    def count(self, program: Program, sought: Collection[str]) -> Failure | None:
        """Perform a program again and again, as long as there is time, and count how often it
        breaks one of the requirements sought."""
        return self._count(program, COUNTED, sought)[0]

    def _count(
        self, program: Program, times: int, sought: Collection[str]
    ) -> tuple[Failure | None, int]:
        until = time.monotonic() + _COUNTING * self._session.settings.factor
        shown: Trial | None = None
        fails = of = 0
        while of < times and (of == 0 or time.monotonic() < until):
            trial, of = self.perform(program), of + 1
            if trial.broken and not (sought and set(sought).isdisjoint(trial.broken)):
                shown, fails = shown or trial, fails + 1
        return (None if shown is None else Failure(shown, fails, of)), of

    def report(self) -> ScenarioReport:
        """What all trials together say of the scenario."""
        trial = self._latest if self._failure is None else self._failure.trial
        assert trial is not None
        self._session.keep(self._scenario, trial.transcript)
        result = judged(self._scenario, trial.judgement, trial.stuck, trial.transcript)
        result.exercised = dict(sorted(self._exercised.items()))
        result.program = self._saved
        return result

    def _save(self, failure: Failure) -> ProgramReport:
        requirement = failure.trial.broken[0]
        path = self._session.settings.programs / f"{requirement}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        program = replace(failure.trial.program, requirement=requirement)
        save(program, path)
        return ProgramReport(
            fails=failure.fails, of=failure.of, drawn=self._drawn, path=str(path), program=program
        )


class _Shrinking:
    """Which smaller programs fail as one did that failed: the same answer whenever it is asked
    of a program, as Hypothesis wants it, and none fails once its time is up."""

    def __init__(self, trials: Trials, first: Trial, sought: set[str]) -> None:
        self._trials = trials
        self._first = first
        self._sought = sought
        self._known = {first.program: True}
        self._smallest = first.program
        self._until = time.monotonic() + _SHRINKING

    def fails(self, program: Program) -> bool:
        if program not in self._known:
            self._known[program] = self._fails_often(program)
        if self._known[program]:
            self._smallest = program
        return self._known[program]

    def _fails_often(self, program: Program) -> bool:
        fails = 0
        for left in range(_TRIES, 0, -1):
            if fails + left < _OFTEN or time.monotonic() > self._until:
                return False
            trial = self._trials.perform(program, _HASTE)
            fails += not self._sought.isdisjoint(trial.broken)
            if fails == _OFTEN:
                return True
        return False

    def count(self) -> Failure:
        """How often the smallest fails at no haste; or the first, or else that it did once."""
        return (
            self._trials.count(self._smallest, self._sought)
            or self._trials.count(self._first.program, self._sought)
            or Failure(self._first, 1, 1 + COUNTED)
        )
