"""Families of faults: each broken specimen is of one, and the field guide shows them all."""

import ast
from collections import Counter
from textwrap import indent

import pytest

from conformance.diagnosis.families import (
    Family,
    client_families,
    client_family_of,
    families,
    family_of,
)
from conformance.scenarios.registry import scenarios
from conformance.specimens import every_specimen
from tests.conformance.command import run
from tests.field_guide import GUIDE, pages

BOTH = {**families(), **client_families()}
every = pytest.mark.parametrize("family", BOTH.values(), ids=BOTH)


def test_each_broken_specimen_is_of_one_family() -> None:
    named = Counter(name for family in BOTH.values() for name in family.specimens)
    assert {name: count for name, count in named.items() if count > 1} == {}
    assert set(named) == {name for name, one in every_specimen().items() if not one.legal}


@every
def test_a_family_says_all_in_short_sentences(family: Family) -> None:
    for text in (family.symptom, family.cause, family.remedy, family.origin):
        assert text.endswith((".", "?"))
        assert len(text) <= 400
    assert len(family.title) <= 80
    assert not family.shown_by or family.shown_by in {one.id for one in scenarios()}


@every
def test_its_code_is_python(family: Family) -> None:
    for code in (family.wrong, family.right):
        head = (
            "while True:\n try:\n  pass\n" if code.strip().startswith("except") else "while True:\n"
        )
        body = indent(code.strip("\n"), " ")
        body += "\n  pass\n" if body.rstrip().endswith(":") or "# computed" in body else "\n"
        ast.parse(f"async def one():\n{indent(head + body, ' ')}")


def test_a_specimen_leads_to_its_family() -> None:
    assert family_of()["read-ends-a-line"].name == "one-read-one-message"
    assert client_family_of()["spins-at-the-end"].name == "client-end-not-handled"


def test_explain_shows_a_fault_by_its_name_or_a_specimens() -> None:
    shown = run("explain", "read-ends-a-line")
    assert shown.returncode == 0
    assert shown.stdout == run("explain", "One-Read-One-Message").stdout
    assert "Each read is taken for one message" in shown.stdout
    assert "buffer.split" in shown.stdout
    assert run("explain", "no-such-fault").returncode == 2


def test_the_field_guide_is_as_the_families_are() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in GUIDE.glob("*.md")}
    assert kept == pages(), "python -m tests.field_guide writes it"
