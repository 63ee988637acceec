"""QUIT: what precedes leaving is delivered, what follows is ignored, and the end is orderly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatproto import EndOfStream, LocalProtocolError, QuitReceived, ServerConnection, State
from chatproto.limits import TICK
from tests.chatproto import models
from tests.chatproto.helpers import Table, leave, receive, say, state_of
from tests.chatproto.strategies import (
    TIME,
    cut,
    good_streams,
    in_pieces,
    padding,
    streams,
)


@given(padding, padding)
def test_quit_1_the_line_quit_leaves_and_is_not_broadcast(before: str, after: str) -> None:
    table = Table(2)
    leaver, other = table.members
    (event,) = table.feed(leaver, f"{before}quit{after}\n".encode())
    assert event == QuitReceived(1)
    assert state_of(leaver) is State.FLUSHING
    assert table.take(leaver) == table.take(other) == b""


@pytest.mark.parametrize(
    "text",
    [
        "QUIT",
        "Quit",
        "quit now",
        "/quit",
        "quit.",
        "qui",
        "quitquit",
        "q uit",
        "quıt",
        "\ufeffquit",
    ],
)
def test_quit_2_what_is_not_exactly_quit_is_a_message(text: str) -> None:
    assert say(receive([f" {text}\r\n".encode()])) == [("message", 1, text)]


@given(st.text(min_size=1, max_size=3), st.booleans())
def test_quit_2_quit_beside_anything_not_trimmed_is_a_message(text: str, before: bool) -> None:
    text = text.replace("\n", "")
    line = f"{text}quit" if before else f"quit{text}"
    is_quit = models.trim(line) == "quit"
    assert [kind for kind, _, _ in say(receive([f"{line}\n".encode()]))] == [
        "quit" if is_quit else "message"
    ]


@given(good_streams, streams, st.data())
def test_quit_3_what_precedes_quit_goes_to_all_the_leaver_included(
    before: bytes, after: bytes, data: st.DataObject
) -> None:
    table = Table(2)
    leaver, other = table.members
    table.feed(leaver, *data.draw(cut(before + b"quit\n" + after)))
    table.feed(other, b"later\n")
    expected = b"".join(
        models.broadcast(TIME, "unix:0", text) for text in models.messages(before, 1_024)
    )
    assert table.take(leaver) == expected
    assert table.take(other) == expected + models.broadcast(TIME, "unix:1", "later")


def test_quit_3_a_leaver_is_read_until_its_end_of_stream() -> None:
    table = Table(1)
    (leaver,) = table.members
    table.feed(leaver, b"bye\nquit\nmore")
    assert leaver.pending()
    table.take(leaver)
    assert state_of(leaver) is State.FLUSHING
    table.room.flushed(leaver)
    assert state_of(leaver) is State.LINGERING
    table.feed(leaver, b"and more\n" * 1_000)
    assert table.room.receive_eof(leaver) == []
    assert state_of(leaver) is State.CLOSED
    assert not table.room.members


def linger(octets: list[int | None]) -> float:
    """Let a leaver leave that never ends its stream; return how many seconds it lingers.

    Every quarter of a second its system has this many octets to acknowledge; None: unknown.
    """
    table = Table(2)
    leaver, other = table.members
    table.feed(leaver, b"quit\n")
    table.room.expire(99.0)
    table.room.flushed(leaver)
    for quarters in range(400):
        unacknowledged = octets[min(quarters, len(octets) - 1)]
        if unacknowledged is not None:
            table.room.unacknowledged(leaver, unacknowledged)
        assert table.room.expire(100.0 + quarters / 4) == (
            TICK if state_of(leaver) is State.LINGERING else None
        )
        if state_of(leaver) is not State.LINGERING:
            break
    assert state_of(leaver) is State.CLOSED
    assert list(table.room.members) == [other]
    return quarters / 4


def test_quit_3_a_leaver_that_never_ends_its_stream_is_closed_a_second_after_it_has_all() -> None:
    assert linger([0]) == 1.0
    assert linger([400, 300, 1, 1, 1, 0]) == 1.25 + 1.0


def test_quit_3_where_nobody_can_tell_what_it_has_the_linger_is_ten_seconds() -> None:
    assert linger([None]) == 10.0


def test_quit_3_a_leaver_that_acknowledges_nothing_is_closed_after_ten_seconds() -> None:
    assert linger([400]) == 10.0
    assert linger([400, 400, 300]) == 0.5 + 10.0


def test_quit_3_a_leaver_that_reads_too_slowly_is_closed_after_a_minute() -> None:
    assert linger([1_000_000 - n for n in range(1_000)]) == 59.0  # it left one before the flush


def test_quit_3_a_leaver_that_takes_nothing_is_given_up_after_ten_seconds() -> None:
    table = Table(1)
    (leaver,) = table.members
    table.feed(leaver, b"bye\nquit\n")
    for now in (0.0, 9.75):
        table.room.expire(now)
    table.take(leaver, 1)
    for now in (10.0, 19.75):
        table.room.expire(now)
        leaver.sent(0)
        assert state_of(leaver) is State.FLUSHING
    table.room.unacknowledged(leaver, 3)  # its system has taken some of what it was sent
    table.room.expire(19.75)
    table.room.expire(29.5)
    assert state_of(leaver) is State.FLUSHING
    table.room.expire(29.75)
    assert state_of(leaver) is State.ABORTED
    assert not leaver.pending()
    assert not table.room.members


def test_quit_3_a_leaver_has_a_minute_however_steadily_it_reads() -> None:
    table = Table(1)
    (leaver,) = table.members
    table.feed(leaver, b"x" * 200 + b"\nquit\n")
    for second in range(60):
        table.room.expire(float(second))
        table.take(leaver, 1)
        assert state_of(leaver) is State.FLUSHING
    table.room.expire(60.0)
    assert state_of(leaver) is State.ABORTED


def test_quit_3_the_bounds_hold_after_the_end_of_stream_too() -> None:
    table = Table(1)
    (leaver,) = table.members
    table.feed(leaver, b"bye\n")
    table.room.receive_eof(leaver)
    table.room.expire(0.0)
    assert state_of(leaver) is State.FLUSHING_ENDED
    table.room.expire(10.0)
    assert state_of(leaver) is State.ABORTED


@given(good_streams, in_pieces(streams), st.booleans())
def test_quit_4_what_follows_quit_is_ignored(
    before: bytes, after: list[bytes], in_one: bool
) -> None:
    table = Table(2)
    leaver, other = table.members
    pieces = [before + b"quit\n" + b"".join(after)] if in_one else [before + b"quit\n", *after]
    said = say(table.feed(leaver, *pieces))
    assert said == models.read_stream(before + b"quit\n", 1_024)
    assert table.room.receive_eof(leaver) == []
    assert table.take(leaver) == table.take(other)


@given(streams, st.data())
def test_quit_5_end_of_stream_leaves_once_all_before_it_is_delivered(
    stream: bytes, data: st.DataObject
) -> None:
    table = Table(2)
    leaver, other = table.members
    events = table.feed(leaver, *data.draw(cut(stream)))
    was_member = leaver.state is State.OPEN
    ended = table.room.receive_eof(leaver)
    rest = len(stream.rpartition(b"\n")[2])
    assert ended == ([EndOfStream(rest)] if was_member else [])
    assert state_of(leaver) is State.FLUSHING_ENDED
    table.feed(other, b"later\n")
    texts = [text for kind, _, text in say(events) if kind == "message"]
    expected = b"".join(models.broadcast(TIME, "unix:0", text) for text in texts)
    assert leave(table.room, leaver).startswith(expected)
    assert state_of(leaver) is State.CLOSED
    assert table.take(other) == expected + models.broadcast(TIME, "unix:1", "later")


def test_quit_5_nothing_comes_after_the_end_of_stream() -> None:
    connection = ServerConnection()
    connection.receive_eof()
    with pytest.raises(LocalProtocolError, match="END_OF_STREAM cannot happen"):
        connection.receive_eof()
    with pytest.raises(LocalProtocolError, match="OCTETS cannot happen"):
        connection.receive(b"a\n")
    assert connection.state is State.FLUSHING_ENDED


def test_a_leaver_is_owed_no_more_than_once_however_often_it_is_told_to_leave() -> None:
    table = Table(1)
    (leaver,) = table.members
    table.feed(leaver, b"bye\nquit\n")
    table.room.stop()
    table.room.receive_eof(leaver)
    assert leave(table.room, leaver) == models.broadcast(TIME, "unix:0", "bye")


def test_quit_5_who_takes_no_more_is_still_read_to_its_end() -> None:
    table = Table(2)
    lost, other = table.members
    table.feed(other, b"hello\n")
    table.room.send_failed(lost)
    assert state_of(lost) is State.OPEN
    assert not lost.pending()
    assert lost.backlog == 0
    table.feed(lost, b"before the end\nquit\n")
    assert not lost.pending()
    assert table.take(other).endswith(b"\nbefore the end\n")
    table.room.send_failed(lost)
    assert state_of(lost) is State.ABORTED
    assert list(table.room.members) == [other]


def test_a_leaver_that_takes_no_more_is_over() -> None:
    table = Table(1)
    (leaver,) = table.members
    table.feed(leaver, b"bye\nquit\n")
    table.room.send_failed(leaver)
    assert state_of(leaver) is State.ABORTED
    assert not table.room.members
