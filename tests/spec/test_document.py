"""The document: each requirement once, the grammar as it is, examples that add up."""

import re

import pytest

from chatproto import Malformed, UnitReader
from tests.spec import standard

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
    "CLI": 3,
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
