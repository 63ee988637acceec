"""The server under test, where the suite launches it: started, stopped, started again.

A launched process has a process group of its own, ended whole by its id; what it prints is kept.
What it starts in other groups is found by a mark in its environment, and ended too.
"""

import atexit
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import psutil

from conformance.target import guardian
from conformance.target.address import Address, TcpAddress, UnixAddress
from conformance.target.listening import hosts_listened_on, may_be_listened_on, reaches, who_answers
from conformance.target.profile import Launch, Way
from conformance.target.system import end_group, group_of_its_own, has_children, read_at

_POLL: Final = 0.01
_CHILDREN_EVERY: Final = 5
"""Looks of which one is at what the process has started: all processes are searched for that."""
_LOOK_ONLY: Final = 1.0
"""Seconds in which a listening socket is looked for without connecting to it."""
_DISMISSED: Final = 0.5
"""Seconds that the guardian, or what a server has started, may take to end."""
_KILLED: Final = 5.0
"""Seconds that a process which was killed is waited for at most."""
_MARK: Final = "CHATPROTO_LAUNCHED"
"""The variable of the environment by which what a launched process has started is found."""
_MOST_OUTPUT: Final = 4_000
"""Characters of output that are kept of each end of it."""
_counter = count(1)


class LaunchError(Exception):
    """The server could not be launched; the message says why, and what it printed."""


def let_interrupts_through() -> None:
    """Let what is launched heed SIGINT though this process may have been told to ignore it.

    That is what a shell tells what it runs in the background; a server would inherit it, and could
    not be stopped in that way.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        with suppress(ValueError):  # a thread may not, and is not the first that launches
            signal.signal(signal.SIGINT, _ignore)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Unlike SIG_IGN, a handler is not inherited."""


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Let an interrupt wait: one that came between a launch and the note of it, or between the
    striking out of a process and its end, would leave one behind that nobody knows."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    usual = {number: signal.getsignal(number) for number in numbers}
    if threading.current_thread() is not threading.main_thread() or None in usual.values():
        yield
        return
    came: list[int] = []
    for number in numbers:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@cache
def _guardian() -> subprocess.Popen[bytes]:
    """The process that ends what was launched when this one is gone."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guardian.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **group_of_its_own(),
    )
    atexit.register(_dismiss, process)
    return process


def _dismiss(guard: subprocess.Popen[bytes]) -> None:
    assert guard.stdin is not None
    with suppress(OSError, subprocess.TimeoutExpired):
        guard.stdin.close()
        guard.wait(_DISMISSED)


def _tell_guardian(text: str) -> None:
    guard = _guardian()
    assert guard.stdin is not None
    with suppress(OSError):
        guard.stdin.write(f"{text}\n".encode())
        guard.stdin.flush()


class _Process:
    """One process, its standard input a pipe, its output a file."""

    def __init__(self, launch: Launch, address: Address) -> None:
        command = _command(launch.command, address)
        self._mark = f"{os.getpid()}-{next(_counter)}"
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # closed by end()
        self._told = 0
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                cwd=launch.directory,
                env={**os.environ, **launch.environment, _MARK: self._mark},
                **group_of_its_own(),
            )
        except (OSError, ValueError) as error:
            self._output.close()
            problem = f"cannot launch {launch.command!r}: {error}{_hint(launch.command)}"
            raise LaunchError(problem) from None
        _tell_guardian(f"+{self._popen.pid}")

    @property
    def id(self) -> int:
        return self._popen.pid

    def poll(self) -> int | None:
        return self._popen.poll()

    def wait(self, seconds: float) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self._popen.wait(seconds)
        return None

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def write(self, octets: bytes) -> None:
        assert self._popen.stdin is not None
        with suppress(OSError):
            self._popen.stdin.write(octets)
            self._popen.stdin.flush()

    def end_input(self) -> None:
        assert self._popen.stdin is not None
        with suppress(OSError):
            self._popen.stdin.close()

    def output(self) -> str:
        """All that it printed, or the two ends of much."""
        return _shortened(self._printed_since(0))

    def new_output(self) -> str:
        """What it printed since this was last asked, or the two ends of much."""
        printed = self._printed_since(self._told)
        self._told += len(printed)
        return _shortened(printed)

    def _printed_since(self, begin: int) -> bytes:
        return read_at(self._output, begin)

    def offspring(self) -> list[psutil.Process]:
        """What it started that is still there, in whatever group, where the system tells."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.pid != self._popen.pid and process.environ().get(_MARK) == self._mark:
                    found.append(process)
        return found

    def end(self) -> None:
        """Kill it, and whatever it started."""
        may_have_started = self.poll() is not None or has_children(self._popen.pid)
        end_group(self._popen.pid)
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_KILLED)
        offspring = self.offspring() if may_have_started else []
        for process in offspring:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(offspring, _DISMISSED)
        _tell_guardian(f"-{self._popen.pid}")
        self.end_input()
        self._output.close()


