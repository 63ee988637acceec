"""CLI: a client reads units however they are cut, and sends what arrives as it was meant."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatproto import (
    Broadcast,
    ClientConnection,
    Code,
    Heartbeat,
    LocalProtocolError,
    Malformed,
    Notice,
    QuitReceived,
    ServerEnded,
    Unit,
    UnitReader,
    encode,
)
from chatproto.client import ClientEvent
from tests.chatproto import models
from tests.chatproto.helpers import Table, receive, say
from tests.chatproto.strategies import TIME, codes, cut, padding, points, texts, units

streams = st.lists(units, max_size=6)

WRONG_LINES = (
    b" \n",
    b"\r\n",
    b"hello\n",
    b"!\n",
    b"! why\n",
    b"!CODE\n",
    b"!code \n",
    b"!code  why\n",
    b"!code why \n",
    b"!code\twhy\n",
    b"!code \xff\n",
    b"!\xff\n",
    b"20210703 17:45:39 unix:0 \n",
    b"20210703 17:45:39  unix:0\n",
    b"20210703 17:45:39\n",
    b"20210703 17:45 unix:0\n",
    b"20210229 17:45:39 unix:0\n",
    b"20211301 17:45:39 unix:0\n",
    b"00000101 17:45:39 unix:0\n",
    b"20210703 24:00:00 unix:0\n",
    b"20210703 23:59:60 unix:0\n",
    b"20210703 17:45:39 me\n",
    b"20210703 17:45:39 \xc3\xa9\n",
    "\u0662\u0660\u0662\u0661".encode() + b"0703 17:45:39 unix:0\n",
    b"20210703 17:45:39 unix:0\n\n",
    b"20210703 17:45:39 unix:0\n a\n",
    b"20210703 17:45:39 unix:0\na\r\n",
    b"20210703 17:45:39 unix:0\na\0b\n",
    b"20210703 17:45:39 unix:0\n\xff\n",
)
"""What ends in a line that no server may send there."""


@given(streams, st.data())
def test_cli_1_units_are_read_however_they_are_cut(sent: list[Unit], data: st.DataObject) -> None:
    client = ClientConnection()
    pieces = data.draw(cut(b"".join(map(encode, sent))))
    assert [unit for octets in pieces for unit in client.receive(octets)] == sent
    assert client.receive_eof() == [ServerEnded(complete=True)]


@given(streams, st.sampled_from(WRONG_LINES), streams, st.data())
def test_cli_1_what_is_no_unit_is_told_once_and_ends_the_reading(
    before: list[Unit], wrong: bytes, after: list[Unit], data: st.DataObject
) -> None:
    client = ClientConnection()
    head = b"".join(map(encode, before))
    stream = head + wrong + b"".join(map(encode, after))
    pieces = data.draw(cut(stream))
    *good, bad = (event for octets in pieces for event in client.receive(octets))
    assert good == before
    assert isinstance(bad, Malformed)
    assert bad.line == (head + wrong).count(b"\n")
    assert bad.octets == wrong.splitlines()[-1].removesuffix(b"\n") or b"\r" in wrong
    assert bad.reason
    assert client.receive_eof() == [ServerEnded(complete=False)]


@given(st.lists(units, min_size=1, max_size=4), st.data())
def test_cli_1_a_stream_may_end_within_a_unit_and_says_so(
    sent: list[Unit], data: st.DataObject
) -> None:
    stream = b"".join(map(encode, sent))
    size = data.draw(st.integers(0, len(stream)))
    client = ClientConnection()
    received = client.receive(stream[:size])
    assert received == sent[: len(received)]
    whole = b"".join(map(encode, sent[: len(received)]))
    assert client.receive_eof() == [ServerEnded(complete=len(whole) == size)]


def test_cli_1_a_text_that_looks_like_a_unit_is_a_text() -> None:
    for text in ("!shutting-down", "20210703 17:45:39 127.0.0.1:52012", "quit"):
        unit = Broadcast(TIME, "unix:0", text)
        assert ClientConnection().receive(encode(unit)) == [unit]


def test_cli_1_a_reader_takes_lines_of_4_mib_and_no_longer() -> None:
    header = b"20210703 17:45:39 unix:0\n"
    size = 4 * 1_048_576
    (unit,) = UnitReader().receive(header + b"x" * size + b"\n")
    assert unit == Broadcast(TIME, "unix:0", "x" * size)
    reader = UnitReader()
    assert reader.receive(header + b"x" * size) == []
    (wrong,) = reader.receive(b"x")
    assert wrong == Malformed(2, b"", "a line of more than 4194304 octets")
    assert reader.receive(b"\n\n") == []
    assert not reader.complete


@given(
    st.one_of(
        texts,
        st.tuples(padding, texts, padding).map("".join),
        st.text(points, max_size=6),
        st.sampled_from(["quit", " quit", "QUIT"]),
    )
)
def test_cli_2_what_a_client_says_arrives_as_it_is_or_is_refused(text: str) -> None:
    client = ClientConnection()
    if text == "quit" or not models.is_text(text):
        with pytest.raises(LocalProtocolError, match=r"would leave|would not arrive as it is"):
            client.say(text)
    else:
        assert say(receive([client.say(text)])) == [("message", 1, text)]


@given(st.integers(1, 1_030), st.sampled_from("xé字😀"))
def test_cli_2_a_client_sends_no_line_that_some_server_refuses(size: int, letter: str) -> None:
    octets = size * len(letter.encode())
    if octets > 1_024:
        with pytest.raises(LocalProtocolError, match=f"{octets} octets; a line may have 1024"):
            ClientConnection().say(letter * size)
        assert ClientConnection(octets).say(letter * size) == f"{letter * size}\n".encode()
    else:
        assert ClientConnection().say(letter * size) == f"{letter * size}\n".encode()


@pytest.mark.parametrize("limit", [0, 1_023, 1_048_577])
def test_cli_4_a_limit_that_no_server_has_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="from 1024 to 1048576 octets"):
        ClientConnection(limit)


long_texts = st.lists(
    st.tuples(
        st.sampled_from(["a", "é", "早", "😀", " ", "\u3000", "quit", " quit ", "\0", "\ud800"]),
        st.sampled_from([1, 2, 255, 256, 340, 341, 510, 1_019, 1_020, 1_021, 1_024, 2_048]),
    ).map(lambda pair: pair[0] * pair[1]),
    max_size=6,
).map("".join)


@given(long_texts)
@example("a" * 1_023 + " quit")
@example(" " * 2_000 + "quit" + " " * 2_000)
@example("a" + " " * 1_019 + "quit" + " " * 1_020 + "b")
@example("a" + " " * 1_023 + "quit" + " " * 1_020 + "b")
def test_cli_4_a_long_text_is_parted_between_code_points_and_is_the_same_without_white_space(
    said: str,
) -> None:
    parts = ClientConnection().part(said)
    trimmed = models.trim(said)
    if len(trimmed.encode("utf-8", "surrogatepass")) <= 1_024:
        assert parts == ([trimmed] if trimmed else [])
    else:
        assert "quit" not in parts
        rest = trimmed
        for part in parts:
            assert part == models.trim(part) != ""
            assert len(part.encode("utf-8", "surrogatepass")) <= 1_024
            assert rest.startswith(part)
            rest = rest.removeprefix(part).lstrip(" \u3000")
        assert rest == ""


@given(st.lists(st.one_of(texts, st.just(""), padding, st.just("x" * 1_025)), max_size=5))
def test_cli_2_what_is_said_in_several_lines_is_a_text_for_each(lines: list[str]) -> None:
    client = ClientConnection()
    assert client.part("\n".join(lines)) == [text for line in lines for text in client.part(line)]


def test_cli_4_a_text_of_3_mib_is_parted_at_once() -> None:
    parts = ClientConnection().part("早" * 1_048_576)
    assert {*map(len, parts[:-1])} == {341}
    assert "".join(parts) == "早" * 1_048_576


@pytest.mark.parametrize(
    "text", ["", " ", "a\nb", "a\n", " a", "a ", "a\u3000", "a\r", "a\0", "\ud800", "\ufffe"]
)
def test_cli_2_no_text_is_sent_that_would_change(text: str) -> None:
    with pytest.raises(LocalProtocolError, match="would not arrive as it is"):
        ClientConnection().say(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" ", "it is blank"),
        ("a ", "white space at an end is taken away: 'a '"),
        ("a\nb", "character 2 is a line feed, which would end the line"),
        ("ab\x1b", r"character 3 is U\+001B, a control character"),
    ],
)
def test_cli_2_a_refusal_says_what_would_change(text: str, reason: str) -> None:
    with pytest.raises(LocalProtocolError, match=reason):
        ClientConnection().say(text)


def test_cli_2_quit_is_sent_by_leaving_only() -> None:
    client = ClientConnection()
    with pytest.raises(LocalProtocolError, match=r"leave\(\) does that"):
        client.say("quit")
    assert receive([client.leave()]) == [QuitReceived(1)]


@given(st.lists(units, max_size=4), st.booleans(), st.data())
def test_cli_8_it_has_left_in_order_where_the_end_follows_leaving_at_a_unit_s_end(
    sent: list[Unit], leaves: bool, data: st.DataObject
) -> None:
    client = ClientConnection()
    stream = b"".join(map(encode, sent))
    pieces = data.draw(cut(stream[: data.draw(st.integers(0, len(stream)))]))
    left = data.draw(st.integers(0, len(pieces)))
    for count in range(len(pieces) + 1):
        if leaves and count == left:
            client.leave()
        assert client.has_left == (leaves and count >= left)
        assert not client.left_in_order
        if count < len(pieces):
            client.receive(pieces[count])
    (end,) = client.receive_eof()
    assert isinstance(end, ServerEnded)
    assert client.left_in_order == (leaves and end.complete)


def test_cli_8_what_leaves_after_the_end_has_not_left_in_order() -> None:
    client = ClientConnection()
    client.receive_eof()
    client.leave()
    assert client.has_left
    assert not client.left_in_order


def test_cli_2_nothing_is_sent_after_leaving() -> None:
    client = ClientConnection()
    client.leave()
    for send in (client.leave, client.heartbeat, lambda: client.say("hello")):
        with pytest.raises(LocalProtocolError, match="after leave"):
            send()
    assert client.receive(b"\n") == [Heartbeat()]


@given(codes, st.none() | texts)
def test_cli_3_a_notice_of_any_code_is_passed_on_and_reading_goes_on(
    code: str, explanation: str | None
) -> None:
    notice = Notice(code, explanation)
    after = Broadcast(TIME, "unix:0", "on we go")
    assert ClientConnection().receive(encode(notice) + encode(after)) == [notice, after]
    client = ClientConnection()
    assert client.receive(encode(notice)) + client.receive(encode(after)) == [notice, after]


def test_cli_3_a_known_code_is_told_as_one() -> None:
    (notice,) = ClientConnection().receive(b"!too-slow\n")
    assert notice == Notice(Code.TOO_SLOW)


def test_nothing_is_received_after_the_end_of_stream() -> None:
    client = ClientConnection()
    client.receive_eof()
    with pytest.raises(LocalProtocolError, match="after the end of stream"):
        client.receive(b"\n")
    with pytest.raises(LocalProtocolError, match="received before"):
        client.receive_eof()


@given(st.lists(texts.filter(lambda text: text != "quit"), max_size=4), st.data())
def test_what_one_client_says_another_reads_whatever_is_cut_where(
    said: list[str], data: st.DataObject
) -> None:
    table = Table(2)
    speaker, listener = table.members
    client, other = ClientConnection(), ClientConnection()
    octets = b"".join(
        data.draw(st.sampled_from([b"", client.heartbeat()])) + client.say(text) for text in said
    )
    table.feed(speaker, *data.draw(cut(octets + client.leave())))
    received: list[ClientEvent] = []
    while listener.pending():
        already = len(table.taken[listener])
        table.take(listener, data.draw(st.integers(1, 40)))
        received += other.receive(table.taken[listener][already:])
    assert received == [Broadcast(TIME, "unix:0", text) for text in said]
