"""A finding in words and octets, for someone who has to mend the server."""

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from conformance.report.model import FindingReport
from conformance.standard.requirements import requirements

_WIDTH = 96
_WINDOW = 64
# C0 and C1 controls but HT and LF, and what turns the direction of text.
_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def finding_lines(finding: FindingReport, again: str) -> Iterator[str]:
    """The lines of one finding: the requirement's sentence, what was expected, what came, the
    first wrong octet under a caret, the segments that led there, and how to see it again."""
    requirement = requirements()[finding.requirement]
    yield f"{requirement.id} {requirement.level} — {requirement.title}"
    sentence = " ".join(requirement.text.partition("\n\n")[0].split())
    yield from textwrap.wrap(sentence, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield from _field("expected", visible(finding.expected))
    yield from _field("actual", visible(finding.actual))
    if finding.octets:
        start = 0 if finding.wrong is None else max(0, finding.wrong - _WINDOW // 2)
        yield f"  came      {_cut(finding, start)}{escape(finding.octets[start : start + _WINDOW])}"
        if finding.wrong is not None:
            before = _cut(finding, start) + escape(finding.octets[start : finding.wrong])
            yield f"            {' ' * len(before)}^ octet {finding.cut + finding.wrong + 1}"
        if finding.wanted:
            wanted = finding.wanted[start : start + _WINDOW]
            yield f"  wanted    {_cut(finding, start)}{escape(wanted)}"
    elif finding.wanted:
        yield f"  wanted    {escape(finding.wanted[:_WINDOW])}"
    for index, segment in enumerate(finding.segments):
        label = "segments" if index == 0 else ""
        shown = escape(segment[:_WINDOW]) + ("…" if len(segment) > _WINDOW else "")
        yield f"  {label:9} {index + 1}. {shown}"
    if finding.evidence:
        where = f" ({finding.client})" if finding.client else ""
        lines = sorted(set(finding.evidence))
        which = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
        yield f"  evidence  {which} of the transcript{where}"
    for index, consequence in enumerate(finding.follows):
        yield from _field("followed" if index == 0 else "", visible(consequence))
    yield f"  again     {again}"


def _cut(finding: FindingReport, start: int) -> str:
    return "…" if finding.cut + start else ""


def _field(label: str, text: str) -> Iterator[str]:
    indent = " " * 12
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=f"  {label:9} ", subsequent_indent=indent
    ) or [f"  {label}"]


def escape(octets: str) -> str:
    """Octets, given as Latin-1 characters, as visible ASCII with \\n, \\r, \\t and \\xNN."""
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
    return "".join(
        named.get(char)
        or (char if " " <= char <= "~" else f"\\x{ord(char):02x}" if ord(char) < 256 else char)
        for char in octets
    )


def visible(text: str) -> str:
    """Text in which what could drive a terminal, or hide, is written as \\uNNNN."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
