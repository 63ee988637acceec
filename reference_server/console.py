"""The operator's console: reads commands from standard input, answers on standard output.

It is driven by whoever waits for input: octets in, and out comes whether to stop.
"""

import contextlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from chatproto.text import trim
from reference_server.server import ChatServer

PROMPT: Final = ">>> "
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"
HELP: Final = """\
quit      stop the server: members get what they are owed, then the end of stream
members   every member: its sender, its state, the octets waiting for it
help      this
"""


class Console:
    """Commands for one server, a line each."""

    def __init__(self, server: ChatServer) -> None:
        self._server = server
        self._unfinished = b""

    def prompt(self) -> None:
        _print(PROMPT)

    def receive(self, octets: bytes) -> bool:
        """Take what the operator typed and answer it; tells whether to stop."""
        *lines, self._unfinished = (self._unfinished + octets).split(b"\n")
        for line in lines:
            command = trim(line.decode(errors="replace"))
            if command == "quit":
                return True
            _print(self._answer(command))
            self.prompt()
        return False

    def _answer(self, command: str) -> str:
        match command:
            case "":
                return ""
            case "help":
                return HELP
            case "members":
                members = self._server.members()
                lines = [f"{who}  {state.name}  {backlog}\n" for who, state, backlog in members]
                return "".join(lines) or "no members\n"
            case _:
                return f"no such command: {command!r}; there are quit, members and help\n"


@contextmanager
def prompting(handler: "logging.StreamHandler[TextIO]") -> Iterator[None]:
    """While in it, on a terminal, a log line goes over the prompt, which comes again below it."""
    if not (handler.stream.isatty() and sys.stdout.isatty()):
        yield
        return
    handler.setFormatter(logging.Formatter(f"\r{LOG_FORMAT}"))
    handler.terminator = f"\n{PROMPT}"
    yield
    handler.terminator = "\n"


def _print(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it: no reason for a server to end
        sys.stdout.write(text)
        sys.stdout.flush()
