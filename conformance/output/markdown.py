"""Reports as Markdown, for a README or a pull request."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from conformance.output.causes import (
    causes_of,
    head_of,
    heading_of,
    picture_of,
    printed_of,
    spoken_words,
    unexplained_of,
)
from conformance.report.comparison import (
    Cell,
    Comparison,
    ComparisonRow,
    Implementation,
    Status,
    sections,
)
from conformance.report.octets import escape, visible
from conformance.report.text import came, which_is_wrong
from conformance.standard.markup import section_titles
from conformance.standard.requirements import PROTOCOL, Level

FAILURES: Final = 60
"""Failures that are listed; the rest is only counted."""
_TEXT: Final = 300
"""The most characters of a text."""
_OCTETS: Final = 60
"""The most characters of the octets of a failure."""
_PICTURE: Final = 70
"""The most characters of a line of a cause's example."""
_SPECIAL: Final = re.compile(r"([\\`*_\[\]|~$])")
_WRITTEN: Final = {
    "&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "://": ":&#47;/", "www.": "www&#46;",
}  # fmt: skip
_BAD: Final = (Status.FAIL, Status.SHOULD_FAIL, Status.DECLARED, Status.UNKNOWN)


def render_markdown(comparison: Comparison) -> str:
    """Render the verdicts, the causes, the failures in short, and the whole matrix, folded."""
    lines = [f"## {PROTOCOL}: {comparison.verdict}", "", *verdicts(comparison)]
    for one in comparison.implementations:
        lines += _why(one, several=len(comparison.implementations) > 1)
    failures = [(row, cell) for row in comparison.rows for cell in row.cells if cell.status in _BAD]
    if failures:
        is_explained = any(causes_of(one.report) for one in comparison.implementations)
        folded = f"<details><summary>What failed: {len(failures)}</summary>"
        lines += ["", folded if is_explained else "### What failed", ""]
        several = len(comparison.implementations) > 1
        for row, cell in failures[:FAILURES]:
            lines += _failure(row, cell, several=several)
        if len(failures) > FAILURES:
            lines.append(f"- … and {len(failures) - FAILURES} more")
        if is_explained:
            lines += ["", "</details>"]
    lines += ["", "<details><summary>Every requirement</summary>", "", *matrix(comparison)]
    lines += ["", "</details>", ""]
    return "\n".join(lines)


def _why(implementation: Implementation, *, several: bool) -> Iterator[str]:
    """Yield the causes, the failures that none of them explains, and what the server printed."""
    report = implementation.report
    causes, spoken = causes_of(report), spoken_words(report)
    if not (causes or spoken or report.deaths):
        return
    yield ""
    yield f"### {heading_of(report, _text(implementation.label) if several else 'it')}"
    if spoken:
        yield from ("", _text(spoken))
    for death in report.deaths:
        yield from ("", f"**{_text(head_of(death))}**", "")
        if death.before:
            yield f"- after {_code(death.before)}"
        if death.printed:
            yield f"- it printed {' '.join(map(_code, death.printed))}"
        if death.explains:
            yield f"- only this breaks {_text(' '.join(death.explains))}"
        yield f"- shown by {_code(death.shown_by)}"
    for number, cause in enumerate(causes, 1):
        yield ""
        yield f"{number}. **{_text(cause.title)}**: {cause.sure}, {cause.extent}  "
        yield f"   {_text(cause.why)}  "
        yield f"   Remedy: {_text(cause.remedy)}  "
        explains = "Misses" if cause.is_advice else "Explains"
        yield f"   {explains} {_text(' '.join(cause.explains))}; "
        yield f"   {_code(f'chatproto-conformance explain {cause.name}')}"
        if cause.shown is not None:
            yield ""
            for fact in picture_of(cause.shown[1], _PICTURE):
                yield f"   - {fact.label or 'that is'} {_code(fact.text)}"
        for rival in cause.rivals:
            again = _code(f"chatproto-conformance explain {rival.name}")
            yield from ("", f"   or: {_text(rival.head)} ({again})")
    others = unexplained_of(report)
    if others:
        yield from ("", "Not explained:", "")
    for _, finding in others[:FAILURES]:
        yield f"- **{_text(finding.requirement)}** {_text(finding.actual)}"
    if printed := printed_of(report):
        yield from ("", f"The server printed {' '.join(map(_code, printed))}")


def verdicts(comparison: Comparison) -> Iterator[str]:
    """Yield the lines of a table with a row for each implementation."""
    yield from _table_head(
        ["Implementation", "Verdict", "MUST passed", "SHOULD passed", "Fails", "Undecided"]
    )
    for one in comparison.implementations:
        counts = one.counts
        interrupted = ", interrupted" if one.report.interrupted else ""
        verdict = f"**{one.report.verdict_in_words}**{interrupted}"
        passed = [f"{one.count(level, Status.PASS)} of {one.total(level)}" for level in Level]
        fails = f"{counts[Status.FAIL]} MUST, {counts[Status.SHOULD_FAIL]} SHOULD"
        if counts[Status.DECLARED]:
            fails += f", {counts[Status.DECLARED]} declared"
        untold = counts[Status.UNKNOWN] + counts[Status.SKIP] + counts[Status.NOT_EXERCISED]
        yield _line([_text(one.label), verdict, *passed, fails, str(untold)])


def matrix(comparison: Comparison) -> Iterator[str]:
    """Yield the lines of a table of requirements by implementations."""
    labels = [_text(one.label) for one in comparison.implementations]
    yield from _table_head(["Requirement", "Level", *labels])
    for section in sections(comparison.rows):
        yield _line(
            [f"**{_text(section_titles().get(section, section))}**", "", *("" for _ in labels)]
        )
        for row in comparison.rows:
            if row.section == section:
                cells = [f"{cell.status.symbol} {cell.status.word}" for cell in row.cells]
                yield _line([f"{_text(row.id)} {_text(row.title)}", str(row.level), *cells])


def _failure(row: ComparisonRow, cell: Cell, *, several: bool) -> Iterator[str]:
    who = f" in {_text(cell.implementation.label)}" if several else ""
    yield (
        f"- {cell.status.symbol} **{_text(row.id)}** {_text(row.title)}{who}: {cell.status.word}"
    )
    if not cell.found:
        if cell.result is not None and cell.result.reason:
            yield f"  - {_text(cell.result.reason)}"
        return
    found = cell.found[0]
    finding = found.finding
    yield f"  - expected {_text(finding.expected)}; {_text(finding.actual)}"
    if finding.before:
        yield f"  - before {_code(finding.before)}"
    if finding.printed:
        yield f"  - printed {' '.join(map(_code, finding.printed))}"
    if finding.octets:
        shown = came(finding, _OCTETS)
        where = which_is_wrong(finding)
        octets = _code(f"{shown.before}{shown.wrong}{shown.after}")
        yield f"  - came {octets}{f', {where}' if where else ''}"
    yield f"  - again: {_code(found.again)}"


def _table_head(names: list[str]) -> Iterator[str]:
    yield _line(names)
    yield _line("---" for _ in names)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Escape a text for Markdown and HTML, so that no name or address in it becomes a link."""
    short = " ".join(text.split())
    short = short if len(short) <= _TEXT else short[: _TEXT - 1] + "…"
    safe = _SPECIAL.sub(r"\\\1", escape(short).replace("\\\\", "\\"))
    for character, written in _WRITTEN.items():
        safe = safe.replace(character, written)
    return safe


def _code(text: str) -> str:
    """Return a code span, delimited by more backticks than the text has in a row."""
    line = visible(" ".join(text.split("\n")))
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"
