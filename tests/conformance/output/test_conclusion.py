"""The end of a run in which something failed: its causes first, and all within a screen."""

import io
import json
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest
from rich.console import Console
from rich.text import Text

from conformance.diagnosis.families import families
from conformance.output.causes import (
    causes_of,
    picture_of,
    printed_of,
    unexplained_of,
)
from conformance.output.conclusion import LINES, print_conclusion
from conformance.output.github import annotations
from conformance.output.gradescope import render_gradescope
from conformance.output.html import render_page
from conformance.output.junit import render_junit
from conformance.output.markdown import render_markdown
from conformance.output.summary import notes_of, verdict_lines
from conformance.report.comparison import compare
from conformance.report.deaths import deaths_in
from conformance.report.model import CauseReport, Report, SpokenReport
from conformance.report.octets import width
from conformance.runner.session import Settings
from conformance.target.profile import Profile
from tests.conformance.samples import altered, cut_off, played, report, swapped, worst

LONGEST = sorted(families(), key=lambda name: len(families()[name].cause))[-3:]
STEPS = ("chatproto-conformance explain x", "chatproto-conformance run x --verbose", "more")


def explained(whole: Report, *names: str) -> Report:
    """The report with these causes, each of which explains its share of all failures but one."""
    failed = [one.id for one in whole.requirements if one.status == "fail"]
    whole.causes = [
        CauseReport(
            family=name,
            specimens=list(families()[name].specimens),
            confidence="likely",
            explains=failed[1:][index :: len(names)],
            shown_by=whole.scenarios[0].id,
        )
        for index, name in enumerate(names)
    ]
    whole.unexplained = failed[:1]
    return whole


def shown(whole: Report, columns: int = 80, steps: Sequence[str] = STEPS) -> list[str]:
    output = io.StringIO()
    console = Console(file=output, width=columns, highlight=False)
    print_conclusion(console, whole, list(verdict_lines(whole, failures=True)), steps)
    return output.getvalue().splitlines()


