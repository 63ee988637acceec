"""What a client's user sees: a screen, paper, and the messages of an adapter."""

from conformance.oracle.clients.display import Messages, Paper, Screen, compact, squeezed, words


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
