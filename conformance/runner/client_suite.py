"""A run of the suite for clients: the scenarios, several at once, and the report of what was found.

The first scenario is played alone: where a client does not connect, or shows nothing, nothing more
can be learnt of it.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final, Protocol

from chatproto import __version__
from conformance.clients.program import filled_in
from conformance.clients.registry import FIRST, ClientPlay, client_plays, client_scenarios
from conformance.clients.stage import BrokenOff, Stage, Stuck, Use, Waits
from conformance.oracle import judge
from conformance.oracle.clients.facts import Kind as Found
from conformance.oracle.findings import Judgement
from conformance.report.model import Report, ScenarioReport, judged, summarise, without
from conformance.runner.session import transcript_path
from conformance.standard.requirements import Kind
from conformance.transcript import files
from conformance.transcript.events import Transcript

LANES: Final = 8
"""How many scenarios are played at once: they wait more than they work."""
_HOPELESS: Final = frozenset((Found.NEVER_CONNECTED, Found.NOT_SHOWN))
_UNMET: Final = {
    "terminal": "needs-terminal",
    "pipe": "needs-pipe",
    "keys": "needs-keys",
    "protocol": "raw",
}
"""Why a scenario is left out, by what it needs."""


class Listener(Protocol):
    """Receives the progress of a run."""

    def on_start(self, scenario: str) -> None: ...

    def on_result(self, result: ScenarioReport) -> None: ...


class ClientRun:
    """One run against one client.

    Args:
        use: how the client is launched and used.
        chosen: the ids of the scenarios to play.
        counting: the requirements whose findings count.
        selected: those that the verdict is about.
        transcripts: the directory in which transcripts are kept, if they are.
    """

    def __init__(
        self,
        use: Use,
        chosen: frozenset[str],
        counting: frozenset[str],
        selected: frozenset[str],
        transcripts: Path | None = None,
        lanes: int = LANES,
    ) -> None:
        self._use = use
        self._chosen = chosen
        self._counting = counting
        self._selected = selected
        self._transcripts = transcripts
        self._lanes = lanes
        self._waits = Waits()
        self._results: list[ScenarioReport] = []

    def run(self, listener: Listener) -> Report:
        """Play them; raises `LaunchError` where the client cannot be launched. An interrupt ends
        the run with what was found by then."""
        filled_in(self._use.command, "127.0.0.1", 9)
        began = time.monotonic()
        interrupted = False
        plays = sorted(
            (one for one in client_plays() if one.scenario.id in self._chosen),
            key=lambda one: (one.scenario.id != FIRST, -one.scenario.waits),
        )
        try:
            self._play_all(plays, listener)
        except KeyboardInterrupt:
            interrupted = True
        return summarise(
            self._results,
            self._selected,
            managed=True,
            interrupted=interrupted,
            suite=__version__,
            target=self._use.command,
            name=None,
            seed=self._use.seed,
            duration_s=time.monotonic() - began,
            kinds=(Kind.CLIENT,),
            register=client_scenarios(),
        )

    def _play_all(self, plays: Sequence[ClientPlay], listener: Listener) -> None:
        first, rest = plays[:1], plays[1:]
        with ThreadPoolExecutor(self._lanes) as pool:
            try:
                self._gather(
                    [pool.submit(self._play, one, listener.on_start) for one in first], listener
                )
                if self._is_hopeless():
                    for one in rest:
                        self._take(without(one.scenario, "skip", "first"), listener)
                    return
                self._gather(
                    [pool.submit(self._play, one, listener.on_start) for one in rest], listener
                )
            except BaseException:
                self._waits.broken_off.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _gather(self, futures: list[Future[ScenarioReport]], listener: Listener) -> None:
        left = set(futures)
        while left:
            done, left = wait(left, return_when=FIRST_COMPLETED)
            for one in done:
                self._take(one.result(), listener)

    def _take(self, result: ScenarioReport, listener: Listener) -> None:
        self._results.append(result)
        listener.on_result(result)

    def _is_hopeless(self) -> bool:
        return any(
            finding.kind in _HOPELESS
            for result in self._results
            if result.id == FIRST
            for finding in result.findings
        )

    def _play(self, one: ClientPlay, on_start: Callable[[str], None]) -> ScenarioReport:
        scenario = one.scenario
        if (need := one.unmet(self._use)) is not None:
            return without(scenario, "skip", _UNMET[need])
        on_start(scenario.id)
        began = time.monotonic()
        stage = Stage(self._use, scenario, self._waits)
        try:
            one.play(stage)
        except Stuck as stuck:
            stage.interrupted = str(stuck)
        except BrokenOff:
            return without(scenario, "unknown", "interrupted")
        finally:
            stage.finish()
            stage.close()
        result = self._judge(scenario.id, stage.transcript, stage.interrupted)
        return result.model_copy(update={"duration_s": round(time.monotonic() - began, 3)})

    def _judge(self, id_: str, transcript: Transcript, stuck: str | None) -> ScenarioReport:
        if self._transcripts is not None:
            files.write(transcript, transcript_path(self._transcripts, id_))
        [scenario] = (one for one in client_scenarios() if one.id == id_)
        whole = judge(transcript)
        findings = [one for one in whole.findings if one.requirement in self._counting]
        judgement = Judgement(findings=findings, exercised=whole.exercised)
        return judged(scenario, judgement, stuck, transcript)
