"""Judges a client by a transcript: each finding is of one requirement."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from conformance.oracle.clients.ending import ending
from conformance.oracle.clients.facts import ClientFact, Detected, attributed
from conformance.oracle.clients.record import Record, read_record
from conformance.oracle.clients.sending import fits, sending
from conformance.oracle.clients.showing import is_owed, showing
from conformance.oracle.clients.terminal import terminal
from conformance.oracle.findings import Finding, Judgement
from conformance.transcript.events import Transcript

RAW: Final = frozenset(("CLI-1", "CLI-3", "CLI-5", "CLI-9", "CLI-12"))
"""The requirements that also bind a client which knows nothing of the protocol."""

_ENOUGH: Final = 50
"""The most facts of one kind that a scenario reports."""


def judge_client(transcript: Transcript) -> Judgement:
    """Return what one scenario shows of a client."""
    record = read_record(transcript)
    findings: list[Finding] = []
    facts = list(_facts(record))
    first = next((one.line for one in record.heard if one.kind == "broadcast"), None)
    plain = frozenset(fact.kind for fact in facts if first in fact.evidence[:1])
    kinds: Counter[Detected] = Counter()
    for fact in facts:
        kinds[fact.kind] += 1
        if kinds[fact.kind] > _ENOUGH:
            continue
        finding = attributed(fact, record, plain)
        if not record.is_raw or finding.requirement in RAW:
            findings.append(finding)
    return Judgement(findings=findings, exercised=Counter(_exercised(record)))


def _facts(record: Record) -> Iterator[ClientFact]:
    yield from ending(record)
    if record.connections:
        yield from sending(record)
        yield from showing(record)
        yield from terminal(record)


def _exercised(record: Record) -> dict[str, int]:
    """Count how often the trigger of each of the scenario's requirements happened."""
    shown = [
        one for one in record.heard
        if one.kind == "broadcast" and one.words and record.first_shown(one.words[0])
    ]  # fmt: skip
    said = sum(len(one.texts) for one in record.said)
    unfit = sum(not fits(text) for one in record.said for text in one.texts)
    is_over = bool(record.over or record.refused)
    counts = {
        "CLI-1": len(shown),
        "CLI-2": said + (record.connections if record.lines else 0),
        "CLI-3": sum(one.kind == "notice" for one in record.heard if is_owed(record, one)),
        "CLI-4": len(record.lines) + unfit,
        "CLI-5": len(shown) + len(record.lines),
        "CLI-6": int(record.done is not None and record.connections > 0),
        "CLI-7": int(is_over) + sum(one.kind == "malformed" for one in record.heard),
        "CLI-8": int(record.exited is not None and not record.connected_again),
        "CLI-9": len(shown),
        "CLI-10": sum(not one.is_safe for one in record.heard) if record.is_terminal else 0,
        "CLI-11": len(shown) if record.is_terminal else 0,
        "CLI-12": len(shown),
    }
    ids = set(record.start.requirements)
    return {id_: count for id_, count in counts.items() if id_ in ids and count}
