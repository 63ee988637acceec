"""The register of requirements, read from the standard's own text: the one source of it."""

import os
import re
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

PROTOCOL: Final = "chatproto/1"
_NAME: Final = "chatproto-1.md"


class Level(StrEnum):
    """How binding a requirement is (BCP 14)."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class Scope(StrEnum):
    """Who is bound, and who can check it: servers, by a client over a socket; servers, by a suite
    that itself starts and stops them; clients; the servers of one room together."""

    WIRE = "wire"
    MANAGED = "managed"
    CLIENT = "client"
    CLUSTERED = "clustered"

    @property
    def binds_servers(self) -> bool:
        """Whether every server is held to it."""
        return self in (Scope.WIRE, Scope.MANAGED)


class Requirement(NamedTuple):
    """One numbered requirement of the standard. `text` is normative, `reason` says why."""

    id: str
    level: Level
    kind: Scope
    title: str
    text: str
    reason: str

    @property
    def rule(self) -> tuple[str, ...]:
        """The first paragraph of its text, and each item of the list that it introduces."""
        first, *rest = self.text.split("\n\n")
        items = rest[0].removeprefix("- ").split("\n- ") if first.endswith(":") else []
        return " ".join(first.split()), *(f"- {' '.join(item.split())}" for item in items)

    @property
    def section(self) -> str:
        """The part of the id before the number, in lower case: `quit` for QUIT-3."""
        return self.id.rpartition("-")[0].lower()


_ENTRY: Final = re.compile(
    r"^#### (?P<id>[A-Z]+-\d+) — (?P<title>.+)\n"
    r"\*(?P<level>MUST|SHOULD) · (?P<kind>wire|managed|client|clustered)\*\n"
    r"(?P<body>(?:(?!^#).*\n)*)",
    re.MULTILINE,
)


@cache
def text_of_the_standard() -> str:
    """Return the standard's text. It lies inside the installed package, or beside it in a checkout;
    either may be zipped."""
    package = os.path.dirname(os.path.dirname(__file__))
    for folder in (package, os.path.dirname(package)):
        try:
            with open(os.path.join(folder, "spec", _NAME), encoding="utf-8") as file:
                return file.read()
        except OSError:
            pass
    return _from_a_zip()


def _from_a_zip() -> str:
    # What reads packages that are zipped takes a specimen that is launched a third of its start.
    import zipfile
    from importlib.resources import files
    from pathlib import Path

    package = files("conformance")
    found = package / "spec" / _NAME
    if not found.is_file():
        assert isinstance(package, Path | zipfile.Path)
        beside = package.parent
        assert isinstance(beside, Path | zipfile.Path)
        found = beside / "spec" / _NAME
    return found.read_text(encoding="utf-8")


@cache
def requirements() -> dict[str, Requirement]:
    """Return every requirement by its id, in the standard's order."""
    text = text_of_the_standard()
    return {entry["id"]: _requirement(entry) for entry in _ENTRY.finditer(text)}


def _requirement(entry: re.Match[str]) -> Requirement:
    text, _, reason = entry["body"].partition("*Reason:*")
    return Requirement(
        id=entry["id"],
        level=Level(entry["level"]),
        kind=Scope(entry["kind"]),
        title=entry["title"].strip(),
        text=text.strip(),
        reason=reason.strip(),
    )
