"""The suite's command, run within this process, or as a user would run it: in one of its own, which
takes a second of processor time longer to start."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from conformance.commands.cli import cli
from conformance.specimens import Specimen

DEADLINE: Final = 600.0
"""Seconds after which something hangs, on however busy a machine."""
REFERENCE: Final = f"{sys.executable} -m reference_server --listen {{address}} --heartbeat 1"


def specimen(name: str) -> str:
    """The command that launches a specimen."""
    return f"{sys.executable} -m conformance.specimens {name} {{port}}"


def told_of(one: Specimen, directory: Path) -> list[str]:
    """Return the options of `run` for a specimen: how to launch it, its dialect, and its capacity,
    which needs a profile, written there."""
    launch = ["--launch", specimen(one.name)]
    if one.profile is not None:
        return [*launch, "--profile", one.profile]
    if one.capacity is not None:
        profile = directory / f"{one.name}.toml"
        profile.write_text(f"[limits]\ncapacity = {one.capacity}\n")
        return [*launch, "--profile", str(profile)]
    return launch


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start the command; the caller waits for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "conformance", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, within this process."""
    usual = signal.getsignal(signal.SIGTERM)
    try:
        done = CliRunner().invoke(cli, arguments)
    finally:
        signal.signal(signal.SIGTERM, usual)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert not _breaks_down(done.output), done.output
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def run_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, in a process of its own."""
    with start(*arguments) as process:
        output, errors = process.communicate(timeout=DEADLINE)
    assert not _breaks_down(output + errors), output + errors
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def _breaks_down(said: str) -> bool:
    """Whether the suite printed a traceback of its own; what a server printed is indented."""
    return any(line.startswith("Traceback") for line in said.splitlines())
