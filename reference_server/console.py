"""The operator's console: reads commands from standard input, answers on standard output.

It is driven by whoever waits for input: octets in, and out comes whether to stop.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from chatproto import State
from chatproto.text import trim

PROMPT: Final = ">>> "
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"
HELP: Final = """\
quit      stop the server: members get what they are owed, then the end of stream
members   every member: its sender, its state, the octets waiting for it
help      this
"""


class Console:
    """The console of one server, with a command a line; `members` returns every connection."""

    def __init__(self, members: Callable[[], list[tuple[str, State, int]]]) -> None:
        self._members = members
        self._unfinished = b""

    def prompt(self) -> None:
        _print(PROMPT)

    def receive(self, octets: bytes) -> bool:
        """Take what the operator typed and answer it; return whether to stop."""
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
                members = self._members()
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


@contextmanager
def logging_to_stderr(log: logging.Logger, level: str) -> "Iterator[logging.StreamHandler[TextIO]]":
    """While in it, a server's log goes to standard error, from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    log.addHandler(handler)
    log.setLevel(level)
    try:
        yield handler
    finally:
        log.removeHandler(handler)


def has_operator() -> bool:
    """Tell whether someone sits at standard input; where this was started with `&`, no one."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # no terminal, or closed
        return False


def _print(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it: no reason for a server to end
        sys.stdout.write(text)
        sys.stdout.flush()
