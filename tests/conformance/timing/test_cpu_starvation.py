"""Who stops late once, or on a machine that is busy with something else, is not late by itself."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.timing import cpu_starvation as starvation
from tests.conformance.command import run

_SERVER = """\
import sys, time
from pathlib import Path
from conformance.specimens.base import BaseServer

class StopsLateOnce(BaseServer):
    def status(self):
        try:
            Path({late!r}).unlink()
        except FileNotFoundError:
            return 0
        time.sleep(5)
        return 0

sys.exit(StopsLateOnce(int(sys.argv[1])).serve())
"""


@contextmanager
def busy(programs: int) -> Iterator[None]:
    """This many programs, each in a session of its own, take all the processor time they can
    get."""
    asked = [sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(asked, start_new_session=True) for _ in range(programs)]
    try:
        yield
    finally:
        for program in started:
            program.kill()
            program.wait()


@contextmanager
def running(code: str) -> Iterator[int]:
    """A process in a session of its own that runs this; its id, once it prints a line."""
    command = [sys.executable, "-c", f"print(flush=True)\n{code}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def test_on_a_busy_machine_who_wants_to_run_starves_and_who_sleeps_does_not() -> None:
    with (
        running("while True: pass") as runs,
        running("__import__('time').sleep(60)") as sleeps,
        busy(8 * (os.cpu_count() or 1)),
    ):
        starving, sleeping = starvation.Starvation([runs]), starvation.Starvation([sleeps])
        time.sleep(2)
        assert starving.leeway() > 1.5
        # Only there the kernel tells.
        if sys.platform.startswith("linux"):
            assert sleeping.leeway() == 1.0


@pytest.mark.parametrize(("times", "leeway"), [(1.0, 1.0), (3.9, 1.0), (6.0, 1.5), (99.0, 10.0)])
def test_deadlines_have_room_for_a_busy_machine(
    times: float, leeway: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starvation, "_slowdown", lambda: times)
    assert starvation.Starvation([]).leeway() == leeway


def test_who_stops_late_once_is_told_to_once_more(tmp_path: Path) -> None:
    server, late, profile = tmp_path / "server.py", tmp_path / "late", tmp_path / "profile.toml"
    late.touch()
    server.write_text(_SERVER.format(late=str(late)))
    command = f"{sys.executable} {server} {{port}}"
    profile.write_text(f'[launch]\ncommand = "{command}"\nstop = ["sigterm"]\n')
    done = run("run", "--profile", str(profile), "--only", "stop/the-address-is-free-at-once", "-v")
    assert done.returncode == 0, done.stdout
    assert "when played again; at first, by STOP-1, 5." in done.stdout


@pytest.mark.parametrize(
    ("ran", "waited", "starved"),
    [(0.1, 3.0, True), (0.0, 1.4, False), (3.0, 2.0, False), (1.0, 2.9, False), (1.0, 3.1, True)],
)
def test_who_wanted_to_run_and_hardly_did_was_starved(
    ran: float, waited: float, starved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not for a process that spins, however long it also waits."""
    thread, counts = Path("/proc/1/task/1"), [(5.0, 7.0), (5.0 + ran, 7.0 + waited)]
    monkeypatch.setattr(starvation.Starvation, "_counts", lambda _: iter([(thread, counts.pop(0))]))
    assert starvation.Starvation([1]).was_starved(3.0) is starved
