"""What a launched server keeps though it should not is seen in the report; no rule forbids it."""

import os
import subprocess
import sys
from pathlib import Path

from conformance.report.model import Report
from conformance.target.usage import Figures, Monitor, ProcessFamily
from tests.conformance.command import run, specimen

_TALK = "room/everyone-speaks-at-once"
"""One alone: after it a server that still holds leavers may be replaced, and looked at again."""
_MEMBERS = 11


def test_threads(tmp_path: Path) -> None:
    before, after = _figures("leaks-threads", tmp_path)
    assert after.threads - before.threads >= _MEMBERS


def test_descriptors(tmp_path: Path) -> None:
    before, after = _figures("leaks-descriptors", tmp_path)
    assert after.descriptors - before.descriptors >= _MEMBERS


def test_memory(tmp_path: Path) -> None:
    before, after = _figures("leaks-memory", tmp_path, only="lim/a-stalled-reader-is-disconnected")
    assert after.memory - before.memory > 4_000_000


def test_a_child_that_has_gone_hides_nothing() -> None:
    """The suite watches this process; a child of it ends right after it was found."""
    family = ProcessFamily(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in [process.pid for process in family.members()]
        child.kill()
    with Monitor(family) as monitor:
        pass
    usage = monitor.usage()
    assert usage is not None
    assert usage.after.memory > 0


def test_nothing(tmp_path: Path) -> None:
    before, after = _figures("correct", tmp_path)
    assert (after.threads, after.descriptors) == (before.threads, before.descriptors)


def _figures(name: str, directory: Path, only: str = _TALK) -> tuple[Figures, Figures]:
    """Return what the report says of a server before its members came and after they had gone."""
    report = directory / "report.json"
    run("run", "--launch", specimen(name), "--only", only, "--json", str(report))
    usage = Report.model_validate_json(report.read_text()).usage
    assert usage is not None
    return usage.before, usage.after
