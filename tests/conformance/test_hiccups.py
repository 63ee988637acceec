"""A machine that hiccups once is told from a server that lets its members wait."""

import sys
from pathlib import Path

import pytest

from tests.conformance.command import run

SERVER = """\
import sys, time
from conformance.specimens.base import BaseServer

class Hiccups(BaseServer):
    messages = 0

    def on_message(self, sender, text):
        Hiccups.messages += 1
        if self.messages in {times}:
            time.sleep(2.5)
        super().on_message(sender, text)

sys.exit(Hiccups(int(sys.argv[1])).serve())
"""
SCENARIO = "trn/a-dribbling-connection-delays-nobody"


@pytest.mark.parametrize(("times", "status"), [("{20}", 0), ("{20, 60}", 1)])
def test_what_only_took_too_long_is_played_once_more(
    times: str, status: int, tmp_path: Path
) -> None:
    server, kept = tmp_path / "server.py", tmp_path / "transcripts"
    server.write_text(SERVER.replace("{times}", times))
    launch = f"{sys.executable} {server} {{port}}"
    done = run("run", "--launch", launch, "--only", SCENARIO, "--transcripts", str(kept))
    assert done.returncode == status, done.stdout
    assert ("nobody having to wait" in done.stdout) == bool(status)
    assert ("when played again; at first, by TRN-1, it took " in done.stdout) != bool(status)
    [transcript] = kept.iterdir()
    assert run("judge", str(transcript)).returncode == status
