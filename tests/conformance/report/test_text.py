"""What a server says cannot drive the terminal of whoever reads the report, and can be read."""

import pytest

from conformance.oracle import Outcome
from conformance.report.model import FindingReport
from conformance.report.octets import escape, tokens, width
from conformance.report.text import came, finding_lines


def test_nothing_of_the_server_s_reaches_the_terminal_raw() -> None:
    wild = "a\x1b[2J\x9b\x07\u202e"
    octets = wild.encode().decode("latin-1")
    finding = FindingReport(
        requirement="TRN-2",
        outcome=Outcome.FAIL,
        expected=wild,
        actual=wild,
        octets=octets,
        wanted=octets,
    )
    shown = "".join(finding_lines(finding, "again"))
    assert not set(shown) & set("\x1b\x9b\x07\u202e")


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"a b\t\r\n\\", r"a b\t\r\n\\"),
        (b"\x00\x1b\x7f\xff", r"\x00\x1b\x7f\xff"),
        ("a\ufffdb".encode(), "a<U+FFFD>b"),
        ("\u4f60\u597d \u00e9".encode(), "\u4f60\u597d \u00e9"),
        (
            "e\u0301 \ufb01 \u2028\u00a0\ufeff".encode(),
            "e<U+0301> <U+FB01> <U+2028><U+00A0><U+FEFF>",
        ),
        (b"  ", r"\x20\x20"),
        (b"\xef\xbf", r"\xef\xbf"),
        (b"\xed\xa0\x80\xc0\xaf", r"\xed\xa0\x80\xc0\xaf"),
        (b"n" + b"x" * 15 + b"\n", "n" + "x" * 15 + "\\n"),
        (b"n" + b"x" * 1_024 + b"\n", "n(x \u00d7 1,024)\\n"),
        ("\ufffd".encode() * 20, "(<U+FFFD> \u00d7 20)"),
    ],
)
def test_octets_read_as_people_write_them(octets: bytes, shown: str) -> None:
    assert escape(octets.decode("latin-1")) == shown


def test_each_octet_has_its_text() -> None:
    octets = "a\ufffdb".encode().decode("latin-1")
    assert tokens(octets) == ["a", "<U+FFFD>", "", "", "b"]
    assert tokens("axb", [(1, 500)]) == ["a", "(x \u00d7 500)", "b"]
    assert tokens("x" * 40, edges={20})[20] == "(x \u00d7 20)"
    assert width("\u4f60a") == 3


def test_a_wrong_octet_within_a_character_is_that_character() -> None:
    octets = "ab\ufffdc".encode().decode("latin-1")
    finding = FindingReport(
        requirement="TXT-5", outcome=Outcome.FAIL, expected="", actual="", octets=octets, wrong=3
    )
    shown = came(finding)
    assert (shown.before, shown.wrong, shown.after) == ("ab", "<U+FFFD>", "c")
