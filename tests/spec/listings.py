"""The document's contents and its index of requirements, made from its headings.

`python -m tests.spec.listings` writes both into the document, each between its two marks.
"""

import re
from typing import Final

from tests.spec.standard import DOCUMENT, document, replace_between

CONTENTS: Final = "contents"
INDEX: Final = "index"
NOT_LISTED: Final = ("Abstract", "Status of this document", "Contents")

_HEADING: Final = re.compile(r"^(#{2,3}) (.+)$", re.MULTILINE)
_ENTRY: Final = re.compile(
    r"^#### (?P<id>[A-Z]+-\d+) — (?P<title>.+)\n\*(?P<level>\w+) · (?P<kind>\w+)\*$", re.MULTILINE
)
_CODE: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def contents(text: str) -> str:
    """List the sections and their parts, each with a link to it."""
    return "\n" + "".join(
        f"{'  ' * (len(marks) - 2)}- [{title}](#{anchor(title)})\n"
        for marks, title in _HEADING.findall(_CODE.sub("", text))
        if title not in NOT_LISTED
    )


def index(text: str) -> str:
    """Draw a table of the requirements, each with a link to it."""
    rows = [
        f"| [{one['id']}](#{anchor(one['id'] + ' — ' + one['title'])}) "
        f"| {one['title']} | {one['level']} | *{one['kind']}* |\n"
        for one in _ENTRY.finditer(text)
    ]
    return "".join(["| id | requirement | level | kind |\n", "|---|---|---|---|\n", *rows])


def anchor(heading: str) -> str:
    """Make the anchor that renderers of Markdown give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def relisted(text: str) -> str:
    """Write contents and index into the document's text."""
    text = replace_between(text, CONTENTS, contents(text))
    return replace_between(text, INDEX, index(text))


if __name__ == "__main__":
    DOCUMENT.write_text(relisted(document()), encoding="utf-8")
