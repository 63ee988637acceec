"""Each chapter's server breaks what the next chapter is about, and passes what its own is about.

A page shows the suite's command twice: on the server before the chapter, with its failures, and on
the server after it. Both are compared with a run. A server is judged once, by the scenarios of both
chapters that it belongs to; the last one by all of them.
"""

import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from conformance.oracle.findings import Outcome
from conformance.report.model import Report
from tests.conformance import command
from tests.examples.suite import judge

ROOT: Final = Path(__file__).parent.parent.parent
TUTORIAL: Final = ROOT / "docs" / "tutorial"
PAGES: Final = sorted((TUTORIAL / "server").glob("*.md"))
SERVERS: Final = sorted((TUTORIAL / "server").glob("*.py"))
COMMAND: Final = re.compile(
    r"^```\n\$ chatproto-conformance run -v --only (\S+) "
    r'--launch "python docs/tutorial/server/(server_\d\d)\.py \{port\}"\n(.*?)^```',
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Shown:
    """A run that a page shows: of these ids, against this server."""

    ids: str
    server: str
    output: str

    @property
    def broken(self) -> set[str]:
        """Return the requirements under whose headings it shows a failure."""
        return set(re.findall(r"^([A-Z]+-\d+) (?:MUST|SHOULD) — ", self.output, re.MULTILINE))

    @property
    def unexercised(self) -> set[str]:
        return set(re.findall(r"^Never exercised: (.+)$", self.output, re.MULTILINE))


def shown(page: Path) -> list[Shown]:
    """Return the runs that a page shows, in order: before the chapter and, except in the last one,
    after it."""
    return [Shown(*found) for found in COMMAND.findall(page.read_text(encoding="utf-8"))]


def broken(report: Report, run: Shown) -> set[str]:
    """Return the requirements that the scenarios of this run found broken."""
    return {
        finding.requirement
        for scenario in report.scenarios
        if scenario.id in run.ids.split(",")
        for finding in scenario.findings
        if finding.outcome is Outcome.FAIL
    }


def exercised(report: Report, run: Shown) -> set[str]:
    """Return the requirements whose trigger happened in the scenarios of this run."""
    return {
        id_
        for scenario in report.scenarios
        if scenario.id in run.ids.split(",")
        for id_, times in scenario.exercised.items()
        if times
    }


def title(page: Path) -> str:
    return page.stem


def test_there_is_a_server_for_each_chapter_and_one_to_begin_with() -> None:
    assert [page.name[:2] for page in PAGES] == [f"{n:02}" for n in range(1, len(PAGES) + 1)]
    assert [server.stem for server in SERVERS] == [f"server_{n:02}" for n in range(len(PAGES) + 1)]


@pytest.mark.parametrize("number", range(len(PAGES)))
def test_a_page_shows_the_server_before_it_and_after_it(number: int) -> None:
    runs = shown(PAGES[number])
    assert [one.server for one in runs] == [f"server_{n:02}" for n in (number, number + 1)]
    before, after = runs
    assert before.broken or before.unexercised
    assert before.ids == after.ids
    assert not after.broken


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(PAGES)))
def test_a_server_is_broken_where_the_pages_say(number: int, tmp_path: Path) -> None:
    after = shown(PAGES[number - 1]) if number else []
    before = shown(PAGES[number])
    runs = [one for one in (*after, *before) if one.server == SERVERS[number].stem]
    report = tmp_path / "report.json"
    output = command.run(
        "run",
        *("--only", ",".join(dict.fromkeys(one.ids for one in runs)), "--isolate"),
        *("--launch", f"{sys.executable} {SERVERS[number]} {{port}}", "--json", str(report)),
    ).stdout
    found = Report.model_validate_json(report.read_text(encoding="utf-8"))
    for one in before[:1]:
        assert one.broken <= broken(found, one), output
        untouched = {each.id for each in found.requirements if each.status == "not-exercised"}
        assert one.unexercised <= untouched, output
    for one in after[:1]:
        mended = one.broken | one.unexercised
        assert mended.isdisjoint(broken(found, one)), output
        assert mended <= exercised(found, one), output


@pytest.mark.heavy
@pytest.mark.long
def test_the_last_server_is_conformant(tmp_path: Path) -> None:
    judge(SERVERS[-1], tmp_path, "{port}")


@pytest.mark.parametrize("page", [TUTORIAL / "index.md", *PAGES], ids=title)
def test_the_code_on_a_page_is_the_servers(page: Path) -> None:
    number = 0 if page.name == "index.md" else PAGES.index(page) + 1
    server = SERVERS[number].read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    for block in blocks:
        indented = [textwrap.indent(block, " " * width) for width in (0, 4, 8, 12)]
        assert any(one in server for one in indented), block
