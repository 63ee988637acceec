"""A run of the suite for clients, and the report of what was found.

The first scenario is played alone: where a client does not connect, or shows nothing, nothing more
can be learnt of it.
"""

import time
from collections.abc import Sequence
from typing import Final

from chatproto import __version__
from conformance.clients.program import filled_in
from conformance.clients.registry import FIRST, ClientPlay, client_plays, client_scenarios
from conformance.clients.stage import ClientStage
from conformance.clients.use import Use
from conformance.clients.waits import Waits
from conformance.diagnosis import diagnose
from conformance.diagnosis.dictionary import client_dictionary
from conformance.driver.interruption import Stuck
from conformance.oracle import judge
from conformance.oracle.clients.facts import Detected
from conformance.oracle.findings import Judgement
from conformance.report.build import judged, summarise
from conformance.report.model import Report, ScenarioReport
from conformance.runner.causes import say_causes
from conformance.runner.course import Course
from conformance.runner.lanes import LANES, Lanes
from conformance.runner.reporter import Reporter
from conformance.runner.session import Settings, transcript_path
from conformance.standard.requirements import Scope
from conformance.timing.limit import TimeLimit
from conformance.transcript import files

_HOPELESS: Final = frozenset((Detected.NEVER_CONNECTED, Detected.NOT_SHOWN))
_UNMET: Final = {
    "terminal": "needs-terminal",
    "pipe": "needs-pipe",
    "keys": "needs-keys",
    "protocol": "raw",
}
"""Why a scenario is left out, by what it needs."""


class ClientPlayer:
    """Plays scenarios before one client, one after the other, and judges them.

    Args:
        use: How the client is launched and used.
        settings: Which findings count, and where transcripts are kept.
        course: What the run has learnt so far, shared by its players.
        waits: How long the run waits for the client, shared by its players.
    """

    def __init__(self, use: Use, settings: Settings, course: Course, waits: Waits) -> None:
        self._use = use
        self._settings = settings
        self._course = course
        self._waits = waits
        self._stage: ClientStage | None = None

    def reason_to_skip(self, play: ClientPlay) -> str | None:
        """Return why a scenario cannot be played; None if it can."""
        if self._course.no_message_came:
            return "first"
        need = play.unmet(self._use)
        return None if need is None else _UNMET[need]

    def play(self, play: ClientPlay, _first: object = None) -> ScenarioReport:
        """Play a scenario and judge it; `LaunchError` where the client cannot be launched."""
        began = time.monotonic()
        self._stage = stage = ClientStage(self._use, play.scenario, self._waits)
        try:
            play.play(stage)
            stage.look_on()
        except Stuck as stuck:
            stage.interrupted = str(stuck)
        finally:
            stage.finish()
            self.close()
        if self._settings.transcripts is not None:
            kept = transcript_path(self._settings.transcripts, play.scenario.id)
            files.keep(stage.transcript, kept)
        whole = judge(stage.transcript)
        counting = self._settings.requirements
        findings = [one for one in whole.findings if one.requirement in counting]
        judgement = Judgement(findings=findings, exercised=whole.exercised)
        result = judged(play.scenario, judgement, stage.interrupted, stage.transcript)
        if play.scenario.id == FIRST:
            self._course.no_message_came = any(
                one.kind in _HOPELESS for one in result.findings
            ) or (stage.interrupted is not None)
        return result.model_copy(update={"duration_s": round(time.monotonic() - began, 3)})

    def close(self) -> None:
        """End the client, if one was launched."""
        if self._stage is not None:
            self._stage.close()
            self._stage = None

    def break_off(self) -> None:
        """Kill the client. Any thread may call this."""
        stage = self._stage
        if stage is not None:
            stage.break_off()


def run_client_suite(use: Use, settings: Settings, reporter: Reporter, jobs: int = LANES) -> Report:
    """Play the scenarios that the settings name before one client, `jobs` at a time.

    An interrupt ends the run, and the report has what was found by then and says so. The time limit
    ends it too, and what was not played by then is unknown. `LaunchError` if the client cannot be
    launched.
    """
    filled_in(use.command, "127.0.0.1", 9)
    began = time.monotonic()
    interrupted = False
    course = Course(TimeLimit(settings.time_limit))
    waits = Waits(course.limit)
    lanes = Lanes(lambda: ClientPlayer(use, settings, course, waits), reporter, jobs, course, FIRST)
    try:
        with lanes:
            lanes.play(play for play in client_plays() if play.scenario.id in settings.scenarios)
    except KeyboardInterrupt:
        interrupted = True
    return report_of_client(
        lanes.results,
        settings,
        use=use,
        interrupted=interrupted,
        duration_s=time.monotonic() - began,
    )


def report_of_client(
    results: Sequence[ScenarioReport],
    settings: Settings,
    *,
    use: Use,
    interrupted: bool,
    duration_s: float,
) -> Report:
    """Put what was found of a client together, and say what it comes from."""
    report = summarise(
        results,
        settings.selected,
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
