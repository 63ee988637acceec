"""STOP: a stopped room takes no more lines, and lets everyone go in order."""

from hypothesis import given

from chatproto import Code, Notice, State, encode
from tests.chatproto import models
from tests.chatproto.helpers import Table, leave, state_of, take
from tests.chatproto.strategies import TIME, good_streams, streams

FAREWELL = encode(Notice(Code.SHUTTING_DOWN))


@given(good_streams, streams)
def test_stop_1_a_stopped_room_delivers_says_why_and_takes_no_more(
    before: bytes, after: bytes
) -> None:
    table = Table(3)
    speaker, _, leaver = table.members
    table.feed(speaker, before + b"half a li")
    table.feed(leaver, b"quit\n")
    table.room.stop()
    assert {member.state for member in table.members} == {State.FLUSHING}
    assert table.feed(speaker, after) == []
    said = b"".join(
        models.broadcast(TIME, "unix:0", text) for text in models.messages(before, 1_024)
    )
    assert [leave(table.room, member) for member in table.members] == [
        said + FAREWELL,
        said + FAREWELL,
        said,
    ]
    assert {member.state for member in table.members} == {State.CLOSED}
    assert not table.room.members


def test_stop_1_who_comes_after_the_stop_is_told_so() -> None:
    table = Table(0)
    table.room.stop()
    late = table.join()
    assert late.state is State.FLUSHING
    assert table.feed(late, b"hello\n") == []
    assert leave(table.room, late) == FAREWELL
    assert table.room.octets == 0


def test_stop_1_a_room_stops_once() -> None:
    table = Table(1)
    table.room.stop()
    table.room.stop()
    table.room.heartbeat()
    assert table.take(table.members[0]) == FAREWELL


def test_stop_1_a_stopped_room_gives_up_in_time_who_is_still_owed() -> None:
    table = Table(3)
    stalled, ended, lingering = table.members
    table.room.receive_eof(ended)
    table.feed(stalled, b"hello\n")
    table.room.expire(50.0)
    table.room.stop()
    table.room.expire(100.0)
    take(ended)
    for now in (101.0, 102.0):
        take(stalled, 1)
        table.room.expire(now)
        assert state_of(stalled) is State.FLUSHING
    take(lingering)
    table.room.flushed(lingering)
    table.room.expire(102.4)
    late = table.join()
    assert state_of(lingering) is State.LINGERING
    table.room.expire(102.5)
    assert [member.state for member in (stalled, ended, lingering, late)] == [
        State.ABORTED,
        State.ABORTED,
        State.CLOSED,
        State.ABORTED,
    ]
    assert not table.room.members
