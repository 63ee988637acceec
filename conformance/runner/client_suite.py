"""A run of the suite for clients: the scenarios, several at once, and the report of what was found.

The first scenario is played alone: where a client does not connect, or shows nothing, nothing more
can be learnt of it. Whatever a client does, the run is over by its time limit.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from chatproto import __version__
from conformance.clients.program import filled_in
from conformance.clients.registry import FIRST, ClientPlay, client_plays, client_scenarios
from conformance.clients.stage import ClientStage
from conformance.clients.use import Use
from conformance.clients.waits import Waits
from conformance.diagnosis import diagnose
from conformance.diagnosis.dictionary import client_dictionary
from conformance.driver.interruption import OUT_OF_TIME, Stuck
from conformance.oracle import judge
from conformance.oracle.clients.facts import Detected
from conformance.oracle.findings import Judgement
from conformance.report.build import judged, summarise, without
from conformance.report.model import Report, ScenarioReport
from conformance.runner.causes import say_causes
from conformance.runner.reporter import Reporter
from conformance.runner.session import transcript_path
from conformance.standard.requirements import Scope
from conformance.timing.limit import TimeLimit
from conformance.transcript import files

LANES: Final = 8
"""How many scenarios are played at once: they wait more than they work."""
_HOPELESS: Final = frozenset((Detected.NEVER_CONNECTED, Detected.NOT_SHOWN))
_UNMET: Final = {
    "terminal": "needs-terminal",
    "pipe": "needs-pipe",
    "keys": "needs-keys",
    "protocol": "raw",
}
"""Why a scenario is left out, by what it needs."""
_GOING: Final = 1.0
"""Seconds in which what is broken off has ended."""


class ClientPlayer:
    """Plays scenarios before one client, from any thread, and judges them.

    Args:
        use: how the client is launched and used.
        counting: the requirements whose findings count.
        transcripts: the directory in which transcripts are kept, if they are.
        limit: when the run is over, if it is limited.
    """

    def __init__(
        self,
        use: Use,
        counting: frozenset[str],
        transcripts: Path | None = None,
        limit: TimeLimit | None = None,
    ) -> None:
        self.limit = limit or TimeLimit()
        self._use = use
        self._counting = counting
        self._transcripts = transcripts
        self._waits = Waits(self.limit)
        self._stages: set[ClientStage] = set()
        self._is_hopeless = False

    def reason_to_skip(self, play: ClientPlay) -> str | None:
        """Return why a scenario cannot be played; None if it can."""
        if self._is_hopeless:
            return "first"
        need = play.unmet(self._use)
        return None if need is None else _UNMET[need]

    def play(self, play: ClientPlay) -> ScenarioReport:
        """Play a scenario and judge it; `LaunchError` where the client cannot be launched."""
        began = time.monotonic()
        stage = ClientStage(self._use, play.scenario, self._waits)
        self._stages.add(stage)
        try:
            play.play(stage)
            stage.look_on()
        except Stuck as stuck:
            stage.interrupted = str(stuck)
        finally:
            stage.finish()
            stage.close()
            self._stages.discard(stage)
        if self._transcripts is not None:
            files.keep(stage.transcript, transcript_path(self._transcripts, play.scenario.id))
        whole = judge(stage.transcript)
        findings = [one for one in whole.findings if one.requirement in self._counting]
        judgement = Judgement(findings=findings, exercised=whole.exercised)
        result = judged(play.scenario, judgement, stage.interrupted, stage.transcript)
        if play.scenario.id == FIRST:
            self._is_hopeless = any(one.kind in _HOPELESS for one in result.findings) or (
                stage.interrupted is not None
            )
        return result.model_copy(update={"duration_s": round(time.monotonic() - began, 3)})

    def break_off(self) -> None:
        """Play no more, and end every client that is still there."""
        self.limit.end()
        for stage in tuple(self._stages):
            stage.break_off()


class ClientRun:
    """One run against one client.

    Args:
        player: plays the scenarios.
        use: how the client is launched and used.
        chosen: the ids of the scenarios to play.
        selected: the requirements that the verdict is about.
        lanes: how many scenarios are played at once.
    """

    def __init__(
        self,
        player: ClientPlayer,
        use: Use,
        chosen: frozenset[str],
        selected: frozenset[str],
        lanes: int = LANES,
    ) -> None:
        self._player = player
        self._use = use
        self._chosen = chosen
        self._selected = selected
        self._count = lanes
        self._lanes: list[threading.Thread] = []
        self._results: list[ScenarioReport] = []

    def run(self, reporter: Reporter) -> Report:
        """Play them; raises `LaunchError` where the client cannot be launched. An interrupt ends
        the run with what was found by then."""
        filled_in(self._use.command, "127.0.0.1", 9)
        began = time.monotonic()
        interrupted = False
        plays = [one for one in client_plays() if one.scenario.id in self._chosen]
        try:
            self._play_all((one for one in plays if one.scenario.id == FIRST), reporter)
            rest = [one for one in plays if one.scenario.id != FIRST]
            self._play_all(sorted(rest, key=lambda one: -one.scenario.waits), reporter)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            self._break_off()
        return report_of_client(
            self._results,
            self._selected,
            self._use,
            interrupted=interrupted,
            duration_s=time.monotonic() - began,
        )

    def _play_all(self, plays: Iterable[ClientPlay], reporter: Reporter) -> None:
        """Play these, several at once; what is not over by the time limit is unknown."""
        given: SimpleQueue[ClientPlay] = SimpleQueue()
        said: SimpleQueue[tuple[str, ScenarioReport | BaseException]] = SimpleQueue()
        left: dict[str, ClientPlay] = {}
        for play in plays:
            left[play.scenario.id] = play
            given.put(play)
        for _ in range(min(self._count, len(left))):
            lane = threading.Thread(target=self._lane, args=(given, said, reporter), daemon=True)
            self._lanes.append(lane)
            lane.start()
        while left:
            try:
                id_, result = said.get(timeout=self._player.limit.left)
            except Empty:
                for play in left.values():
                    self._take(without(play.scenario, "unknown", OUT_OF_TIME), reporter)
                return
            if isinstance(result, BaseException):
                raise result
            del left[id_]
            self._take(result, reporter)

    def _lane(
        self,
        given: "SimpleQueue[ClientPlay]",
        said: "SimpleQueue[tuple[str, ScenarioReport | BaseException]]",
        reporter: Reporter,
    ) -> None:
        """Play what is left, one after the other."""
        while True:
            try:
                play = given.get_nowait()
            except Empty:
                return
            result: ScenarioReport | BaseException
            if self._player.limit.left_to_play <= 0:
                result = without(play.scenario, "unknown", OUT_OF_TIME)
            elif reason := self._player.reason_to_skip(play):
                result = without(play.scenario, "skip", reason)
            else:
                reporter.on_start(play.scenario.id)
                try:
                    result = self._player.play(play)
                except BaseException as error:
                    result = error
            said.put((play.scenario.id, result))

    def _take(self, result: ScenarioReport, reporter: Reporter) -> None:
        self._results.append(result)
        reporter.on_result(result)

    def _break_off(self) -> None:
        """Let nothing go on that was begun."""
        self._player.break_off()
        end = time.monotonic() + _GOING
        for lane in self._lanes:
            lane.join(max(0.0, end - time.monotonic()))


def report_of_client(
    results: Sequence[ScenarioReport],
    selected: frozenset[str],
    use: Use,
    *,
    interrupted: bool,
    duration_s: float,
) -> Report:
    """Put what was found of a client together, and say what it comes from."""
    report = summarise(
        results,
        selected,
        managed=True,
        interrupted=interrupted,
        suite=__version__,
        target=use.command,
        name=None,
        seed=use.seed,
        duration_s=duration_s,
        kinds=(Scope.CLIENT,),
        register=client_scenarios(),
    )
    report.options = use.options
    say_causes(report, diagnose(report.scenarios, client_dictionary()))
    return report
