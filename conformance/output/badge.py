"""The verdict as a badge: an SVG, and the JSON of a shields.io endpoint."""

import json
from html import escape
from typing import Final

from conformance.report.comparison import Comparison, Status
from conformance.report.model import Verdict
from conformance.standard.requirements import PROTOCOL, Level

_COLOURS: Final = {
    Verdict.CONFORMANT: ("brightgreen", "#2e7d32"),
    Verdict.NON_CONFORMANT: ("red", "#b3261e"),
    Verdict.INCOMPLETE: ("yellow", "#8a6100"),
}
_PADDING: Final = 6
_NARROW: Final = "fijlrt1/.,:|-()' "
_WIDE: Final = "mwMW%@"

_SVG: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{label}: {message}">
<title>{label}: {message}</title>
<clipPath id="r"><rect width="{width}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)">
<path fill="#3f444b" d="M0 0h{left}v20H0z"/>
<path fill="{colour}" d="M{left} 0h{right}v20H{left}z"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{padding}" y="14" textLength="{label_length}">{label}</text>
<text x="{message_x}" y="14" textLength="{message_length}">{message}</text>
</g>
</svg>
"""


def badge_svg(comparison: Comparison) -> str:
    """Render the badge as an SVG of 20 pixels' height that needs no font and no network."""
    message = _message(comparison)
    label_length, message_length = _length(PROTOCOL), _length(message)
    left, right = label_length + 2 * _PADDING, message_length + 2 * _PADDING
    return _SVG.format(
        width=left + right,
        left=left,
        right=right,
        padding=_PADDING,
        label=escape(PROTOCOL),
        message=escape(message),
        label_length=label_length,
        message_x=left + _PADDING,
        message_length=message_length,
        colour=_COLOURS[_worst(comparison)][1],
    )


def badge_json(comparison: Comparison) -> str:
    """Render the badge as JSON for https://shields.io/badges/endpoint-badge."""
    badge = {
        "schemaVersion": 1,
        "label": PROTOCOL,
        "message": _message(comparison),
        "color": _COLOURS[_worst(comparison)][0],
    }
    return json.dumps(badge, indent=2) + "\n"


def _message(comparison: Comparison) -> str:
    """Return the verdict; for a single implementation also how many MUSTs fail."""
    if len(comparison.implementations) == 1:
        [only] = comparison.implementations
        failed = only.count(Level.MUST, Status.FAIL)
        return f"{comparison.verdict}: {failed} MUST fail" if failed else comparison.verdict
    return comparison.verdict


def _worst(comparison: Comparison) -> Verdict:
    verdicts = {one.report.verdict for one in comparison.implementations}
    if Verdict.NON_CONFORMANT in verdicts:
        return Verdict.NON_CONFORMANT
    return Verdict.CONFORMANT if verdicts == {Verdict.CONFORMANT} else Verdict.INCOMPLETE


def _length(text: str) -> int:
    """Estimate the width in pixels of text at 11 pixels; the SVG stretches the text to it."""
    return round(sum(4.3 if c in _NARROW else 10.5 if c in _WIDE else 7.0 for c in text))
