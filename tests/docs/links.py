"""Whether every link within a site of HTML files leads somewhere, to its anchor too; no network.

python -m tests.docs.links build/docs
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from conformance.standard.requirements import requirements

STANDARD = "spec/chatproto-1.html"


@dataclass
class Page:
    """The anchors of a page, and the targets of its links."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id":
                self.page.anchors.add(value)
            elif name in ("href", "src") and tag != "base":
                self.page.links.append(value)


def broken(site: Path) -> Iterator[str]:
    """Return what is wrong with the site's links, in words."""
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site}: there are no pages"
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            name = path.relative_to(site.resolve())
            if not there.is_file():
                yield f"{name}: {link}: there is no such file"
            elif (
                parts.fragment
                and there in pages
                and unquote(parts.fragment) not in pages[there].anchors
            ):
                yield f"{name}: {link}: there is no such anchor"


def missing(site: Path) -> Iterator[str]:
    """Return the requirements that have no anchor in the standard."""
    anchors = _read(site / STANDARD).anchors
    yield from (f"{STANDARD}: no anchor #{id_}" for id_ in requirements() if id_ not in anchors)


def _read(path: Path) -> Page:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


if __name__ == "__main__":
    [directory] = map(Path, sys.argv[1:])
    problems = [*broken(directory), *missing(directory)]
    sys.exit("\n".join(problems) or None)
