"""What is kept of runs says where it comes from, and is marked as generated."""

import json
from pathlib import Path

import pytest

from tests.evidence import EVIDENCE, ROOT
from tests.soak import Record, interval

KEPT = sorted(EVIDENCE.rglob("*.json"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_evidence_says_what_made_it(path: Path) -> None:
    made = json.loads(path.read_text(encoding="utf-8"))["made"]
    assert made["commit"]
    assert made["command"].split()[0] in ("make", "python")


def test_evidence_is_marked_as_generated() -> None:
    marks = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    assert "evidence/** linguist-generated" in marks


def test_a_soak_keeps_its_accusations_and_its_commit(tmp_path: Path) -> None:
    record = Record(tmp_path / "soak.json", "abc", "make soak")
    record.add("reference", "conformant", [])
    record.add("starts-slowly", "accused", ["STOP-1: 4.7 s"])
    kept = json.loads(record.path.read_text(encoding="utf-8"))
    assert kept["runs"] == {"reference": {"conformant": 1}, "starts-slowly": {"accused": 1}}
    assert kept["accusations"] == [{"server": "starts-slowly", "findings": ["STOP-1: 4.7 s"]}]
    assert (kept["total"], kept["accused"], kept["rate"]) == (2, 1, 0.5)
    assert Record.read(record.path, "abc", "make soak").came == record.came
    with pytest.raises(SystemExit, match="of commit abc"):
        Record.read(record.path, "def", "make soak")


def test_the_page_says_how_many_runs_the_soak_of_this_suite_has() -> None:
    record = EVIDENCE / "soak.json"
    total = json.loads(record.read_text(encoding="utf-8"))["total"] if record.exists() else 0
    page = (EVIDENCE / "README.md").read_text(encoding="utf-8")
    assert f"**Runs of the present suite: {total:,}.**" in page


def test_an_interval_holds_the_rate_and_narrows() -> None:
    assert interval(0, 0) == (0.0, 1.0)
    low, high = interval(0, 100)
    assert low == 0.0
    assert 0.03 < high < 0.04
    low, high = interval(2, 2402)
    assert low < 2 / 2402 < high < 0.004
