"""Judges what the client lets through to its terminal, controls and forged rows: CLI-10, CLI-11."""

import re
from collections.abc import Iterator
from typing import Final

from conformance.oracle.clients.facts import ClientFact, Detected
from conformance.oracle.clients.record import Heard, Record
from conformance.oracle.clients.showing import general

_LABEL: Final = re.compile(r"198\.51\.100\.\d+:\d+")
"""A SENDER of the suite's."""


def terminal(record: Record) -> Iterator[ClientFact]:
    """Yield what is wrong with what the client let through to its terminal."""
    if record.is_terminal:
        yield from _controls(record)
        yield from _forged(record)


def _controls(record: Record) -> Iterator[ClientFact]:
    """Yield controls that were printed as they came."""
    for one in record.heard:
        if one.is_safe or len(one.words) < 2:
            continue
        octets = one.text.encode()
        if octets in record.printed:
            yield ClientFact(
                Detected.CONTROL_PASSED,
                "controls made visible, replaced, or reported as malformed",
                "they were passed on to the terminal", (one.line,), octets,
            )  # fmt: skip


def _forged(record: Record) -> Iterator[ClientFact]:
    """Yield a row that shows a text and looks like one that shows a header or a notice."""
    rows = record.rows()
    for one in record.heard:
        if one.kind != "broadcast" or one.is_own or not one.is_safe:
            continue
        heads = _heads(record, one)
        others = [other for other in record.heard if other is not one]
        names = [
            name
            for name in (*one.words, *_LABEL.findall(one.text))
            if not any(name in other.text or name == other.sender for other in others)
        ]
        for row in rows:
            if one.sender in row or not any(name in row for name in names):
                continue
            if general(row) in heads:
                yield ClientFact(
                    Detected.ROW_FORGED,
                    "no row of a text that equals a row with a header or a notice",
                    f"the row {row.strip()!r}, a part of {one.sender}'s text", (one.line,),
                    row.encode(),
                )  # fmt: skip
                return


def _heads(record: Record, but: Heard) -> set[str]:
    """Return the rows that show a header or a notice, numbers and words replaced, but for those of
    one text."""
    keys = [one.sender for one in record.heard if one.kind in ("broadcast", "notice")]
    own = [*but.words, *_LABEL.findall(but.text)]
    return {
        general(row)
        for row in record.rows()
        if any(key in row for key in keys) and not any(name in row for name in own)
    }
