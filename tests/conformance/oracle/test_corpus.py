"""Runs that were recorded are judged as they were: of the reference server, nothing is found; of
each specimen, finding for finding, what was.

Where the oracle is changed on purpose, `make judged` writes what it says now.
"""

import json
import shutil
from pathlib import Path
from tempfile import gettempdir

import pytest

from conformance.oracle import judge
from conformance.report.build import judged_again
from conformance.runner.session import transcript_path
from conformance.selftest.trial import told_otherwise
from conformance.specimens import CATALOGUE
from conformance.transcript.files import read
from tests.conformance.record import CORPUS, FINDINGS, LARGEST, SPECIMENS, findings_of
from tests.evidence import ROOT

CORRECT = sorted(CORPUS.glob("*.jsonl"))
BROKEN = sorted(SPECIMENS.glob("*.jsonl"))
FOUND = json.loads(FINDINGS.read_text(encoding="utf-8"))["findings"]


@pytest.mark.parametrize("name", [path.stem for path in CORRECT])
def test_a_correct_run_is_accepted(name: str) -> None:
    assert judge(read(CORPUS / f"{name}.jsonl")).findings == []


@pytest.mark.parametrize("name", [path.stem for path in BROKEN])
def test_what_was_found_is_found(name: str) -> None:
    assert findings_of(SPECIMENS / f"{name}.jsonl") == FOUND[name]


@pytest.mark.parametrize("name", [path.stem for path in BROKEN])
def test_what_it_breaks_is_among_it(name: str) -> None:
    failed = {one["requirement"] for one in FOUND[name] if one["outcome"] == "fail"}
    specimen = CATALOGUE[name]
    assert failed & specimen.breaks
    assert failed <= specimen.breaks | specimen.may_break


def test_a_run_that_found_otherwise_than_its_transcript_is_told(tmp_path: Path) -> None:
    kept = SPECIMENS / "one-read-one-message.jsonl"
    result = judged_again(read(kept))
    assert result.findings
    shutil.copy(kept, transcript_path(tmp_path, result.id))
    assert told_otherwise([result], tmp_path) == []
    lucky = result.model_copy(update={"findings": []})
    assert told_otherwise([lucky], tmp_path) == [result.id]


def test_findings_are_of_the_transcripts_there_are() -> None:
    assert sorted(FOUND) == sorted(path.stem for path in BROKEN)


def test_it_stays_small() -> None:
    sizes = [path.stat().st_size for path in BROKEN]
    assert max(sizes) <= LARGEST
    assert sum(sizes) <= 5_000_000
    assert sum(path.stat().st_size for path in CORRECT) <= 300_000


def test_it_says_nothing_of_where_it_was_recorded() -> None:
    for path in (*CORRECT, *BROKEN, FINDINGS):
        text = path.read_text(encoding="utf-8")
        assert str(ROOT) not in text, path
        assert f"{gettempdir()}/" not in text, path
