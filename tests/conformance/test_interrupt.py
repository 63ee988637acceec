"""Who breaks a command off, as soon as it has launched a server, waits for nothing, and leaves
nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import psutil
import pytest

_PATIENCE = 60.0
_AT_ONCE = 15.0


SPECIMEN = f"{sys.executable} -m conformance.specimens correct {{port}}"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("specimens", "-j", "2"), 1),
        (("run", "--launch", SPECIMEN), 4),
        (("run", "-j", "2", "--launch", SPECIMEN), 4),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("end", [os.kill, os.killpg])
def test_an_interrupt_ends_all_at_once(
    arguments: Sequence[str], status: int, number: signal.Signals, end: Callable[[int, int], None]
) -> None:
    """A terminal tells all processes of the command, another program the first alone."""
    command = [sys.executable, "-m", "conformance", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as judging:
        started = _family_with_a_specimen(judging.pid)
        end(judging.pid, number)
        said, _ = judging.communicate(timeout=_AT_ONCE)
    assert judging.returncode == status
    assert "Traceback" not in said
    end_of_patience = time.monotonic() + 1
    while any(map(_runs, started)) and time.monotonic() < end_of_patience:
        time.sleep(0.01)
    assert not [process for process in started if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    """Whether it is still there; what has ended may wait for a slow init to look at it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _family_with_a_specimen(pid: int) -> list[psutil.Process]:
    """The processes that a command has started, as soon as a specimen is among them."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        family = psutil.Process(pid).children(recursive=True)
        for process in family:
            try:
                if "conformance.specimens" in process.cmdline():
                    return family
            except psutil.NoSuchProcess:
                continue
    raise AssertionError("no specimen was launched")
