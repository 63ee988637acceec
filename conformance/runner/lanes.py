"""The one scheduler, of runs against servers and against clients: scenarios are played in lanes,
each a thread with a player of its own.

The main thread plays nothing. It hands each lane a scenario, waits for the result, and ends the run
when everything is played, when the time limit is over, or when it is interrupted. Nothing that is
judged can prevent that.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Set
from queue import Empty, SimpleQueue
from typing import Final, Generic, Protocol, TypeVar

from conformance.driver.interruption import NO_DESCRIPTOR, OUT_OF_TIME, is_want_of_descriptors
from conformance.report.build import without
from conformance.report.model import ScenarioReport
from conformance.runner.course import Course
from conformance.runner.crash import words_of_crash
from conformance.runner.player import SEARCH, InQuestion, Played
from conformance.runner.reporter import Reporter
from conformance.scenarios.registry import FIRST, LAST, Scenario
from conformance.target.process import LaunchError
from conformance.timing.idle_processors import IdleProcessors

LANES: Final = 8
"""How many lanes there are by default, if each can have its own server. A lane mostly waits."""
SPARE: Final = 8
"""How many more there may be by default while the processors are idle: lanes wait most where a
server leaves much unanswered."""
_LONG: Final = 2.5
"""Seconds from which on a scenario counts as long."""
_GOING: Final = 0.3
"""Seconds to wait for lanes whose servers or clients have been killed."""


class Playable(Protocol):
    """A scenario's function with its description."""

    @property
    def scenario(self) -> Scenario: ...


_P = TypeVar("_P", bound=Playable)
_P_contra = TypeVar("_P_contra", bound=Playable, contravariant=True)


class ScenarioPlayer(Protocol[_P_contra]):
    """The player of one lane: `Player` for a server, `ClientPlayer` for a client."""

    def reason_to_skip(self, play: _P_contra, /) -> str | None: ...

    def play(self, play: _P_contra, first: Played | None, /) -> ScenarioReport: ...

    def break_off(self) -> None: ...

    def close(self) -> None: ...


class Lanes(Generic[_P]):
    """The lanes of a run. A context, which ends every server and client.

    Args:
        player: Makes the player of a lane.
        reporter: Receives each start and each result.
        count: How many scenarios are played at a time.
        course: What the run has learnt so far, shared by the players.
        spare: How many more are played while the machine's processors are idle.
        first: The id of the scenario that shows whether there is chat at all.
    """

    def __init__(
        self,
        player: Callable[[], ScenarioPlayer[_P]],
        reporter: Reporter,
        count: int,
        course: Course,
        first: str = FIRST,
        *,
        spare: int = 0,
    ) -> None:
        self.results: list[ScenarioReport] = []
        self._player = player
        self._reporter = reporter
        self._count = count
        self._spare = spare
        self._processors = IdleProcessors()
        self._course = course
        self._first = first
        self._said: SimpleQueue[tuple[_Lane[_P], _P, ScenarioReport | BaseException]] = (
            SimpleQueue()
        )
        self._lanes: list[_Lane[_P]] = []
        self._busy: dict[_Lane[_P], _P] = {}
        self._proven: set[_Lane[_P]] = set()
        self._lets_stop = True
        self._in_doubt: dict[_P, Played] = {}

    def __enter__(self) -> "Lanes[_P]":
        return self

    def __exit__(self, *_: object) -> None:
        # What is over by now counts; what is broken off is no doing of the server's.
        self._drain()
        self._course.limit.end()
        for lane in self._lanes:
            lane.break_off()
        end = time.monotonic() + _GOING
        for lane in self._lanes:
            lane.join(max(0.0, end - time.monotonic()))

    def play(self, plays: Iterable[_P]) -> None:
        """Play these scenarios.

        What is not finished by the time limit is unknown. `LaunchError` if nothing could be
        launched for the first of them.
        """
        for phase in _phases(plays, self._first):
            self._play(deque(phase))

    def _play(self, left: deque[_P]) -> None:
        turns = take_in_turn(left, self._course.broken, lambda: self._lets_stop)
        while left or self._busy or self._in_doubt:
            while (settled := self._can_be_settled()) or left:
                if (lane := self._free_lane()) is None:
                    break
                self._lets_stop = lane not in self._proven or len(self._proven) >= self._count
                self._begin(lane, settled or next(turns))
            if not self._busy:
                continue
            try:
                lane, play, result = self._await_result(grows=bool(left))
            except Empty:
                if self._course.limit.left:
                    continue
                for first in self._in_doubt.values():
                    self._tell(first.result)
                for one in (*self._busy.values(), *left):
                    self._tell(without(one.scenario, "unknown", OUT_OF_TIME))
                left.clear()
                self._busy.clear()
                self._in_doubt.clear()
            else:
                if self._busy.pop(lane, None) is not None:
                    self._take(lane, play, result, left)

    def _await_result(
        self, *, grows: bool
    ) -> "tuple[_Lane[_P], _P, ScenarioReport | BaseException]":
        """Return the next result; `Empty` if the time limit is over, or there is room for one more
        lane. Such room is looked for if the number of lanes `grows`."""
        while True:
            left = self._course.limit.left
            looks = grows and bool(self._spare) and len(self._lanes) == self._count
            seconds = min(left, self._processors.seconds_left()) if looks else left
            due = time.monotonic() + seconds
            try:
                return self._said.get(timeout=seconds)
            except Empty:
                if not looks or not self._course.limit.left:
                    raise
                if self._processors.are_idle(overslept=time.monotonic() - due):
                    self._count += 1
                    self._spare -= 1
                    raise

    def _begin(self, lane: "_Lane[_P]", play: _P) -> None:
        """Give a lane a scenario, new or in doubt; or report at once why it is not played."""
        first = self._in_doubt.pop(play, None)
        if self._course.limit.left_to_play <= 0:
            late = without(play.scenario, "unknown", OUT_OF_TIME)
            self._tell(late if first is None else first.result)
        elif first is None and (reason := lane.player.reason_to_skip(play)):
            self._tell(without(play.scenario, "skip", reason))
        else:
            if first is None:
                self._reporter.on_start(play.scenario.id)
            self._busy[lane] = play
            lane.give(play, first)

    def _can_be_settled(self) -> _P | None:
        """Return a scenario in doubt that no other lane stands in the way of, if there is one."""
        for play, first in self._in_doubt.items():
            if not self._course.is_in_question(first.judgement.hasty):
                return play
        return None

    def _free_lane(self) -> "_Lane[_P] | None":
        for lane in self._lanes:
            if lane not in self._busy:
                return lane
        if len(self._lanes) == self._count:
            return None
        self._lanes.append(_Lane(self._player(), self._said))
        return self._lanes[-1]

    def _take(
        self, lane: "_Lane[_P]", play: _P, result: ScenarioReport | BaseException, left: deque[_P]
    ) -> None:
        self._proven.add(lane)
        match result:
            case ScenarioReport():
                self._tell(result)
            case InQuestion(first=first):
                self._in_doubt[play] = first
            case LaunchError() if len(self._lanes) > 1:
                # There is no room for one more: the other lanes play this as well.
                self._lanes.remove(lane)
                self._proven.discard(lane)
                self._count, self._spare = len(self._lanes), 0
                lane.break_off()
                left.appendleft(play)
            case OSError() if is_want_of_descriptors(result):
                self._tell(without(play.scenario, "unknown", NO_DESCRIPTOR))
            case OSError() if self.results:
                untold = f"the suite could not do its work: {result}"
                self._tell(without(play.scenario, "unknown", untold))
            case LaunchError() if self.results:
                untold = f"it could not be launched again: {result}"
                self._tell(without(play.scenario, "unknown", untold))
            case Exception() if self.results:
                self._tell(without(play.scenario, "unknown", words_of_crash(result)))
            case _:
                raise result

    def _tell(self, result: ScenarioReport) -> None:
        self.results.append(result)
        self._reporter.on_result(result)

    def _drain(self) -> None:
        """Tell of what was over by the time that the run was broken off."""
        while not self._said.empty():
            lane, _, result = self._said.get()
            if self._busy.pop(lane, None) is not None and isinstance(result, ScenarioReport):
                self._tell(result)


