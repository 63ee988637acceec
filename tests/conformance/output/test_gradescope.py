"""results.json: of the form that Gradescope documents, with points by level."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from conformance.output.gradescope import POINTS, gradescope_without_server, render_gradescope
from conformance.report.model import Report, ScenarioReport
from conformance.standard.requirements import Level, requirements
from tests.conformance.command import REFERENCE, run, specimen
from tests.conformance.samples import altered, hostile, passing, played, report

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
# As Gradescope's page on autograders' output describes it.
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "integer"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "leaderboard": {"type": "array"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["score", "max_score"],
                "properties": {
                    "score": {"type": "number"},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "name_format": FORMAT,
                    "number": {"type": "string"},
                    "output": {"type": "string"},
                    "output_format": FORMAT,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
    },
    "anyOf": [{"required": ["score"]}, {"properties": {"tests": {"minItems": 1}}}],
}


def again(result: ScenarioReport) -> str:
    return f"again {result.id}"


def rendered(found: Report) -> dict[str, object]:
    results = json.loads(render_gradescope(found, again))
    Draft202012Validator(SCHEMA).validate(results)
    assert isinstance(results, dict)
    return results


def points(results: dict[str, object]) -> dict[str, tuple[float, float]]:
    tests = results["tests"]
    assert isinstance(tests, list)
    return {one["number"]: (one["score"], one["max_score"]) for one in tests}


def test_a_correct_server_has_all_the_points() -> None:
    earned = points(rendered(passing()))
    assert all(score == most for score, most in earned.values())
    assert earned["QUIT-3"] == (POINTS[Level.MUST], POINTS[Level.MUST]) == (2.0, 2.0)
    assert earned["ERR-3"] == (POINTS[Level.SHOULD], POINTS[Level.SHOULD]) == (1.0, 1.0)


def test_what_is_broken_earns_nothing_and_says_why() -> None:
    results = rendered(report(played(altered()), managed=True))
    assert points(results)["TXT-5"] == (0.0, 2.0)
    tests = results["tests"]
    assert isinstance(tests, list)
    [output] = (one["output"] for one in tests if one["number"] == "TXT-5")
    assert output.startswith("TXT-5 MUST — ")
    assert "  actual    another text" in output
    assert output.endswith("  again     again room/everyone-speaks-at-once")


def test_what_was_not_asked_for_is_no_test_and_what_could_not_be_told_is_one() -> None:
    whole = passing()
    for one, status, reason in zip(
        whole.requirements,
        ("skip", "skip", "skip", "skip", "unknown", "not-exercised"),
        ("not-selected", "needs-launch", "needs-capacity", "sanity", "it left", None),
        strict=False,
    ):
        one.status, one.reason = status, reason  # type: ignore[assignment]  # the literals above
    earned = list(points(rendered(whole)).values())
    assert [score for score, _ in earned[:4]] == [0.0, 0.0, 0.0, 2.0]
    assert len(earned) == len(whole.requirements) - 3


@pytest.mark.parametrize("text", ["\x1b[2J", "\ud800", "</script>", "x" * 9_000])
def test_any_report_is_of_the_form(text: str) -> None:
    whole = hostile(text)
    whole.requirements = [one for one in whole.requirements if one.id in requirements()]
    shown = json.dumps(rendered(whole))
    assert "\x1b" not in json.loads(shown)["tests"][0]["output"]


def test_no_server_earns_nothing() -> None:
    results = json.loads(gradescope_without_server("false ended with status 1"))
    Draft202012Validator(SCHEMA).validate(results)
    assert results["score"] == 0


def test_the_command_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    done = run(
        "run", "--launch", specimen("no-notice"), "--only", "ERR-1,ERR-3",
        "--gradescope", str(path), "--points", "10", "0.5",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    results = json.loads(path.read_text())
    Draft202012Validator(SCHEMA).validate(results)
    assert points(results) == {"ERR-1": (10.0, 10.0), "ERR-3": (0.0, 0.5)}
    assert run("run", "--launch", "false", "--gradescope", str(path)).returncode == 3
    assert "before it listened" in json.loads(path.read_text())["output"]
    assert run("run", "--launch", REFERENCE, "--gradescope", "/no/such/r.json").returncode == 2