class LaunchedServer:
    """One server process after another, on one address, with any free port where none is asked
    for."""

    def __init__(self, launch: Launch, asked: Address) -> None:
        let_interrupts_through()
        self.address = asked.with_free_port()
        self._asked = asked
        self._launch = launch
        self._process: _Process | None = None
        self._rival: _Process | None = None
        self._is_broken_off = False
        self._was_started = False

    @property
    def pid(self) -> int | None:
        """The process id of the server, while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.id if self._process is not None and running else None

    def start(self) -> None:
        """Launch the server and wait until it listens; `LaunchError` where it does not.

        Of a server that ended by itself what it left behind is left until then: it may be what
        is in the way.
        """
        if not self._was_started:
            self._check_free()
        left = self._process
        try:
            with _interrupts_later():
                self._process = None
                if left is not None and left.poll() is None:
                    left.end()
            self._launch_anew()
        finally:
            if left is not None:
                left.end()

    def _check_free(self) -> None:
        """`LaunchError` where somebody else listens already: it would be judged in place of what is
        launched. What is in the way later may be what a server left behind."""
        if (stranger := who_answers(self.address)) is not None:
            raise LaunchError(
                f"{stranger} listens on {self.address} already, and would be judged in place of "
                "what is launched: end it, or leave the address out"
            )
        self._was_started = True

    def start_elsewhere(self) -> bool:
        """Launch the server on another port, if any will do; whether that is so."""
        address = self._asked.with_free_port()
        if address == self._asked:
            return False
        self.address = address
        self.start()
        return True

    def _launch_anew(self) -> None:
        with _interrupts_later():
            self._process = process = _Process(self._launch, self.address)
        if self._is_broken_off:
            self.close()
            raise LaunchError("the run was broken off")
        began = time.monotonic()
        looks = 0
        while not self._listens(process, looks, time.monotonic() - began > _LOOK_ONLY):
            looks += 1
            status = process.poll()
            if status is not None:
                problem = f"ended with status {status} before it listened on {self.address}"
                if daemons := process.offspring():
                    named = ", ".join(f"{one.pid} ({_name_of(one)})" for one in daemons)
                    problem += f", and left {named} behind: launch it in the foreground"
            elif time.monotonic() - began > self._launch.ready:
                problem = (
                    f"did not listen on {self.address} within {self._launch.ready:g} s; if it is "
                    "built first, build it before the run, or let the profile's launch.ready say "
                    "how long it may take"
                )
            else:
                time.sleep(_POLL)
                continue
            self._give_up(process, problem)

    def _give_up(self, process: _Process, problem: str) -> NoReturn:
        output = process.output().strip()
        self.close()
        printed = f"it printed:\n{output}" if output else "it printed nothing"
        raise LaunchError(f"the server {problem}{self._hint()}; {printed}")

    def _hint(self) -> str:
        return "" if self._asked == self.address else _hint(self._launch.command)

    def stop(self, way: Way) -> None:
        """Tell the server to stop."""
        assert self._process is not None
        match way:
            case "sigterm":
                self._process.signal(signal.SIGTERM)
            case "sigint":
                self._process.signal(signal.SIGINT)
            case "console":
                self._process.write(b"quit\n")

    def end_input(self) -> None:
        """Bring the server's standard input to its end."""
        assert self._process is not None
        self._process.end_input()

    def poll(self) -> int | None:
        """The status of a server that has ended; negative where a signal ended it."""
        return None if self._process is None else self._process.poll()

    def wait(self, seconds: float) -> int | None:
        """Wait for the server to end; its status, or None where it has not by then."""
        return None if self._process is None else self._process.wait(seconds)

    def run_rival(self, seconds: float) -> tuple[int | None, str]:
        """Launch a second server on the same address; its status, if it ended within so many
        seconds besides those it may take to be ready, and its output."""
        try:
            with _interrupts_later():
                self._rival = rival = _Process(self._launch, self.address)
            return rival.wait(self._launch.ready + seconds), rival.output()
        finally:
            self._end_rival()

    def _end_rival(self) -> None:
        with _interrupts_later():
            rival, self._rival = self._rival, None
            if rival is not None:
                rival.end()

    def close(self) -> None:
        """End the server, if it runs."""
        with _interrupts_later():
            process, self._process = self._process, None
            if process is not None:
                process.end()

    def break_off(self) -> None:
        """End the server, and launch no other; from any thread."""
        self._is_broken_off = True
        self.close()
        self._end_rival()

    def new_output(self) -> str:
        """What the server printed since this was last asked."""
        return "" if self._process is None else self._process.new_output()

    def _listens(self, process: _Process, looks: int, may_connect: bool) -> bool:
        """Look for the listening socket without disturbing it; if none shows, try it."""
        if not isinstance(self.address, TcpAddress):
            return self._can_connect()
        if not may_be_listened_on(self.address.port):
            return may_connect and self._can_connect()
        family = _family_of(process.id, with_children=looks % _CHILDREN_EVERY == 0)
        hosts = hosts_listened_on(family, self.address.port)
        if any(reaches(host, self.address) for host in hosts):
            return True
        if not may_connect:
            return False
        if self._can_connect():
            return True
        for host in hosts:
            elsewhere = replace(self.address, host=host)
            self._give_up(process, f"listens on {elsewhere}, and was asked for {self.address}")
        return False

    def _can_connect(self) -> bool:
        try:
            self.address.connect(_LOOK_ONLY).close()
        except OSError:
            return False
        return True