def _phases(plays: Iterable[_P], first: str) -> Iterator[Iterable[_P]]:
    """Yield the three phases of a run: whether there is chat at all, everything else, and whether
    there is still chat.

    Within a phase, scenarios that wait longest come first, so that no lane is left alone with one;
    `take_in_turn` has precedence. The search comes last: once a MUST has failed it is of no use.
    """
    chosen = list(plays)
    rest = [play for play in chosen if play.scenario.id not in {first, LAST}]
    yield (play for play in chosen if play.scenario.id == first)
    yield sorted(rest, key=_urgency)
    yield (play for play in chosen if play.scenario.id == LAST)


def _urgency(play: Playable) -> tuple[bool, bool, float]:
    """Sort key by which the longest scenario comes first: those that wait for a server to stop."""
    scenario = play.scenario
    return scenario.id == SEARCH, scenario.section != "stop", -scenario.waits


def take_in_turn(
    left: deque[_P], broken: Set[str], lets_stop: Callable[[], bool] = lambda: True
) -> Iterator[_P]:
    """Take out the most telling scenarios first, since the time limit may cut off the rest.

    First come those about a requirement that no scenario before was about, last those about one
    that is known to be broken by then. Long ones are not put off: no lane is left alone with one.
    Those that stop their server wait while `lets_stop` says no: where only one server can run,
    another lane's could be launched in its place.
    """
    tried: set[str] = set()

    def rank(play: Playable) -> int:
        main = play.scenario.requirements[0]
        if play.scenario.section == "stop" and not lets_stop():
            return 3
        if play.scenario.waits >= _LONG:
            return 0
        return 2 if main in broken else main in tried

    while left:
        play = min(left, key=rank)
        left.remove(play)
        tried.add(play.scenario.requirements[0])
        yield play


class _Lane(threading.Thread, Generic[_P]):
    """A thread that plays what it is given, and reports each result."""

    def __init__(
        self,
        player: ScenarioPlayer[_P],
        said: "SimpleQueue[tuple[_Lane[_P], _P, ScenarioReport | BaseException]]",
    ) -> None:
        super().__init__(name="lane", daemon=True)
        self.player = player
        self._given: SimpleQueue[tuple[_P, Played | None] | None] = SimpleQueue()
        self._said = said
        self.start()

    def give(self, play: _P, first: Played | None) -> None:
        """Let it play this next, or go on from how it was `first` played."""
        self._given.put((play, first))

    def run(self) -> None:
        while (given := self._given.get()) is not None:
            play, first = given
            try:
                result: ScenarioReport | BaseException = self.player.play(play, first)
            except BaseException as error:
                result = error
            self._said.put((self, play, result))
        self.player.close()

    def break_off(self) -> None:
        """End what it plays against, and let it play no more."""
        self.player.break_off()
        self._given.put(None)
