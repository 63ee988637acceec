"""Runs a command whose controlling terminal is its standard input, as a shell does.

This is a process of its own, which becomes the command.
"""

import os
import sys
from importlib import import_module


def lead(command: list[str]) -> None:
    """Take the terminal for this session's, and become the command."""
    # To mypy on Windows these modules are empty.
    fcntl, termios = import_module("fcntl"), import_module("termios")
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execvp(command[0], command)  # noqa: S606  # the client is the user's own command


if __name__ == "__main__":
    lead(sys.argv[1:])
