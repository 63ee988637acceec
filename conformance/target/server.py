"""The server under test, where the suite launches it: started, stopped, started again."""

import math
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, NoReturn

import psutil

from conformance.target.address import Address, TcpAddress
from conformance.target.interrupts import interrupts_later, let_interrupts_through
from conformance.target.listening import (
    hosts_listened_on,
    is_listened_on,
    reaches,
    who_answers,
    who_else_listens,
)
from conformance.target.process import LaunchError, Process, hint, was_launched_here
from conformance.target.profile import Launch, Way
from conformance.target.system import has_children
from conformance.timing.cpu_starvation import Starvation

_POLL: Final = 0.01
_CHILDREN_EVERY: Final = 5
"""Every how many looks the children of the process are looked for: that searches all processes."""
_LOOK_ONLY: Final = 1.0
"""Seconds in which the suite looks for a listening socket without connecting to it: some servers
break for good when a client comes and goes before the first scenario."""
_UNSEEN: Final = 5.0
"""The same, if the system's tables show no listener on the port. Most such servers are slow to
start; few listen without being shown."""
_PROMPT: Final = 0.5
_SLOWER: Final = 4
"""A second server may need so many times longer to be ready than the first one did; one that was
ready sooner counts as ready after `_PROMPT` seconds. On a busy machine no program starts as fast
each time."""


