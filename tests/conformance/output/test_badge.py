"""The badge: the verdict, in a colour of its own, as SVG and as an endpoint's JSON."""

import json
import xml.etree.ElementTree as ET  # it reads only what this test wrote

import pytest

from conformance.output.badge import badge_json, badge_svg
from conformance.report.comparison import compare
from conformance.report.model import Report
from tests.conformance.samples import altered, hostile, passing, played, report

BROKEN = report(played(altered()), name="broken")
UNTOLD = report(name="untold")


@pytest.mark.parametrize(
    ("reports", "message", "colour"),
    [
        ([passing()], "conformant", "brightgreen"),
        ([BROKEN], "non-conformant: 2 MUST fail", "red"),
        ([UNTOLD], "incomplete", "yellow"),
        ([passing("a"), passing("b")], "2 of 2 conformant", "brightgreen"),
        ([passing(), UNTOLD], "1 of 2 conformant", "yellow"),
        ([passing(), UNTOLD, BROKEN], "1 of 3 conformant", "red"),
    ],
)
def test_badges(reports: list[Report], message: str, colour: str) -> None:
    comparison = compare(reports)
    endpoint = json.loads(badge_json(comparison))
    assert endpoint == {
        "schemaVersion": 1, "label": "chatproto/1", "message": message, "color": colour,
    }  # fmt: skip
    svg = ET.fromstring(badge_svg(comparison))  # noqa: S314  # our own
    assert svg.get("aria-label") == f"chatproto/1: {message}"
    texts = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["chatproto/1", message]


def test_a_badge_is_as_wide_as_its_text() -> None:
    short, long = (ET.fromstring(badge_svg(compare([one]))) for one in (passing(), BROKEN))  # noqa: S314  # our own
    assert int(short.get("width", 0)) < int(long.get("width", 0)) < 300


def test_a_badge_holds_nothing_of_a_report_but_its_verdict() -> None:
    assert "alert" not in badge_svg(compare([hostile("<script>alert(1)</script>")]))
