"""macOS and Windows: types hold there, and what a system lacks is done without."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from socket import gaierror
from types import SimpleNamespace

import pytest

from chat_client.address import ConnectError, connect
from chatproto.address import Unix
from tests.conformance.command import REFERENCE
from tests.evidence import ROOT

CHECKED = (
    "chatproto", "chat_client", "conformance", "pytest_chatproto", "examples/selectors_loop.py",
    "examples/asyncio_streams.py", "examples/asyncio_protocol.py",
)  # fmt: skip


@pytest.mark.heavy
@pytest.mark.long
@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_types_hold_on(platform: str) -> None:
    cache = ROOT / ".mypy_cache" / platform
    command = [sys.executable, "-m", "mypy", "--platform", platform, "--cache-dir", str(cache)]
    done = subprocess.run([*command, *CHECKED], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def bereft(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bereft", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, input=stdin, timeout=400
    )


@pytest.mark.long
def test_a_launched_server_is_judged_without_what_windows_lacks(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    only = "frm/one-line-in-many-segments,QUIT-5,STOP-1"
    asked = ("--only", only, "--time-limit", "300", "--json", str(report))
    done = bereft("conformance", "run", "--launch", REFERENCE, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    status = {one["id"]: one["status"] for one in json.loads(report.read_text())["requirements"]}
    assert status["QUIT-5"] == status["STOP-1"] == "pass"


def test_a_unix_domain_socket_is_refused_in_words() -> None:
    done = bereft("conformance", "run", "unix:/nowhere")
    assert done.returncode == 3
    assert "this system has no Unix-domain sockets" in done.stderr


def test_the_client_refuses_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_client.address.socket", SimpleNamespace(gaierror=gaierror))
    with pytest.raises(ConnectError, match="this system has no Unix-domain sockets"):
        asyncio.run(connect(Unix("/nowhere")))
