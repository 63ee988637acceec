"""chatproto-conformance judge: the run's own verdict, and none on what is no transcript."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.cli import cli
from conformance.transcript.events import Connected, Finish, Skipped
from conformance.transcript.files import write
from tests.conformance.command import run, specimen
from tests.conformance.scene import START

PUBLISHED = Path(__file__).parents[3] / "docs" / "transcript.schema.json"


def test_a_broken_transcript_is_judged_as_the_run_was(tmp_path: Path) -> None:
    done = run(
        "run", "--verbose", "--launch", specimen("one-read-one-message"),
        "--only", "frm/a-line-in-two-segments",
        "--transcripts", str(tmp_path), "--json", str(tmp_path / "r.json"),
    )  # fmt: skip
    assert done.returncode == 1
    again = run("judge", str(tmp_path / "frm.a-line-in-two-segments.jsonl"))
    assert again.returncode == 1
    expected = [line for line in again.stdout.splitlines() if line.startswith("  expected")]
    assert expected
    assert set(expected) <= set(done.stdout.splitlines())


def test_a_transcript_that_tells_nothing_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write([START, Skipped(0.1, "dialect", "it cannot be said"), Finish(0.2, None)], path)
    assert run("judge", str(path)).returncode == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"t": 1, "client": "c9", "octets": "", "event": "received"}', "c9 has not connected"),
        ('{"t": 1, "client": "c1", "octets": [["x", -1]], "event": "sent"}', "no piece of octets"),
        (
            '{"t": 1, "client": "c1", "octets": [["x", 9], ["x", 67108864]], "event": "sent"}',
            "more than 67108864 octets",
        ),
        (
            '{"t": 1, "client": "c1", "octets": "", "exercises": ["TRN-99"], "event": "sent"}',
            "there is no requirement TRN-99",
        ),
        ('{"t": Infinity, "client": "c1", "event": "ended"}', "less than or equal to"),
        ('{"t": 1, "client": "c1", "label": null, "event": "connected"}', "connected already"),
        ("[" * 100_000, "not an event"),
    ],
)
def test_what_cannot_have_happened(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write([START, Connected(0.1, "c1", None)], path)
    path.write_text(path.read_text() + line + "\n")
    done = CliRunner().invoke(cli, ["judge", str(path)])
    assert done.exit_code == 2
    assert "t.jsonl:3: not an event" in done.stderr
    assert said in done.stderr


def test_the_schema_of_transcripts_is_as_published() -> None:
    """docs/transcript.schema.json is what `judge --schema` prints."""
    shown = CliRunner().invoke(cli, ["judge", "--schema"]).output
    assert shown == PUBLISHED.read_text()


def test_no_transcript(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    assert "No such file" in run("judge", str(path)).stderr
    path.write_text("{}\n")
    done = run("judge", str(path))
    assert done.returncode == 2
    assert "t.jsonl:1: not an event" in done.stderr
    path.write_text('{"t": 1.0, "event": "finish"}\n')
    assert "its first event is not a start" in run("judge", str(path)).stderr
