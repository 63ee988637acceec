"""What a scenario can do to the nodes of a room; each fault and its end enter the transcript."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from conformance.driver.interruption import Stuck, Unplayable
from conformance.driver.stage import Stage
from conformance.target.cluster import LaunchedCluster, run_command
from conformance.target.process import LaunchError
from conformance.target.profile import Fault
from conformance.transcript.events import KILLED, Faulted


class ManagedCluster:
    """The nodes of a stage's room, launched by the suite. `meanwhile` is called again and again
    while something takes time."""

    def __init__(self, stage: Stage, cluster: LaunchedCluster) -> None:
        self.meanwhile: Callable[[], None] = partial(stage.turn, 0.02)
        self._stage = stage
        self._cluster = cluster

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that the profile knows how to inject."""
        return self._cluster.faults

    @contextmanager
    def killed(self, node: int) -> Iterator[None]:
        """Kill a node; start it again after the block."""
        with self._faulted(KILLED, node):
            self._do(partial(self._cluster.kill, node))
            yield
            self._do(partial(self._cluster.start_again, node))
            self._stage.address = self._cluster.address

    @contextmanager
    def paused(self, node: int) -> Iterator[None]:
        """Suspend a node during the block."""
        with self._faulted("paused", node):
            self._do(partial(self._cluster.pause, node))
            yield
            self._do(partial(self._cluster.resume, node))

    @contextmanager
    def replaced(self, node: int) -> Iterator[None]:
        """Suspend a node, and start another process in its place; the suspended process goes on
        after the block."""
        with self._faulted("replaced", node):
            self._do(partial(self._cluster.pause, node))
            self._do(partial(self._cluster.replace, node))
            self._stage.address = self._cluster.address
            yield
            self._do(partial(self._cluster.resume, node))

    @contextmanager
    def cut_off(self, node: int) -> Iterator[None]:
        """Cut a node off from the log during the block."""
        if not self._cluster.can_cut:
            raise Unplayable("needs-log", "the profile does not say where the log is")
        with self._faulted("cut-off", node):
            self._cluster.cut(node, wanted=True)
            yield
            self._cluster.cut(node, wanted=False)

    @contextmanager
    def injected(self, fault: Fault) -> Iterator[None]:
        """Inject a fault of the profile, and heal it after the block."""
        with self._faulted(fault.name, None):
            self._do(partial(run_command, fault.inject))
            yield
            self._do(partial(run_command, fault.heal))

    @contextmanager
    def _faulted(self, name: str, node: int | None) -> Iterator[None]:
        stage = self._stage
        stage.record(Faulted(stage.now(), name, node, healed=False))
        yield
        stage.record(Faulted(stage.now(), name, node, healed=True))

    def _do(self, action: Callable[[], None]) -> None:
        """Do what takes time, while the room goes on."""
        failed: list[str] = []

        def run() -> None:
            try:
                action()
            except LaunchError as error:
                failed.append(str(error))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        while thread.is_alive():
            self.meanwhile()
        if failed:
            raise Stuck(failed[0])
