"""FRM: LF ends a line, nothing else does, and the cut means nothing."""

from hypothesis import given
from hypothesis import strategies as st

from chatproto import MessageReceived, ServerConnection, State
from chatproto.framing import LineReader
from tests.chatproto import models
from tests.chatproto.helpers import receive, say
from tests.chatproto.strategies import bad_lines, cut, good_lines, messages, short_streams, streams


@given(st.data(), streams)
def test_frm_1_any_cut_of_a_stream_says_what_the_whole_says(
    data: st.DataObject, stream: bytes
) -> None:
    events = receive(data.draw(cut(stream)))
    assert events == receive([stream])
    assert say(events) == models.read_stream(stream, 1_024)


@given(st.data(), short_streams)
def test_frm_1_each_line_is_told_by_the_read_that_completes_it(
    data: st.DataObject, stream: bytes
) -> None:
    connection = ServerConnection(1_024)
    fed = b""
    told = []
    for octets in data.draw(cut(stream)):
        fed += octets
        told += say(connection.receive(octets))
        assert told == models.read_stream(fed, 1_024)


@given(st.lists(st.sampled_from("a\r\v\f\0\x85\u2028\u2029"), min_size=1).map("".join))
def test_frm_2_lf_alone_ends_a_line(text: str) -> None:
    events = receive([f"a{text}a".encode()])
    assert events == []
    events = receive([f"a{text}a\n".encode()])
    assert [type(event) for event in events] == [MessageReceived]


@given(good_lines)
def test_frm_3_cr_lf_ends_a_line_as_lf_does(line: bytes) -> None:
    assert receive([line + b"\r\n"]) == receive([line + b"\n"])


@given(st.data(), st.lists(messages), st.one_of(st.just(b"quit"), good_lines, bad_lines))
def test_frm_4_what_follows_the_last_lf_is_discarded(
    data: st.DataObject, whole: list[bytes], rest: bytes
) -> None:
    rest = rest.replace(b"\n", b"")
    connection = ServerConnection(1_024)
    pieces = data.draw(cut(b"".join(line + b"\n" for line in whole) + rest))
    events = [event for octets in pieces for event in connection.receive(octets)]
    assert len(events) == len(whole)
    assert connection.state is State.OPEN
    assert say(connection.receive_eof()) == [("end of stream", len(rest), "")]


@given(st.integers(0, 3_000))
def test_frm_4_the_limit_holds_for_what_follows_the_last_lf(size: int) -> None:
    events = say(receive([b"a\n", b"x" * size]))
    too_long = [("line-too-long", 2, "")] if size > 1_024 else []
    assert events == [("message", 1, "a"), *too_long]


@given(st.integers(0, 6), st.text(st.sampled_from("ab\n")).map(str.encode), st.data())
def test_a_reader_of_lines_gives_those_before_the_first_too_long_and_then_nothing(
    limit: int, stream: bytes, data: st.DataObject
) -> None:
    reader = LineReader(limit)
    given: list[bytes] = []
    for octets in data.draw(cut(stream)):
        given += reader.receive(octets)
        assert reader.unfinished <= limit
    *lines, rest = stream.split(b"\n")
    too_long = next((at for at, line in enumerate([*lines, rest]) if len(line) > limit), None)
    assert given == lines[:too_long]
    assert reader.too_long == (too_long is not None)
    assert reader.unfinished == (0 if reader.too_long else len(rest))
