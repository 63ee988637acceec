"""Failures that are known: written, met again under other seeds, an error where they are not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.report.known_failures import (
    KnownFailures,
    KnownFailuresError,
    Pin,
    general,
    held_lines,
    hold,
    load_known_failures,
    written,
)
from conformance.report.model import Report, Verdict
from conformance.standard.requirements import requirements
from tests.conformance.command import REFERENCE, run, specimen
from tests.conformance.commands.test_pytest_host import counts, run_pytest
from tests.conformance.samples import altered, hostile, passing, played, report

PATH = Path("known.toml")
BROKEN = specimen("date-with-slashes")
ONLY = "msg/header,sanity/first"


def known_of(tmp_path: Path, found: Report, before: KnownFailures | None = None) -> KnownFailures:
    path = tmp_path / "known.toml"
    path.write_text(written(found, before or KnownFailures()), encoding="utf-8")
    return load_known_failures(path)


def told() -> Report:
    """A report in which one requirement fails, and every other is decided."""
    bad = report(played(altered()), managed=True)
    for one in bad.requirements:
        if one.id != "TXT-5":
            one.status, one.reason = "pass", None
    for result in bad.scenarios:
        result.findings = [one for one in result.findings if one.requirement == "TXT-5"]
    return bad


def test_what_was_written_is_known(tmp_path: Path) -> None:
    known = known_of(tmp_path, told())
    assert [one.requirement for one in known.failure] == ["TXT-5"]
    held = hold(known, PATH, told())
    assert held.is_as_known
    assert held.as_known == ("TXT-5",)
    assert list(held_lines(held)) == ["known: TXT-5 (known.toml)"]


def test_what_passes_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    known = known_of(tmp_path, told())
    held = hold(known, PATH, passing())
    assert not held.holds
    [line] = held_lines(held)
    assert line.startswith("TXT-5 is known to fail, but passed: remove its [[failure]] from known")
    [one] = known.failure
    sometimes = KnownFailures(failure=(one.model_copy(update={"sometimes": True}),))
    assert hold(sometimes, PATH, passing()).is_as_known


def test_what_fails_in_other_words_is_an_error_that_shows_both(tmp_path: Path) -> None:
    known = known_of(tmp_path, told())
    other = told()
    for result in other.scenarios:
        for finding in result.findings:
            finding.actual = "c3 received a picture of 17 cats"
    held = hold(known, PATH, other)
    assert not held.holds
    said = "\n".join(held_lines(held))
    assert "is known to fail, but with another message in room/everyone-speaks-at-once:" in said
    assert f"  pinned  {known.failure[0].pins[0]}" in said
    assert "actual cN received a picture of N cats" in said
    both = known_of(tmp_path, other, known)
    assert len(both.failure[0].pins) == 2
    assert hold(both, PATH, other).is_as_known
    assert hold(both, PATH, told()).is_as_known


def test_what_generated_programs_find_may_be_in_any_words(tmp_path: Path) -> None:
    known = known_of(tmp_path, told())
    generated = told()
    for result in generated.scenarios:
        result.id = "gen/programs"
        for finding in result.findings:
            finding.actual = "another text by far"
    assert hold(known, PATH, generated).is_as_known
    [by_chance] = known_of(tmp_path, generated).failure
    assert by_chance.sometimes


def test_what_is_not_known_decides_and_what_was_not_told_is_incomplete(tmp_path: Path) -> None:
    known = known_of(tmp_path, told())
    more = told()
    quit_ = next(one for one in more.requirements if one.id == "QUIT-1")
    quit_.status = "fail"
    assert hold(known, PATH, more).rest is Verdict.NON_CONFORMANT
    quit_.status = "not-exercised"
    assert hold(known, PATH, more).rest is Verdict.INCOMPLETE
    untold = passing()
    text = next(one for one in untold.requirements if one.id == "TXT-5")
    text.status, text.reason = "skip", "not-selected"
    held = hold(known, PATH, untold)
    assert held.holds
    assert "known to fail, but not decided by this run: TXT-5" in held_lines(held)


def test_reasons_outlive_a_run_and_what_passes_does_not(tmp_path: Path) -> None:
    known = known_of(tmp_path, told())
    [one] = known.failure
    more = KnownFailures(
        failure=(
            one.model_copy(update={"reason": 'issue "12"', "sometimes": True}),
            one.model_copy(update={"requirement": "QUIT-1"}),
        )
    )
    assert known_of(tmp_path, told(), more).failure == more.failure[:1]
    assert known_of(tmp_path, passing(), more).failure == more.failure[:1]


@given(st.text())
def test_what_is_general_stays_so(text: str) -> None:
    assert general(general(text)) == general(text)
    assert text.isascii() or general(text).encode()


@given(st.integers(0, 0xFFFFFF), st.integers(0, 99_999), st.integers(1, 99), st.floats(0, 99))
def test_what_differs_by_run_is_left_out(stem: int, word: int, client: int, t: float) -> None:
    said = f"c{client} received n{stem:06x}x{word:05}z from 127.0.0.1:{word} after {t:.1f} s"
    assert general(said) == "cN received WORD from N:N after N s"
    assert general("status 1, signal 9, QUIT-3") == "status 1, signal 9, QUIT-3"


@given(st.text(st.characters(codec=None), max_size=20))
def test_any_text_can_be_pinned(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    found = hostile(text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    found.requirements = [one for one in found.requirements if one.id in requirements()]
    known = known_of(tmp_path_factory.mktemp("any"), found)
    pins = {pin for one in known.failure for pin in one.pins}
    assert pins == {Pin.of(finding) for result in found.scenarios for finding in result.findings}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[failure", "not TOML"),
        ("[[failure]]\nrequirement = 'QUIT-33'\npins = []", "the nearest is QUIT-3"),
        ("[[failure]]\npins = []", "failure.0.requirement"),
        ("[[failures]]\n", "failures"),
        ("schema = 2\n", "schema"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "k.toml"
    path.write_text(text)
    with pytest.raises(KnownFailuresError, match=r"k\.toml") as caught:
        load_known_failures(path)
    assert said in str(caught.value)
    done = run("run", "--launch", "x", "--known-failures", str(path))
    assert done.returncode == 2
    assert said in done.stderr
    again = run("run", "--launch", "x", "--write-known-failures", str(path))
    assert again.returncode == 2


def test_a_broken_server_is_as_known_under_another_seed(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    broken = ("run", "--launch", BROKEN, "--only", ONLY)
    assert run(*broken, "--write-known-failures", str(path)).returncode == 1
    assert 'requirement = "MSG-1"' in path.read_text()
    for seed in ("1", "2", "3"):
        done = run(*broken, "--known-failures", str(path), "--seed", seed)
        assert done.returncode == 0, done.stdout
        assert ": non-conformant, as known (chatproto/1" in " ".join(done.stdout.split())
    quiet = run(*broken, "--known-failures", str(path), "-q")
    assert quiet.stdout.count("\n") == 2
    mended = run("run", "-q", "--launch", REFERENCE, "--only", ONLY, "--known-failures", str(path))
    assert mended.returncode == 5
    assert "MSG-1 is known to fail, but passed" in mended.stdout
    path.write_text(path.read_text().replace("N/N/N", "N-N-N"))
    assert run(*broken, "--known-failures", str(path)).returncode == 5
    path.write_text("")
    assert run(*broken, "--known-failures", str(path)).returncode == 1
    assert "all failures are known" in run("run", "--help").stdout


@pytest.mark.heavy
def test_what_is_known_is_expected_in_a_pytest_run_too(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    launch = BROKEN
    run("run", "--launch", launch, "--only", ONLY, "--write-known-failures", str(path))
    arguments = (
        "--pyargs", "conformance", "-k", "msg/header or sanity/first",
        "--chat-known-failures", str(path),
    )  # fmt: skip
    done = run_pytest(tmp_path, *arguments, "--chat-launch", launch)
    assert done.returncode == 0, done.stdout
    assert counts(done)["xfailed"] == 2
    assert ": non-conformant, as known (chatproto/1" in " ".join(done.stdout.split())
    mended = run_pytest(tmp_path, *arguments, "--chat-launch", REFERENCE)
    assert mended.returncode == 1
    assert "MSG-1 is known to fail, but passed" in mended.stdout
    wrong = run_pytest(tmp_path, *arguments[:-1], "/no/such.toml", "--chat-launch", launch)
    assert wrong.returncode == 4
