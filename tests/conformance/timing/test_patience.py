"""A vain wait is not paid in full again, and a shortened one decides nothing new."""

import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.driver.interruption import Stuck
from conformance.driver.stage import Stage
from conformance.oracle import Outcome, judge
from conformance.report.model import Report
from conformance.target.address import parse_address
from conformance.timing.patience import Patience
from conformance.timing.policy import DYING, GAPS, PATIENCE, SHORTENED, UNHEARD
from conformance.transcript.events import (
    FLOOD,
    THE_END,
    Connected,
    Event,
    Finish,
    HalfClosed,
    Received,
    Waited,
)
from conformance.transcript.files import read
from tests.conformance.command import run
from tests.conformance.scene import START

SERVER = """\
import sys
from conformance.specimens.base import BaseServer

class Mutes(BaseServer):
    muted = set()

    def on_message(self, sender, text):
        if any(word in text for word in {words!r}):
            self.muted.add(sender)
        if sender not in self.muted:
            super().on_message(sender, text)

sys.exit(Mutes(int(sys.argv[1])).serve())
"""


def test_a_wait_is_full_until_one_of_its_kind_was_in_vain() -> None:
    patience = Patience()
    assert patience.seconds("end", 2.0) == 2 * PATIENCE
    patience.note_vain("end")
    assert patience.seconds("end", 2.0) == 2 * SHORTENED
    assert patience.seconds("text", 2.0) == 2 * PATIENCE


def test_one_more_word_is_waited_for_as_long_as_words_took_so_far() -> None:
    patience = Patience()
    assert patience.justified(2.0) == 2 * SHORTENED
    patience.note("beside", 0.3)
    assert patience.justified(2.0) == 2 * max(SHORTENED, GAPS * 0.15)
    patience.note("text", 10.0)
    assert patience.justified(2.0) == 2 * PATIENCE


def test_it_lasts_as_long_as_the_latency_of_the_server_justifies() -> None:
    patience = Patience()
    patience.note_vain("text")
    patience.note("text", 0.3)
    patience.note("text", 0.1)
    assert patience.seconds("text", 1.0) == pytest.approx(GAPS * 0.3)
    patience.note("text", 100.0)
    assert patience.seconds("text", 1.0) == PATIENCE


def test_one_silence_in_a_hundred_may_be_the_machine_s() -> None:
    patience = Patience()
    patience.note_vain("text")
    for gap in (0.5, 1.0, 1.0, *[0.001] * 97):
        patience.note("text", gap)
    assert patience.seconds("text", 1.0) == GAPS * 1.0 > PATIENCE - 0.1
    for _ in range(100):
        patience.note("text", 0.001)
    assert patience.seconds("text", 1.0) == GAPS * 0.5


def test_what_a_finding_rests_on_is_waited_for_in_full_again() -> None:
    patience = Patience()
    full = patience.in_full()
    for kind in ("text", "end", "read"):
        full.note_vain(kind)
    assert full.seconds("text", 1.0) == full.seconds("end", 1.0) == PATIENCE
    assert full.seconds("read", 1.0) == patience.seconds("read", 1.0) == UNHEARD
    assert patience.seconds("text", 1.0) == SHORTENED


def test_a_stage_waits_in_full_once() -> None:
    """The server ends nobody's connection."""
    waits = Patience()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        waited = []
        for _ in range(2):
            stage = Stage(address, START, waits=waits)
            client = stage.connect()
            client.half_close()
            with pytest.raises(Stuck):
                stage.await_end(client)
            [event] = (one for one in stage.transcript if isinstance(one, Waited))
            waited.append((event.seconds, event.shortened))
            stage.close()
    assert [seconds for seconds, _ in waited] == [PATIENCE, SHORTENED]
    assert [shortened for _, shortened in waited] == [False, True]


@pytest.mark.parametrize(
    ("shortened", "broken", "outcome"),
    [
        (False, (), Outcome.FAIL),
        (True, ("QUIT-5",), Outcome.FAIL),
        (True, ("QUIT-3",), Outcome.UNKNOWN),
    ],
)
def test_by_a_shortened_wait_nothing_fails_but_what_is_known_to(
    shortened: bool, broken: tuple[str, ...], outcome: Outcome
) -> None:
    judgement = judge(held_leaver(shortened, broken))
    [finding] = judgement.findings
    assert (finding.requirement, finding.outcome) == ("QUIT-5", outcome)
    assert judgement.hasty == ({"QUIT-5"} if outcome is Outcome.UNKNOWN else set())


@pytest.mark.parametrize("wait", ["before it left", "after it left"])
def test_a_full_wait_counts_for_what_began_before_it(wait: str) -> None:
    begin, connected, left, waited, end = held_leaver(True, ())
    full = Waited(left.t, "ann", THE_END, PATIENCE)
    rest = [full, left, waited] if wait == "before it left" else [left, waited, full]
    judgement = judge([begin, connected, *rest, end])
    assert judgement.hasty == ({"QUIT-5"} if wait == "before it left" else set())


def test_a_flood_is_no_full_wait() -> None:
    begin, connected, left, waited, end = held_leaver(True, ())
    judgement = judge([begin, connected, left, waited, Waited(waited.t, "ann", FLOOD, 0.0), end])
    assert "QUIT-5" in judgement.hasty


def test_what_came_is_in_no_doubt_after_a_shortened_wait() -> None:
    """A word came that nobody had said."""
    begin, connected, left, waited, end = held_leaver(True, ("QUIT-5",))
    came = Received(0.15, "ann", b"2026-11-30T10:00:00Z 127.0.0.1:9\nw\n\n")
    judgement = judge([begin, connected, came, left, waited, end])
    assert {one.outcome for one in judgement.findings} == {Outcome.FAIL}
    assert judgement.hasty == set()


def held_leaver(shortened: bool, broken: tuple[str, ...]) -> list[Event]:
    return [
        replace(START, broken=broken),
        Connected(0.1, "ann", "127.0.0.1:1"),
        HalfClosed(0.2, "ann"),
        Waited(3.2, "ann", THE_END, 3.0, ("QUIT-5",), shortened=shortened),
        Finish(3.2, "ann was not ended"),
    ]


def test_what_a_shortened_wait_leaves_in_doubt_is_waited_for_in_full(tmp_path: Path) -> None:
    """A server that hears nobody after either of two kinds of text breaks both requirements."""
    server, path = tmp_path / "server.py", tmp_path / "r.json"
    server.write_text(SERVER.format(words=["\u200b", "/quit"]))
    done = run(
        "run", "--launch", f"{sys.executable} {server} {{port}}", "-j", "1", "--json", str(path),
        "--transcripts", str(tmp_path),
        "--only", "sanity/first,txt/everything-else-is-relayed,quit/quit-is-exact",
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    report = Report.model_validate_json(path.read_text())
    statuses = {one.id: one.status for one in report.scenarios}
    assert statuses == {
        "sanity/first": "pass",
        "txt/everything-else-is-relayed": "fail",
        "quit/quit-is-exact": "fail",
    }
    # What was played first, with two short waits, counts too; the transcript is of the last time.
    [twice] = (one for one in report.scenarios if one.id == "quit/quit-is-exact")
    last = read(tmp_path / "quit.quit-is-exact.jsonl")[-1].t
    assert twice.duration_s > last + 2 * SHORTENED + DYING


def test_all_who_wait_may_wait_at_once() -> None:
    patience = Patience()
    threads = [threading.Thread(target=patience.note, args=("text", n / 100)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    patience.note_vain("text")
    assert patience.seconds("text", 1.0) == pytest.approx(GAPS * 0.19)
