"""One launched process: its group, its mark, its standard input, and what it printed.

It has a process group of its own, which is killed as a whole. Processes that it starts in other
groups are found by a mark that they inherit, and killed too. If the suite itself is killed, a
guardian kills them all.
"""

import atexit
import errno
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import IO, Final

import psutil

from conformance.target import guardian
from conformance.target.address import Address, TcpAddress, UnixAddress
from conformance.target.profile import Launch
from conformance.target.system import (
    end_group,
    group_of_its_own,
    has_children,
    inherited_limit,
    read_at,
)

_DISMISSED: Final = 0.5
"""Seconds that the guardian, and processes that a server has started, may take to end."""
_KILLED: Final = 5.0
"""Seconds to wait for a killed process at most."""
_LINUX: Final[bool] = sys.platform.startswith("linux")
_MARKS: Final = 1 << 32
"""Marks of one suite, one for each launch."""
_MOST_OUTPUT: Final = 4_000
"""Characters of output that are kept of its beginning, and of its end."""
_counter = count(1)


class LaunchError(Exception):
    """The server could not be launched; the message says why, and what it printed."""


class Process:
    """One process whose standard input is a pipe and whose output is a file."""

    def __init__(self, launch: Launch, address: Address) -> None:
        command = _command(launch.command, address)
        self._output = _file_for_output()
        self._shown = 0
        try:
            self._popen, self._mark = start(
                command,
                {**os.environ, **launch.environment},
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                directory=launch.directory,
            )
        except (OSError, ValueError) as error:
            self._output.close()
            problem = f"cannot launch {launch.command!r}: {error}{hint(launch.command)}"
            raise LaunchError(problem) from None

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
        """Return what it printed; if that is much, its beginning and its end."""
        return _shortened(self._printed_since(0))

    def new_output(self) -> str:
        """Return what it printed since the last call; if that is much, its beginning and its
        end."""
        printed = self._printed_since(self._shown)
        self._shown += len(printed)
        return _shortened(printed)

    def _printed_since(self, begin: int) -> bytes:
        return read_at(self._output, begin)

    def has_started(self, process: psutil.Process) -> bool:
        """Whether another process is this one, or descends from it."""
        return self._mark in _found_on(process)

    def offspring(self) -> list[psutil.Process]:
        """Find the processes that it started, in any group, and that still run."""
        return [one for one in _marked(self._mark) if one.pid != self._popen.pid]

    def end(self) -> None:
        """Kill it and everything that it started."""
        may_have_started = self.poll() is not None or has_children(self._popen.pid)
        end_group(self._popen.pid)
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_KILLED)
        offspring = self.offspring() if may_have_started else []
        for process in offspring:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(offspring, _DISMISSED)
        tell_guardian(f"-{self._popen.pid}")
        self.end_input()
        self._output.close()


def _file_for_output() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        raise LaunchError(f"there is no place for what the server prints: {error}") from None


def marks_of(suite: int) -> range:
    """Return the marks of what a process, by its id, launches. As limits, these are of 100,000
    years."""
    first = 1 << 62 | suite << 32
    return range(first, first + _MARKS)


def was_launched_here(process: psutil.Process) -> bool:
    """Whether a process, or one that it descends from, was launched by this one."""
    return any(mark in marks_of(os.getpid()) for mark in _found_on(process))


def _marked(mark: int) -> list[psutil.Process]:
    """Return the processes that run with this mark."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if mark in _found_on(process) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _found_on(process: psutil.Process) -> list[int]:
    """Return the marks that a process has, if the system tells."""
    with suppress(psutil.Error, OSError, ValueError):
        if _LINUX:
            return list(guardian.marks_of(process.pid))
        return [int(mark) for name, mark in process.environ().items() if name == guardian.VARIABLE]
    return []


def start(
    command: list[str],
    environment: dict[str, str],
    *,
    stdin: int,
    stdout: int | IO[bytes],
    stderr: int,
    directory: Path | None = None,
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a process in a group of its own, and tell the guardian.

    Args:
        command: Its words.
        environment: Its environment, where its mark is added.
        stdin: What it reads; this and the next two as `subprocess.Popen` has them.
        stdout: Where it prints.
        stderr: Where it prints errors.
        directory: Where it runs; None for where this process does.

    Returns:
        The process, and its mark. Once it is gone, say so by `tell_guardian`.
    """
    _guardian()
    mark = marks_of(os.getpid())[next(_counter)]
    with inherited_limit(mark):
        process = subprocess.Popen(
            command,
            env={**environment, guardian.VARIABLE: str(mark)},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=directory,
            close_fds=False,  # The suite's close when the program begins; see the guardian.
            **group_of_its_own(),
        )
    tell_guardian(f"+{process.pid}")
    return process, mark


@cache
def _guardian() -> subprocess.Popen[bytes]:
    """Start the process that kills what was launched once this one is gone."""
    marks = marks_of(os.getpid())
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guardian.__file__, str(marks.start), str(marks.stop)],
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


def tell_guardian(text: str) -> None:
    """Tell the guardian of a process group: `+ID` if it lives, `-ID` if it is gone."""
    guard = _guardian()
    assert guard.stdin is not None
    with suppress(OSError):
        guard.stdin.write(f"{text}\n".encode())
        guard.stdin.flush()


def _shortened(output: bytes) -> str:
    text = output.decode(errors="replace")
    if len(text) <= 2 * _MOST_OUTPUT:
        return text
    return f"{text[:_MOST_OUTPUT]}\n…\n{text[-_MOST_OUTPUT:]}"


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
            "{address} stand for the address, and a literal brace is written twice"
        ) from None
    if not command:
        raise LaunchError(
            "the command to launch is empty: give one such as 'python server.py {port}'"
        )
    return command


def hint(template: str) -> str:
    """Say what to do about a command that cannot work as it stands."""
    words = template.split()
    if {"&&", "||", "|", ";", "cd"} & set(words) or "=" in words[0]:
        return (
            "; this needs a shell: write sh -c '…' around it, or use launch.directory and "
            "launch.environment of a profile"
        )
    if not any(field in template for field in ("{port}", "{path}", "{address}")):
        return (
            "; the command does not say where to listen: write {port} or {address} where the "
            "server takes it, or give TARGET, the address on which it listens by default"
        )
    return ""
