"""What make docs shows is there: names, commands and links; without building it."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

import chatproto
from conformance.commands.cli import COMMANDS
from conformance.standard.requirements import requirements
from tests.docs.links import broken, missing

ROOT = Path(__file__).parent.parent.parent
API = ROOT / "docs" / "api"
NAMED = re.compile(r"^\.\. auto(?:class|data|function|exception|decorator):: (\S+)", re.MULTILINE)
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "spec/*.md", "examples/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)


def named(page: str) -> list[str]:
    return NAMED.findall((API / page).read_text(encoding="utf-8"))


def test_every_public_name_of_the_library_is_on_its_page() -> None:
    assert sorted(named("chatproto.md")) == sorted(set(chatproto.__all__) - {"__version__"})


@pytest.mark.parametrize(
    "name",
    [*named("conformance.md"), *named("reference_server.md")]
    + [f"chatproto.{name}" for name in named("chatproto.md")],
)
def test_every_name_on_a_page_is_there_and_says_what_it_is(name: str) -> None:
    module, _, own = name.rpartition(".")
    found = getattr(importlib.import_module(module), own)
    assert found.__doc__ or not (inspect.isclass(found) or inspect.isfunction(found))


def test_every_command_is_on_its_page() -> None:
    text = (API / "commands.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"command:: (\S+)", text)) == sorted(COMMANDS)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings: those that GitHub makes of their text, and ids of
    requirements."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found |= {words, heading.partition(" ")[0]}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target, _, fragment = link.partition("#")
        if "://" in target:
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), link
        assert not fragment or fragment in anchors(there), link


def test_every_page_of_docs_is_in_the_contents() -> None:
    for path in (ROOT / "docs").rglob("*.md"):
        *folder, name = path.relative_to(ROOT / "docs").with_suffix("").parts
        # A folder's pages are in the contents of its own index, if it has one.
        own = ROOT.joinpath("docs", *folder, "index.md")
        if own == path or not own.is_file():
            own, name = ROOT / "docs" / "index.md", "/".join([*folder, name])
        index = own.read_text(encoding="utf-8")
        assert name == "index" or re.search(rf"^{name}$|<{name}>", index, re.MULTILINE), name


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    (tmp_path / "a.html").write_text(
        '<a href="spec/chatproto-1.html#QUIT-3"><a href="https://example.org/x#y"><img src="i.png">'
        '<a href="#top"><p id="top"><a href="spec/chatproto-1.html#QUIT-4"><a href="%62.html">'
    )
    (tmp_path / "b.html").write_text('<a href="a.html#none">')
    (tmp_path / "spec" / "chatproto-1.html").write_text('<section id="QUIT-3">')
    assert list(broken(tmp_path)) == [
        "a.html: i.png: there is no such file",
        "a.html: spec/chatproto-1.html#QUIT-4: there is no such anchor",
        "b.html: a.html#none: there is no such anchor",
    ]
    assert len(list(missing(tmp_path))) == len(requirements()) - 1
    assert list(broken(tmp_path / "none")) == [f"{tmp_path / 'none'}: there are no pages"]
