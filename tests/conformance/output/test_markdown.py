"""Markdown of reports: the tables, the failures in short, and nothing that means something else."""

import re

import pytest

from conformance.output.markdown import FAILURES, render_markdown
from conformance.report.comparison import compare
from conformance.report.model import Report
from tests.conformance.samples import altered, hostile, passing, played, report, worst


def _markdown(*reports: Report) -> str:
    return render_markdown(compare(reports))


def test_one_report() -> None:
    text = _markdown(report(played(altered()), target="python server.py {port}"))
    assert text.startswith("## chatproto/1: non-conformant\n")
    assert "| mine | **non-conformant** | " in text
    assert "- ✗ **TXT-5** Every other code point is relayed unchanged: fail" in text
    assert "- came `n0ddba1x90001z hEllo`, octet 17 is the first wrong one" in text
    assert "`chatproto-conformance run --launch 'python server.py {port}' --only room/" in text


def test_every_requirement_has_a_row_and_every_implementation_a_column() -> None:
    comparison = compare([report(played(altered())), passing()])
    lines = render_markdown(comparison).splitlines()
    assert "| Requirement | Level | mine | good |" in lines
    table = lines[lines.index("| Requirement | Level | mine | good |") :]
    rows = [line for line in table if re.match(r"\| [A-Z]+-\d", line)]
    assert len(rows) == len(comparison.rows)
    assert all(line.count(" | ") == 3 for line in rows)
    assert any(line.endswith("| ✗ fail | ✓ pass |") for line in rows)


def test_a_good_report_has_no_failures() -> None:
    assert "What failed" not in _markdown(passing())


def test_what_could_not_be_told_has_its_reason() -> None:
    whole = report(name="part")
    whole.requirements[0].status, whole.requirements[0].reason = "unknown", "the *server* left"
    assert "  - the \\*server\\* left" in _markdown(whole)


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "a | b\n\n# c",
        "`` ` ``` x",
        "[x](http://e.example) ![y](z) www.e.example",
        "@everyone </details>",
        "\x1b[2J \\",
    ],
)
def test_nothing_in_a_report_means_anything(attack: str) -> None:
    text = _markdown(hostile(attack))
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "<script" not in outside
    assert "[x](" not in outside
    assert "@" not in outside
    assert "http://" not in outside
    assert "www." not in outside
    assert "\x1b" not in text
    assert outside.count("</details>") == 1
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        f"## chatproto/1: {hostile(attack).verdict}",
        "### What failed",
    ]
    tables = [line for line in outside.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {7, 4}


def test_failures_are_bounded() -> None:
    text = _markdown(worst("a"), worst("b"))
    assert text.count("\n- ✗") + text.count("\n- △") == FAILURES
    assert re.search(r"\n- … and \d+ more\n", text)
    assert len(text) < 100_000


def test_markdown_is_the_same_each_time() -> None:
    assert _markdown(report(played(altered()))) == _markdown(report(played(altered())))
