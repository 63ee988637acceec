"""The grammar and the library allow the same, in both directions and at every border."""

from datetime import datetime
from typing import AnyStr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatproto import Malformed, ServerConnection, Unit, UnitReader, encode
from chatproto.sender import is_sender
from chatproto.text import is_text
from tests.chatproto import models
from tests.chatproto.helpers import say
from tests.chatproto.strategies import points, units
from tests.spec import grammar

SCALARS = {point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF}


def is_read(octets: bytes) -> bool:
    """Whether the library reads octets as units, to their end."""
    reader = UnitReader()
    return not any(isinstance(unit, Malformed) for unit in reader.receive(octets)) and (
        reader.complete
    )


def test_the_grammar_s_code_points_are_the_model_s() -> None:
    safe = {point for point in SCALARS if not models.is_unsafe(point)}
    assert grammar.points("inner-space") == models.WHITE_SPACE & safe
    assert grammar.points("edge") == safe - models.WHITE_SPACE
    assert grammar.points("white-space") == models.WHITE_SPACE - {0x0A}
    assert grammar.points("visible") == SCALARS - models.WHITE_SPACE
    assert grammar.points("not-lf") == SCALARS - {0x0A}


@given(grammar.texts("server-stream") | grammar.texts("units"))
def test_what_the_grammar_allows_a_server_the_library_reads(text: str) -> None:
    assert is_read(text.encode())


@given(grammar.texts("server-stream"))
def test_a_notice_is_the_last_unit_of_a_server_s_stream(text: str) -> None:
    assert grammar.matches("units", text.encode())
    assert grammar.matches("server-stream", f"{text}\n".encode()) == ("!" not in _starts(text))


def _starts(text: str) -> set[str]:
    """Return the code points with which the units of a server's stream begin."""
    return {unit.value[0] for unit in grammar.find(grammar.parse("units", text), "unit")}


@given(st.lists(units, max_size=3))
def test_what_the_library_writes_the_grammar_allows(written: list[Unit]) -> None:
    assert grammar.matches("units", b"".join(map(encode, written)))


@given(grammar.texts("client-stream"))
def test_what_the_grammar_calls_a_client_s_lines_the_library_calls_them(text: str) -> None:
    tree = grammar.parse("client-stream", text)
    lines = [line.children[0].name for line in grammar.find(tree, "line")]
    if "leave" in lines:
        lines = lines[: lines.index("leave") + 1]
    connection = ServerConnection()
    kinds = [kind for kind, _, _ in say(connection.receive(text.encode()))]
    assert kinds == ["quit" if line == "leave" else line for line in lines]
    incomplete = "".join(node.value for node in grammar.find(tree, "incomplete"))
    ended = [] if "quit" in kinds else [("end of stream", len(incomplete.encode()), "")]
    assert say(connection.receive_eof()) == ended


@given(st.text(points, max_size=20))
def test_any_text_is_a_client_s_stream(text: str) -> None:
    assert grammar.parse("client-stream", text) is not None


near_misses = st.one_of(st.sampled_from("0123456789:.![]-af AQ\t\r\n\0\u0663"), points)
"""What is put where it may not belong."""


SPOILT = st.sampled_from(["delete", "insert", "replace", "swap", "truncate"])


def spoil(whole: AnyStr, at: int, how: str, new: AnyStr) -> AnyStr:
    """Change a code point or an octet."""
    before, here, after = whole[:at], whole[at : at + 1], whole[at + 1 :]
    return {
        "delete": before + after,
        "insert": before + new + here + after,
        "replace": before + new + after,
        "swap": before + after[:1] + here + after[1:],
        "truncate": before,
    }[how]


@st.composite
def nearly(draw: st.DrawFn, rule: str) -> bytes:
    """Draw what a rule matches, then perhaps alter a code point or two, or an octet."""
    text = draw(grammar.texts(rule))
    for _ in range(draw(st.integers(0, 2))):
        text = spoil(text, draw(st.integers(0, len(text))), draw(SPOILT), draw(near_misses))
    octets = text.encode()
    if draw(st.integers(0, 3)) == 0:
        octet = draw(st.binary(min_size=1, max_size=1))
        octets = spoil(octets, draw(st.integers(0, len(octets))), draw(SPOILT), octet)
    return octets


@settings(max_examples=150)
@given(nearly("units"))
def test_on_what_is_nearly_a_server_s_stream_grammar_and_library_agree(octets: bytes) -> None:
    assert grammar.matches("units", octets) == is_read(octets)


@settings(max_examples=150)
@given(nearly("unit"))
def test_on_what_is_nearly_a_unit_grammar_and_library_agree(octets: bytes) -> None:
    assert grammar.matches("units", octets) == is_read(octets)


@settings(max_examples=150)
@given(nearly("sender"))
def test_on_what_is_nearly_a_sender_grammar_and_library_agree(octets: bytes) -> None:
    sender = octets.decode(errors="replace")
    assert grammar.matches("sender", octets) == is_sender(sender)


@given(nearly("text"))
def test_on_what_is_nearly_a_text_grammar_and_library_agree(octets: bytes) -> None:
    text = models.decode(octets)
    assert grammar.matches("text", octets) == (text is not None and is_text(text))


@pytest.mark.parametrize("year", [0, 1, 4, 96, 100, 400, 1900, 2000, 2023, 2024, 9996, 9999])
def test_the_grammar_knows_the_calendar(year: int) -> None:
    for month in range(14):
        for day in range(33):
            try:
                exists = bool(datetime(year, month, day))
            except ValueError:
                exists = False
            date = f"{year:04}{month:02}{day:02}"
            assert grammar.matches("date", date.encode()) == exists
            assert is_read(f"{date} 17:45:39 unix:0\na\n".encode()) == exists


def test_grammar_and_library_end_the_day_at_the_same_second() -> None:
    for hour in (0, 9, 10, 19, 20, 23, 24, 29, 30, 99):
        for sixty in (0, 9, 10, 59, 60, 99):
            time = f"{hour:02}:{sixty:02}:{59 - sixty % 60:02}"
            exists = hour < 24 and sixty < 60
            assert grammar.matches("time", time.encode()) == exists
            assert is_read(f"20210703 {time} unix:0\na\n".encode()) == exists


@pytest.mark.parametrize("sender", ["1.2.3.4:{}", "[::1]:{}"])
def test_grammar_and_library_end_the_ports_at_the_same_number(sender: str) -> None:
    numbers = [0, 9, 10, 99, 999, 9_999, 59_999, 64_999, 65_499, 65_529, 65_535]
    for number in [each + more for each in numbers for more in (0, 1)]:
        octets = sender.format(number).encode()
        assert grammar.matches("sender", octets) == (number <= 65_535)
        assert is_sender(octets.decode()) == (number <= 65_535)
