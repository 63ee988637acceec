"""TXT: strict UTF-8, 25 code points trimmed, the unsafe replaced, all others as they came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatproto import MessageReceived, QuitReceived, Room, Violation
from chatproto.connection import ServerConnection
from chatproto.text import decode, fault, is_text, make_safe, trim
from tests.chatproto import models
from tests.chatproto.helpers import receive, say, take
from tests.chatproto.strategies import NOT_UTF8, TIME, good_lines, lines, padding, points

EVERY_POINT = [chr(point) for point in range(0x110000)]


def texts_of(*lines: bytes) -> list[str]:
    return [event.text for event in receive(lines) if isinstance(event, MessageReceived)]


@given(st.one_of(lines, st.binary(max_size=8)))
def test_txt_1_a_line_decodes_where_rfc_3629_lets_it(line: bytes) -> None:
    decoded = decode(line) if fault(line) is None else None
    assert decoded == models.decode(line)


def test_txt_1_every_scalar_value_decodes() -> None:
    scalars = "".join(point for point in EVERY_POINT if not "\ud800" <= point <= "\udfff")
    assert decode(scalars.encode()) == scalars


@given(st.text(st.characters(codec="gbk"), min_size=1).map(models.trim).filter(bool))
def test_txt_1_a_deployment_may_read_gbk_and_still_sends_utf_8(text: str) -> None:
    room = Room(charset="gbk")
    member = room.join("unix:0")
    room.receive(member, text.encode("gbk").replace(b"\n", b" ") + b"\n", TIME)
    sent = models.make_safe(text.replace("\n", " "))
    if sent != "quit":
        assert take(member) == models.broadcast(TIME, "unix:0", sent)


@pytest.mark.parametrize("octets", [b"\x80", b"\xff", b"\x81\x20", b"\xc4"])
def test_txt_1_what_is_not_gbk_is_a_violation_where_gbk_is_read(octets: bytes) -> None:
    (event,) = ServerConnection(charset="gbk").receive(octets + b"\n")
    assert isinstance(event, Violation)
    assert event.code == "invalid-text"


@given(good_lines, st.sampled_from(NOT_UTF8), good_lines)
def test_txt_2_a_line_that_does_not_decode_is_invalid_text(
    before: bytes, wrong: bytes, after: bytes
) -> None:
    line = before + wrong + b"a" + after
    assert say(receive([line + b"\n"])) == [("invalid-text", 1, "")]


@given(st.integers(1_020, 1_030), st.booleans())
def test_txt_2_where_it_is_too_long_as_well_it_is_line_too_long(size: int, ended: bool) -> None:
    code = "line-too-long" if size > 1_024 else "invalid-text"
    said = say(receive([b"\xff" * size + b"\n" * ended]))
    assert said == ([(code, 1, "")] if ended or size > 1_024 else [])


@given(padding, st.text(points, max_size=6), padding)
def test_txt_3_white_space_is_trimmed_and_nothing_else(before: str, text: str, after: str) -> None:
    assert trim(before + text + after) == models.trim(text)


def test_txt_3_white_space_is_25_code_points() -> None:
    trimmed = {ord(point) for point in EVERY_POINT if trim(point) == ""}
    assert len(models.WHITE_SPACE) == 25
    assert trimmed == models.WHITE_SPACE


@given(
    st.sampled_from(
        [chr(point) for point in models.WHITE_SPACE if chr(point) not in "\v\f\r\n\x85"]
    )
)
def test_txt_3_inner_white_space_stays(space: str) -> None:
    assert texts_of(f"{space}a{space}{space}b{space}\n".encode()) == [f"a{space}{space}b"]


def test_txt_4_every_unsafe_code_point_becomes_one_replacement() -> None:
    for point in EVERY_POINT:
        expected = "\ufffd" if models.is_unsafe(ord(point)) else point
        assert make_safe(f"a{point}{point}b") == f"a{expected}{expected}b"


@given(good_lines)
def test_txt_4_trimming_comes_before_replacing(line: bytes) -> None:
    kind, _, text = models.read_line(line, 1)
    assert texts_of(line + b"\n") == ([text] if kind == "message" else [])


def test_txt_4_a_replaced_code_point_is_not_trimmed_and_makes_no_line_blank() -> None:
    assert texts_of(b"\0\n", b"\x1f\n", "\x1c\xa0\n".encode()) == ["\ufffd"] * 3


@given(st.text(points.filter(lambda point: not models.is_unsafe(ord(point))), max_size=12))
def test_txt_5_every_other_text_is_relayed_unchanged(text: str) -> None:
    assert texts_of(f"<{text}>\n".encode()) == [f"<{text}>"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff<",  # no byte order mark here
        "\u200b",  # no White_Space, whatever its name
        "e\u0301 \ufb01 \u212b",  # no normalisation
        "\\n %s &amp; \\ud83d",  # no escapes
        "ß ſ İ",  # no folding
        "\ue000 \U000f0000",  # private use
        "a\u0378b",  # unassigned
        "a\u2028b\u2029c\td",
    ],
)
def test_txt_5_nothing_is_normalised_folded_or_unescaped(text: str) -> None:
    assert texts_of(f"{text}\n".encode()) == [text]


@pytest.mark.parametrize("line", ["\ufeffquit", "qu\0it", "\x1fquit", "ｑｕｉｔ"])
def test_txt_5_what_only_looks_like_quit_is_a_message(line: str) -> None:
    assert not any(isinstance(event, QuitReceived) for event in receive([f"{line}\n".encode()]))
    assert texts_of(f"{line}\n".encode()) == [models.make_safe(line)]


@given(st.one_of(st.text(points, max_size=4), st.text(max_size=4)))
def test_what_is_text_is_what_arrives_as_it_is(text: str) -> None:
    assert is_text(text) == models.is_text(text)
    assert is_text(text) == (make_safe(trim(text)) == text != "")


def test_surrogates_are_no_text() -> None:
    assert not is_text("a\ud800b")
    assert make_safe("a\udfffb") == "a\ufffdb"
