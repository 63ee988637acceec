"""A report as Gradescope's results.json, with points for each requirement."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from conformance.output.causes import causes_of, first_findings
from conformance.report.model import Report, RequirementReport, ScenarioReport
from conformance.report.octets import visible
from conformance.report.text import finding_lines
from conformance.standard.requirements import Level

POINTS: Final[Mapping[Level, float]] = {Level.MUST: 2.0, Level.SHOULD: 1.0}
"""The default points of a requirement of each level."""
_MARK: Final = {"pass": 1, "fail": 0, "unknown": 0, "not-exercised": 0}
"""The part of its points that a requirement earns."""
_NOT_ASKED: Final = ("not-selected", "needs-launch", "needs-capacity", "needs-dead-peers")
"""The reasons for a skip because of which a requirement is not listed as a test."""


def render_gradescope(
    report: Report,
    again: Callable[[ScenarioReport], str],
    points: Mapping[Level, float] = POINTS,
) -> str:
    """Render a test for each requirement that the run was about, with its finding."""
    first = {
        finding.requirement: "\n".join(finding_lines(finding, again(result)))
        for (result, finding), *_ in first_findings(report.scenarios)
    }
    tests = [
        {
            "name": f"{one.id} {one.level} — {one.title}",
            "number": one.id,
            "score": points[one.level] * _MARK.get(one.status, 0),
            "max_score": points[one.level],
            "status": "passed" if one.status == "pass" else "failed",
            "output": first.get(one.id, _said(one)),
            "output_format": "text",
            "tags": [str(one.level), one.id.partition("-")[0]],
        }
        for one in report.requirements
        if not (one.status == "skip" and one.reason in _NOT_ASKED)
    ]
    interrupted = ", interrupted" if report.interrupted else ""
    whole = f"{report.protocol}: {report.verdict_in_words}{interrupted}"
    for cause in causes_of(report):
        whole += f"\n{cause.title} ({cause.sure}, {cause.extent}). Remedy: {cause.remedy}"
        whole += "".join(f"\nor: {rival.head}" for rival in cause.rivals)
    return _written({"output": whole, "execution_time": round(report.duration_s), "tests": tests})


def gradescope_without_server(problem: str) -> str:
    """Render the result for a server that could not be reached or launched."""
    return _written({"score": 0.0, "output": visible(problem), "tests": []})


def _said(one: RequirementReport) -> str:
    if one.status == "pass":
        return f"held {one.exercised} times" if one.exercised != 1 else "held once"
    return visible(one.reason) if one.reason else f"{one.status} in this run"


def _written(results: Mapping[str, object]) -> str:
    return json.dumps({**results, "output_format": "text"}, indent=2) + "\n"
