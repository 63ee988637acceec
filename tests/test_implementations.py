"""The matrix of implementations is of this suite, of this standard, and of those on the list."""

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from chatproto import __version__
from conformance.report.model import Verdict
from conformance.selftest.matrix import read_matrix
from conformance.specimens import CATALOGUE
from conformance.standard.requirements import requirements
from tests.evidence import EVIDENCE, ROOT
from tests.implementations import (
    PAGE,
    Judged,
    Listed,
    comparison,
    differences,
    listed,
    page,
    stale,
    stored,
    stored_clients,
)

IDS = [one.id for one in requirements().values() if one.kind.binds_servers]


def stages() -> list[tuple[Judged, str]]:
    """Return the implementations that are specimens, and their names as such."""
    found = []
    for one in stored():
        words = shlex.split(one.launch)
        if "conformance.specimens" in words:
            found.append((one, words[words.index("conformance.specimens") + 1]))
    return found


def test_it_is_of_those_on_the_list() -> None:
    assert [(one.name, one.launch) for one in stored()] == [
        (one.name, one.launch) for one in listed()
    ]


def test_it_is_of_this_suite_and_this_standard() -> None:
    for one in stored():
        assert one.suite == __version__
        assert list(one.statuses) == IDS
        assert set(one.varies) <= set(IDS)


def test_the_page_is_drawn_from_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(stored(), listed(), stored_clients())


@pytest.mark.parametrize("one", listed(), ids=lambda one: str(one.name))
def test_each_can_be_launched(one: Listed) -> None:
    program, *arguments = shlex.split(one.launch)
    if program.startswith("build/"):  # made by the make that judges it, where there is a compiler
        assert f"\n{program}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    elif program != "node":
        assert shutil.which(program) or Path(sys.executable).with_name(program).is_file()
    for argument in arguments:
        if argument.endswith((".py", ".mjs")):
            assert (ROOT / argument).is_file()
    if "conformance.specimens" in arguments:
        assert arguments[arguments.index("conformance.specimens") + 1] in CATALOGUE


@pytest.mark.parametrize("one", stored()[:9], ids=lambda one: str(one.name))
def test_the_reference_server_and_the_examples_keep_all_of_it(one: Judged) -> None:
    """The run of all checks finds the same of each of them."""
    assert one.launch.startswith(("chatproto-server ", "python examples/"))
    assert one.verdict is Verdict.CONFORMANT
    assert not one.varies
    assert [id_ for id_ in IDS if one.statuses[id_] != "pass"] == ["LIM-5"]


@pytest.mark.parametrize(("one", "specimen"), stages(), ids=lambda one: str(one)[:12])
def test_a_specimen_is_broken_where_it_is_known_to_be(one: Judged, specimen: str) -> None:
    known = CATALOGUE[specimen]
    broken = {id_ for id_, status in one.statuses.items() if status == "fail"}
    assert known.breaks <= broken
    assert broken <= known.breaks | known.may_break
    assert one.verdict is Verdict.NON_CONFORMANT


def test_verdicts_follow_from_the_cells() -> None:
    for implementation in comparison(stored()).implementations:
        musts = [one for one in implementation.report.requirements if one.level == "MUST"]
        broken = any(one.status == "fail" for one in musts)
        assert (implementation.report.verdict is Verdict.NON_CONFORMANT) == broken


def test_what_differs_is_told() -> None:
    one = stored()[0]
    assert not list(differences([one], [one]))
    other = one.model_copy(update={"statuses": {**one.statuses, "QUIT-3": "fail"}, "suite": "9"})
    assert list(differences([one], [other])) == [
        f"{one.name}: the page is of suite {__version__}, this is 9",
        f"{one.name}: QUIT-3 is fail, the page says pass",
    ]
    lucky = one.model_copy(update={"varies": {"QUIT-3": ["fail", "pass"]}, "suite": "9"})
    assert not list(differences([lucky], [other]))
    assert list(differences([], [one])) == [f"{one.name}: it is not on the page"]


def test_a_page_that_went_stale_is_told() -> None:
    found = read_matrix(EVIDENCE / "matrix.json")
    [reference] = (
        each for each in comparison(stored()).implementations if each.label == "reference server"
    )
    assert list(stale(reference.report, found)) == []
    last = reference.report.requirements[-1]
    other = reference.report.model_copy(
        update={"requirements": [last.model_copy(update={"status": "fail"})]}
    )
    [row] = (row for row in found.specimens if row.name == "s6")
    lost = row.breaks[0]
    row.found.pop(lost)
    said = list(stale(other, found))
    assert f"reference server: {last.id} is fail, the page says pass" in said
    assert f"stage 6: {lost} is pass, the page says fail" in said
