"""The HTML page of one or several reports. Everything from a report goes through autoescape."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment
from markupsafe import Markup

from chatproto import __version__
from conformance.oracle import Outcome
from conformance.output.causes import (
    PictureLine,
    Told,
    causes_of,
    head_of,
    heading_of,
    picture_of,
    printed_of,
    spoken_words,
    unexplained_of,
)
from conformance.output.html.figure import OCTETS as WIDTH
from conformance.output.html.figure import Figure, Pair, lay_out, lay_out_crossing
from conformance.output.html.template import Asset, environment
from conformance.output.text_diagram import octets_width, sketch
from conformance.report.comparison import (
    Cell,
    Comparison,
    ComparisonRow,
    Found,
    Implementation,
    Status,
    sections,
)
from conformance.report.model import DeathReport, FindingReport
from conformance.report.octets import escape
from conformance.report.sequence_diagram import diagram_of
from conformance.report.text import Came, came, wanted, which_is_wrong
from conformance.scenarios.registry import scenarios
from conformance.standard.markup import Block, blocks, section_titles
from conformance.standard.requirements import PROTOCOL, Level

FINDINGS: Final = 500_000
"""Octets that findings in full may take on the page; further findings are shown in brief."""
_OTHERS: Final = 3
"""Further findings of one cell that are named after the first."""
_WINDOW: Final = 72


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding with its diagrams, which are None if there is nothing to draw."""

    found: Found
    came: Came | None
    wanted: str
    where: str
    segments: tuple[str, ...]
    figure: Figure | None
    pair: Pair | None
    text: str


@dataclass(frozen=True, slots=True)
class RequirementEntry:
    """A requirement with its text, its reason and its scenarios, as the page shows it."""

    row: ComparisonRow
    text: tuple[Block, ...]
    reason: tuple[Block, ...]
    scenarios: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Why:
    """The causes of one implementation's failures, as the page shows them."""

    implementation: Implementation
    heading: str
    spoken: str
    deaths: tuple[tuple[str, DeathReport], ...]
    causes: tuple[tuple[Told, tuple[PictureLine, ...]], ...]
    others: tuple[FindingReport, ...]
    printed: str
    titles: Mapping[str, str]


def render_page(comparison: Comparison, transcripts: Mapping[str, str] | None = None) -> str:
    """Render one HTML file of one or several reports.

    `transcripts` has the link to each scenario's transcript, if there is one.
    """
    templates = environment()
    return templates.get_template("page.html.j2").render(
        comparison=comparison,
        sections=[
            (name, section_titles().get(name, name), entries)
            for name, entries in _by_section(list(_entries(comparison)))
        ],
        why=list(_why(comparison)),
        write=_Writer(templates, transcripts or {}),
        statuses=list(Status),
        levels=list(Level),
        protocol=PROTOCOL,
        version=__version__,
        style=Asset("page.css"),
        script=Asset("page.js"),
    )


def _why(comparison: Comparison) -> Iterator[Why]:
    several = len(comparison.implementations) > 1
    for one in comparison.implementations:
        label = one.label if several else "it"
        told = [
            (cause, tuple(picture_of(cause.shown[1], _WINDOW)) if cause.shown else ())
            for cause in causes_of(one.report)
        ]
        spoken, printed = spoken_words(one.report), printed_of(one.report)
        deaths = tuple((head_of(death), death) for death in one.report.deaths)
        if told or spoken or printed or deaths:
            is_explained = told or spoken or deaths
            yield Why(
                one,
                heading_of(one.report, label) if is_explained else "What the server printed",
                spoken,
                deaths,
                tuple(told),
                tuple(finding for _, finding in unexplained_of(one.report)) if told else (),
                "\n".join(printed),
                {known.id: known.title for known in one.report.requirements},
            )


class _Writer:
    """The writer of cells: it shows findings in full until `FINDINGS` is reached, then in brief."""

    def __init__(self, templates: Environment, transcripts: Mapping[str, str]) -> None:
        module = templates.get_template("finding.html.j2").make_module()
        # The types do not know a template's macros, which are attributes of its module.
        self._whole: Callable[[ShownFinding, Sequence[Found], int, Mapping[str, str]], Markup] = (
            getattr(  # noqa: B009
                module, "whole"
            )
        )
        self._brief: Callable[[Found, int], Markup] = getattr(module, "brief")  # noqa: B009
        self._transcripts = transcripts
        self._left = FINDINGS

    def __call__(self, cell: Cell) -> Markup:
        first, *rest = sorted(cell.found, key=_plainness)
        if self._left > 0:
            others, more = rest[:_OTHERS], len(rest[_OTHERS:])
            written = self._whole(_shown(first), others, more, self._transcripts)
            self._left -= len(written.encode())
            if self._left >= 0:
                return written
        return self._brief(first, len(rest))


def _by_section(entries: list[RequirementEntry]) -> Iterator[tuple[str, list[RequirementEntry]]]:
    for name in sections(entry.row for entry in entries):
        yield name, [entry for entry in entries if entry.row.section == name]


def _entries(comparison: Comparison) -> Iterator[RequirementEntry]:
    summaries = {one.id: one for one in scenarios()}
    for row in comparison.rows:
        named = [name for cell in row.cells if cell.result for name in cell.result.scenarios]
        yield RequirementEntry(
            row=row,
            text=tuple(blocks(row.known.text)) if row.known else (),
            reason=tuple(blocks(row.known.reason)) if row.known else (),
            scenarios=tuple(
                (name, summaries[name].summary if name in summaries else "")
                for name in dict.fromkeys(named)
            ),
        )


def _plainness(found: Found) -> tuple[bool, bool, bool, bool]:
    """Return a sort key that puts the finding that shows most first."""
    finding = found.finding
    section = found.scenario.partition("/")[0]
    return (
        finding.outcome is not Outcome.FAIL,
        not finding.stretch,
        section != finding.requirement.rpartition("-")[0].lower(),
        not finding.octets,
    )


def _shown(found: Found) -> ShownFinding:
    finding = found.finding
    diagram = diagram_of(finding, WIDTH)
    clients = {event.client for event in finding.stretch if event.client is not None}
    narrow = diagram_of(finding, octets_width(len(clients)))
    return ShownFinding(
        found=found,
        came=came(finding, _WINDOW) if finding.octets else None,
        wanted=wanted(finding, _WINDOW),
        where=which_is_wrong(finding),
        segments=tuple(escape(segment[:_WINDOW]) for segment in finding.segments),
        figure=None if diagram is None else lay_out(diagram),
        pair=lay_out_crossing(finding.crossing) if finding.crossing else None,
        text="" if narrow is None else "\n".join(sketch(narrow)),
    )
