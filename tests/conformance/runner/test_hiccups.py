"""A machine that hiccups, once or always, is told from a server that lets its members wait."""

import sys
from pathlib import Path

import pytest

from conformance.driver.stage import Stage
from conformance.timing.cpu_starvation import Starvation
from tests.conformance.command import run

pytestmark = pytest.mark.heavy

SERVER = """\
import sys, time
from pathlib import Path
from datetime import timedelta, timezone
from conformance.specimens.base import BaseServer

class Hiccups(BaseServer):
    messages = 0
    zone = timezone(timedelta(hours={east}))

    def on_octets(self, member, octets):
        self.lone = len(octets) == 1 and not member.tail
        super().on_octets(member, octets)
        if {when}:
            Path({slept!r}).touch()
            time.sleep({seconds})

    def on_message(self, sender, text):
        self.messages += 1
        super().on_message(sender, text)

sys.exit(Hiccups(int(sys.argv[1])).serve())
"""
SCENARIO = "trn/a-dribbling-connection-delays-nobody"


def hiccupping(directory: Path, when: str, seconds: float, east: int = 0) -> str:
    """A server that halts for this long at some messages, and then touches a file `slept`."""
    slept = str(directory / "slept")
    return SERVER.format(when=when, seconds=seconds, east=east, slept=slept)


@pytest.mark.parametrize(
    ("when", "seconds", "east", "status"),
    [
        pytest.param("self.messages == 20", 2.5, 0, 0, id="once"),
        pytest.param("self.messages == 20", 2.5, 2, 0, id="once, and its time is not UTC"),
        pytest.param("self.messages % 8 == 0", 0.7, 0, 0, id="now and then, dribbled to or not"),
        pytest.param("self.lone", 2.8, 0, 1, id="whenever somebody dribbles"),
    ],
)
def test_what_only_took_too_long_is_played_once_more(
    when: str, seconds: float, east: int, status: int, tmp_path: Path
) -> None:
    server, kept = tmp_path / "server.py", tmp_path / "transcripts"
    server.write_text(hiccupping(tmp_path, when, seconds, east))
    launch = f"{sys.executable} {server} {{port}}"
    done = run("run", "--launch", launch, "--only", SCENARIO, "--transcripts", str(kept), "-v")
    assert done.returncode == status, done.stdout
    assert ("no member delays another" in done.stdout) == bool(status)
    assert ("when played again; at first, by TRN-1, it took " in done.stdout) != bool(status)
    [transcript] = kept.iterdir()
    assert run("judge", str(transcript)).returncode == status


@pytest.mark.parametrize("busy", ["for the suite", "for the server", ""])
def test_what_was_waited_for_in_vain_is_played_again_on_a_busy_machine(
    busy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tmp_path / "server.py"
    once = f"self.messages == 20 and not Path({str(tmp_path / 'slept')!r}).exists()"
    server.write_text(hiccupping(tmp_path, once, 5.0))
    monkeypatch.setattr(Stage, "was_disturbed", busy == "for the suite")
    monkeypatch.setattr(Starvation, "was_starved", lambda *_: busy == "for the server")
    launch = f"{sys.executable} {server} {{port}}"
    done = run("run", "--launch", launch, "--only", SCENARIO, "-v")
    assert done.returncode == (0 if busy else 1), done.stdout
    assert ("when played again; at first, by TRN-1, " in done.stdout) == bool(busy)
