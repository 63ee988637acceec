"""The one scheduler: scenarios are played in lanes, each a thread with a server of its own.

The main thread plays nothing. It hands each lane a scenario, waits for the result, and ends the run
when everything is played, when the time limit is over, or when it is interrupted. No server can
prevent that.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Set
from queue import Empty, SimpleQueue
from typing import Final

from conformance.driver.interruption import NO_DESCRIPTOR, OUT_OF_TIME, is_want_of_descriptors
from conformance.report.build import without
from conformance.report.model import ScenarioReport
from conformance.runner.course import Course
from conformance.runner.crash import words_of_crash
from conformance.runner.player import LAST, SEARCH, InQuestion, Played, Player
from conformance.runner.reporter import Reporter
from conformance.runner.session import FIRST, Session, Settings
from conformance.scenarios.registry import Play, plays
from conformance.target.address import parse_address
from conformance.target.process import LaunchError
from conformance.target.system import descriptor_limit

LANES: Final = 8
"""How many lanes there are by default, if each can have its own server. A lane mostly waits."""
_LONG: Final = 2.5
"""Seconds from which on a scenario counts as long."""
_FOR_A_LANE: Final = 300
"""Descriptors of this process that a lane may need: it can have a full room."""
_GOING: Final = 0.3
"""Seconds to wait for lanes whose servers have been killed."""


def lanes_for(settings: Settings) -> int:
    """Return how many lanes a run with these settings has by default."""
    if settings.is_clustered:
        return 1
    address = parse_address(settings.address)
    has_room = settings.profile.launch is not None and address.with_free_port() != address
    return max(1, int(min(LANES, descriptor_limit() / _FOR_A_LANE))) if has_room else 1


class Lanes:
    """The lanes of a run, which play `count` scenarios at a time. A context, which ends all
    servers."""

    def __init__(self, settings: Settings, reporter: Reporter, count: int, course: Course) -> None:
        self.results: list[ScenarioReport] = []
        self._settings = settings
        self._reporter = reporter
        self._count = count
        self._course = course
        self._said: SimpleQueue[tuple[_Lane, Play, ScenarioReport | BaseException]] = SimpleQueue()
        self._lanes: list[_Lane] = []
        self._busy: dict[_Lane, Play] = {}
        self._in_doubt: dict[Play, Played] = {}

    def __enter__(self) -> "Lanes":
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

    def play(self) -> None:
        """Play all scenarios that the settings name.

        What is not finished by the time limit is unknown. `LaunchError` if no server could be
        launched for the first of them.
        """
        for phase in _phases(self._settings):
            self._play(deque(phase))

    def _play(self, left: deque[Play]) -> None:
        turns = take_in_turn(left, self._course.broken)
        while left or self._busy or self._in_doubt:
            while (settled := self._can_be_settled()) or left:
                if (lane := self._free_lane()) is None:
                    break
                self._begin(lane, settled or next(turns))
            if not self._busy:
                continue
            try:
                lane, play, result = self._said.get(timeout=self._course.limit.left)
            except Empty:
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

    def _begin(self, lane: "_Lane", play: Play) -> None:
        """Give a lane a scenario, new or in doubt; or report at once why it is not played."""
        first = self._in_doubt.pop(play, None)
        if self._course.limit.left_to_play <= 0:
            late = without(play.scenario, "unknown", OUT_OF_TIME)
            self._tell(late if first is None else first.result)
        elif first is None and (reason := lane.player.reason_to_skip(play.scenario)):
            self._tell(without(play.scenario, "skip", reason))
        else:
            if first is None:
                self._reporter.on_start(play.scenario.id)
            self._busy[lane] = play
            lane.give(play, first)

    def _can_be_settled(self) -> Play | None:
        """Return a scenario in doubt that no other lane stands in the way of, if there is one."""
        for play, first in self._in_doubt.items():
            if not self._course.is_in_question(first.judgement.hasty):
                return play
        return None

    def _free_lane(self) -> "_Lane | None":
        for lane in self._lanes:
            if lane not in self._busy:
                return lane
        if len(self._lanes) == self._count:
            return None
        self._lanes.append(_Lane(Session(self._settings, self._course), self._said))
        return self._lanes[-1]

    def _take(
        self, lane: "_Lane", play: Play, result: ScenarioReport | BaseException, left: deque[Play]
    ) -> None:
        match result:
            case ScenarioReport():
                self._tell(result)
            case InQuestion(first=first):
                self._in_doubt[play] = first
            case LaunchError() if len(self._lanes) > 1:
                # There is no room for one more server: the other lanes play this as well.
                self._lanes.remove(lane)
                self._count = len(self._lanes)
                lane.break_off()
                left.appendleft(play)
            case OSError() if is_want_of_descriptors(result):
                self._tell(without(play.scenario, "unknown", NO_DESCRIPTOR))
            case OSError() if self.results:
                untold = f"the suite could not do its work: {result}"
                self._tell(without(play.scenario, "unknown", untold))
            case LaunchError() if self.results:
                untold = f"the server could not be launched again: {result}"
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


def _phases(settings: Settings) -> Iterator[Iterable[Play]]:
    """Yield the three phases of a run: whether there is chat at all, everything else, and whether
    there is still chat.

    Within a phase, scenarios that wait longest come first, so that no lane is left alone with one;
    `take_in_turn` has precedence. The search comes last: once a MUST has failed it is of no use.
    """
    chosen = [play for play in plays() if play.scenario.id in settings.scenarios]
    rest = [play for play in chosen if play.scenario.id not in (FIRST, LAST)]
    yield (play for play in chosen if play.scenario.id == FIRST)
    yield sorted(rest, key=_urgency)
    yield (play for play in chosen if play.scenario.id == LAST)


def _urgency(play: Play) -> tuple[bool, bool, float]:
    """Sort key by which the longest scenario comes first: those that wait for a server to stop."""
    scenario = play.scenario
    return scenario.id == SEARCH, scenario.section != "stop", -scenario.waits


def take_in_turn(left: deque[Play], broken: Set[str]) -> Iterator[Play]:
    """Take out the most telling scenarios first, since the time limit may cut off the rest.

    First come those about a requirement that no scenario before was about, last those about one
    that is known to be broken by then. Long ones are not put off: no lane is left alone with one.
    """
    tried: set[str] = set()

    def rank(play: Play) -> int:
        main = play.scenario.requirements[0]
        if play.scenario.waits >= _LONG:
            return 0
        return 2 if main in broken else main in tried

    while left:
        play = min(left, key=rank)
        left.remove(play)
        tried.add(play.scenario.requirements[0])
        yield play


class _Lane(threading.Thread):
    """A thread that plays what it is given, and reports each result."""

    def __init__(
        self,
        session: Session,
        said: "SimpleQueue[tuple[_Lane, Play, ScenarioReport | BaseException]]",
    ) -> None:
        super().__init__(daemon=True)
        self.player = Player(session)
        self._session = session
        self._given: SimpleQueue[tuple[Play, Played | None] | None] = SimpleQueue()
        self._said = said
        self.start()

    def give(self, play: Play, first: Played | None) -> None:
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
        """Kill its server, and launch no other."""
        self._session.break_off()
        self._given.put(None)
