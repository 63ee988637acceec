"""Writes the field guide to broken chat servers, docs/field-guide/, a page a family of faults.

`python -m tests.field_guide` writes the pages from the data of `conformance.diagnosis.families`.
"""

import sys
from pathlib import Path
from typing import Final

from conformance.diagnosis.families import Family, client_families, families
from conformance.specimens import every_specimen
from conformance.standard.requirements import requirements

GUIDE: Final = Path(__file__).parent.parent / "docs" / "field-guide"

_INTRODUCTION: Final = """\
# Field guide to broken chat servers

What is usually wrong with a chat server, one page a fault: what one sees, why it is so, the lines
that are wrong and right, and where the fault comes from. `chatproto-conformance explain NAME`
prints a page. Each fault stands for the broken servers that the suite is tested with.

| fault | what one sees |
| --- | --- |
"""


_CLIENTS: Final = """
## Clients

What is usually wrong with a chat client. `chatproto-conformance clients` judges one.

| fault | what one sees |
| --- | --- |
"""


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    index = [_INTRODUCTION]
    index += [f"| [{one.title}]({one.name}.md) | {one.symptom} |\n" for one in families().values()]
    index.append(_CLIENTS)
    index += [
        f"| [{one.title}]({one.name}.md) | {one.symptom} |\n" for one in client_families().values()
    ]
    index.append("\n```{toctree}\n:hidden:\n\n")
    both = {**families(), **client_families()}
    index += [f"{name}\n" for name in both]
    index.append("```\n")
    return {
        "index.md": "".join(index),
        **{f"{one.name}.md": _page(one) for one in both.values()},
    }


def _page(family: Family) -> str:
    breaks = [f"- {id_}: {requirements()[id_].title}" for id_ in family.breaks]
    specimens = [f"- `{name}`: {every_specimen()[name].summary}" for name in family.specimens]
    return "\n".join(
        [
            f"# {family.title}",
            "",
            family.symptom,
            "",
            "## Why",
            "",
            family.cause,
            "",
            "## How to fix it",
            "",
            family.remedy,
            "",
            "Wrong:",
            "",
            "```python",
            family.wrong.strip("\n"),
            "```",
            "",
            "Right:",
            "",
            "```python",
            family.right.strip("\n"),
            "```",
            "",
            "## Where it comes from",
            "",
            family.origin,
            "",
            "## What it breaks",
            "",
            *breaks,
            "",
            "## Specimens",
            "",
            *specimens,
            "",
        ]
    )


def main() -> int:
    """Write every page, and remove those of no family."""
    GUIDE.mkdir(exist_ok=True)
    written = pages()
    for path in GUIDE.glob("*.md"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (GUIDE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
