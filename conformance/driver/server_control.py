"""What a scenario can do to a launched server; all that happens to it enters the transcript."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final

import psutil

from conformance.driver.client import Client
from conformance.driver.interruption import Stuck, Unplayable
from conformance.driver.stage import Stage
from conformance.oracle.stops import was_killed
from conformance.standard.constants import DEAD_PEER, IDLE, STOP
from conformance.target.process import LaunchError
from conformance.target.profile import Way
from conformance.target.server import LaunchedServer
from conformance.target.system import is_connected
from conformance.target.usage import ProcessFamily
from conformance.timing.cpu_starvation import Starvation
from conformance.timing.policy import ABORT, REST, RESTS, STARVED_REST
from conformance.transcript.events import (
    Counted,
    Exited,
    Halted,
    InputEnded,
    Limited,
    Printed,
    Restarted,
    Rested,
    Rival,
    Running,
    Sought,
    Stopping,
)

_LOOK_EACH: Final = 0.5


class ManagedServer:
    """The server of a stage, launched by the suite. `leeway` is what the deadlines of its stops
    should be multiplied by, as far as they have shown."""

    def __init__(self, stage: Stage, server: LaunchedServer) -> None:
        self._stage = stage
        self._server = server
        self._frees_its_address = True
        self._starvation = Starvation(())
        self._connected = 0
        self._is_restless = False
        self.leeway = 1.0

    def stop(self, way: Way) -> None:
        """Tell the server to stop in this way."""
        pid = self._server.pid
        self._starvation = Starvation([] if pid is None else ProcessFamily(pid).pids())
        self._connected = self._count_connected()
        self._stage.record(Stopping(self._stage.now(), way))
        self._server.stop(way)

    def await_exit(self, way: Way) -> bool:
        """Let things happen until the server's process has ended, or is overdue.

        Returns:
            Whether the server offers this way of stopping. It does if it ended by itself; it does
            not if the signal killed it, or if it goes on.
        """
        stage = self._stage
        began = stage.now()

        def ended() -> bool:
            return self._server.poll() is not None

        stage.let(ended, STOP + ABORT * stage.start.factor)
        # Many servers read no console, and many have no handler for one of the signals.
        may_be_ending = way in stage.start.stops or self._count_connected() < self._connected
        if not ended() and (may_be_ending or way != "console"):
            # Who ends yet is late, or its machine is, which another play tells.
            self.leeway = max(self.leeway, self._starvation.leeway())
            if may_be_ending or self.leeway > 1:
                stage.let(ended, ABORT * (1 + self.leeway))
        status = self._server.poll()
        if status is None:
            stage.record(Running(stage.now(), stage.now() - began))
        else:
            if text := self._server.new_output():
                stage.record(Printed(stage.now(), text))
            stage.record(Exited(stage.now(), status))
            # What the server sent before it ended may still be on its way to the clients: a window
            # that was shut for long opens late.
            everyone = stage.open_clients
            stage.let(lambda: all(client.stalled for client in everyone()), stage.patience)
        return status is not None and not was_killed(way, status)

    @property
    def has_ended(self) -> bool:
        """Whether its process has ended, in whatever way."""
        return self._server.poll() is not None

    def _count_connected(self) -> int:
        return sum(1 for _ in self._stage.open_clients())

    def restart(self) -> None:
        """Launch the server again at once on the same address, or on another port if it does not
        come up there, or did not before; `Stuck` if neither works."""
        problem = None
        if self._frees_its_address:
            try:
                self._server.start()
            except LaunchError as error:
                self._frees_its_address, problem = False, str(error)
        self._stage.record(Restarted(self._stage.now(), problem))
        if not self._frees_its_address:
            self._move(f"the server could not be started again: {problem or 'as before'}")

    def _move(self, why: str) -> None:
        try:
            moved = self._server.start_elsewhere()
        except LaunchError:
            moved = False
        if not moved:
            raise Stuck(why)
        self._stage.address = self._server.address

    def run_rival(self) -> None:
        """Launch a second server on the address in use, and wait for it to give up."""
        seconds = STOP * self._stage.start.factor
        began = time.monotonic()
        try:
            status, output = self._server.run_rival(seconds)
        except LaunchError as error:
            raise Stuck(str(error)) from None
        self._stage.record(
            Rival(
                self._stage.now(),
                round(time.monotonic() - began, 3),
                status,
                output[-4000:],
                str(self._server.address),
            )
        )

    def rest(self) -> None:
        """Say nothing to the server for a moment, and record the processor time that it takes.

        At first it may still be busy with what was said before: if it takes much, it is measured
        again. Time for which the server was not let run does not count, and prolongs the moment:
        otherwise the little that a server does now and then would fill the rest. Of a server that
        ends meanwhile, what it took before counts, if it took much twice. A server that never
        rested once is measured only once the next time.
        """
        rests = list[Rested]()
        for _ in range(1 if self._is_restless else RESTS):
            rested = self._rest_once()
            if self._server.poll() is not None:
                break
            rests.append(rested)
            if rested.cpu_s < IDLE * rested.seconds:
                break
        else:
            self._is_restless = True
        if self._server.poll() is None or len(rests) > 1:
            self._stage.record(replace(rests[-1], t=self._stage.now()))

    def _rest_once(self) -> Rested:
        family, now = ProcessFamily(self._server.pid or 0), self._stage.now
        began, before, starvation = now(), family.cpu_s(), Starvation(family.pids())
        seconds = 0.0
        while seconds < REST and now() - began < STARVED_REST:
            self._stage.pass_time(REST - seconds)
            seconds = max(0.0, now() - began - starvation.longest_wait())
        return Rested(now(), round(seconds, 3), round(family.cpu_s() - before, 3))

    def let_miss(self, dead: Client) -> None:
        """Give the server time to find that a client has vanished, and record whether its system
        has ended the connection by then."""
        stage, source = self._stage, dead.source
        began = stage.now()
        while held := source is not None and is_connected(source):
            if (waited := stage.now() - began) >= DEAD_PEER * stage.start.factor:
                break
            stage.pass_time(min(_LOOK_EACH, waited + 0.01))
        stage.record(Sought(stage.now(), dead.name, stage.now() - began, not held))

    def count_descriptors(self, members: int, usual: int | None = None) -> int:
        """Record how many descriptors the server has open after so many members have come and gone.

        The server gets a while to come back to `usual`, with half a descriptor a member allowed.
        """
        family, most = ProcessFamily(self._server.pid or 0), math.inf if usual is None else usual
        self._stage.let(
            lambda: family.descriptors() < most + members / 2, self._stage.patience_to_leave
        )
        opened = family.descriptors()
        self._stage.record(Counted(self._stage.now(), members, opened))
        return opened

    @contextmanager
    def without_descriptors(self) -> Iterator[int]:
        """Keep the server from opening more descriptors during the block; yields how many it can
        open all the same."""
        with ExitStack() as limits:
            try:
                family = ProcessFamily(self._server.pid or 0)
                gaps = limits.enter_context(family.without_descriptors())
            except (OSError, psutil.Error) as error:
                raise Unplayable("needs-launch", str(error)) from None
            self._stage.record(Limited(self._stage.now(), ended=False))
            yield gaps
        self._stage.record(Limited(self._stage.now(), ended=True))

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Suspend the server during the block: what is sent to it waits in its system."""
        with ExitStack() as halts:
            try:
                halts.enter_context(ProcessFamily(self._server.pid or 0).halted())
            except psutil.Error as error:
                raise Unplayable("needs-launch", str(error)) from None
            self._stage.record(Halted(self._stage.now(), ended=False))
            yield
        self._stage.record(Halted(self._stage.now(), ended=True))

    def end_input(self) -> None:
        """End the server's standard input."""
        self._server.end_input()
        self._stage.record(InputEnded(self._stage.now()))
