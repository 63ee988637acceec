"""Whatever a server does, a run ends at its time limit, or when it is told to, with a report."""

import json
import shlex
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from conformance.driver.interruption import OutOfTime
from conformance.driver.stage import Stage
from conformance.report.model import Report
from conformance.target.address import parse_address
from conformance.timing.limit import TimeLimit
from tests.conformance.command import run_process, start
from tests.conformance.scene import START

HOSTILE = ("floods", "sends garbage", "repeats itself", "reads no more")
NO_LIMIT = 120.0
"""Seconds that each of these would take longer than, or the machine is too busy to tell."""


def launch(how: str, *begun: Path) -> str:
    script = Path(__file__).with_name("hostile.py")
    return f"{sys.executable} {script} '{how}' {{port}} {shlex.join(map(str, begun))}"


@pytest.mark.parametrize("how", HOSTILE)
def test_a_run_ends_at_its_limit(how: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    began = time.monotonic()
    done = run_process(
        "run", "--launch", launch(how), "--time-limit", "4", "--json", str(path), "--quiet"
    )
    assert time.monotonic() - began < NO_LIMIT
    assert "Traceback" not in done.stdout + done.stderr
    report = Report.model_validate_json(path.read_text())
    reasons = [one.reason or "" for one in report.scenarios if one.status == "unknown"]
    assert any("time limit" in reason for reason in reasons)


@pytest.mark.parametrize("how", HOSTILE)
def test_a_signal_ends_it_with_a_report(how: str, tmp_path: Path) -> None:
    """Whatever the server does; how long a scenario before it lasts does not matter here."""
    path, begun = tmp_path / "r.json", tmp_path / "begun"
    with start("run", "--launch", launch(how, begun), "--json", str(path)) as process:
        while not begun.exists():
            assert process.poll() is None, "the run ended"
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert json.loads(path.read_text())["interrupted"]


def test_nothing_is_waited_for_beyond_the_limit() -> None:
    """Neither by a stage whose server answers nothing, nor once another thread ends the limit."""
    limit = TimeLimit(3600)
    stage = Stage(parse_address(START.target), START, limit=limit)
    threading.Timer(0.1, limit.end).start()
    with pytest.raises(OutOfTime):
        stage.let(lambda: False, NO_LIMIT)
    with pytest.raises(OutOfTime):
        stage.pass_time(NO_LIMIT)
    stage.close()


def test_a_part_of_the_limit_is_kept_for_the_report() -> None:
    limit = TimeLimit(60)
    assert 50 < limit.left_to_play < limit.left < 60
    limit.end()
    assert limit.left == limit.left_to_play == 0
