"""The server as a process of its own, and other programs at a pseudo-terminal."""

import os
import pty
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tests.reference_server.peer import DEADLINE


class ServerProcess:
    """`python -m reference_server`, its log collected; `addresses` once it listens.

    `within` is a command that runs commands, as `ip netns exec`.
    """

    def __init__(
        self,
        *options: str,
        stdin: int = subprocess.DEVNULL,
        listeners: int = 1,
        within: Sequence[str] = (),
    ) -> None:
        self.process = subprocess.Popen(
            [*within, sys.executable, "-W", "error", "-m", "reference_server", *options],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.log: list[str] = []
        self.addresses: list[str] = []
        assert self.process.stderr is not None
        while len(self.addresses) < listeners:
            line = self.process.stderr.readline().decode()
            assert line, self.log
            self.log.append(line)
            _, listens, address = line.strip().partition("listening on ")
            if listens:
                self.addresses.append(address)
        self._collector = threading.Thread(target=self._collect)
        self._collector.start()

    def _collect(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.decode())

    def wait(self) -> int:
        status = self.process.wait(DEADLINE)
        self._collector.join()
        assert not [line for line in self.log if "Traceback" in line or "Warning" in line]
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._collector.join()
        for stream in self.process.stdin, self.process.stdout, self.process.stderr:
            if stream is not None:
                stream.close()


class Terminal:
    """A program at a pseudo-terminal, as an operator or a member would run it."""

    def __init__(self, *command: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [shutil.which("setsid") or "setsid", "--ctty", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.shown = b""
        self._looked_at = 0

    def enter(self, octets: bytes) -> None:
        os.write(self._master, octets)

    def show_until(self, octets: bytes) -> None:
        """Read what the program shows until it shows this, after what an earlier call waited
        for."""
        deadline = time.monotonic() + DEADLINE
        while (found := self.shown.find(octets, self._looked_at)) < 0:
            assert select.select([self._master], [], [], deadline - time.monotonic())[0], self.shown
            self.shown += os.read(self._master, 4096)
        self._looked_at = found + len(octets)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)
