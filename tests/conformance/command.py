"""The suite's command, run as a user would run it: a process of its own."""

import subprocess
import sys
from typing import Final

DEADLINE: Final = 120.0
REFERENCE: Final = f"{sys.executable} -m reference_server --listen {{address}} --heartbeat 1"


def specimen(name: str) -> str:
    """The command that launches a specimen."""
    return f"{sys.executable} -m conformance.specimens {name} {{port}}"


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start the command; the caller waits for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "conformance", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    with start(*arguments) as process:
        output, errors = process.communicate(timeout=DEADLINE)
    assert "Traceback" not in output + errors, output + errors
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)
