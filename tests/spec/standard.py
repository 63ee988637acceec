"""Where the standard lies, and its document, grammar and vectors as they are read here."""

import json
import re
from pathlib import Path
from typing import Any, Final

SPEC: Final = Path(__file__).parents[2] / "spec"
DOCUMENT: Final = SPEC / "chatproto-1.md"
KINDS: Final = ("client-streams", "lines", "units", "senders", "server-streams", "said")

Vector = dict[str, Any]


def document() -> str:
    """Read the document."""
    return DOCUMENT.read_text(encoding="utf-8")


def grammar() -> str:
    """Read the grammar."""
    return (SPEC / "grammar.abnf").read_text(encoding="utf-8")


def ids() -> list[str]:
    """Find the requirements' ids, in the document's order."""
    return re.findall(r"^#### ([A-Z]+-\d+) ", document(), re.MULTILINE)


def section(title: str) -> str:
    """Return the text under a heading of any level, up to the next of its own or a higher level."""
    heading = re.search(rf"^(#+) {re.escape(title)}\n", document(), re.MULTILINE)
    assert heading is not None, title
    rest = document()[heading.end() :]
    return re.split(rf"^#{{1,{len(heading[1])}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Read the rows of the tables in a text as cells, without their heads."""
    tables = re.findall(r"^\|[^\n]*\|\n\|[-|: ]+\|\n((?:\|.*\|\n)*)", text, re.MULTILINE)
    return [
        [cell.strip() for cell in row.strip("|").split("|")]
        for table in tables
        for row in table.splitlines()
    ]


def between(text: str, name: str) -> str:
    """Return the text between the two marks of a name, which occur once."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    assert text.count(begin) == text.count(end) == 1, name
    return text.partition(begin)[2].partition(end)[0]


def replace_between(text: str, name: str, new: str) -> str:
    """Replace the text between the two marks of a name."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    return text.replace(f"{begin}{between(text, name)}{end}", f"{begin}{new}{end}")


def vector_file(kind: str) -> Any:
    """Read a file of vectors, or the schema."""
    return json.loads((SPEC / "vectors" / f"{kind}.json").read_text(encoding="utf-8"))


def vectors(kind: str) -> list[Vector]:
    """Read the vectors of a kind."""
    found: list[Vector] = vector_file(kind)["vectors"]
    return found
