"""A transcript as a page, and the report's page that leads there."""

import re
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest

from conformance.output.html import render_page, render_transcript
from conformance.output.html.record import ROWS
from conformance.report.comparison import compare
from conformance.transcript.events import Event, Finish, Received, Skipped
from tests.conformance.command import run, specimen
from tests.conformance.samples import altered, cut_off, events_of, played, report
from tests.conformance.scene import START

CASE = "frm/many-lines-in-one-segment"
COMMAND = ("run", "--launch", specimen("one-read-one-message"), "--only", CASE)


def test_each_event_is_a_row_with_an_anchor() -> None:
    events, result = events_of(cut_off()), played(cut_off(), "quit/quit-leaves")
    page = render_transcript(events, result.findings, "t.jsonl")
    assert re.findall(r'<tr id="L(\d+)"', page) == [str(n) for n in range(1, len(events) + 1)]
    for said in ("connects as", "reset by the server", "half-close", "the scenario is over"):
        assert said in page
    for line in result.findings[0].evidence:
        assert re.search(rf'<tr id="L{line}" class="found">.*QUIT-3', page)
    assert "left out" not in page


def test_a_long_transcript_is_shown_around_what_was_found() -> None:
    result = played(altered())
    events: list[Event] = [
        START,
        *(Received(n / 1e3, "c1", b"xy" * 2500) for n in range(50_000)),
        Finish(50.0),
    ]
    finding = result.findings[0].model_copy(update={"evidence": [40_000]})
    page = render_transcript(events, [finding], "t.jsonl")
    rows = re.findall(r'<tr id="L(\d+)"', page)
    assert len(rows) <= ROWS
    assert {"1", "39900", "40000", "40100"} <= set(rows)
    assert page.count("events left out") == 2
    assert "4,800 of 5,000 octets left out" in page
    assert len(page) < 1_500_000
    crowd = finding.model_copy(update={"evidence": list(range(1, 50_000, 3))})
    assert len(re.findall("<tr id", render_transcript(events, [crowd], "t"))) <= ROWS


@pytest.mark.parametrize("attack", [b"<script>alert(1)</script>", b"\x1b[2J", b'" onload="x'])
def test_octets_are_no_markup(attack: bytes) -> None:
    events: list[Event] = [
        START,
        Received(0.1, "<b>c1", attack),
        Skipped(0.2, "a", "<i>"),
        Finish(0.3, "<u>"),
    ]
    page = render_transcript(events, [], "<t>")
    for wrong in ("<script", "\x1b", "<b>", "<i><i>", "<u>", "<t>", '" onload'):
        assert wrong not in page
    assert 'href="http' not in page


def test_a_page_leads_to_the_transcript_beside_it(tmp_path: Path) -> None:
    done = run(*COMMAND, "--html", str(tmp_path / "r.html"), "--transcripts", f"{tmp_path}/t: #1")
    assert done.returncode == 1
    page = (tmp_path / "r.html").read_text()
    links = set(re.findall(r'href="([^"#][^"]*)"', page)) - {"data:,"}
    assert links
    for link in links:
        assert not re.match(r"[a-z]+:|/", link)
        address, _, line = urljoin((tmp_path / "r.html").as_uri(), link).partition("#")
        there = Path(unquote(address.removeprefix("file://")))
        assert there.name == "frm.many-lines-in-one-segment.html"
        assert f'<tr id="{line}"' in there.read_text()
    caption = re.search(r'<figcaption><a href="[^"]*#L(\d+)">', page)
    assert caption
    assert "--transcripts transcripts" not in page


def test_only_what_failed_gets_a_page(tmp_path: Path) -> None:
    run(
        "run", "--launch", specimen("one-read-one-message"), "--only", f"{CASE},sanity/first",
        "--html", str(tmp_path / "r.html"), "--transcripts", str(tmp_path / "t"),
    )  # fmt: skip
    assert {path.name for path in (tmp_path / "t").iterdir()} == {
        "sanity.first.jsonl", "frm.many-lines-in-one-segment.jsonl",
        "frm.many-lines-in-one-segment.html",
    }  # fmt: skip


def test_without_a_transcript_a_page_says_how_to_get_one() -> None:
    page = render_page(compare([report(played(altered()))]))
    assert "--only room/everyone-speaks-at-once --transcripts transcripts</code>" in page
    assert "which is not beside this page" in page
