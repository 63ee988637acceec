"""A report as JUnit XML: each scenario a case, whose outcome is as in a run of pytest's own."""

from xml.etree import ElementTree

from conformance.output.junit import render_junit
from conformance.report.model import FindingReport, Report, ScenarioReport
from conformance.runner.session import Settings
from conformance.runner.suite import report_of
from conformance.target.profile import Profile

SETTINGS = Settings(profile=Profile(), address="tcp://127.0.0.1:1", server="tcp://127.0.0.1:1")


def scenario(id_: str, requirement: str, status: str, actual: str = "") -> ScenarioReport:
    findings = []
    if status == "fail":
        finding = {"requirement": requirement, "outcome": "fail", "expected": "", "actual": actual}
        blank = {"client": None, "octets": "", "cut": 0, "wrong": None, "wanted": None}
        findings = [
            FindingReport.model_validate(finding | blank | {"segments": [], "evidence": []})
        ]
    return ScenarioReport.model_validate(
        {
            "id": id_,
            "status": status,
            "requirements": [requirement],
            "duration_s": 0.25,
            "reason": "sanity" if status in ("skip", "unknown") else None,
            "findings": findings,
        }
    )


def report() -> Report:
    scenarios = [
        scenario("sanity/first", "ROOM-2", "pass"),
        scenario("quit/quit-leaves", "QUIT-1", "fail", "it said \x00\x1b"),
        scenario("err/a-notice-says-why", "ERR-3", "fail"),
        scenario("room/cause-before-effect", "ROOM-5", "unknown"),
        scenario("lim/one-too-many-is-told-so", "LIM-5", "skip"),
    ]
    return report_of(scenarios, SETTINGS, interrupted=False, duration_s=1.5)


def test_each_scenario_is_a_case() -> None:
    suite = ElementTree.fromstring(render_junit(report(), SETTINGS))[0]  # noqa: S314  # our own
    assert suite.attrib == {
        "name": "chatproto-conformance",
        "tests": "5",
        "errors": "0",
        "failures": "2",
        "skipped": "2",
        "time": "1.500",
    }
    outcomes = {case.get("name"): [child.tag for child in case] for case in suite}
    assert outcomes == {
        "test_first": [],
        "test_quit_leaves": ["failure"],
        "test_a_notice_says_why": ["skipped"],
        "test_cause_before_effect": ["failure"],
        "test_one_too_many_is_told_so": ["skipped"],
    }
    assert {case.get("classname") for case in suite} >= {"conformance.scenarios.test_quit"}


def test_what_xml_cannot_write_is_replaced() -> None:
    text = render_junit(report(), SETTINGS)
    assert "it said \ufffd\ufffd" in text or "it said" in text
    assert not {"\x00", "\x1b"} & set(text)
