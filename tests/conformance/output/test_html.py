"""The page: all of it there, in bounds, the same each time, and nobody's octets a part of it."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from conformance.output.html import render_page
from conformance.report.comparison import Status, compare
from conformance.report.model import Report, RequirementReport
from conformance.standard.markup import blocks, section_titles, spans
from conformance.standard.requirements import Level, requirements
from tests.conformance.samples import (
    altered,
    cut_off,
    hostile,
    outage,
    passing,
    played,
    report,
    swapped,
    worst,
)

ATTACKS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "--><svg onload=alert(1)>",
    "</text></svg><style>*{display:none}</style>",
    "&lt;script&gt;",
    "\x00\x1b[2J\x7f\x9b\u202e\u2066",
)
TAGS = frozenset(
    {"html", "head", "meta", "title", "style", "link", "body", "header", "main", "footer"}
    | {"a", "article", "b", "button", "circle", "code", "dd", "details", "div", "dl", "dt"}
    | {"fieldset", "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "input", "label"}
    | {"legend", "li", "mark", "option", "output", "p", "path", "pre", "rect", "script", "section"}
    | {"select", "span", "strong", "summary", "svg", "table", "tbody", "td", "text", "th", "thead"}
    | {"tr", "ul"}
)


class _Page(HTMLParser):
    """Read every element of a page, its ids and links, and the text of each kind of element."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._tag = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # the parser's signature
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag:
            self.texts[self._tag][-1] += data

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def _page(*reports: Report) -> str:
    return render_page(compare(reports))


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_a_report_becomes_markup(attack: str) -> None:
    harmless = _Page(_page(hostile("x" * len(attack)), passing()))
    page = _Page(_page(hostile(attack), passing()))
    assert {tag for tag, _ in page.elements} <= TAGS
    assert page.texts["script"] == harmless.texts["script"]
    assert page.texts["style"] == harmless.texts["style"]
    names = {name for _, attributes in page.elements for name in attributes}
    assert names <= {name for _, attributes in harmless.elements for name in attributes}
    assert not any(name.startswith("on") for name in names)
    assert all(link.startswith(("#", "data:,")) for link in page.attributes("href"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_control_or_direction_gets_into_a_page(attack: str) -> None:
    page = _page(hostile(attack))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


def test_a_page_asks_nobody_for_anything() -> None:
    page = _page(report(played(altered())), passing())
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert "@import" not in page
    assert "url(" not in page
    parsed = _Page(page)
    assert [dict(one)["href"] for tag, one in parsed.elements if tag == "link"] == ["data:,"]


def test_the_policy_lets_run_what_is_there_and_nothing_else() -> None:
    page = _page(passing())
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    for tag in ("script", "style"):
        [text] = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-" not in policy
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not _Page(page).attributes("style")


def test_ten_implementations_stay_under_a_megabyte() -> None:
    page = _page(*(worst(f"implementation {number}") for number in range(10)))
    assert len(page.encode()) < 1_000_000
    assert "to keep this page small" in page
    assert "<svg" in page


def test_a_page_is_the_same_each_time() -> None:
    reports = [report(played(altered()), played(swapped("ann", "bob"))), passing()]
    assert _page(*reports) == _page(*reports)
    again = [Report.model_validate_json(one.model_dump_json(by_alias=True)) for one in reports]
    assert _page(*again) == _page(*reports)


def test_every_requirement_has_its_place_and_every_link_its_end() -> None:
    page = _Page(_page(report(played(altered())), passing()))
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.attributes("href") if link.startswith("#")} <= set(ids) | {
        one.id for one in requirements().values()
    }
    for id_ in ("QUIT-3", "QUIT-3.1", "QUIT-3.2", "STOP-1"):
        assert id_ in ids
        assert f"#{id_}" in page.attributes("href")


def test_each_cell_says_its_status_in_a_symbol_and_in_a_word() -> None:
    whole = report(name="all")
    [first, second, third, fourth, fifth, sixth, seventh, *_] = whole.requirements
    for one in (first, second, third, fourth, fifth):
        one.level = Level.MUST
    first.status, second.status, third.status = "pass", "fail", "skip"
    fourth.status, fifth.status = "unknown", "not-exercised"
    sixth.status, sixth.level = "fail", Level.SHOULD
    seventh.status, seventh.declared = "fail", ['framing = "read"']
    rows = compare([whole]).rows
    assert {row.cells[0].status for row in rows[:7]} == set(Status)
    page = _page(whole)
    for row in rows[:7]:
        status = row.cells[0].status
        cell = (
            f'<span class="symbol" aria-hidden="true">{status.symbol}</span>'
            f'<span class="word">{status.word}</span>'
            f'<span class="unseen">({row.id}, all)</span>'
        )
        assert cell in page
    assert len({status.symbol for status in Status}) == len(Status)


def test_a_failure_is_told_with_all_there_is_of_it() -> None:
    page = _page(report(played(altered()), target="python server.py {port}"))
    for part in (
        "the line&#39;s text, decoded, trimmed and made safe",
        "another text",
        "<mark>E</mark>llo",
        "octet 17 is the first wrong one",
        "<code>001z hello\\n</code>",
        "--launch &#39;python server.py {port}&#39; --only room/everyone-speaks-at-once",
        'class="sequence"',
        "The same as text",
        "A relay that edits is wrong about some script",
    ):
        assert part in page


def test_a_crossing_is_drawn() -> None:
    page = _page(report(played(swapped("ann", "bob"))))
    assert 'class="pair"' in page
    assert "ann has A before B, cyd has B before A" in page


def test_a_silence_is_drawn_where_nodes_had_faults() -> None:
    result = played(altered())
    assert "Availability" not in render_page(compare([report(result)]))
    result.outages = [outage("killed", 1.0)]
    page = render_page(compare([report(result)]))
    assert "killed, node 0" in page
    assert '<rect class="fault" width="180.0" height="12"/>' in page
    assert '<rect class="silent" x="30.0" y="4" width="60.0" height="4"/>' in page


def test_a_reset_is_drawn() -> None:
    assert 'class="a reset"' in _page(report(played(cut_off())))


def test_reports_are_told_apart() -> None:
    reports = [passing("a"), passing("a"), report(name=None), report(name=None)]
    labels = [one.label for one in compare(reports, ["", "", "b"]).implementations]
    assert labels == ["a (1)", "a (2)", "b", "tcp://127.0.0.1:9999"]


def test_a_report_of_another_version_is_shown_as_far_as_it_goes() -> None:
    other = passing("other")
    one = other.requirements[0]
    other.requirements = [
        RequirementReport.model_validate({**one.model_dump(), "id": "NEW-1", "title": "New"})
    ]
    page = _page(other, passing())
    assert "no such requirement" in page
    assert "not in this report" in page


def test_what_a_run_left_out_is_said() -> None:
    whole = report(name="part")
    whole.interrupted = True
    page = _page(whole)
    assert "stopping was not checked" in page
    assert ", interrupted" in page


def test_prose_is_read() -> None:
    [paragraph, items, table] = blocks(
        "A server MUST NOT say `x` (QUIT-3), **ever**; see RFC-1.\n\n- one;\n- two\n  lines\n\n"
        "| a | b |\n|---|---|\n| 1 | `2` |"
    )
    kinds = [(span.kind, span.text) for span in paragraph.rows[0][0]]
    assert ("key", "MUST NOT") in kinds
    assert ("code", "x") in kinds
    assert ("link", "QUIT-3") in kinds
    assert ("strong", "ever") in kinds
    assert not any(kind == "link" and text == "RFC-1" for kind, text in kinds)
    assert [row[0][0].text for row in items.rows] == ["one;", "two lines"]
    assert [len(row) for row in table.rows] == [2, 2]


def test_prose_loses_no_word_of_the_standard() -> None:
    for one in requirements().values():
        for text in (one.text, one.reason):
            said = "".join(
                span.text
                for block in blocks(text)
                for row in block.rows
                for cell in row
                for span in cell
            )
            plain = re.sub(r"^- |^\|[-|]+\|$|[`*|]", "", text, flags=re.MULTILINE)
            assert "".join(said.split()) == "".join(plain.split())
    assert spans("") == ()
    assert section_titles()["quit"] == "Leaving"