def rows(lines: Sequence[str], columns: int) -> int:
    return sum(max(1, -(-width(line) // columns)) for line in lines)


def small() -> Report:
    return report(played(altered()), played(cut_off(), "quit/quit-leaves"))


def test_a_cause_is_told_with_all_there_is_of_it() -> None:
    whole = explained(small(), "escapes-text")
    text = "\n".join(shown(whole))
    family = families()["escapes-text"]
    failed = len(whole.causes[0].explains) + 1
    assert f"1. {family.title}: likely, explains {failed - 1} of {failed} failures" in text
    for part in (family.cause, family.remedy):
        assert " ".join(part.split()) in " ".join(text.split())
    assert "MUSTs" in text.splitlines()[0]
    first, *_ = unexplained_of(whole)
    assert f"   {first[1].requirement}" in text.partition("Not explained:")[2]
    assert text.rstrip().endswith(STEPS[-1])


def test_what_a_cause_may_be_instead_stands_under_it() -> None:
    whole = explained(small(), "escapes-text", "greets")
    whole.causes[1].instead_of = "escapes-text"
    [cause] = causes_of(whole)
    assert [one.name for one in cause.rivals] == ["greets"]
    text = "\n".join(shown(whole))
    other = families()["greets"].title
    assert text.index("1. ") < text.index(f"   or: {other}: likely,")
    assert "2. " not in text
    assert f"   or: {other}: likely, " in render_markdown(compare([whole]))
    assert f"<p>or: {other}: likely, " in render_page(compare([whole]))


def test_a_long_command_and_why_the_run_is_short_fit_the_columns() -> None:
    whole = explained(small(), "escapes-text")
    whole.target = "python server.py --listen {address} " + "--option value " * 10
    whole.scenarios[0].reason = "foreign"
    output = io.StringIO()
    console = Console(file=output, width=80, highlight=False)
    head = [*verdict_lines(whole, failures=True), *map(Text, notes_of(whole))]
    print_conclusion(console, whole, head, ())
    assert all(width(line) <= 80 for line in output.getvalue().splitlines())
    assert "--probe finds" in " ".join(output.getvalue().split())


def test_the_picture_is_what_was_sent_what_came_and_what_was_expected() -> None:
    [finding] = (one for one in played(altered()).findings if one.requirement == "TXT-5")
    labels = [fact.label for fact in picture_of(finding, 60)]
    assert labels == ["sent", "came", "", "expected"]
    came = picture_of(finding, 60)[1]
    assert (came.wrong, came.marked) == ("E", True)
    lines = shown(report(played(altered())))
    [caret] = (line for line in lines if line.strip() == "^")
    above = lines[lines.index(caret) - 1]
    assert above[caret.index("^")] == "E"


@pytest.fixture(scope="module")
def endless() -> Report:
    whole = worst("a server")
    for result in whole.scenarios:
        for finding in result.findings:
            finding.printed = ["x" * 200] * 6
    return whole


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("columns", [80, 30])
def test_the_worst_run_fits_a_screen(count: int, columns: int, endless: Report) -> None:
    whole = explained(endless, *LONGEST[:count])
    lines = shown(whole, columns)
    assert rows(lines, columns) <= LINES * 80 // columns
    if columns == 80:
        text = "\n".join(lines)
        for name in LONGEST[:count]:
            assert " ".join(families()[name].title.split())[:40] in " ".join(text.split())
    for line in lines[1 : -len(STEPS)]:
        assert width(line) <= columns


def test_each_failure_has_a_line_where_there_is_no_cause() -> None:
    whole = report(played(swapped("ann", "bob")))
    lines = shown(whole)
    assert "What failed:" in lines
    assert any(line.startswith("   ROOM-3  ") for line in lines)


def test_what_the_server_printed_is_shown() -> None:
    whole = small()
    for result in whole.scenarios:
        result.printed = ["listening"]
    assert printed_of(whole) == ["listening"]
    whole.scenarios[0].findings[0].printed = ["  File x", "KeyError: 3"]
    assert printed_of(whole) == ["  File x", "KeyError: 3"]
    lines = shown(whole)
    assert lines[lines.index("The server printed:") + 2] == "   KeyError: 3"


def test_what_names_an_error_has_two_rows() -> None:
    whole = small()
    place = "thread 'main' (29198) panicked at src/main.rs:10:19:"
    said = 'called `Result::unwrap()` on an `Err` value: Os { code: 24, message: "Too many files" }'
    whole.scenarios[0].findings[0].printed = [place, said]
    lines = shown(whole)
    at = lines.index("The server printed:")
    assert lines[at + 1] == f"   {place}"
    assert " ".join(line.strip() for line in lines[at + 2 : at + 4]) == said


def test_a_death_comes_first_in_every_form_with_what_led_to_it() -> None:
    whole = explained(report(played(altered()), managed=True), "escapes-text")
    first, second = whole.scenarios[0], whole.scenarios[0].model_copy(deep=True)
    second.id = "txt/another"
    whole.scenarios.append(second)
    for result, before in ((first, "c1 sent x; c2 sent \\xff\\n"), (second, "c1 sent \\xff\\n")):
        finding = result.findings[0]
        finding.kind, finding.before = "died", before
        finding.printed = ['  File "server.py", line 1, in <module>', "ValueError: no text"]
    whole.deaths = deaths_in(whole.scenarios)
    [death] = whole.deaths
    assert (death.shown_by, death.scenarios) == (second.id, [first.id, second.id])
    lines = shown(whole)
    at = lines.index("The server died in 2 scenarios: ValueError: no text")
    assert lines[at + 1] == "   after     c1 sent \\xff\\n"
    assert at < next(index for index, line in enumerate(lines) if line.startswith("1. "))
    head = "The server died in 2 scenarios: ValueError: no text"
    assert f"**{head}**" in render_markdown(compare([whole]))
    assert f"<h3>{head}</h3>" in render_page(compare([whole]))
    assert json.loads(whole.model_dump_json())["deaths"][0]["error"] == "ValueError: no text"
    settings = Settings(profile=Profile(), address="tcp://127.0.0.1:1", server="x")
    suite = ElementTree.fromstring(render_junit(whole, settings))[0]  # noqa: S314  # our own
    told = {case[0].get("message", "").splitlines()[0] for case in suite}
    assert told == {f"{head}; first read {second.id}"}


def test_no_form_names_a_cause_of_a_correct_server() -> None:
    found = played(altered())
    found.findings = [found.findings[0].model_copy(update={"requirement": "MSG-4"})]
    whole = report(found)
    whole.advice = explained(report(found), "local-time").causes
    whole.advice[0].explains = ["MSG-4"]
    head = "The time is not UTC: likely, a SHOULD is missed"
    assert f"1. {head}" in shown(whole)
    markdown = render_markdown(compare([whole]))
    assert "### What it could do better" in markdown
    assert "1. **The time is not UTC**: likely, a SHOULD is missed" in markdown
    page = render_page(compare([whole, whole.model_copy(update={"name": "another"})]))
    assert page.count("could do better</h2>") == 2
    for form in (markdown, page, "\n".join(shown(whole))):
        assert "explains" not in form.lower()
        assert "Not explained" not in form


def test_a_dialect_is_a_cause() -> None:
    whole = small()
    failed = [one.id for one in whole.requirements if one.status == "fail"]
    whole.spoken = SpokenReport(
        profile="slash-dates", options="--profile slash-dates", explains=failed
    )
    text = " ".join(" ".join(shown(whole)).split())
    assert "seems to speak the dialect slash-dates: judged in it, " in text


def test_a_family_of_another_version_is_named() -> None:
    whole = explained(small(), "escapes-text")
    whole.causes[0].family = "from-the-future"
    [cause] = causes_of(whole)
    assert (cause.title, cause.why) == ("from-the-future", "")
    assert "1. from-the-future: likely" in "\n".join(shown(whole))


def test_nothing_of_the_server_s_drives_the_terminal() -> None:
    whole = small()
    finding = whole.scenarios[0].findings[0]
    finding.printed, finding.actual = ["\x1b[2J\u202e"], "\x9b[red]x"
    text = "\n".join(shown(whole))
    assert not set(text) & set("\x1b\u202e\x9b")
    assert "[red]x" in text


def test_every_form_names_the_causes_first() -> None:
    whole = explained(report(played(altered()), managed=True), "escapes-text")
    whole.causes[0].explains = ["TXT-5"]
    title = families()["escapes-text"].title
    markdown = render_markdown(compare([whole]))
    assert f"1. **{title}**: likely, explains 1 of " in markdown
    assert markdown.index(title) < markdown.index("<summary>What failed: ")
    assert "   - came `n0ddba1x90001z hEllo`" in markdown
    page = render_page(compare([whole]))
    assert page.index(f"<h3>{title}</h3>") < page.index('id="matrix"')
    assert "<summary>1 consequence</summary>" in page
    assert "n0ddba1x90001z h<mark>E</mark>llo" in page.partition('id="matrix"')[0]
    settings = Settings(profile=Profile(), address="tcp://127.0.0.1:1")
    suite = ElementTree.fromstring(render_junit(whole, settings))[0]  # noqa: S314  # our own
    [message] = [str(one.get("message")) for case in suite for one in case.iter("failure")]
    assert message.startswith(f"{title} (likely: explain escapes-text)\n")
    [error] = [one for one in annotations(whole, settings.again) if "TXT-5" in one]
    assert f"%0A{title} (likely: explain escapes-text)%0A" in error
    assert title in json.loads(render_gradescope(whole, settings.again))["output"]
