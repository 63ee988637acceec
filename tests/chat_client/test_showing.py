"""What came, made fit to look at: nothing of it drives a terminal, and nothing of it is lost."""

import re
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.showing import INDENT, SENDERS, colour, plain, show, visible
from chatproto import Broadcast, Code, Notice
from tests.chatproto.strategies import TIME, codes, points, senders, texts, times

NOW = datetime(2021, 7, 3, 19, 45, 40, tzinfo=UTC)
WIDE = 1_000
"""The columns of a terminal in which nothing wraps."""
broadcasts = st.builds(Broadcast, times, senders, texts)
notices = st.builds(Notice, codes, st.none() | texts)


def shown(unit: Broadcast | Notice) -> str:
    return "".join(text for _, text in show(unit, NOW, WIDE))


@given(st.one_of(broadcasts, notices))
def test_a_unit_is_one_line_that_drives_no_terminal(unit: Broadcast | Notice) -> None:
    line = shown(unit)
    assert line.endswith("\n")
    assert not [char for char in line[:-1] if unicodedata.category(char) in ("Cc", "Zl", "Zp")]
    assert not [char for char in line if unicodedata.bidirectional(char) in ("RLO", "LRO", "RLI")]


@pytest.mark.parametrize(
    "char", "\x00\x1b\x7f\x9b\xad\u200b\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff"
)
def test_what_hides_or_turns_the_line_is_written_out(char: str) -> None:
    assert visible(f"a{char}b") == [
        ("", "a"),
        ("class:unseen", f"<U+{ord(char):04X}>"),
        ("", "b"),
    ]


@given(st.text(points))
def test_what_is_written_out_says_which_code_point_it_was(text: str) -> None:
    said = "".join(
        chr(int(piece[3:-1], 16)) if style == "class:unseen" else piece
        for style, piece in visible(text)
    )
    assert said == text.replace("\t", "    ")


@given(broadcasts)
def test_a_plain_line_can_be_taken_apart_again(unit: Broadcast) -> None:
    line = plain(unit, NOW)
    assert line.count("\n") == 1
    time, local, sender, text = line[:-1].split(" ", 3)
    assert (datetime.fromisoformat(time), sender, text) == (unit.time, unit.sender, unit.text)
    assert local == "2021-07-03T19:45:40+00:00"


def columns_of(row: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in row)


@given(
    st.one_of(broadcasts, notices),
    st.text(st.sampled_from("a早😀 \t\u202e"), min_size=1, max_size=200)
    .map(str.strip)
    .filter(bool),
    st.integers(40, 120),
)
def test_cli_11_a_row_on_which_a_text_goes_on_is_indented(
    unit: Broadcast | Notice, text: str, columns: int
) -> None:
    match unit:
        case Broadcast(time, sender):
            unit = Broadcast(time, sender, text)
        case Notice(code):
            unit = Notice(code, text)
    whole = shown(unit)
    hung = "".join(piece for _, piece in show(unit, NOW, columns))
    head = len(whole) - 1 - sum(len(piece) for _, piece in visible(text))
    assert hung.replace(f"\n{INDENT}", "") == whole
    first, *others = hung[:-1].split("\n")
    assert head % columns + columns_of(first[head:]) <= columns
    for row in others:
        assert row.startswith(INDENT)
        assert columns_of(row) <= columns
    line = plain(unit, NOW, columns)
    assert line.replace(f"\n{INDENT}", "") == plain(unit, NOW, WIDE)
    assert all(row.startswith(INDENT) for row in line[:-1].split("\n")[1:])


@given(notices)
def test_cli_3_a_notice_of_any_code_is_shown_and_set_apart(notice: Notice) -> None:
    assert re.match(rf"19:45:40 \*\*\* {notice.code}[: \n]", shown(notice))
    assert "class:notice" in [style for style, _ in show(notice, NOW, WIDE)]
    nothing, _, code, *explanation = plain(notice, NOW)[:-1].split(" ", 3)
    assert (nothing, code) == ("-", f"!{notice.code}")
    assert explanation == ([] if notice.explanation is None else [notice.explanation])


@pytest.mark.parametrize("code", Code)
def test_a_known_code_is_explained(code: Code) -> None:
    assert re.fullmatch(rf"19:45:40 \*\*\* {code} \([a-z' ]+\)\n", shown(Notice(code)))


@given(senders)
def test_a_senders_colour_is_its_own(sender: str) -> None:
    assert colour(sender) in SENDERS
    assert colour(sender) == colour(str(sender))
    styles = [
        style for style, text in show(Broadcast(TIME, sender, "hello"), NOW, WIDE) if sender in text
    ]
    assert styles == [f"bold {colour(sender)}"]


def test_colours_stay_from_run_to_run() -> None:
    assert colour("127.0.0.1:52012") == "ansired"
    assert len({colour(f"unix:{number}") for number in range(100)}) == len(SENDERS)
