"""Dialects: how they are spoken, and how what comes in them is read."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conformance.dialect import PLAIN, Dialect, Quit
from conformance.dialect.forms import as_said_by, label_of
from conformance.dialect.lines import Meaning, read_line
from conformance.dialect.speech import Speech
from conformance.oracle.reading.dialect_lines import reader_for
from conformance.oracle.reading.dialect_units import hear_units
from conformance.oracle.reading.units import (
    Junk,
    ReceivedBroadcast,
    ReceivedHeartbeat,
    ReceivedNotice,
    Rest,
)

READ = Dialect(framing="read", read_size=1024, text="verbatim", tail="")


def test_labels() -> None:
    assert label_of(PLAIN, "::1", 7) == "[::1]:7"
    assert label_of(Dialect(peer="('{host}', {port})"), "10.0.0.1", 7) == "('10.0.0.1', 7)"
    assert label_of(Dialect(peer="{host}"), "10.0.0.1", 7) is None
    assert label_of(Dialect(peer="{number}"), "10.0.0.1", 7) is None
    assert label_of(Dialect(peer="::ffff:{host}:{port}"), "10.0.0.1", 7) == "::ffff:10.0.0.1:7"


@pytest.mark.parametrize(
    ("dialect", "octets"),
    [
        (PLAIN, b"10.0.0.1:7\nquit"),
        (Dialect(header="{peer}", infix=" say:"), b"10.0.0.1:7 say:quit"),
        (Dialect(text="repr"), b"10.0.0.1:7\nb'quit"),
        (Dialect(header="", infix=""), b"quit"),
    ],
)
def test_what_a_client_said_is_told_from_what_others_say(dialect: Dialect, octets: bytes) -> None:
    assert as_said_by(dialect, "10.0.0.1:7", "quit") == octets


def say(dialect: Dialect, *segments: bytes) -> list[bytes]:
    speech = Speech(dialect)
    return [one.octets for segment in segments for one in speech.say(segment)]


@pytest.mark.parametrize(
    ("dialect", "segments", "said"),
    [
        (READ, [b"a\nb", b"c\n"], [b"a\n", b"bc\n"]),
        (READ, [b"x" * 1024 + b"\nb\n"], [b"b\n"]),
        (Dialect(quit=Quit(words=("/quit",))), [b"qu", b"it\n"], [b"/quit\n"]),
        (Dialect(quit=Quit(words=("/quit",))), [b"qu", b"ick\n"], [b"quick\n"]),
        (Dialect(quit=Quit(words=("/quit",))), [b"/quit\n"], [b"quit\n"]),
        (Dialect(quit=Quit(words=("/quit",))), [b"a", b"b\n"], [b"a", b"b\n"]),
        (Dialect(quit=Quit(match="any-case")), [b"QUIT\na\n"], [b"a\n"]),
        (
            READ.model_copy(update={"quit": Quit(words=("/q",), match="bare")}),
            [b" quit \nmore\n"],
            [b"/q", b"more\n"],
        ),
        (Dialect(charset="gbk"), ["ж\n".encode()], ["ж\n".encode("gbk")]),
        (Dialect(charset="gbk"), ["😀\nb\n".encode()], [b"b\n"]),
        (Dialect(charset="gbk"), [b"\xc0\xaf\n"], [b"\xff\n"]),
        (Dialect(undecodable="mutes"), [b"\xff\nb\n"], [b"b\n"]),
        (Dialect(blank="broadcast"), [b"\n \n", b" ", b"b\n"], [b" b\n"]),
    ],
)
def test_what_is_said(dialect: Dialect, segments: list[bytes], said: list[bytes]) -> None:
    assert say(dialect, *segments) == said


@pytest.mark.parametrize(
    "quit_",
    [
        Quit(),
        Quit(words=("/quit",)),
        Quit(match="prefix"),
        Quit(match="any-case"),
        Quit(match="contains"),
        Quit(match="exact"),
    ],
)
@given(st.lists(st.lists(st.sampled_from([b"quit", b"q", b"Q", b"/", b"\n"])).map(b"".join)))
@example([b"/", b"quit\n"])
def test_what_is_said_does_not_depend_on_segments(quit_: Quit, segments: list[bytes]) -> None:
    octets = b"".join(segments)
    whole, cut = (Speech(Dialect(quit=quit_)) for _ in range(2))
    said = b"".join(one.octets for one in [*whole.say(octets), *whole.end()])
    assert said == b"".join(
        one.octets for one in [*(one for part in segments for one in cut.say(part)), *cut.end()]
    )
    assert cut.left == whole.left
    assert cut.should_have_left == whole.should_have_left


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("stripped", "a b"),
        ("left-stripped", "a b \r"),
        ("right-stripped", "\t a b"),
        ("chomped", "\t a b "),
        ("verbatim", "\t a b \r"),
        ("repr", "\t a b \r"),
        ("repr-stripped", "a b"),
    ],
)
def test_what_is_kept_of_a_line(text: str, came: str) -> None:
    dialect = Dialect.model_validate({"text": text, "controls": "relayed"})
    assert read_line(b"\t a b \r", dialect).text == came


@pytest.mark.parametrize(
    ("match", "leave", "stay"),
    [
        ("exact", ["quit"], [" quit", "quit\r", "quit now"]),
        ("contains", ["quit", "I quit now"], ["qui t", "QUIT"]),
        ("prefix", ["quit now", " quit"], ["I quit"]),
    ],
)
def test_which_lines_leave(match: str, leave: list[str], stay: list[str]) -> None:
    dialect = Dialect.model_validate({"quit": {"match": match}})
    for line in leave:
        assert read_line(line.encode(), dialect).meaning is Meaning.QUIT
    for line in stay:
        assert read_line(line.encode(), dialect).meaning is Meaning.MESSAGE


def test_what_ends_a_client_and_cannot_be_said() -> None:
    for dialect, segment in (
        (Dialect(undecodable="mutes"), b"\xff\n"),
        (Dialect(quit=Quit(words=())), b"quit\n"),
        (READ, b"x" * 1_048_577),
        (Dialect(absent=frozenset(["line-limit"])), b"x" * 1_048_577),
        (Dialect(absent=frozenset(["line-limit"])), b"x" * 1_048_577 + b"\n"),
    ):
        speech = Speech(dialect)
        assert not speech.should_have_left
        speech.say(segment)
        assert speech.should_have_left


def test_what_was_held_back_is_sent_before_the_end() -> None:
    speech = Speech(Dialect(quit=Quit(words=("/quit",))))
    assert speech.say(b"quit") == []
    assert [one.octets for one in speech.end()] == [b"/quit"]
    speech = Speech(READ)
    speech.say(b"rest")
    assert speech.end() == []


@pytest.mark.parametrize(
    ("dialect", "came", "texts"),
    [
        (PLAIN, b"20210703 17:45:39 127.0.0.1:1\na\n", [b"a"]),
        (Dialect(time="%Y/%m/%d", infix=" "), b"2021/07/03 127.0.0.1:1 a\n", [b"a"]),
        (READ, b"20210703 17:45:39 127.0.0.1:1\na\n", [b"a"]),
        (Dialect(tail=""), b"20210703 17:45:39 ::1:1\na20210703 17:45:39 ::1:1\nb", [b"a", b"b"]),
        (Dialect(tail="\n "), b"20210703 17:45:39 127.0.0.1:1\na\n ", [b"a"]),
        (Dialect(tail=" \n"), b"20210703 17:45:39 127.0.0.1:1\na \n", [b"a"]),
        (
            Dialect(prefix="Ack: ", header="", infix="", tail=""),
            b"Ack: aAck: b",
            [b"a", b"b"],
        ),
        (Dialect(header="", infix=""), b"a\n!notice\n\nb\n", [b"a", b"!notice", b"b"]),
        (Dialect(header="", infix="", text="repr"), b"b'a\\xc3\\xa9\\n'\n", ["aé".encode()]),
        (Dialect(header="", infix="", text="repr"), b"b'a\n", [b"b'a"]),
        (Dialect(header="", infix="", sends="gbk"), "ж\n".encode("gbk"), ["ж".encode()]),
        (Dialect(header="", infix="", sends="gbk"), b"\xff\n", [b"\xff"]),
        (
            Dialect(header="{peer}", infix=": ", peer="{name}", prompt="name? ",
                    greeting="hi\n", join="* {name} joined\n"),
            b"hi\nname? * bob joined\nbob: a\n",
            [b"a"],
        ),
        (Dialect(header="", infix="", quit=Quit(answer="close")), b"a\nclose", [b"a"]),
        (
            Dialect(prefix="user ", header="{peer}", peer="{number}", infix="> ",
                    leave="{number} left, {number} stay\n"),
            b"user 4> a\n4 left, 9 stay\nuser 10> b\n",
            [b"a", b"b"],
        ),
        (
            Dialect(header="[{number}] {any}", infix=": "),
            b"[1] some one: a: b\n[2] x: c\n",
            [b"a: b", b"c"],
        ),
        (
            Dialect(header="{peer}", infix=": ", peer="{name}", first_line="name",
                    welcome="Hello {name}!\n", lines=("> ", "{number} here\n")),
            b"Hello ann!\n> 2 here\nbob: a\n> > bob: b\n",
            [b"a", b"b"],
        ),
        (
            Dialect(header="{peer}", infix=": ", peer="{name}", first_line="name",
                    greeting="hi\n", welcome="Hello {name}!\n"),
            b"hi\nbob: a\nHello ann!\nbob: b\n",
            [b"a", b"b"],
        ),
        (
            Dialect(header="", infix="", first_line="name", prompt="name?",
                    join="{name}\n joined!", welcome="Connected!"),
            b"name?ann\n joined!Connected!a\nbob\n joined!b\n",
            [b"a", b"b"],
        ),
        (Dialect(peer="::ffff:{host}:{port}", header="{peer}", infix=" "),
         b"::ffff:127.0.0.1:9 a\n", [b"a"]),
        (Dialect(header="", infix="", text="repr-stripped"), b"b'a'\nb\"b'\"\n", [b"a", b"b'"]),
    ],
)  # fmt: skip
def test_what_is_heard(dialect: Dialect, came: bytes, texts: list[bytes]) -> None:
    units = list(hear_units([(1, 0.0, came)], dialect, {}))
    assert [one.text for one in units if isinstance(one, ReceivedBroadcast)] == texts
    assert not [one for one in units if isinstance(one, Junk | Rest)]


@given(st.text().map(lambda text: text.encode()))
@example(b"'")
@example(b"'\"")
@example(b"\\n \\")
@example(b"\x00\t\n\r\x7f")
def test_octets_are_read_from_their_repr(text: bytes) -> None:
    came = repr(text + b"\n").encode() + b"\n"
    [unit] = hear_units([(1, 0.0, came)], Dialect(header="", infix="", text="repr"), {})
    assert isinstance(unit, ReceivedBroadcast)
    assert unit.text == text


@pytest.mark.parametrize("came", [b"b'a'b'", b"b'\\q'", b"b'\\xff'", b"b'a\"", b"'a'", b"b'a' "])
def test_what_is_no_repr_of_a_text_is_the_text_itself(came: bytes) -> None:
    [unit] = hear_units([(1, 0.0, came + b"\n")], Dialect(header="", infix="", text="repr"), {})
    assert isinstance(unit, ReceivedBroadcast)
    assert unit.text == came


def test_what_came_stays_what_came() -> None:
    """Octets and spans refer to the stream, however the text is decoded."""
    dialect = Dialect(header="", infix="", text="repr")
    came = [(3, 0.1, b"b'a"), (5, 0.2, b"\\n'\n")]
    [unit] = hear_units(came, dialect, {})
    assert isinstance(unit, ReceivedBroadcast)
    assert unit.octets == b"b'a\\n'\n"
    assert (unit.span.first, unit.span.last, unit.span.end) == (3, 5, 7)


def test_what_is_no_unit_of_the_dialect() -> None:
    dialect = Dialect(time="%Y/%m/%d", infix=" ")
    came = b"junk\n!too-slow why\n\nx2021/07/03 127.0.0.1:1 a\n2021/07/03 127.0.0.1:2 b"
    junk, notice, heartbeat, torn, whole, rest = hear_units([(1, 0.0, came)], dialect, {})
    assert isinstance(junk, Junk)
    assert isinstance(notice, ReceivedNotice)
    assert isinstance(heartbeat, ReceivedHeartbeat)
    assert isinstance(torn, Junk)
    assert torn.octets == b"x"
    assert isinstance(whole, ReceivedBroadcast)
    assert isinstance(rest, Rest)
    assert rest.begun is not None


@pytest.mark.parametrize(
    ("octets", "is_unit"), [(b"20", True), (b"2021/07/03 1", True), (b"oops", False), (b"!x", True)]
)
def test_what_a_stream_may_end_within(octets: bytes, is_unit: bool) -> None:
    [rest] = hear_units([(1, 0.0, octets)], Dialect(time="%Y/%m/%d", infix=" "), {})
    assert isinstance(rest, Rest)
    assert rest.is_unit is is_unit


def test_a_tail_that_is_not_there_is_junk_after_a_whole_text() -> None:
    dialect = Dialect(tail="\n ")
    came = b"20210703 17:45:39 127.0.0.1:1\na\nno\n"
    unit, junk = hear_units([(1, 0.0, came)], dialect, {})
    assert isinstance(unit, ReceivedBroadcast)
    assert isinstance(junk, Junk)
    [rest] = hear_units([(1, 0.0, came[:32])], dialect, {})
    assert isinstance(rest, Rest)


def test_how_what_was_sent_is_read() -> None:
    def kinds(dialect: Dialect, *segments: bytes) -> list[str]:
        reader = reader_for(dialect, 1024)
        return [type(one).__name__ for octets in segments for one in reader.receive(octets)]

    assert kinds(READ, b"a\nb\n") == ["MessageReceived"]
    assert kinds(Dialect(prompt="name? "), b"ann\n", b"a\n\n") == [
        "MessageReceived",
        "BlankReceived",
    ]
    assert kinds(Dialect(quit=Quit(words=("by",))), b"by\na\n") == ["QuitReceived"]
    assert kinds(Dialect(charset="gbk"), b"\xff\na\n") == ["Violation"]
    assert kinds(Dialect(undecodable="mutes"), b"\xff\n") == []
    assert kinds(Dialect(controls="relayed"), b"x" * 1025) == ["Violation"]
    assert kinds(Dialect(absent=frozenset(["line-limit"])), b"x" * 1025 + b"\n") == [
        "MessageReceived"
    ]
