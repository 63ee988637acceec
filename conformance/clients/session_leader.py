"""Runs a command with its standard input as the controlling terminal, as a shell does.

It runs as a separate process, which then becomes the command.
"""

import os
import sys
from importlib import import_module


def lead(command: list[str]) -> None:
    """Make the terminal the controlling one of this session, and become the command."""
    # On Windows mypy takes these modules for empty.
    fcntl, termios = import_module("fcntl"), import_module("termios")
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execvp(command[0], command)  # noqa: S606  # the client is the user's own command


if __name__ == "__main__":
    lead(sys.argv[1:])
