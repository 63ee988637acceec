"""chatproto-conformance: judge any server of chatproto/1 over a socket.

A command's module is imported only when the command is used, so that small ones start fast.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from chatproto import __version__
from conformance.commands.exit_statuses import BROKEN_DOWN, EPILOG
from conformance.commands.streams import open_closed_streams, tolerate_failing_streams
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
"""Maps each command to its function. The command's module has the command's name."""


def load(name: str) -> click.Command:
    """Import and return a command by its name."""
    found = getattr(import_module(f"conformance.commands.{name}"), COMMANDS[name])
    assert isinstance(found, click.Command)
    return found


class _Commands(click.Group):
    """The commands, in the order in which a user needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
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
    # After either signal a run still reports its results and ends the server it launched.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def main() -> None:
    """Run the command line.

    Exits with status 3 on an unexpected error, whose traceback is written to a file, and on an
    interrupt that comes before there is a result to report.
    """
    open_closed_streams()
    tolerate_failing_streams()
    _drop_invalid_width()
    raise_descriptor_limit()
    if not _has_directory():
        click.echo(
            "chatproto-conformance: the working directory no longer exists; change to another",
            err=True,
        )
        sys.exit(BROKEN_DOWN)
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("chatproto-conformance: interrupted before there was a result", err=True)
        sys.exit(BROKEN_DOWN)
    except Exception as error:
        click.echo(f"chatproto-conformance: {words_of_crash(error)}", err=True)
        sys.exit(BROKEN_DOWN)
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        _leave_lanes_behind()


def _leave_lanes_behind() -> None:
    """End at once if a lane still judges: a thread that the interpreter ends within compiled code
    may abort the process, and its status with it."""
    leaving = sys.exception()
    if not isinstance(leaving, SystemExit) or not isinstance(leaving.code, int):
        return
    if any(thread.name == "lane" for thread in threading.enumerate()):
        os._exit(leaving.code)


def _has_directory() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _drop_invalid_width() -> None:
    """Remove COLUMNS from the environment if it is not a width."""
    columns = os.environ.get("COLUMNS")
    if columns is not None and not (columns.isdecimal() and int(columns)):
        del os.environ["COLUMNS"]
