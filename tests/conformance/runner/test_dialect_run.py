"""A run in a dialect: what is declared fails once and is marked, what goes beyond it is found."""

import json
import re
from pathlib import Path

import pytest

from conformance.output.html import render_page
from conformance.output.markdown import render_markdown
from conformance.report.comparison import Status, compare, load_report
from conformance.specimens import CATALOGUE
from tests.conformance.command import run, specimen

SHORT = "sanity/first,frm/many-lines-in-one-segment,quit/quit-leaves"
"""The first is played in all dialects, the second in none by read, the third in all with a word."""

CROWD = "room/everyone-speaks-at-once"


def in_dialect(name: str, profile: str, *options: str) -> tuple[int, str]:
    done = run("run", "--profile", profile, "--launch", specimen(name), *options)
    return done.returncode, done.stdout + done.stderr


def test_what_is_declared_fails_once_and_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    status, said = in_dialect("ack", "ack", "--only", f"{SHORT},MSG-1", "--json", str(path))
    assert status == 1
    assert "skip    frm/many-lines-in-one-segment  FRM-1 ROOM-2  0.00 s  declared" not in said
    assert 'declared  FRM-1 MUST — Segmentation has no meaning: framing = "read"' in said
    assert said.count("declared  FRM-1") == 1
    assert "ack: non-conformant, conformant except for declared failures" in said
    report = json.loads(path.read_text())
    assert report["verdict"] == "non-conformant"
    assert report["otherwise"] == "conformant"
    [frm_1] = [one for one in report["requirements"] if one["id"] == "FRM-1"]
    assert frm_1["status"] == "fail"
    assert frm_1["declared"] == ['framing = "read"']
    assert not frm_1["undeclared"]
    assert not [one for result in report["scenarios"] for one in result["findings"]]
    comparison = compare([load_report(path)])
    statuses = {row.id: row.cells[0].status for row in comparison.rows}
    assert statuses["FRM-1"] is Status.DECLARED
    assert statuses["QUIT-1"] is Status.PASS
    markdown = render_markdown(comparison)
    assert "◇ **FRM-1** Segmentation has no meaning: fail, declared" in markdown
    assert 'declared: framing = "read"' in markdown
    page = render_page(comparison)
    assert "fail, declared" in page
    assert "declared: framing = &#34;read&#34;" in page


def test_declared_departures_can_be_accepted() -> None:
    assert in_dialect("ack", "ack", "--only", SHORT, "--accept-declared")[0] == 0
    status, said = in_dialect("ack", "ack", "--only", SHORT, "--accept-declared", "--quiet")
    assert status == 0
    assert "declared  FRM-1" in said


def test_what_goes_beyond_the_dialect_is_found_for_all_that_is_declared() -> None:
    options = ("--only", "quit/quit-leaves,sanity/first", "--accept-declared", "--verbose")
    status, said = in_dialect("close-answer-resets", "close-answer", *options)
    assert status == 1
    assert "QUIT-3 MUST" in said
    assert "close-answer: non-conformant, with undeclared failures" in said
    status, said = in_dialect("bare-relay-loses", "bare-relay", "--only", CROWD, "--verbose")
    assert status == 1
    assert (
        "declared  ROOM-2 MUST — Each message is broadcast once, to every member: echo = false, "
        in said
    )
    assert "and more is broken" in said


def test_a_server_that_does_not_speak_its_profile_is_found_out() -> None:
    status, said = in_dialect("correct", "names", "--only", "sanity/first", "--accept-declared")
    assert status == 4
    assert "the prompt did not come" in said
    status, said = in_dialect("slash-dates", "stage-2", "--only", "sanity/first", "-v")
    assert status == 1
    assert re.search(r"MSG-1 MUST.*actual +it after '\d{4}/\d\d/\d\d ", said, re.DOTALL)


@pytest.mark.parametrize("name", ["ack", "bare-relay", "names", "bare-relay-loses"])
def test_a_transcript_is_judged_in_its_dialect(name: str, tmp_path: Path) -> None:
    profile = CATALOGUE[name].profile
    assert profile is not None
    in_dialect(name, profile, "--only", CROWD, "--transcripts", str(tmp_path))
    done = run("judge", str(tmp_path / "room.everyone-speaks-at-once.jsonl"))
    assert done.returncode == (0 if CATALOGUE[name].legal else 1), done.stdout


def test_known_failures_are_beside_what_is_declared(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    options = ("--only", "quit/quit-leaves,sanity/first")
    name, profile = "close-answer-resets", "close-answer"
    in_dialect(name, profile, *options, "--write-known-failures", str(path))
    assert 'requirement = "QUIT-3"' in path.read_text()
    assert 'requirement = "QUIT-1"' not in path.read_text()
    assert in_dialect(name, profile, *options, "--known-failures", str(path))[0] == 0


def test_programs_are_performed_in_a_dialect() -> None:
    options = ("--only", "gen/programs", "--examples", "3", "--accept-declared")
    for name in ("bare-quit", "names"):
        status, said = in_dialect(name, name, *options)
        assert status == 0, said


def test_the_profiles_are_listed_and_shown(tmp_path: Path) -> None:
    listed = run("profiles")
    assert "ack  each read after `Ack: `" in listed.stdout
    assert "departs from FRM-1" in listed.stdout
    shown = run("profiles", "ack")
    path = tmp_path / "mine.toml"
    path.write_text(shown.stdout)
    assert in_dialect("ack", str(path), "--only", "sanity/first", "--accept-declared")[0] == 0
    wrong = run("profiles", "akc")
    assert wrong.returncode == 2
    assert "the nearest is ack" in wrong.stderr


def test_each_profile_has_a_server_that_speaks_it_and_some_one_that_is_broken() -> None:
    from conformance.target.bundled_profiles import shipped_names

    spoken = {one.profile for one in CATALOGUE.values() if one.legal}
    broken = {one.profile for one in CATALOGUE.values() if not one.legal}
    assert spoken - {None} == set(shipped_names())
    assert len(broken - {None}) >= 10
