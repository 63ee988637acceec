"""Lets the whole suite judge a server, and leaves nothing unjudged."""

import json
import shlex
import sys
from pathlib import Path
from typing import Final

from tests.conformance import command

CAPACITY: Final = 260
"""Room for LIM-6's 256, and small enough for LIM-5 to fill."""


OPTIONS: Final = f"--listen {{address}} --heartbeat 1 --max-members {CAPACITY}"


def judge(server: Path, folder: Path, options: str = OPTIONS) -> None:
    """Run the suite against a server in one Python file, like `judge_launched`.

    Whatever the options, it has room for `CAPACITY` members, and a heartbeat.
    """
    judge_launched(f"{shlex.join([sys.executable, str(server)])} {options}", folder)


def judge_launched(launch: str, folder: Path) -> None:
    """Run the suite against it, without programs: every requirement passes, MUST and SHOULD."""
    profile, report = folder / "profile.toml", folder / "report.json"
    profile.write_text(
        f"[launch]\ncommand = {json.dumps(launch)}\n[limits]\ncapacity = {CAPACITY}\n"
    )
    told = ("--profile", str(profile), "--examples", "0", "-j", "4", "--json", str(report))
    limit = str(command.DEADLINE - 10.0)
    done = command.run("run", *told, "--time-limit", limit)
    assert done.returncode == 0, done.stdout + done.stderr
    requirements = json.loads(report.read_text())["requirements"]
    assert [each["id"] for each in requirements if each["status"] != "pass"] == [], done.stdout
