"""The suite against nodes over a real engine, with faults: killed, paused, replaced, cut off."""

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.report.model import Report

PROFILE = """
name = "chatproto-cluster"

[launch]
command = '''{python} -m clustered_server --node {{node}} --room {{room}} --log {{log}}
             --listen {{address}} --replicas 1 --heartbeat 1'''

[cluster]
log = "{url}"
"""
SCENARIOS = (
    "clu/all-nodes-are-one-room",
    "clu/a-node-is-killed",
    "clu/a-node-is-paused",
    "clu/a-node-is-replaced",
    "clu/a-node-is-cut-off",
)


@pytest.mark.heavy
@pytest.mark.long
def test_whatever_befalls_a_node_the_nodes_are_one_room(engine_url: str, tmp_path: Path) -> None:
    profile, report = tmp_path / "cluster.toml", tmp_path / "report.json"
    profile.write_text(PROFILE.format(python=sys.executable, url=engine_url))
    command = [sys.executable, "-m", "conformance", "run", "--profile", str(profile)]
    command += ["--only", ",".join(SCENARIOS), "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    read = Report.model_validate_json(report.read_text())
    statuses = {one.id: one.status for one in read.requirements if one.id.startswith("CLU-")}
    assert statuses == {f"CLU-{number}": "pass" for number in range(1, 6)}
    faults = {one.fault for result in read.scenarios for one in result.outages}
    assert faults == {"killed", "paused", "replaced", "cut-off"}