def _family_of(pid: int, *, with_children: bool) -> list[psutil.Process]:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *(process.children(recursive=True) if with_children else ())]
    return []


def _name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "gone"


def _shortened(output: bytes) -> str:
    text = output.decode(errors="replace")
    if len(text) <= 2 * _MOST_OUTPUT:
        return text
    return f"{text[:_MOST_OUTPUT]}\n…\n{text[-_MOST_OUTPUT:]}"


def _hint(template: str) -> str:
    """What to do about a command that cannot work as it stands."""
    words = template.split()
    if {"&&", "||", "|", ";", "cd"} & set(words) or "=" in words[0]:
        return (
            "; this is a shell's: write sh -c '…' around it, or use launch.directory and "
            "launch.environment of a profile"
        )
    if not any(field in template for field in ("{port}", "{path}", "{address}")):
        return (
            "; the command does not say where to listen: write {port} or {address} where the "
            "server takes it, or give TARGET, the address on which it listens by itself"
        )
    return ""


def _command(template: str, address: Address) -> list[str]:
    values = {"host": "", "port": "", "path": "", "address": str(address)}
    if isinstance(address, TcpAddress):
        values |= {"host": address.host, "port": str(address.port)}
    elif isinstance(address, UnixAddress):
        values["path"] = str(Path(address.path))
    try:
        command = [part.format(**values) for part in shlex.split(template)]
    except (KeyError, IndexError, ValueError) as error:
        raise LaunchError(
            f"{template!r} cannot be filled in ({error}): {{port}}, {{host}}, {{path}} and "
            "{address} stand for the address, and a brace of its own is written twice"
        ) from None
    if not command:
        raise LaunchError("the command to launch is empty")
    return command
