"""The server under test, where the suite launches it: started, stopped, started again.

A launched process has a process group of its own, ended whole by its id; what it prints is kept.
"""

import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

import psutil

from conformance.target.address import Address, TcpAddress
from conformance.target.profile import Launch, Way
from conformance.target.system import end_group, group_of_its_own

_POLL: Final = 0.01
_CHILDREN_EVERY: Final = 5
"""Looks of which one is at what the process has started: all processes are searched for that."""
_LOOK_ONLY: Final = 1.0
"""Seconds in which a listening socket is looked for without connecting to it."""


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


class _Process:
    """One process, its standard input a pipe, its output a file."""

    def __init__(self, launch: Launch, address: Address) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # closed by end()
        try:
            self._popen = subprocess.Popen(
                _command(launch.command, address),
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                cwd=launch.directory,
                env={**os.environ, **launch.environment},
                **group_of_its_own(),
            )
        except (OSError, ValueError) as error:
            self._output.close()
            raise LaunchError(f"cannot launch {launch.command!r}: {error}") from None

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
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def end(self) -> None:
        """Kill whatever is left of the process group."""
        end_group(self._popen.pid)
        self._popen.wait()
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
        self._is_broken_off = False

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
            elif time.monotonic() - began > self._launch.ready:
                problem = (
                    f"did not listen on {self.address} within {self._launch.ready:g} s "
                    "(the profile's launch.ready says how long it may take)"
                )
            else:
                time.sleep(_POLL)
                continue
            output = process.output().strip()[-2000:]
            self.close()
            printed = f"it printed:\n{output}" if output else "it printed nothing"
            raise LaunchError(f"the server {problem}; {printed}")

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
        rival = None
        try:
            with _interrupts_later():
                rival = _Process(self._launch, self.address)
            return rival.wait(self._launch.ready + seconds), rival.output()
        finally:
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

    def _listens(self, process: _Process, looks: int, may_connect: bool) -> bool:
        """Look for the listening socket without disturbing it; if none shows, try it."""
        if isinstance(self.address, TcpAddress) and _has_listener(
            process.id, self.address.port, of_children=looks % _CHILDREN_EVERY == 0
        ):
            return True
        if isinstance(self.address, TcpAddress) and not may_connect:
            return False
        try:
            self.address.connect(_LOOK_ONLY).close()
        except OSError:
            return False
        return True


def _has_listener(pid: int, port: int, *, of_children: bool) -> bool:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return _listens_itself(process, port) or (
            of_children
            and any(_listens_itself(one, port) for one in process.children(recursive=True))
        )
    return False


def _listens_itself(process: psutil.Process, port: int) -> bool:
    return any(
        connection.status == psutil.CONN_LISTEN
        and connection.laddr
        and connection.laddr.port == port
        for connection in process.net_connections("tcp")
    )


def _command(template: str, address: Address) -> list[str]:
    values = {"host": "", "port": "", "path": "", "address": str(address)}
    if isinstance(address, TcpAddress):
        values |= {"host": address.host, "port": str(address.port)}
    else:
        values["path"] = str(Path(address.path))
    try:
        return [part.format(**values) for part in shlex.split(template)]
    except (KeyError, IndexError, ValueError) as error:
        raise LaunchError(
            f"{template!r} cannot be filled in ({error}): {{port}}, {{host}}, {{path}} and "
            "{address} stand for the address, and a brace of its own is written twice"
        ) from None
