"""The matrix of requirements and specimens: laid out, kept, compared, shown."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.cli import cli
from conformance.selftest.judged import Judged
from conformance.selftest.matrix import (
    Matrix,
    MatrixError,
    differences,
    lay_out_matrix,
    read_matrix,
)
from conformance.selftest.matrix_page import render_matrix
from conformance.specimens import CATALOGUE
from conformance.standard.requirements import requirements
from tests.evidence import EVIDENCE

KEPT = EVIDENCE / "matrix.json"


def judged(name: str, *found: str) -> Judged:
    """A judgement in which these requirements were found broken."""
    specimen = CATALOGUE[name]
    return Judged(
        name,
        {id_: ["sanity/first"] for id_ in found},
        sorted(specimen.breaks - set(found)),
        sorted(set(found) - specimen.breaks - specimen.may_break),
        1.0,
        legal=specimen.legal,
    )


def laid_out(*results: Judged) -> Matrix:
    return lay_out_matrix(results)


def test_each_specimen_is_as_it_should_be_or_not() -> None:
    matrix = laid_out(
        judged("greets", "TRN-2"), judged("knows-no-quit", "QUIT-2"), judged("correct", "HB-1")
    )
    rows = {row.name: row for row in matrix.specimens}
    assert [rows["greets"].cell(id_) for id_ in ("TRN-2", "QUIT-1")] == ["caught", ""]
    assert [rows["knows-no-quit"].cell(id_) for id_ in ("QUIT-1", "QUIT-2")] == [
        "missed",
        "accused",
    ]
    assert rows["correct"].cell("HB-1") == "accused"
    assert not matrix.is_good
    assert matrix.tally == (
        "1 of 2 broken servers caught, 0 of 1 legal ones passed, 2 accused of what they do not do"
    )
    assert matrix.seen_failing() == {"TRN-2"}


@pytest.mark.parametrize(
    ("caught", "missed", "good"),
    [(0, 1, False), (2, 1, False), (4, 1, True), (3, 2, False), (198, 2, True), (197, 3, False)],
)
def test_one_may_be_missed_once_in_a_hundred_runs(caught: int, missed: int, good: bool) -> None:
    """Or once, and then not four times in succession."""
    matrix = laid_out(*[judged("greets", "TRN-2")] * caught, *[judged("greets")] * missed)
    [row] = matrix.specimens
    assert (row.good, row.rounds) == (caught, caught + missed)
    assert row.cell("TRN-2") == ("caught" if good else "missed")
    assert matrix.is_good == good
    assert matrix.seen_failing() == ({"TRN-2"} if good else set())


def test_a_legal_one_may_never_be_accused() -> None:
    matrix = laid_out(*[judged("correct")] * 999, judged("correct", "HB-1"))
    assert not matrix.is_good


def test_what_differs_is_said() -> None:
    kept = laid_out(judged("greets", "TRN-2"), judged("correct"))
    assert differences(kept, laid_out(judged("greets", "TRN-2"), judged("correct"))) == []
    now = laid_out(judged("greets"), judged("correct", "HB-1"), judged("s0"))
    assert differences(kept, now) == [
        "s0 is not in the kept matrix",
        "greets, TRN-2: caught before, missed now",
        "correct, HB-1: nothing before, accused now",
    ]
    kept.specimens[0].name = "gone"
    assert "gone is no longer a specimen" in differences(kept, now)


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with pytest.raises(MatrixError, match="No such file"):
        read_matrix(path)
    path.write_text("{}")
    with pytest.raises(MatrixError, match=r"m\.json: not a matrix"):
        read_matrix(path)
    done = CliRunner().invoke(cli, ["specimens", "--compare", str(path)])
    assert done.exit_code == 2
    assert "not a matrix" in done.stderr


def test_the_page_shows_every_cell() -> None:
    page = render_matrix(laid_out(judged("greets", "TRN-2"), judged("correct"), judged("s0")))
    for one in requirements().values():
        assert (not one.kind.binds_servers) == (f"<span>{one.id}</span>" not in page)
    assert 'title="TRN-2, caught: sanity/first">✓' in page
    assert "not caught" in page
    assert page.index("Broken servers") < page.index("Strange but legal servers")


def test_the_matrix_that_is_kept_is_of_these_specimens() -> None:
    """What `make check` compares: each specimen is in it, as its code describes it, and right."""
    kept = {row.name: row for row in read_matrix(KEPT).specimens}
    assert list(kept) == list(CATALOGUE)
    for name, specimen in CATALOGUE.items():
        row = kept[name]
        assert row.legal == specimen.legal
        assert row.breaks == sorted(specimen.breaks)
        assert row.may_break == sorted(specimen.may_break)
        assert row.is_good, name
