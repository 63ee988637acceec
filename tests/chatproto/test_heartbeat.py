"""HB: a blank line, either way, means alive and nothing more."""

from hypothesis import given
from hypothesis import strategies as st

from chatproto import BlankReceived, ClientConnection, Heartbeat, Room, State
from tests.chatproto import models
from tests.chatproto.helpers import Table, read, take
from tests.chatproto.strategies import TIME, messages, padding


@given(st.lists(padding, min_size=1, max_size=5))
def test_hb_1_a_blank_line_is_neither_broadcast_nor_answered_and_costs_no_membership(
    blanks: list[str],
) -> None:
    table = Table(2)
    member, other = table.members
    events = table.feed(member, "".join(f"{blank}\n" for blank in blanks).encode())
    assert events == [BlankReceived(line) for line in range(1, len(blanks) + 1)]
    assert member.state is State.OPEN
    assert table.take(member) == table.take(other) == b""
    table.feed(member, b"still here\n")
    assert table.take(other) == models.broadcast(TIME, "unix:0", "still here")


def test_hb_1_a_client_s_heartbeat_is_a_blank_line() -> None:
    table = Table(1)
    assert table.feed(table.members[0], ClientConnection().heartbeat()) == [BlankReceived(1)]


@given(st.lists(st.one_of(st.none(), messages), max_size=8), st.lists(st.integers(1, 40)))
def test_hb_2_heartbeats_come_between_units_whatever_is_half_sent(
    words: list[bytes | None], sizes: list[int]
) -> None:
    table = Table(2)
    speaker, listener = table.members
    expected = b""
    for index, word in enumerate(words):
        if word is None:
            table.room.heartbeat()
            expected += b"\n"
        else:
            table.feed(speaker, word + b"\n")
            (text,) = models.messages(word + b"\n", 1_024)
            expected += models.broadcast(TIME, "unix:0", text)
        table.take(listener, sizes[index % len(sizes)] if sizes else 0)
    assert table.take(listener) == expected
    heartbeats = [unit for unit in read([expected]) if isinstance(unit, Heartbeat)]
    assert len(heartbeats) == words.count(None)


def test_hb_2_a_leaver_gets_no_heartbeat() -> None:
    table = Table(2)
    leaver, other = table.members
    table.feed(leaver, b"quit\n")
    table.room.heartbeat()
    assert table.take(leaver) == b""
    assert table.take(other) == b"\n"


def test_hb_3_who_only_listens_is_never_removed_for_it() -> None:
    table = Table(1)
    (member,) = table.members
    for day in range(1_000):
        table.room.expire(day * 86_400.0)
        table.room.heartbeat()
        assert table.take(member, 1)
    assert member.state is State.OPEN


def test_hb_2_a_room_that_has_heartbeats_sends_them_as_time_passes() -> None:
    room = Room(heartbeat=30.0)
    member = room.join("unix:0")
    for now, beats in ((100.0, 0), (129.75, 0), (130.0, 1), (130.0, 1), (159.75, 1), (300.0, 2)):
        room.expire(now)
        assert room.octets == beats
    assert take(member) == b"\n\n"
