"""A finding in words and octets, for the person who must fix the server."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from conformance.report.model import FindingReport
from conformance.report.octets import escape, start_of, tokens, visible, width
from conformance.standard.requirements import requirements

WIDTH: Final = 96
_WINDOW: Final = 64


@dataclass(frozen=True, slots=True)
class Came:
    """The octets that came, as visible text: the first wrong one, those before and those after it.

    `wrong` is empty if no octet is wrong, or if one is missing.
    """

    before: str
    wrong: str
    after: str


def came(finding: FindingReport, window: int = _WINDOW) -> Came:
    """Return the octets of a finding around the first wrong one, at most `window` of them."""
    shown = tokens(finding.octets, edges=() if finding.wrong is None else (finding.wrong,))
    wrong = len(shown) if finding.wrong is None else start_of(shown, finding.wrong)
    start = 0 if finding.wrong is None else start_of(shown, max(0, wrong - window // 2))
    end = min(len(shown), start + window)
    before = ("…" if finding.cut + start else "") + "".join(shown[start : min(wrong, end)])
    after = "".join(shown[wrong + 1 : end]) + ("…" if end < len(shown) else "")
    return Came(before, "".join(shown[wrong : wrong + 1]), after)


def wanted(finding: FindingReport, window: int = _WINDOW) -> str:
    """Return the octets that should have come, cut like those of `came`; may be empty."""
    if not finding.wanted:
        return ""
    start = 0 if finding.wrong is None else max(0, finding.wrong - window // 2)
    cut = "…" if finding.cut + start else ""
    return f"{cut}{escape(finding.wanted[start : start + window])}"


def which_is_wrong(finding: FindingReport) -> str:
    """Say which octet is the first wrong one; empty if none is wrong."""
    if finding.wrong is None:
        return ""
    number = finding.cut + finding.wrong + 1
    is_there = finding.wrong < len(finding.octets)
    return f"octet {number:,} is {'the first wrong one' if is_there else 'missing'}"


def finding_lines(finding: FindingReport, again: str, columns: int = WIDTH) -> Iterator[str]:
    """Write a finding as lines.

    They show the requirement's rule, what was expected, what came with a caret under the first
    wrong octet, the segments that led there, and the command that plays it again.
    """
    requirement = requirements()[finding.requirement]
    yield f"{requirement.id} {requirement.level} — {requirement.title}"
    for part in requirement.rule:
        indent = "    " if part.startswith("- ") else "  "
        yield from textwrap.wrap(part, columns, initial_indent="  ", subsequent_indent=indent)
    yield from _field("expected", visible(finding.expected), columns)
    yield from _field("actual", visible(finding.actual), columns)
    if finding.octets:
        shown = came(finding)
        yield f"  came      {shown.before}{shown.wrong}{shown.after}"
        if finding.wrong is not None:
            yield f"            {' ' * width(shown.before)}^ {which_is_wrong(finding)}"
    if finding.wanted:
        yield f"  wanted    {wanted(finding)}"
    for index, segment in enumerate(finding.segments):
        label = "segments" if index == 0 else ""
        shown_part = escape(segment[:_WINDOW]) + ("…" if len(segment) > _WINDOW else "")
        yield f"  {label:9} {index + 1}. {shown_part}"
    if finding.evidence:
        where = f" ({finding.client})" if finding.client else ""
        lines = sorted(set(finding.evidence))
        which = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
        yield f"  evidence  {which} of the transcript{where}"
    if finding.before:
        yield from _field("before", visible(finding.before), columns)
    for index, line in enumerate(finding.printed):
        yield f"  {'printed' if index == 0 else '':9} {visible(line)}"
    for index, consequence in enumerate(finding.follows):
        yield from _field("followed" if index == 0 else "", visible(consequence), columns)
    yield f"  again     {again}"


def _field(label: str, text: str, columns: int) -> Iterator[str]:
    indent = " " * 12
    yield from textwrap.wrap(
        text, columns, initial_indent=f"  {label:9} ", subsequent_indent=indent
    ) or [f"  {label}"]
