"""Whatever comes, and whatever is asked: a peer's octets raise nothing, a caller's faults raise
`LocalProtocolError` and change nothing."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatproto import (
    ClientConnection,
    Limits,
    LocalProtocolError,
    Member,
    Room,
    ServerConnection,
    State,
    Violation,
    encode,
)
from chatproto.text import Charset
from tests.chatproto.helpers import state_of, take
from tests.chatproto.strategies import TIME, in_pieces, points, short_streams, units

octets = st.one_of(
    st.binary(max_size=40),
    short_streams,
    st.lists(units.map(encode) | st.binary(max_size=4)).map(b"".join),
)
"""Anything: noise, a client's stream, a server's with noise in it."""

charsets = st.sampled_from(["utf-8", "gbk"])


@given(in_pieces(octets), charsets)
def test_no_octets_of_a_client_s_raise(pieces: list[bytes], charset: Charset) -> None:
    connection = ServerConnection(1_024, charset)
    for each in pieces:
        for event in connection.receive(each):
            assert not isinstance(event, Violation) or connection.state is State.FLUSHING
    connection.receive_eof()
    connection.flushed()
    assert connection.state is State.CLOSED


@given(in_pieces(octets))
def test_no_octets_of_a_server_s_raise(pieces: list[bytes]) -> None:
    client = ClientConnection()
    for each in pieces:
        client.receive(each)
    client.receive_eof()


@given(in_pieces(octets), charsets)
def test_a_room_turns_whatever_octets_into_units(pieces: list[bytes], charset: Charset) -> None:
    room = Room(Limits(line=1_024), charset)
    speaker, listener = room.join("unix:0"), room.join("unix:1")
    for each in pieces:
        room.receive(speaker, each, TIME)
    for member in (speaker, listener):
        client = ClientConnection()
        client.receive(take(member))
        assert [ended.complete for ended in client.receive_eof()] == [True]  # type: ignore[union-attr]  # or it fails


calls_of_a_connection: st.SearchStrategy[Callable[[ServerConnection], object]] = st.one_of(
    octets.map(lambda octets: lambda connection: connection.receive(octets)),
    st.sampled_from(
        [
            ServerConnection.receive_eof,
            ServerConnection.close,
            ServerConnection.flushed,
            ServerConnection.lingered,
            ServerConnection.abort,
        ]
    ),
)


@given(st.lists(calls_of_a_connection))
def test_no_calls_of_a_connection_raise_anything_else(
    calls: list[Callable[[ServerConnection], object]],
) -> None:
    connection = ServerConnection(1_024)
    for call in calls:
        before = connection.state
        try:
            call(connection)
        except LocalProtocolError:
            assert connection.state is before


calls_of_a_client: st.SearchStrategy[Callable[[ClientConnection], object]] = st.one_of(
    octets.map(lambda octets: lambda client: client.receive(octets)),
    st.text(points | st.characters(), max_size=6).map(lambda text: lambda client: client.say(text)),
    st.sampled_from(
        [ClientConnection.receive_eof, ClientConnection.heartbeat, ClientConnection.leave]
    ),
)


@given(st.lists(calls_of_a_client))
def test_no_calls_of_a_client_raise_anything_else(
    calls: list[Callable[[ClientConnection], object]],
) -> None:
    client = ClientConnection()
    for call in calls:
        with suppress(LocalProtocolError):
            call(client)


calls_of_a_room: st.SearchStrategy[Callable[[Room, Member], object]] = st.one_of(
    octets.map(lambda octets: lambda room, member: room.receive(member, octets, TIME)),
    st.integers(-1, 100).map(lambda size: lambda _, member: member.sent(size)),
    st.floats(0, 100).map(lambda now: lambda room, _: room.expire(now)),
    st.sampled_from(
        [
            lambda room, _: room.join("unix:7"),
            lambda room, _: room.join("nobody"),
            lambda room, _: room.heartbeat(),
            lambda room, _: room.stop(),
            Room.receive_eof,
            Room.flushed,
            Room.send_failed,
            Room.abort,
        ]
    ),
)


@given(st.lists(st.tuples(st.integers(0, 2), calls_of_a_room)))
def test_no_calls_of_a_room_raise_anything_else(
    calls: list[tuple[int, Callable[[Room, Member], object]]],
) -> None:
    room = Room(Limits(line=1_024, members=4))
    members = [room.join(f"unix:{number}") for number in range(3)]
    for who, call in calls:
        before = [(member.state, member.backlog) for member in members]
        try:
            call(room, members[who])
        except LocalProtocolError:
            assert [(member.state, member.backlog) for member in members] == before
        for member in members:
            assert len(member.pending()) <= member.backlog


def test_no_more_can_have_been_sent_than_was_pending() -> None:
    room = Room()
    member = room.join("unix:0")
    room.heartbeat()
    for size in (-1, 2):
        with pytest.raises(LocalProtocolError, match=f"{size} octets cannot have been sent: 1"):
            member.sent(size)
    room.receive_eof(member)
    with pytest.raises(LocalProtocolError, match="2 octets cannot have been sent: 1"):
        member.sent(2)
    member.sent(1)
    with pytest.raises(LocalProtocolError, match="1 octets cannot have been sent: 0"):
        member.sent(1)


def test_what_was_sent_to_a_member_given_up_meanwhile_is_no_fault() -> None:
    room = Room()
    member = room.join("unix:0")
    room.heartbeat()
    size = len(member.pending())
    room.abort(member)
    member.sent(size)
    assert member.backlog == 0


def test_a_member_cannot_be_flushed() -> None:
    room = Room()
    member = room.join("unix:0")
    with pytest.raises(LocalProtocolError, match="FLUSHED cannot happen to a connection OPEN"):
        room.flushed(member)
    assert state_of(member) is State.OPEN


def test_a_fault_of_the_caller_s_puts_nothing_off() -> None:
    room = Room()
    member = room.join("unix:0")
    room.receive(member, b"quit\n", TIME)
    room.flushed(member)
    room.unacknowledged(member, 0)
    room.expire(0.0)
    with pytest.raises(LocalProtocolError, match=r"FLUSHED cannot .* LINGERING"):
        room.flushed(member)
    room.expire(1.0)
    assert state_of(member) is State.CLOSED
