"""What a client's user sees: a screen, paper, and the messages of an adapter."""

import pytest

from conformance.oracle.clients.display import (
    Messages,
    Paper,
    Screen,
    compact,
    is_laid_out,
    squeezed,
    words,
)


def test_a_screen_keeps_what_scrolled_off_and_wide_letters() -> None:
    screen = Screen(10, 3)
    screen.feed("one\r\n你好 two\r\nthree\r\nfour\r\n".encode(), "output")
    assert screen.rows() == ["one", "你好 two", "three", "four", ""]


def test_a_screen_that_is_cleared_shows_what_is_there_alone() -> None:
    screen = Screen(10, 3)
    screen.feed(b"old\r\n\x1b[2J\x1b[Hnew", "output")
    assert screen.rows() == ["new", "", ""]


def test_a_screen_answers_where_its_cursor_is() -> None:
    screen = Screen(10, 3)
    screen.feed(b"ab\x1b[6n", "output")
    assert screen.take_answers() == b"\x1b[1;3R"
    assert screen.take_answers() == b""


def test_what_has_no_width_hides_nothing() -> None:
    screen = Screen(20, 2)
    screen.feed("one\u2028two\u200bthree".encode(), "output")
    assert screen.rows()[0] == "onetwothree"


def test_a_word_is_found_however_it_is_laid_out() -> None:
    assert squeezed("zqbc") in squeezed("│ zq│\n│bc  │".replace("\n", ""))
    assert compact('say "so"') in compact('| say  |"so" |')
    assert words(["12:00 The end", "of 2"]) == {"the", "end", "of"}


def test_paper_has_output_before_errors() -> None:
    paper = Paper()
    paper.feed(b"warning\n", "errors")
    paper.feed("é\r\nrest".encode()[:1], "output")
    paper.feed("é\r\nrest".encode()[1:], "output")
    assert paper.rows() == ["é", "rest", "warning"]


def test_an_adapters_messages_are_rows() -> None:
    shown = Messages()
    for line in (
        '{"broadcast": {"sender": "unix:7", "text": "hello"}}',
        '{"notice": {"code": "x-a", "explanation": null}}',
        '{"ended": "by the server"}',
        "Traceback",
    ):
        shown.feed(f"{line}\n".encode(), "output")
    assert shown.rows() == ["unix:7  hello", "!x-a", "ended by the server", "Traceback"]


@pytest.mark.parametrize(
    ("printed", "rows"),
    [
        ("one\r\ntwo\x1b[1S", ["two", "", ""]),
        ("one\r\ntwo\x1b[T", ["", "one", "two"]),
        ("one\r\ntwo\x1b[2;3r\x1b[2T\x1b[r", ["one", "", ""]),
        ("\x1b[2;2H\x1b[s\x1b[Hone\x1b[utwo\x1b[H\x1b[u\x1b[uthree", ["one", " three", ""]),
        ("\x1b[2;2H\x1b7\x1b[Hone\x1b8two\x1b8\x1b[H\x1b8three", ["one", " three", ""]),
        ("=\x1b[4b\x1b[2Z-", ["-====", "", ""]),
        ("\x1b[?1;2s\x1b[<u\x1b[>4;1m\x1b[=1;1u\x1b[!pone", ["one", "", ""]),
        ("\x1bP+q544e\x1b\\one\x1b_G a=T\x1b\\ two", ["one two", "", ""]),
    ],
)
def test_a_screen_knows_what_curses_and_toolkits_print(printed: str, rows: list[str]) -> None:
    screen = Screen(10, 3)
    screen.feed(printed.encode(), "output")
    assert screen.rows()[-3:] == rows
    cut = Screen(10, 3)
    for octet in printed.encode():
        cut.feed(bytes((octet,)), "output")
    assert cut.rows() == screen.rows()


def test_a_text_is_laid_out_in_rows_that_begin_alike() -> None:
    text = 'so "it" is'
    assert is_laid_out(text, ('you: so "it', '" is'))
    assert is_laid_out(text, ("you:", '> so "i', '> t" is', "> "))
    assert not is_laid_out(text, ("you:", "> so i", "> t is"))
    assert not is_laid_out(text, ())