class LaunchedServer:
    """The server processes of a run, one after the other, on one address. Without a port in the
    address they get a free one."""

    def __init__(self, launch: Launch, asked: Address) -> None:
        let_interrupts_through()
        self.address = asked.with_free_port()
        self._asked = asked
        self._launch = launch
        self._process: Process | None = None
        self._passed_by: signal.Signals | None = None
        self._rival: Process | None = None
        self._is_broken_off = False
        self._was_started = False
        self._took = 0.0

    @property
    def pid(self) -> int | None:
        """The process id of the server, while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.id if self._process is not None and running else None

    def start(self) -> None:
        """Launch the server and wait until it listens; `LaunchError` if it does not.

        What an earlier server left behind is killed only afterwards: if it keeps this one from
        listening, that must show.
        """
        if not self._was_started:
            self._check_free()
        left = self._process
        try:
            with interrupts_later():
                self._process = None
                if left is not None and left.poll() is None:
                    left.end()
            self._launch_and_wait()
        finally:
            if left is not None:
                left.end()

    def _check_free(self) -> None:
        """Make sure that nobody listens on the address yet: another process would be judged in
        place of the launched one. Take another port if any will do, else raise `LaunchError`.

        This happens only before the first launch: a later listener may have been left behind by the
        server under test.
        """
        with suppress(OSError):
            while True:
                strangers = who_answers(self.address)
                elsewhere = self._asked.with_free_port()
                if elsewhere == self._asked:
                    self._refuse(strangers, "already")
                self.address = elsewhere
        self._was_started = True

    def _refuse(self, strangers: Sequence[psutil.Process], when: str) -> NoReturn:
        stranger = _in_words(strangers[0]) if strangers else "another process"
        raise LaunchError(
            f"{stranger} listens on {self.address} {when}, and would be judged in place of what is "
            "launched: end it, or leave the address out"
        )

    def start_elsewhere(self) -> bool:
        """Launch the server on another free port; return False if a certain port was asked for."""
        address = self._asked.with_free_port()
        if address == self._asked:
            return False
        self.address = address
        self.start()
        return True

    def _launch_and_wait(self) -> None:
        with interrupts_later():
            self._process = process = Process(self._launch, self.address)
        if self._is_broken_off:
            self.close()
            raise LaunchError("the run was aborted")
        self._passed_by = None
        # A machine that does not let it run is no reason to say that it does not start.
        began, starvation = time.monotonic(), Starvation([process.id])
        looks = 0
        while not self._listens(process, looks, time.monotonic() - began):
            looks += 1
            status = process.poll()
            if status is not None:
                problem = f"ended with status {status} before it listened on {self.address}"
                if daemons := process.offspring():
                    named = ", ".join(f"{one.pid} ({_name_of(one)})" for one in daemons)
                    problem += f", and left {named} behind: launch it in the foreground"
            elif time.monotonic() - began > self._launch.ready + starvation.longest_wait():
                problem = (
                    f"did not listen on {self.address} within {self._launch.ready:g} s; if it is "
                    "built first, build it before the run, or let the profile's launch.ready say "
                    "how long it may take"
                )
            else:
                time.sleep(_POLL)
                continue
            self._give_up(process, problem)
        self._took = max(self._took, time.monotonic() - began)

    def _give_up(self, process: Process, problem: str) -> NoReturn:
        output = process.output().strip()
        self.close()
        printed = f"it printed:\n{output}" if output else "it printed nothing"
        raise LaunchError(f"the server {problem}{self._hint()}; {printed}")

    def _hint(self) -> str:
        return "" if self._asked == self.address else hint(self._launch.command)

    def stop(self, way: Way) -> None:
        """Send the server the signal, or the console line, that stops it."""
        assert self._process is not None
        match way:
            case "sigterm":
                self._signal(self._process, signal.SIGTERM)
            case "sigint":
                self._signal(self._process, signal.SIGINT)
            case "console":
                self._process.write(b"quit\n")

    def _signal(self, process: Process, number: signal.Signals) -> None:
        """Signal the process that serves: the command may be a shell, `make` or `go run`, which
        pass no signal on."""
        serving = self._serving(process)
        if serving is None or serving.pid == process.id:
            process.signal(number)
            return
        self._passed_by = number
        with suppress(psutil.Error):
            serving.send_signal(number)

    def _serving(self, process: Process) -> psutil.Process | None:
        """Return the first that listens of a process and its descendants, if the system tells."""
        if not isinstance(self.address, TcpAddress):
            return None
        port = self.address.port
        family = _family_of(process.id, with_children=True)
        return next((one for one in family if hosts_listened_on([one], port)), None)

    def end_input(self) -> None:
        """Close the server's standard input."""
        assert self._process is not None
        self._process.end_input()

    def poll(self) -> int | None:
        """Return its exit status, negative if a signal ended it; None while it runs."""
        return None if self._process is None else self._status(self._process.poll())

    def wait(self, seconds: float) -> int | None:
        """Wait for the server to end; return its status, or None if it has not ended by then."""
        return None if self._process is None else self._status(self._process.wait(seconds))

    def _status(self, status: int | None) -> int | None:
        # What a shell or `make` says of a signal that ended what it started is its own affair.
        return -self._passed_by if status and self._passed_by is not None else status

    def run_rival(self, seconds: float) -> tuple[int | None, str]:
        """Launch a second server on the same address.

        Returns:
            Its exit status and its output. The status is None if it still ran after a multiple of
            the time that the first one took to be ready, and `seconds` more.
        """
        ready = min(self._launch.ready, _SLOWER * max(_PROMPT, self._took))
        try:
            with interrupts_later():
                self._rival = rival = Process(self._launch, self.address)
            return rival.wait(ready + seconds), rival.output()
        finally:
            self._end_rival()

    def _end_rival(self) -> None:
        with interrupts_later():
            rival, self._rival = self._rival, None
            if rival is not None:
                rival.end()

    def close(self) -> None:
        """Kill the server, if it runs."""
        with interrupts_later():
            process, self._process = self._process, None
            if process is not None:
                process.end()

    def break_off(self) -> None:
        """Kill the server, and launch no other. Any thread may call this."""
        self._is_broken_off = True
        self.close()
        self._end_rival()

    def new_output(self) -> str:
        """Return what the server printed since the last call."""
        return "" if self._process is None else self._process.new_output()

    def _listens(self, process: Process, looks: int, waited: float) -> bool:
        """Look for its socket in the system's tables; if they do not show it, connect."""
        if not isinstance(self.address, TcpAddress):
            return self._answers(process)
        port = self.address.port
        unseen = waited > min(_UNSEEN, self._launch.ready / 2)
        may_connect = unseen or (waited > _LOOK_ONLY and is_listened_on(port))
        all_of_it = may_connect or looks % _CHILDREN_EVERY == 0
        family = _family_of(process.id, with_children=all_of_it)
        hosts = hosts_listened_on(family, port)
        if any(reaches(host, self.address) for host in hosts):
            self._refuse_strangers(process, who_else_listens(family, self.address))
            return True
        if not may_connect:
            return False
        if self._answers(process):
            return True
        for host in hosts:
            elsewhere = replace(self.address, host=host)
            self._give_up(process, f"listens on {elsewhere}, and was asked for {self.address}")
        return False

    def _answers(self, process: Process) -> bool:
        try:
            listening = who_answers(self.address, _LOOK_ONLY)
        except OSError:
            return False
        if any(was_launched_here(one) and not process.has_started(one) for one in listening):
            return False  # An earlier server was left behind, and may hold the address.
        self._refuse_strangers(process, listening)
        return True

    def _refuse_strangers(self, process: Process, listening: Sequence[psutil.Process]) -> None:
        """Raise `LaunchError` where one that listens on the address was not launched. On a free
        port one that began later listens for what was, as a container's proxy does: who else would
        know the port?"""
        strangers = [one for one in listening if not was_launched_here(one)]
        if self._asked != self.address:
            began = _began(process.id)
            strangers = [one for one in strangers if _began(one.pid) < began]
        if strangers:
            self.close()
            self._refuse(strangers, "by now")


def _family_of(pid: int, *, with_children: bool) -> list[psutil.Process]:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        with_children = with_children and has_children(pid)
        return [process, *(process.children(recursive=True) if with_children else ())]
    return []


def _name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "gone"


def _in_words(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return f"process {process.pid} ({' '.join(process.cmdline())[:200]})"
    return f"process {process.pid}"


def _began(pid: int) -> float:
    """When a process began; of one that is gone, later than any."""
    with suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return math.inf
