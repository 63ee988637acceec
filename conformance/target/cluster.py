"""The nodes of one room, launched by the suite: several processes of one command, each with its own
address and name, and before them the process that keeps their log."""

import os
import re
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from conformance.target.address import Address, SharedRoom, TcpAddress, UnixAddress
from conformance.target.partition import Partition
from conformance.target.process import LaunchError, Process
from conformance.target.profile import Cluster, Fault, Launch
from conformance.target.server import LaunchedServer

_ANY_PORT: Final = TcpAddress("127.0.0.1", 0)
_HOST_AND_PORT: Final = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d+)")
_COMMAND: Final = 30.0
"""Seconds that a command of the profile may take."""
_rooms = count(1)


@dataclass
class _Node:
    """One node: its process, its name, and its way to the log if that can be cut."""

    name: str
    server: LaunchedServer
    launch: Launch
    way: Partition | None
    replaced: list[LaunchedServer] = field(default_factory=list)
    paused: LaunchedServer | None = None


class LaunchedCluster:
    """The nodes of one room, each a `LaunchedServer`.

    `pid` is that of the first node, None if any node has ended. `poll` returns the status of one
    that has ended.
    """

    def __init__(self, launch: Launch, cluster: Cluster, asked: Address) -> None:
        addresses = asked.addresses if isinstance(asked, SharedRoom) else (asked,) * cluster.nodes
        self._cluster = cluster
        self._log: Process | None = None
        self._shared = SharedRoom(())
        self._is_broken_off = False
        room = f"room{os.getpid()}x{next(_rooms)}"
        self.nodes: list[_Node] = []
        for number, address in enumerate(addresses, 1):
            way = None if cluster.log is None else Partition(_HOST_AND_PORT.findall(cluster.log))
            name = f"n{number}"
            filled = _fill(launch, cluster.log, name, room, way)
            self.nodes.append(_Node(name, LaunchedServer(filled, address), filled, way))

    @property
    def address(self) -> SharedRoom:
        """The addresses of all nodes, as they are now."""
        now = tuple(_single(node.server.address) for node in self.nodes)
        self._shared = replace(self._shared, addresses=now)  # it knows where clients came from
        return self._shared

    @property
    def first(self) -> LaunchedServer:
        """The node on which scenarios about a single process are played."""
        return self.nodes[0].server

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that the profile knows how to inject."""
        return self._cluster.faults

    @property
    def can_cut(self) -> bool:
        """Whether the log is known, so that nodes can be cut off from it."""
        return self._cluster.log is not None

    @property
    def pid(self) -> int | None:
        pids = [node.server.pid for node in self.nodes]
        return None if None in pids else pids[0]

    def start(self) -> None:
        """Start the process that keeps the log, and all nodes; `LaunchError` if that fails."""
        is_first = self._log is None
        if self._cluster.before is not None and self._log is None:
            self._log = Process(Launch(command=self._cluster.before), _ANY_PORT)
        failure: LaunchError | None = None
        try:
            self._start_nodes()
        except LaunchError as error:
            failure = error
        if is_first or not self.faults:  # else a fault may have ended it
            failure = self._find_log_ended() or failure
        if failure is not None:
            raise failure

    def _find_log_ended(self) -> LaunchError | None:
        status = None if self._log is None else self._log.poll()
        if self._log is None or status is None:
            return None
        return LaunchError(
            f"the profile's cluster.before, {self._cluster.before!r}, ended with status {status}, "
            "and should run as long as the nodes do; it printed:\n"
            f"{self._log.output().strip() or 'nothing'}"
        )

    def _start_nodes(self) -> None:
        for node in self.nodes:
            if self._is_broken_off:
                raise LaunchError("the run was aborted")
            if node.server.pid is None:
                node.server.start()

    def kill(self, number: int) -> None:
        """End a node at once, as a power cut would."""
        self.nodes[number].server.close()

    def start_again(self, number: int) -> None:
        """Start a node that has ended on its address, or on another port if that is taken."""
        node = self.nodes[number]
        address = node.server.address
        elsewhere = replace(address, port=0) if isinstance(address, TcpAddress) else address
        try:
            node.server = LaunchedServer(node.launch, address)
            node.server.start()
        except LaunchError:
            node.server = LaunchedServer(node.launch, elsewhere)
            node.server.start()

    def pause(self, number: int) -> None:
        """Suspend a node; `LaunchError` if the system cannot."""
        node = self.nodes[number]
        _signal(node.server, "SIGSTOP")
        node.paused = node.server

    def resume(self, number: int) -> None:
        """Let a suspended node run again, even if another has taken its place."""
        node = self.nodes[number]
        if node.paused is not None:
            _signal(node.paused, "SIGCONT")
            node.paused = None

    def replace(self, number: int) -> None:
        """Start another process in a node's place, on a port of its own; the old one stays."""
        node = self.nodes[number]
        server = LaunchedServer(node.launch, _ANY_PORT)
        node.replaced.append(node.server)
        node.server = server
        server.start()

    def cut(self, number: int, *, wanted: bool) -> None:
        """Cut a node off from the log, or connect it again."""
        way = self.nodes[number].way
        assert way is not None
        if wanted:
            way.cut()
        else:
            way.heal()

    def heal(self) -> None:
        """Undo all faults of nodes; `start` starts those that have ended."""
        for number, node in enumerate(self.nodes):
            self.resume(number)
            if node.way is not None:
                node.way.heal()

    def poll(self) -> int | None:
        return next((one for node in self.nodes if (one := node.server.poll()) is not None), None)

    def wait(self, seconds: float) -> int | None:
        end = time.monotonic() + seconds
        for node in self.nodes:
            status = node.server.wait(max(0.0, end - time.monotonic()))
            if status is not None:
                return status
        return None

    def new_output(self) -> str:
        return "".join(node.server.new_output() for node in self.nodes)

    def close(self) -> None:
        """Kill all nodes, and the process that keeps their log."""
        with suppress(LaunchError):
            self.heal()
        for node in self.nodes:
            for server in (node.server, *node.replaced):
                server.close()
            node.replaced.clear()
            if node.way is not None:
                node.way.close()
        if self._log is not None:
            self._log.signal(signal.SIGTERM)  # what it has started it ends itself
            self._log.wait(_COMMAND / 10)
            self._log.end()
            self._log = None

    def break_off(self) -> None:
        """Kill all nodes, and start no other. Any thread may call this."""
        self._is_broken_off = True
        for node in self.nodes:
            for server in (node.server, *node.replaced):
                server.break_off()
        self.close()


def _signal(server: LaunchedServer, name: str) -> None:
    wanted = getattr(signal, name, None)
    end_group = getattr(os, "killpg", None)
    if wanted is None or end_group is None:
        raise LaunchError(f"this system has no {name}")
    if (pid := server.pid) is not None:
        with suppress(ProcessLookupError):
            end_group(pid, wanted)


def run_command(command: str) -> None:
    """Run a command of the profile to its end; `LaunchError` if it fails."""
    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, timeout=_COMMAND, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise LaunchError(f"{command!r} cannot be run: {error}") from None
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise LaunchError(f"{command!r} ended with status {done.returncode}: {said}")


def _fill(launch: Launch, log: str | None, name: str, room: str, way: Partition | None) -> Launch:
    """Fill in a node's own command, except {address} and the like, which its launch fills in."""
    command = launch.command.replace("{node}", name).replace("{room}", room)
    if log is not None and way is not None:
        ports = iter(way.listeners)
        near = _HOST_AND_PORT.sub(lambda _: "{}:{}".format(*next(ports)), log)
        command = command.replace("{log}", near)
    return launch.model_copy(update={"command": command})


def _single(address: Address) -> TcpAddress | UnixAddress:
    assert not isinstance(address, SharedRoom)
    return address
