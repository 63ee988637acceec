"""The standard's prose, as far as requirements use it: paragraphs, lists, tables, code, links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from conformance.standard.requirements import requirements, text_of_the_standard

_MARK: Final = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*|\b(?P<id>[A-Z]+-\d+)\b")
_KEY_WORD: Final = re.compile(r"\b(MUST NOT|MUST|SHOULD NOT|SHOULD|MAY)\b")
_RULE: Final = re.compile(r"\|[-|: ]+\|")


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A stretch of text. A `link` is the id of a requirement, a `key` a key word of BCP 14."""

    kind: Literal["text", "code", "strong", "link", "key"]
    text: str


Spans = tuple[TextSpan, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph has one row of one cell, a list a row for each item, a table rows of cells,
    its head first."""

    kind: Literal["paragraph", "list", "table"]
    rows: tuple[tuple[Spans, ...], ...]


def blocks(text: str) -> list[Block]:
    """Read the text of a requirement or its reason."""
    return [_block(part) for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]


def _block(part: str) -> Block:
    lines = part.splitlines()
    if lines[0].startswith("|"):
        cells = (
            tuple(spans(cell.strip()) for cell in line.strip().strip("|").split("|"))
            for line in lines
            if not _RULE.fullmatch(line.strip())
        )
        return Block("table", tuple(cells))
    if lines[0].startswith("- "):
        items = re.split(r"^- ", part, flags=re.MULTILINE)[1:]
        return Block("list", tuple((spans(" ".join(item.split())),) for item in items))
    return Block("paragraph", ((spans(" ".join(part.split())),),))


def spans(text: str) -> Spans:
    return tuple(_spans(text))


def _spans(text: str) -> Iterator[TextSpan]:
    at = 0
    for mark in _MARK.finditer(text):
        if mark["id"] is not None and mark["id"] not in requirements():
            continue
        yield from _words(text[at : mark.start()])
        if mark["id"] is not None:
            yield TextSpan("link", mark["id"])
        elif mark["code"] is not None:
            yield TextSpan("code", mark["code"])
        else:
            yield TextSpan("strong", mark["strong"])
        at = mark.end()
    yield from _words(text[at:])


def _words(text: str) -> Iterator[TextSpan]:
    for part in _KEY_WORD.split(text):
        if part:
            yield TextSpan("key" if _KEY_WORD.fullmatch(part) else "text", part)


@cache
def section_titles() -> dict[str, str]:
    """Return the title of each section of requirements, by the name that ids begin with."""
    titles: dict[str, str] = {}
    title = ""
    for line in text_of_the_standard().splitlines():
        if line.startswith("### "):
            title = line[4:].strip()
        elif line.startswith("#### "):
            titles.setdefault(line[5:].partition("-")[0].lower(), title)
    return titles
