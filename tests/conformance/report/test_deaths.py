"""What ends a server in many scenarios is one death."""

from conformance.report.deaths import deaths_in
from conformance.report.model import FindingReport, ScenarioReport

PLACE = ['  File "server.py", line 17, in main', "    text = line.decode()"]


def ended(
    id_: str, printed: list[str], actual: str = "ended", kind: str = "died"
) -> ScenarioReport:
    finding = FindingReport.model_validate(
        {"requirement": "ERR-2", "outcome": "fail", "expected": "", "actual": actual}
        | {"kind": kind, "before": id_, "printed": printed}
    )
    return ScenarioReport(id=id_, status="fail", requirements=[], findings=[finding])


def test_one_error_at_one_place_is_one_death() -> None:
    [death] = deaths_in(
        [
            ended("the first", [*PLACE, "UnicodeDecodeError: byte 0xff in position 4: no start"]),
            ended("second", [*PLACE, "UnicodeDecodeError: bytes in position 1-2: early end"]),
        ]
    )
    assert death.scenarios == ["the first", "second"]
    assert death.shown_by == "second"
    assert death.error == "UnicodeDecodeError: bytes in position 1-2: early end"
    assert death.explains == ["ERR-2"]


def test_thread_ids_and_addresses_tell_no_deaths_apart() -> None:
    for one, other in (
        (
            ["thread 'main' (4711) panicked at src/main.rs:10:5:", "no text: Utf8Error { at: 4 }"],
            ["thread 'main' (815) panicked at src/main.rs:10:5:", "no text: Utf8Error { at: 9 }"],
        ),
        (
            ["panic: runtime error: index out of range [5]", "\t/home/x/main.go:42 +0x1d"],
            ["panic: runtime error: index out of range [7]", "\t/home/x/main.go:42 +0x2e"],
        ),
        (["a line", "another"], ["no error either"]),
    ):
        assert len(deaths_in([ended("a", one), ended("b", other)])) == 1, one


def test_other_places_errors_and_statuses_are_other_deaths() -> None:
    there = ['  File "server.py", line 18, in main', PLACE[1]]
    results = [
        ended("a", [*PLACE, "ValueError: x"]),
        ended("b", [*PLACE, "ValueError: y"]),
        ended("c", [*there, "ValueError: x"]),
        ended("d", [*PLACE, "KeyError: x"]),
        ended("e", [], "ended, by SIGKILL"),
        ended("f", [], "ended, with status 0"),
    ]
    assert [one.scenarios for one in deaths_in(results)] == [
        ["a", "b"], ["c"], ["d"], ["e"], ["f"],
    ]  # fmt: skip


def test_what_fails_otherwise_too_is_not_explained() -> None:
    [death] = deaths_in([ended("a", []), ended("b", [], kind="altered")])
    assert death.explains == []
