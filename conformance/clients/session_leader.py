"""Runs a command with its standard input for its controlling terminal.

It runs as a process of its own, and becomes the command: what a shell does for a program.
"""

import os
import sys
from importlib import import_module


def lead(command: list[str]) -> None:
    """Become the command; what it has for a terminal is its own from now on."""
    # Typed as what Windows has, they would have nothing.
    fcntl, termios = import_module("fcntl"), import_module("termios")
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execvp(command[0], command)  # noqa: S606  # the client is the user's own command


if __name__ == "__main__":
    lead(sys.argv[1:])
