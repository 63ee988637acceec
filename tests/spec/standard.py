"""Where the standard lies, and its document, grammar and vectors as they are read here."""

import json
import re
from pathlib import Path
from typing import Any, Final

SPEC: Final = Path(__file__).parents[2] / "spec"
DOCUMENT: Final = SPEC / "chatproto-1.md"
KINDS: Final = ("client-streams", "lines", "units", "senders")

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


def vector_file(kind: str) -> Any:
    """Read a file of vectors, or the schema."""
    return json.loads((SPEC / "vectors" / f"{kind}.json").read_text(encoding="utf-8"))


def vectors(kind: str) -> list[Vector]:
    """Read the vectors of a kind."""
    found: list[Vector] = vector_file(kind)["vectors"]
    return found
