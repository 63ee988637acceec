"""The client under test as a process: start it, type into it, read from it, end it.

Its standard streams are a pseudo-terminal or pipes. It has its own process group, which is ended as
a whole.
"""

import os
import shlex
import shutil
import struct
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

import psutil

from conformance.target.process import LaunchError, start, tell_guardian
from conformance.target.system import end_group
from conformance.timing.cpu_starvation import Starvation
from conformance.transcript.events import Way

_UNSET: Final = (
    "PYTHONUNBUFFERED",  # it would hide a missing flush
    "PYTHONIOENCODING",
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "FORCE_COLOR",
)
_LEADER: Final = Path(__file__).with_name("session_leader.py")
"""This script is run, not imported: some systems lack the modules that it needs."""
_KILLED: Final = 5.0
_READ: Final = 1 << 16
KILL_LINE: Final = b"\x15"
"""Ctrl-U, which clears a line that was refused and stays in an editor."""
END_OF_INPUT: Final = b"\x04"


class ClientProgram:
    """The running process of one client."""

    def __init__(self, command: str, host: str, port: int, way: Way, size: tuple[int, int]) -> None:
        words = filled_in(command, host, port)
        environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
        environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
        self.way = way
        self._master = -1
        self._input: int | None = None
        self._unwritten = bytearray()
        self._ends = False
        self.outputs: dict[int, Literal["output", "errors"]] = {}
        slave = -1
        stream = subprocess.PIPE
        if way == "terminal":
            self._master, slave = _terminal(size)
            stream = slave
            words = [sys.executable, "-I", "-S", str(_LEADER), *words]
        try:
            self._popen, _ = start(words, environment, stdin=stream, stdout=stream, stderr=stream)
        except (OSError, ValueError) as error:
            raise LaunchError(f"cannot launch {command!r}: {error}") from None
        finally:
            if slave >= 0:
                os.close(slave)
        self._starvation = Starvation([self._popen.pid])
        self._look_after_streams()

    def _look_after_streams(self) -> None:
        if self._master >= 0:
            self._input = self._master
            self.outputs = {self._master: "output"}
            _make_non_blocking(self._master)
            return
        popen = self._popen
        assert popen.stdin is not None
        assert popen.stdout is not None
        assert popen.stderr is not None
        self._input = popen.stdin.fileno()
        _make_non_blocking(self._input)
        self.outputs = {popen.stdout.fileno(): "output", popen.stderr.fileno(): "errors"}

    @property
    def reads_input(self) -> bool:
        """Whether its input is still open."""
        return not self._ends

    def read(self, descriptor: int) -> bytes:
        """Read once from a descriptor of `outputs`; an empty read removes it from there."""
        try:
            octets = os.read(descriptor, _READ)
        except BlockingIOError:
            return b""
        except OSError:
            # On Linux, EIO means that the last process has left the terminal.
            octets = b""
        if not octets:
            del self.outputs[descriptor]
        return octets

    def write(self, octets: bytes) -> None:
        """Type octets. What the client does not read yet is kept for `flush`."""
        if self._input is not None and not self._ends:
            self._unwritten += octets
            self.flush()

    def flush(self) -> None:
        """Type what was kept, as far as the client reads it; then end its input if that is due."""
        if self._input is None:
            return
        try:
            while self._unwritten:
                del self._unwritten[: os.write(self._input, self._unwritten)]
        except BlockingIOError:
            return
        except OSError:
            self._unwritten.clear()
        if self._ends:
            self._input = None
            if self._popen.stdin is not None:
                with suppress(OSError):
                    self._popen.stdin.close()

    def end_input(self) -> None:
        """End its input; at a terminal, by pressing Ctrl-D."""
        if self.way == "terminal":
            self.write(END_OF_INPUT)
        self._ends = True
        self.flush()

    def press_end_of_input(self) -> None:
        """Press Ctrl-D once more, at a terminal."""
        if self._master >= 0:
            with suppress(OSError):
                os.write(self._master, END_OF_INPUT)

    def poll(self) -> int | None:
        """Return its exit status if it has ended; negative if a signal ended it."""
        return self._popen.poll()

    def processor_time(self) -> float:
        """Return the seconds of processor time that it and its children have used."""
        taken = 0.0
        with suppress(psutil.Error):
            process = psutil.Process(self._popen.pid)
            for one in (process, *process.children(recursive=True)):
                with suppress(psutil.Error):
                    times = one.cpu_times()
                    taken += times.user + times.system
        return taken

    def starved(self) -> float:
        """Return the seconds for which it was ready to run and had no processor."""
        return self._starvation.longest_wait()

    def kill(self) -> None:
        """Kill it and all processes that it started. Can be called from any thread."""
        end_group(self._popen.pid)

    def close(self) -> None:
        """Kill it and all processes that it started, and close its streams."""
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_KILLED)
        tell_guardian(f"-{self._popen.pid}")
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        self.outputs = {}
        self._input = None


def filled_in(command: str, host: str, port: int) -> list[str]:
    """Split a command into words and fill in the address; raises `LaunchError`."""
    try:
        words = [
            word.format(host=host, port=port, address=f"tcp://{host}:{port}")
            for word in shlex.split(command)
        ]
    except (KeyError, IndexError, ValueError) as error:
        raise LaunchError(
            f"cannot fill the address into {command!r} ({error}): {{host}}, {{port}} and "
            "{{address}} stand for it; write any other brace twice"
        ) from None
    if not words:
        raise LaunchError("the command to launch is empty")
    if not any(field in command for field in ("{port}", "{address}")):
        raise LaunchError(
            f"{command!r} has no place for the address: write {{host}} and {{port}}, or "
            "{address}, where the client expects them"
        )
    if shutil.which(words[0]) is None:
        raise LaunchError(f"cannot launch {command!r}: there is no program {words[0]!r}")
    return words


def _make_non_blocking(descriptor: int) -> None:
    if sys.platform != "win32":  # where a pipe always blocks
        os.set_blocking(descriptor, False)


def _terminal(size: tuple[int, int]) -> tuple[int, int]:
    """Open a pseudo-terminal of `size`, columns and rows; return its master and its slave."""
    try:
        pty, fcntl, termios = map(import_module, ("pty", "fcntl", "termios"))
    except ImportError:
        raise LaunchError("this system has no pseudo-terminals; use --pipe") from None
    master, slave = pty.openpty()
    columns, rows = size
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return int(master), int(slave)
