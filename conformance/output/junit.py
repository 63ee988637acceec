"""A report as JUnit XML: a test case for each scenario, named as pytest names it."""

import re
from typing import Final
from xml.etree import ElementTree

from conformance.output.causes import death_in, head_of, named_of
from conformance.report.model import Report, ScenarioReport
from conformance.runner.outcome import outcome_of
from conformance.runner.session import Settings

_UNFIT: Final = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot represent."""


def render_junit(report: Report, settings: Settings) -> str:
    """Render a report as JUnit XML.

    A scenario fails if a MUST is broken or undecided. It counts as skipped, with the reason, if
    only SHOULDs are broken or the failures are known.
    """
    suite = ElementTree.Element("testsuite", name="chatproto-conformance")
    counts = dict.fromkeys(("failed", "skipped"), 0)
    for result in report.scenarios:
        section, _, name = result.id.partition("/")
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"conformance.scenarios.test_{section}",
            name=f"test_{name.replace('-', '_')}",
            time=f"{result.duration_s:.3f}",
        )
        outcome, text = outcome_of(result, settings)
        if outcome == "passed":
            continue
        text = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)
        kind = "failed" if outcome == "failed" else "skipped"
        counts[kind] += 1
        tag = "failure" if kind == "failed" else "skipped"
        message = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", _cause(report, result))
        message += text.partition("\n\n")[0]
        ElementTree.SubElement(case, tag, message=message).text = text
    suite.attrib |= {
        "tests": f"{len(report.scenarios)}",
        "errors": "0",
        "failures": f"{counts['failed']}",
        "skipped": f"{counts['skipped']}",
        "time": f"{report.duration_s:.3f}",
    }
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, "unicode")}\n'


def _cause(report: Report, result: ScenarioReport) -> str:
    """Return the cause of a scenario's failures in one line; empty if none is known."""
    if (death := death_in(report, result)) is not None:
        return f"{head_of(death)}; first read {death.shown_by}\n"
    broken = {one.requirement for one in result.findings}
    for cause in named_of(report):
        if broken & set(cause.explains):
            return f"{cause.title} ({cause.sure}: explain {cause.name})\n"
    return ""
