"""The caller's faults are refused at once, by name, and have changed nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from chatproto import LocalProtocolError, Notice, Room, ServerConnection, State
from tests.chatproto.helpers import Table, take
from tests.chatproto.strategies import TIME


def test_flushed_while_octets_are_owed() -> None:
    table = Table(1)
    room, (member,) = table.room, table.members
    room.receive(member, b"bye\nquit\n", TIME)
    owed = member.backlog
    with pytest.raises(LocalProtocolError, match=f"{owed} octets are owed to unix:0"):
        room.flushed(member)
    assert member.state is State.FLUSHING
    assert len(take(member)) == owed
    room.flushed(member)


@pytest.mark.parametrize(
    "call",
    [
        lambda room, member: room.receive(member, b"hello\n", TIME),
        lambda room, member: room.receive_eof(member),
        lambda room, member: room.flushed(member),
        lambda room, member: room.unacknowledged(member, 0),
        lambda room, member: room.writable(member),
        lambda room, member: room.send_failed(member),
        lambda room, member: room.abort(member),
    ],
)
def test_a_member_of_another_room(call: Callable[[Room, Any], None]) -> None:
    table, other = Table(1), Table(1)
    (member,) = table.members
    with pytest.raises(LocalProtocolError, match="unix:0 is a member of another room"):
        call(other.room, member)
    assert member.state is State.OPEN
    assert other.room.octets == table.room.octets == 0
    assert list(table.room.members) == [member]


@pytest.mark.parametrize("octets", ["hello\n", memoryview(b"hello\n"), bytearray(b"hello\n"), None])
def test_what_was_read_is_bytes(octets: Any) -> None:
    table = Table(1)
    (member,) = table.members
    name = type(octets).__name__
    with pytest.raises(TypeError, match=f"what was read is bytes, not {name}"):
        table.room.receive(member, octets, TIME)
    with pytest.raises(TypeError, match=f"what was read is bytes, not {name}"):
        ServerConnection().receive(octets)
    assert table.room.octets == 0


@pytest.mark.parametrize("time", [1234.5, None, TIME.date()])
def test_the_time_is_a_datetime(time: Any) -> None:
    table = Table(1)
    (member,) = table.members
    with pytest.raises(TypeError, match=f"time is a datetime, not {type(time).__name__}"):
        table.room.receive(member, b"hello\nquit\n", time)
    assert member.state is State.OPEN
    assert table.room.octets == 0


def test_err_3_a_notice_code_that_is_reserved() -> None:
    table = Table(1)
    room, (member,) = table.room, table.members
    with pytest.raises(LocalProtocolError, match="busy is reserved: your own begin with x-"):
        room.close(member, Notice("busy"))
    assert member.state is State.OPEN
    room.close(member, Notice("x-busy", "come back later"))
    room.close(member)
    assert take(member) == b"!x-busy come back later\n"


def test_a_charset_that_is_none() -> None:
    charset: Any = "latin-1"
    for make in (lambda: Room(charset=charset), lambda: ServerConnection(charset=charset)):
        with pytest.raises(ValueError, match="charset is one of utf-8, gbk, not 'latin-1'"):
            make()


@pytest.mark.parametrize("heartbeat", [-1.0, float("nan")])
def test_a_heartbeat_that_is_no_time(heartbeat: float) -> None:
    with pytest.raises(ValueError, match="heartbeat is in seconds"):
        Room(heartbeat=heartbeat)
