"""The search for a program that breaks what nothing before has shown to be broken: Hypothesis
draws programs, and shrinks the first that does.

A server may fail now and then only, so a smaller program is kept if it fails often enough, and
how often the smallest does is counted in the end.
"""

import time
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from tempfile import TemporaryDirectory
from typing import Final
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir, storage_directory
from hypothesis.errors import HypothesisWarning

from conformance.programs.program import Program
from conformance.programs.strategies import programs
from conformance.runner.program_trials import Trial, Trials
from conformance.timing.policy import SHRINKING, SHRINKING_LEEWAY

_COUNTED: Final = 20
"""How often a program is performed to count how often it fails."""
_TRIES: Final = 5
_OFTEN: Final = 2


class _Failed(Exception):
    """Tells Hypothesis that a program fails."""


def search(trials: Trials) -> None:
    """Draw programs, and perform each; shrink, count and save the first with a new failure."""
    drawn = 0
    shrinking: _Shrinking | None = None

    @seed(trials.settings.seed)
    @settings(
        max_examples=trials.settings.examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(programs())
    def attempt(program: Program) -> None:
        nonlocal drawn, shrinking
        if shrinking is None:
            drawn += 1
            trial = trials.perform(program)
            if new := set(trial.broken) - trials.known:
                shrinking = _Shrinking(trials, trial, new)
            elif trial.broken:
                trials.show(trial)
        if shrinking is not None and shrinking.fails(program):
            raise _Failed

    with _by_the_seed_alone(), suppress(_Failed):
        attempt()
    if shrinking is not None:
        shrinking.save_smallest(drawn)


@contextmanager
def _by_the_seed_alone() -> Iterator[None]:
    """Hypothesis with no memory, no surroundings and no word of its own.

    It would keep what it learns in the user's working directory, where it may keep what it learns
    of the user's own tests; and it warns of a program that takes much to print, which is not its
    to print.
    """
    before = storage_directory(intent_to_write=False).home_directory
    silent = warnings.catch_warnings(action="ignore", category=HypothesisWarning)
    with TemporaryDirectory() as home, _without_constants(), silent:
        set_hypothesis_home_dir(home)
        try:
            yield
        finally:
            set_hypothesis_home_dir(before)


def _without_constants() -> AbstractContextManager[object]:
    """Keep Hypothesis from parsing every module of a working copy for constants to draw: a seed
    would not draw there what it draws where the suite is installed. Where this Hypothesis does
    so elsewhere than is known here, or not yet, it is left to it."""
    try:
        from hypothesis.internal.conjecture import providers
        from hypothesis.internal.constants_ast import Constants
    except ImportError:
        return nullcontext()
    return patch.object(providers, "_get_local_constants", Constants, create=True)


class _Shrinking:
    """Which smaller programs fail as one did that failed: the same answer whenever it is asked
    of a program, as Hypothesis wants it, and none fails once its time is up."""

    def __init__(self, trials: Trials, first: Trial, sought: set[str]) -> None:
        self._trials = trials
        self._first = first
        self._sought = sought
        self._known = {first.program: True}
        self._smallest = first.program
        self._until = time.monotonic() + SHRINKING

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
            trial = self._trials.perform(program, SHRINKING_LEEWAY)
            fails += not self._sought.isdisjoint(trial.broken)
            if fails == _OFTEN:
                return True
        return False

    def save_smallest(self, drawn: int) -> None:
        """Save the smallest that fails in its time; or the first, which did so once at least."""
        for program in dict.fromkeys((self._smallest, self._first.program)):
            counted = self._trials.count(program, _COUNTED, self._sought)
            if counted.shown is not None:
                self._trials.save(counted.shown, counted.fails, counted.of, drawn)
                return
        self._trials.save(self._first, 1, 1 + counted.of, drawn)
