"""A read of many lines is taken as one block, and says what its lines say one by one."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from chatproto import (
    BlankReceived,
    Broadcast,
    Event,
    Events,
    Limits,
    MessageReceived,
    Notice,
    QuitReceived,
    Room,
    ServerConnection,
    Violation,
    encode,
)
from chatproto.text import Charset, decode, make_safe, to_texts, trim
from chatproto.wire import Code, encode_broadcasts, write_header
from tests.chatproto import models
from tests.chatproto.helpers import take
from tests.chatproto.strategies import (
    TIME,
    cut,
    ends,
    good_lines,
    lines_of_text,
    long_lines,
    messages,
    padding,
    points,
    streams,
    texts,
)

LIMIT = 1_024
SENDER = "unix:0"

gbk_lines = st.one_of(
    st.text(st.characters(codec="gbk", exclude_characters="\n"), max_size=8).map(
        lambda text: text.encode("gbk")
    ),
    st.sampled_from(["quit", "\r", " quit\t", "\u3000", "字\0"]).map(lambda t: t.encode("gbk")),
    st.sampled_from([b"\x80", b"a\xff", b"\x81\x20", b"\xc4", b"\xd7\xd6\xc4"]),
    long_lines,
)
gbk_streams = st.lists(st.tuples(gbk_lines, ends).map(b"".join), max_size=8).map(b"".join)

busy_streams = st.lists(st.one_of(messages, messages, messages, good_lines), max_size=40).map(
    lambda many: b"".join(line.replace(b"\n", b"") + b"\n" for line in many)
)
"""Streams of many short lines that are good, nearly all of them messages."""

streams_by_charset: st.SearchStrategy[tuple[Charset, bytes]] = st.one_of(
    st.tuples(st.just("utf-8"), st.one_of(streams, busy_streams)),
    st.tuples(st.just("gbk"), gbk_streams),
)


def read_line_by_line(stream: bytes, charset: Charset) -> Iterator[Event]:
    """Read a whole stream, one line after another."""
    *complete, rest = stream.split(b"\n")
    for number, line in enumerate([*complete, rest], 1):
        if len(line) > LIMIT:
            yield violation(Code.LINE_TOO_LONG, number, f"more than {LIMIT} octets")
            return
        if number > len(complete):
            return
        try:
            text = trim(decode(line, charset))
        except UnicodeDecodeError as error:
            detail = f"octet {error.start + 1}: {error.reason}"
            yield violation(Code.INVALID_TEXT, number, detail)
            return
        if text == "quit":
            yield QuitReceived(number)
            return
        yield MessageReceived(make_safe(text), number) if text else BlankReceived(number)


def violation(code: Code, number: int, detail: str) -> Violation:
    return Violation(code, number, Notice(code, f"line {number}, {detail}"))


@given(st.data(), streams_by_charset)
def test_a_read_of_many_lines_says_what_they_say_one_by_one(
    data: st.DataObject, stream_by_charset: tuple[Charset, bytes]
) -> None:
    charset, stream = stream_by_charset
    connection = ServerConnection(LIMIT, charset)
    events = [event for octets in data.draw(cut(stream)) for event in connection.receive(octets)]
    assert events == list(read_line_by_line(stream, charset))


@given(st.data(), streams_by_charset)
def test_a_read_of_many_lines_enters_the_log_as_they_do_one_by_one(
    data: st.DataObject, stream_by_charset: tuple[Charset, bytes]
) -> None:
    charset, stream = stream_by_charset
    room = Room(Limits(line=LIMIT), charset)
    speaker, listener = room.join(SENDER), room.join("unix:1")
    told = [
        event for octets in data.draw(cut(stream)) for event in room.receive(speaker, octets, TIME)
    ]
    expected = list(read_line_by_line(stream, charset))
    assert told == expected
    said = b"".join(
        encode(Broadcast(TIME, SENDER, event.text))
        for event in expected
        if isinstance(event, MessageReceived)
    )
    farewells = [encode(event.notice) for event in expected if isinstance(event, Violation)]
    assert take(listener) == said
    assert take(speaker) == said + b"".join(farewells)


def test_a_read_may_hold_any_number_of_lines() -> None:
    room = Room()
    member = room.join(SENDER)
    events = room.receive(member, b"".join(b"%d\n\n" % number for number in range(3_000)), TIME)
    assert list(events) == [
        event
        for number in range(3_000)
        for event in (
            MessageReceived(str(number), 2 * number + 1),
            BlankReceived(2 * number + 2),
        )
    ]
    assert take(member) == b"".join(
        models.broadcast(TIME, SENDER, str(number)) for number in range(3_000)
    )


@given(st.lists(st.tuples(padding, lines_of_text, padding).map("".join), min_size=1))
def test_the_texts_of_many_lines_are_those_of_each(many: list[str]) -> None:
    many = [line.replace("\n", "") for line in many]
    assert to_texts("\n".join(many).encode()) == [
        models.make_safe(models.trim(line)) for line in many
    ]


def test_every_unsafe_code_point_is_found_in_a_block_alone() -> None:
    for point in map(chr, range(0x110000)):
        if models.is_unsafe(ord(point)) and not "\ud800" <= point <= "\udfff" and point != "\n":
            assert to_texts(f"a\na{point}b".encode()) == ["a", "a\ufffdb"]


def test_every_safe_code_point_passes_a_block_unchanged() -> None:
    safe = [chr(point) for point in range(0x110000) if not models.is_unsafe(point)]
    for at in range(0, len(safe), 500):
        many = [f"<{point}>" for point in safe[at : at + 500]]
        assert to_texts("\n".join(many).encode()) == many


@given(st.lists(texts, min_size=1))
def test_many_broadcasts_are_written_as_each_alone(many: list[str]) -> None:
    alone = [encode(Broadcast(TIME, SENDER, text)) for text in many]
    assert encode_broadcasts(write_header(TIME, SENDER), many) == b"".join(alone)


@given(st.lists(st.text(points, max_size=2)), st.booleans(), st.data())
def test_the_events_of_a_read_are_a_sequence_of_them(
    lines: list[str], quits: bool, data: st.DataObject
) -> None:
    ending = QuitReceived(7 + len(lines)) if quits else None
    events = Events(lines, 7, ending)
    made: list[Event] = [
        MessageReceived(text, number) if text else BlankReceived(number)
        for number, text in enumerate(lines, 7)
    ]
    made += [QuitReceived(7 + len(lines))] * quits
    assert list(events) == made
    assert repr(events) == f"<Events {made}>"
    assert len(events) == len(made)
    assert bool(events) == bool(made)
    start, end = data.draw(st.integers(-3, 3)), data.draw(st.integers(-3, 3))
    assert events[start:end] == made[start:end]
    if made:
        index = data.draw(st.integers(-len(made), len(made) - 1))
        assert events[index] == made[index]
    assert list(events.texts) == [text for text in lines if text]
    assert events.messages == sum(isinstance(event, MessageReceived) for event in made)
    assert events.ending is ending
