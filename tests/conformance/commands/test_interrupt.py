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
SPECIMENS = ("specimens", "-j", "2")
RUN = ("run", "--launch", SPECIMEN)
WORKERS = ("run", "-j", "2", "--launch", SPECIMEN)


@pytest.mark.parametrize(
    ("arguments", "end", "number", "status"),
    [
        (SPECIMENS, os.kill, signal.SIGINT, 3),
        (SPECIMENS, os.kill, signal.SIGTERM, 3),
        (SPECIMENS, os.killpg, signal.SIGINT, 3),
        (SPECIMENS, os.killpg, signal.SIGTERM, 3),
        (RUN, os.kill, signal.SIGTERM, 4),
        (WORKERS, os.killpg, signal.SIGINT, 4),
        (WORKERS, os.killpg, signal.SIGTERM, 4),
    ],
)
def test_an_interrupt_ends_all_at_once(
    arguments: Sequence[str], end: Callable[[int, int], None], number: signal.Signals, status: int
) -> None:
    """A terminal signals all processes of the command, another program the first alone."""
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


def test_what_judges_for_one_that_is_killed_ends_too() -> None:
    command = [sys.executable, "-m", "conformance", *SPECIMENS]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as judging:
        started = _family_with_a_specimen(judging.pid)
        judging.kill()
    _, alive = psutil.wait_procs(started, _PATIENCE)
    assert not alive


def _runs(process: psutil.Process) -> bool:
    """Whether it is still there; an ended process may wait for a slow init to reap it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _family_with_a_specimen(pid: int) -> list[psutil.Process]:
    """Return the processes that a command has started, as soon as a specimen is among them."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        family = psutil.Process(pid).children(recursive=True)
        for process in family:
            try:
                if "conformance.specimens" in process.cmdline():
                    return family
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.02)
    raise AssertionError("no specimen was launched")
