"""One lane's part of a run: reaching the target, starting a launched server again that has ended, a
stage for each scenario, and the judging of what it played."""

import math
import shlex
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from chatproto import __version__
from conformance.dialect import PLAIN
from conformance.driver.health_check import Aftermath
from conformance.driver.stage import Stage
from conformance.oracle import judge
from conformance.oracle.findings import Judgement
from conformance.report.known_failures import KnownFailures
from conformance.report.model import FOR_CLUSTERS, FOR_SERVERS, ScenarioReport
from conformance.runner.course import Course
from conformance.scenarios.registry import FIRST, Scenario
from conformance.standard.requirements import PROTOCOL, Scope
from conformance.target.address import Address, parse_address
from conformance.target.cluster import LaunchedCluster
from conformance.target.profile import Profile
from conformance.target.server import LaunchedServer
from conformance.target.usage import Monitor, ProcessFamily, Usage, together
from conformance.timing.patience import Patience
from conformance.timing.policy import DYING, HELD
from conformance.transcript.events import Event, Exited, Finish, Printed, Start
from conformance.transcript.files import keep


class Settings(BaseModel):
    """What a run was asked for.

    Findings about `requirements` count; the verdict is about those `selected`, and about whatever
    else was found broken. `examples`: how many programs are generated. `examples_asked`: they are
    generated even if a MUST has failed. `programs`: where programs are saved that break something.
    `isolate`: each scenario gets a new server. `time_limit`: the seconds that the run may take.
    `dead_peers`: peers vanish, and the server gets time to find them. `server`: the options that
    name the server. `known`: the known failures. `command`: the command that plays a scenario.
    """

    profile: Profile
    address: str
    seed: int = 0
    factor: float = 1.0
    requirements: frozenset[str] = frozenset()
    selected: frozenset[str] = frozenset()
    scenarios: frozenset[str] = frozenset()
    transcripts: Path | None = None
    isolate: bool = False
    examples: int = 0
    examples_asked: bool = False
    programs: Path = Path()
    time_limit: float = math.inf
    dead_peers: bool = False
    server: str = "…"
    known: KnownFailures = KnownFailures()
    command: str = "run"

    @property
    def kinds(self) -> frozenset[Scope]:
        """The kinds of requirements that apply to what is judged."""
        return FOR_CLUSTERS if self.is_clustered else FOR_SERVERS

    @property
    def is_clustered(self) -> bool:
        """Whether several nodes of one room are judged."""
        return self.profile.cluster is not None or " " in self.address

    def again(self, result: ScenarioReport) -> str:
        """Return the command that plays a scenario again, or performs its program."""
        if result.program is not None:
            path = shlex.quote(result.program.path)
            return f"chatproto-conformance replay {path} {self.server}"
        seed = f" --seed {self.seed}" if self.seed else ""
        asked = seed + (" --dead-peers" if self.dead_peers else "")
        return f"chatproto-conformance {self.command} {self.server}{asked} --only {result.id}"


def transcript_path(directory: Path, scenario: str) -> Path:
    """Return the path at which a run keeps the transcript of a scenario."""
    return directory / f"{scenario.replace('/', '.')}.jsonl"


