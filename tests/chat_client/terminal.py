"""The client at a pseudo-terminal, with an emulator that shows its screen."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import pyte

from tests.reference_server.peer import DEADLINE

_PROGRAM: Final = "import sys; {}; from chat_client.__main__ import main; sys.exit(main())"

CTRL_C: Final = "\x03"
CTRL_D: Final = "\x04"


class Terminal:
    """A user's terminal with the client on it. `octets` are all it was sent."""

    def __init__(self, *arguments: str, but: str = "pass", **environment: str) -> None:
        """Start the client, with a statement run first that makes it less patient."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
        self.screen = pyte.Screen(120, 30)
        self._stream = pyte.ByteStream(self.screen)
        self.octets = b""
        kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _PROGRAM.format(but), *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={
                **kept,
                "TERM": "xterm-256color",
                "PYTHONIOENCODING": "utf-8",
                # The emulator does not say where its cursor is.
                "PROMPT_TOOLKIT_NO_CPR": "1",
                **environment,
            },
            start_new_session=True,
        )
        os.close(slave)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    @property
    def edited(self) -> str:
        """The line with the cursor, as it is shown."""
        return self.screen.display[self.screen.cursor.y].rstrip()

    def wait(self, until: Callable[[], bool]) -> None:
        """Read until a condition holds."""
        deadline = time.monotonic() + DEADLINE
        while not until():
            left = deadline - time.monotonic()
            assert left > 0, self.text
            assert self._read(left), self.text

    def shows(self, *texts: str) -> None:
        """Wait until all these are on the screen."""
        self.wait(lambda: all(text in self.text for text in texts))

    def end(self) -> int:
        """Read to the end; return the exit status."""
        while self._read(DEADLINE):
            pass
        return self.process.wait(DEADLINE)

    def _read(self, timeout: float) -> bool:
        if not select.select([self._master], [], [], timeout)[0]:
            raise TimeoutError(self.text)
        try:
            octets = os.read(self._master, 65_536)
        except OSError:
            # What Linux says where the last process has left the terminal.
            return False
        self.octets += octets
        self._stream.feed(octets)
        return bool(octets)

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
