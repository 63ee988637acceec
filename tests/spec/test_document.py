"""The document: each requirement once, the grammar as it is, examples that add up."""

import re
from pathlib import Path

import pytest

from chatproto import Code, Malformed, UnitReader
from chatproto.connection import MAX_LINE_LIMIT, MIN_LINE_LIMIT
from chatproto.limits import GIVE_UP, LINGER, MIN_BACKLOG
from tests.spec import standard
from tests.spec.listings import anchor, relisted

SECTIONS = {
    "TRN": 2,
    "FRM": 4,
    "TXT": 5,
    "MSG": 5,
    "ROOM": 7,
    "QUIT": 5,
    "HB": 3,
    "ERR": 3,
    "LIM": 6,
    "STOP": 3,
    "RES": 2,
    "CLI": 12,
    "CLU": 5,
}


def test_each_requirement_stands_in_the_document_once() -> None:
    assert standard.ids() == [
        f"{section}-{number}"
        for section, count in SECTIONS.items()
        for number in range(1, count + 1)
    ]


def test_every_reference_leads_to_a_requirement() -> None:
    named = re.findall(rf"\b(?:{'|'.join(SECTIONS)})-\d+\b", standard.document())
    assert set(named) == set(standard.ids())


def test_the_document_quotes_the_grammar_as_it_is() -> None:
    (quoted,) = re.findall(r"^```abnf\n(.*?)^```$", standard.document(), re.MULTILINE | re.DOTALL)
    assert quoted.strip() == standard.grammar().strip()


DUMP = re.compile(r"^  ([0-9a-f]{4})  ((?:[0-9a-f]{2} )+) *(.*)$")


def streams(example: str) -> dict[str, bytes]:
    """Read an example's dumps: what the clients and what the server sent, each as one."""
    sent = {"C": b"", "S": b""}
    side, at = "", 0
    for line in example.splitlines():
        if line[:1] in sent:
            side, at = line[0], 0
        elif dump := DUMP.match(line):
            octets = bytes.fromhex(dump[2])
            assert int(dump[1], 16) == at
            assert dump[3] == "".join(chr(o) if 0x20 <= o < 0x7F else "." for o in octets)
            sent[side] += octets
            at += len(octets)
    return sent


EXAMPLES = [
    section.partition("\n## ")[0].partition("\n")[::2]
    for section in standard.document().split("\n### Example: ")[1:]
]
"""The title and the body of each example."""


@pytest.mark.parametrize("example", [body for _, body in EXAMPLES], ids=[t for t, _ in EXAMPLES])
def test_an_example_s_octets_are_units_and_are_shown_as_they_are(example: str) -> None:
    sent = streams(example)["S"]
    reader = UnitReader()
    assert sent
    assert not any(isinstance(unit, Malformed) for unit in reader.receive(sent))
    assert reader.complete


def test_contents_and_index_are_those_of_the_headings() -> None:
    assert relisted(standard.document()) == standard.document()


def test_every_link_within_the_document_leads_to_a_heading() -> None:
    text = standard.document()
    anchors = {anchor(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def words(text: str) -> str:
    """Undo the wrapping of lines."""
    return " ".join(text.split())


CONSTANTS = standard.rows(standard.section("Constants"))


@pytest.mark.parametrize("row", CONSTANTS, ids=[name for name, *_ in CONSTANTS])
def test_a_constant_has_the_value_its_requirement_gives_it(row: list[str]) -> None:
    _, value, _, id_, _ = row
    [text] = re.findall(rf"^#### {id_} (.*?)^\*Reason", standard.document(), re.M | re.S)
    assert value.replace("15 min", "quarter hours") in words(text)


def test_the_library_has_the_constants_of_the_document() -> None:
    values = {name: value for name, value, *_ in CONSTANTS}
    assert values["least line limit"] == f"{MIN_LINE_LIMIT:,} octets"
    assert values["greatest line limit"] == f"{MAX_LINE_LIMIT:,} octets"
    assert values["backlog that never evicts, server's part"] == f"{MIN_BACKLOG >> 20} MiB"
    assert values["linger, from the last acknowledgement"] == f"{LINGER:g} s"
    assert values["deliveries after the stop"] == f"{GIVE_UP:g} s"


def test_the_registry_has_the_codes_of_the_library() -> None:
    codes = [code.strip("`") for code, *_ in standard.rows(standard.section("Notice codes"))]
    assert codes == list(Code)


def test_the_checklist_has_each_requirement_once() -> None:
    checklist = (standard.SPEC / "checklist.md").read_text(encoding="utf-8")
    assert re.findall(r"^- \[ \] \*\*([A-Z]+-\d+)\*\* ", checklist, re.MULTILINE) == standard.ids()


@pytest.mark.parametrize("page", sorted(standard.SPEC.rglob("*.md")), ids=lambda page: page.name)
def test_the_pages_name_what_there_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(rf"\b(?:{'|'.join(SECTIONS)})-\d+\b", text)
    assert set(named) <= set(standard.ids())
    for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", text):
        assert (page.parent / target).exists(), target
