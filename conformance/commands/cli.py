"""chatproto-conformance: judge any server of chatproto/1 over a socket.

A command is imported only when it is used, so the small ones start at once.
"""

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from chatproto import __version__
from conformance.commands.exit_statuses import BROKEN_DOWN, EPILOG
from conformance.commands.streams import open_what_is_closed, tolerate_what_fails
from conformance.runner.crash import words_of_crash
from conformance.target.system import raise_descriptor_limit

COMMANDS: Final = {
    "run": "run",
    "clients": "clients",
    "learn": "learn",
    "probe": "probe",
    "profiles": "profiles",
    "list": "list_",
    "explain": "explain",
    "watch": "watch",
    "judge": "judge",
    "replay": "replay",
    "report": "report",
    "specimens": "specimens",
}
"""The function of each command, by the name of the command and of its module."""


def load(name: str) -> click.Command:
    """Return the command of that name."""
    found = getattr(import_module(f"conformance.commands.{name}"), COMMANDS[name])
    assert isinstance(found, click.Command)
    return found


class _Commands(click.Group):
    """The commands, in the order in which a user needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return load(cmd_name) if cmd_name in COMMANDS else None


@click.group(cls=_Commands, epilog=EPILOG)
@click.version_option(__version__, package_name="chatproto-1")
def cli() -> None:
    """Judge any chat server that claims chatproto/1, over a socket.

    \b
    chatproto-conformance run tcp://127.0.0.1:9999
    chatproto-conformance run --launch "python server.py {port}"
    chatproto-conformance explain QUIT-3
    """
    # Ended by either signal, a run reports what it has, and leaves no server behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def main() -> None:
    """Run the command line. An unexpected error is written to a file and ends it with status 3, as
    an interrupt does that comes before there is anything to report."""
    open_what_is_closed()
    tolerate_what_fails()
    _mend_the_width()
    raise_descriptor_limit()
    if not _has_directory():
        click.echo(
            "chatproto-conformance: the directory that this runs in is gone: change to another",
            err=True,
        )
        sys.exit(BROKEN_DOWN)
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("chatproto-conformance: broken off before there was a result", err=True)
        sys.exit(BROKEN_DOWN)
    except Exception as error:
        click.echo(f"chatproto-conformance: {words_of_crash(error)}", err=True)
        sys.exit(BROKEN_DOWN)
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()


def _has_directory() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _mend_the_width() -> None:
    """Remove COLUMNS from the environment if it is not a width."""
    columns = os.environ.get("COLUMNS")
    if columns is not None and not (columns.isdecimal() and int(columns)):
        del os.environ["COLUMNS"]