class Session:
    """One lane's connection to the target during a run. Close it to end a launched server."""

    def __init__(self, settings: Settings, course: Course | None = None) -> None:
        self.settings = settings
        self.course = course or Course()
        self.server: LaunchedServer | LaunchedCluster | None = None
        self._address: Address = parse_address(settings.address)
        self._labels: list[str] = []
        self._words: list[str] = []
        self._played: Counter[str] = Counter()
        self._usages: list[Usage] = []
        self._zone: int | None = None
        self._is_sound = True
        self._is_broken_off = False
        self._monitor: Monitor | None = None
        self._family: ProcessFamily | None = None

    @contextmanager
    def stage(
        self, scenario: Scenario, leeway: float = 1.0, waits: Patience | None = None
    ) -> Iterator[Stage]:
        """Open a stage on a running server; `LaunchError` if it cannot be launched.

        Deadlines are multiplied by `leeway` and the run's factor. `waits`: how long to wait, if not
        as long as in the rest of the run.
        """
        address = self._reach()
        if isinstance(self.server, LaunchedCluster) and scenario.needs & {"launch", "capacity"}:
            address = self.server.first.address  # what concerns one process
        played = self._played[scenario.id]
        self._played[scenario.id] += 1
        start = replace(self._start(scenario), factor=self.settings.factor * leeway)
        waits = waits or self.course.waits
        stage = Stage(address, start, played, self.course.limit, waits)
        self._is_sound = True
        try:
            # Where its process may be ended and started again, nothing can be compared.
            with nullcontext() if "cluster" in scenario.needs else self._monitored():
                yield stage
            self._labels += stage.labels
            self._words.append(stage.nonce_stem)
            if not self._is_sound:
                self.close()
        finally:
            stage.close()

    @contextmanager
    def _monitored(self) -> Iterator[None]:
        if self.server is None or self.server.pid is None:
            self._monitor = None
            yield
            return
        if self._family is None or self._family.pid != self.server.pid:
            self._family = ProcessFamily(self.server.pid)
        with Monitor(self._family) as monitor:
            self._monitor = monitor
            yield
        if (usage := monitor.usage()) is not None:
            self._usages.append(usage)

    def take_usage(self) -> Usage | None:
        """Return what the server has used on the stages since the last call."""
        usage, self._usages = together(self._usages), []
        return usage

    def judge(self, stage: Stage) -> tuple[Judgement, list[Event]]:
        """Judge what was played.

        Returns:
            What the oracle found about the requirements asked for, and the transcript.
        """
        transcript = stage.transcript
        finish = transcript.pop()
        assert isinstance(finish, Finish)
        status = self._see_through(stage)
        if self.server is not None and (text := self.server.new_output()):
            transcript.append(Printed(stage.now(), text))
        if status is not None and not any(isinstance(event, Exited) for event in transcript):
            transcript.append(Exited(stage.now(), status))
        transcript.append(Finish(max(finish.t, transcript[-1].t), stage.interrupted))
        whole = judge(transcript)
        if whole.zone is not None:
            self._zone = whole.zone
        wanted = [one for one in whole.findings if one.requirement in self.settings.requirements]
        hasty = whole.hasty & self.settings.requirements
        return replace(whole, findings=wanted, hasty=hasty), transcript

    def _see_through(self, stage: Stage) -> int | None:
        """Let every client leave, and check that the server is still sound.

        What a scenario did to a launched server is attributed to that scenario, not to the next: a
        server that is no longer sound is replaced, and the transcript says how that showed.

        Returns:
            The exit status of a launched server that has ended; else None.
        """
        is_over, has_let_go = not stage.is_stuck, not any(stage.open_clients())
        aftermath = Aftermath(stage, holding=self.course.is_holding)
        if self._monitor is not None:
            self._monitor.look()
        leaving = aftermath.let_all_leave()
        self.course.held += aftermath.held
        if self.server is None:
            return None
        if not self.course.limit.left_to_play:
            return self.server.poll()
        if aftermath.held and stage.start.scenario == FIRST and len(self.settings.scenarios) > 1:
            # All others wait for this one, and those after it show what becomes of such a server.
            self._is_sound = False
            return self.server.poll()
        if self.course.is_spoilt_each_time:
            # It is replaced in any case; and who still holds somebody is alive.
            self._is_sound = False
            status = self.server.wait(HELD if aftermath.held else DYING)
        else:
            status = self._check(aftermath, has_let_go=has_let_go)
        self._is_sound = self._is_sound and status is None
        if not is_over or self._is_sound:
            return status
        if status is not None:
            stage.transcript.extend((*leaving, *aftermath.visits))
        elif not self.course.has_been_unsound:
            # Once is enough: it takes as long as patience lasts.
            self.course.has_been_unsound = True
            aftermath.show(leaving)
        return status

    def _check(self, aftermath: Aftermath, *, has_let_go: bool) -> int | None:
        """Check that the server is still sound; the exit status of one that has ended."""
        assert self.server is not None
        self._is_sound = aftermath.is_sound()
        self._labels += aftermath.visitors
        self._words += aftermath.words
        status = self.server.poll()
        if status is None and not aftermath.held and (has_let_go or not self._is_sound):
            # Where it has let go of everyone, or of newcomers, its process may be about to end.
            status = self.server.wait(DYING if has_let_go or aftermath.deserts else HELD)
        if aftermath.deserts is not None:
            is_deserted = aftermath.deserts and status is None
            self.course.deserted = self.course.deserted + 1 if is_deserted else 0
        return status

    def keep(self, scenario: Scenario, transcript: list[Event]) -> None:
        """Write a transcript, if transcripts are asked for and it can be written."""
        if self.settings.transcripts is not None:
            keep(transcript, transcript_path(self.settings.transcripts, scenario.id))

    def close(self) -> None:
        """Kill the server, if one was launched."""
        if self.server is not None:
            self.server.close()
            self._labels.clear()
            self._words.clear()

    def break_off(self) -> None:
        """Kill the server, and launch no other. Any thread may call this."""
        self._is_broken_off = True
        if self.server is not None:
            self.server.break_off()

    def _reach(self) -> Address:
        """Return the server's address, after starting a launched server that does not run."""
        launch = self.settings.profile.launch
        if launch is not None:
            if self.server is not None and self.server.pid is None:
                self.server.close()
                self.server = None
            if self.server is None:
                asked, cluster = parse_address(self.settings.address), self.settings.profile.cluster
                self.server = (
                    LaunchedServer(launch, asked)
                    if cluster is None
                    else LaunchedCluster(launch, cluster, asked)
                )
                if self._is_broken_off:
                    self.server.break_off()
                self.server.start()
            self._address = self.server.address
        return self._address

    def _start(self, scenario: Scenario) -> Start:
        profile = self.settings.profile
        launched = profile.launch is not None
        local = launched or self._address.is_local
        translated = profile.target.address_translation
        return Start(
            t=0.0,
            scenario=scenario.id,
            requirements=scenario.requirements,
            protocol=PROTOCOL,
            suite=__version__,
            seed=self.settings.seed,
            target=str(self._address),
            wall=time.time(),
            same_clock=local,
            exclusive=launched,
            addresses="translated" if translated else "same" if launched else "unsure",
            capacity=profile.limits.capacity,
            stops=profile.launch.stop if profile.launch is not None else (),
            factor=self.settings.factor,
            earlier=tuple(self._labels),
            words=tuple(self._words),
            zone=self._zone,
            dialect=None if profile.dialect == PLAIN else profile.dialect,
            broken=tuple(sorted(self.course.broken)),
        )
