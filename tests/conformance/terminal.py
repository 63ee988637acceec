"""The suite's command on a terminal: a pseudo-terminal, and an emulator that shows its screen."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pyte

from tests.conformance.command import DEADLINE

_TICK: Final = 0.05
_SCROLLED: Final = 10_000


class Terminal:
    """A terminal with a process on it. `octets` are all it was sent."""

    def __init__(self, arguments: tuple[str, ...], width: int, height: int) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.screen = pyte.HistoryScreen(width, height, history=_SCROLLED)
        self._stream = pyte.ByteStream(self.screen)
        self.octets = b""
        unset = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_INTERACTIVE"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "conformance", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environment, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
            start_new_session=True,
        )
        os.close(slave)

    def lines(self) -> list[str]:
        """What the screen shows."""
        return [line.rstrip() for line in self.screen.display]

    def everything(self) -> list[str]:
        """What scrolled off, and what the screen shows."""
        width = self.screen.columns
        above = [
            "".join(line[column].data for column in range(width)).rstrip()
            for line in self.screen.history.top
        ]
        return above + self.lines()

    def shows_cursor(self) -> bool:
        return not self.screen.cursor.hidden

    def wait(self, until: Callable[[], bool] | None = None) -> bool:
        """Read until a condition holds, or to the end; return whether it held."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            if until is not None and until():
                return True
            if not self._read():
                self.process.wait(DEADLINE)
                return until is None or until()
        raise TimeoutError("\n".join(self.lines()))

    def interrupt(self) -> None:
        """Do what Ctrl-C does: signal everything in the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        """Read what there is; return False at the end."""
        if not select.select([self._master], [], [], _TICK)[0]:
            return True
        try:
            octets = os.read(self._master, 1 << 16)
        except OSError:
            # What Linux says where the last process has left the terminal.
            return False
        self.octets += octets
        self._stream.feed(octets)
        return bool(octets)


@contextmanager
def terminal(*arguments: str, width: int = 80, height: int = 24) -> Iterator[Terminal]:
    """Run the command on a terminal of this size."""
    shown = Terminal(arguments, width, height)
    try:
        yield shown
    finally:
        shown.close()
