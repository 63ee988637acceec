"""Each chapter's client breaks what the next chapter is about, and passes what its own is about.

A page shows the suite's command twice, on the client before the chapter and on the one after it.
"""

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Final

import pytest

from tests.conformance import command

ROOT: Final = Path(__file__).parent.parent.parent
CHAPTERS: Final = ROOT / "docs" / "tutorial" / "client"
PAGES: Final = sorted(CHAPTERS.glob("*.md"))
CLIENTS: Final = sorted(CHAPTERS.glob("*.py"))
COMMAND: Final = re.compile(
    r"^```\n\$ chatproto-conformance clients --only (\S+) "
    r'--launch "python docs/tutorial/client/(client_\d\d)\.py \{host\} \{port\}"\n(.*?)^```',
    re.MULTILINE | re.DOTALL,
)

each = pytest.mark.parametrize("number", range(len(PAGES)), ids=[page.stem for page in PAGES])


def shown(number: int) -> list[tuple[str, str, str]]:
    """The runs that a page shows: the scenario, the client, the output."""
    return COMMAND.findall(PAGES[number].read_text(encoding="utf-8"))


def broken(scenario: str, client: Path, folder: Path) -> set[str]:
    """Return the requirements that a client breaks in a scenario."""
    report = folder / "report.json"
    launch = f"{sys.executable} {client} {{host}} {{port}}"
    done = command.run(
        "clients",
        "--time-limit",
        "300",
        "--only",
        scenario,
        "--launch",
        launch,
        "--json",
        str(report),
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    requirements = json.loads(report.read_text())["requirements"]
    statuses = {one["id"]: one["status"] for one in requirements}
    assert {"pass", "fail"} & set(statuses.values())
    return {id_ for id_, status in statuses.items() if status == "fail"}


def test_there_is_a_client_for_each_chapter_and_one_to_begin_with() -> None:
    assert [page.name[:2] for page in PAGES] == [f"{n:02}" for n in range(1, len(PAGES) + 1)]
    assert [client.stem for client in CLIENTS] == [f"client_{n:02}" for n in range(len(PAGES) + 1)]


@each
def test_a_page_shows_the_client_before_it_and_after_it(number: int) -> None:
    (scenario, before, failed), (again, after, passed) = shown(number)
    assert (before, after) == (CLIENTS[number].stem, CLIENTS[number + 1].stem)
    assert scenario == again
    assert re.search(r"^   CLI-\d+ ", failed, re.MULTILINE)
    assert passed.startswith("conformant")


@each
def test_the_code_on_a_page_is_the_client_s(number: int) -> None:
    client = CLIENTS[number + 1].read_text(encoding="utf-8")
    page = PAGES[number].read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        indented = [textwrap.indent(block, " " * width) for width in (0, 4, 8, 12)]
        assert any(one in client for one in indented), block


@each
def test_a_client_passes_what_its_chapter_is_about(number: int, tmp_path: Path) -> None:
    scenario, *_ = shown(number)[1]
    assert broken(scenario, CLIENTS[number + 1], tmp_path) == set()


@each
@pytest.mark.heavy  # the suite waits in vain for something
def test_a_client_breaks_what_the_next_chapter_is_about(number: int, tmp_path: Path) -> None:
    scenario, _, output = shown(number)[0]
    named = set(re.findall(r"^   (CLI-\d+)   ", output, re.MULTILINE))
    assert named
    assert named <= broken(scenario, CLIENTS[number], tmp_path)
