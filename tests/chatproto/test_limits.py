"""LIM: how long a line may be, how much may wait for a member, how many members there may be."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chatproto
from chatproto import Code, Limits, MessageReceived, Notice, Room, ServerConnection, State, encode
from tests.chatproto import models
from tests.chatproto.helpers import Table, floods, leave, receive, say, state_of, take
from tests.chatproto.strategies import TIME, cut

MIB = 1_048_576


@given(st.integers(1_024, MIB), st.integers(0, 1_024), st.sampled_from([b"", b"\r", b"\t \r"]))
def test_lim_1_lines_of_1024_octets_are_accepted_whatever_the_limit(
    limit: int, size: int, end: bytes
) -> None:
    line = b"x" * (size - len(end)) + end
    (event,) = receive([line + b"\n"], limit)
    text = line.decode().strip()
    assert say([event]) == [("message", 1, text) if text else ("blank", 1, "")]


@given(st.integers(1_020, 1_030), st.data())
def test_lim_1_every_octet_before_the_lf_counts(size: int, data: st.DataObject) -> None:
    filler = data.draw(st.sampled_from([b" ", b"x", "é".encode(), b"\0"]))
    line = (filler * size)[: size - 1] + b"\r"
    assert say(receive(data.draw(cut(line + b"\n")))) == models.read_stream(line + b"\n", 1_024)


@given(st.data(), st.integers(1_024, 1_100), st.integers(-3, 3))
def test_lim_2_the_verdict_is_the_limit_s_and_never_the_cut_s(
    data: st.DataObject, limit: int, over: int
) -> None:
    stream = b"first\n" + b"x" * (limit + over) + b"\nlast\n"
    said = say(receive(data.draw(cut(stream)), limit))
    assert said == models.read_stream(stream, limit)
    assert said[-1] == (("line-too-long", 2, "") if over > 0 else ("message", 3, "last"))


@pytest.mark.parametrize("limit", [1_024, 1_025, 65_536, MIB])
def test_lim_2_a_line_is_too_long_with_the_octet_that_passes_the_limit(limit: int) -> None:
    connection = ServerConnection(limit)
    assert connection.receive(b"x" * (limit - 1)) == []
    assert connection.receive(b"x") == []
    assert state_of(connection) is State.OPEN
    assert say(connection.receive(b"x")) == [("line-too-long", 1, "")]
    assert state_of(connection) is State.FLUSHING


@pytest.mark.parametrize("limit", [1_024, MIB])
def test_lim_2_a_line_of_just_the_limit_is_a_message(limit: int) -> None:
    assert receive([b"x" * limit + b"\n"], limit) == [MessageReceived("x" * limit, 1)]
    assert say(receive([b"x" * (limit + 1) + b"\n"], limit)) == [("line-too-long", 1, "")]


@pytest.mark.parametrize("limit", [-1, 0, 1_023, MIB + 1])
def test_lim_2_no_server_may_set_another_limit(limit: int) -> None:
    with pytest.raises(ValueError, match=f"from 1024 to 1048576 octets, not {limit}"):
        ServerConnection(limit)
    with pytest.raises(ValueError, match=f"from 1024 to 1048576 octets, not {limit}"):
        Limits(line=limit)


@pytest.mark.parametrize("backlog", [MIB, 2 * MIB])
def test_lim_3_a_member_that_takes_nothing_is_evicted_and_not_before_its_limit(
    backlog: int,
) -> None:
    table = Table(2, Limits(line=1_024, backlog=backlog))
    stalled, speaker = table.members
    waiting = 0
    while stalled.state is State.OPEN:
        assert stalled.backlog == waiting
        assert waiting < backlog + 65_536
        table.feed(speaker, b"x" * 1_000 + b"\n")
        waiting += len(take(speaker))
    assert waiting > backlog
    assert stalled.state is State.ABORTED
    assert (stalled.backlog, bytes(stalled.pending())) == (0, b"")
    assert list(table.room.members) == [speaker]


def test_lim_3_no_member_is_evicted_while_no_more_than_its_limit_waits() -> None:
    table = Table(2, Limits(line=MIB, backlog=MIB))
    slow, speaker = table.members
    header = len(models.broadcast(TIME, "unix:1", ""))
    table.feed(speaker, b"x" * (MIB - header) + b"\n")
    assert slow.backlog == MIB
    assert slow.state is State.OPEN
    slow.sent(1)
    table.feed(speaker, b"x\n")
    assert slow.backlog == MIB + header
    table.take(slow, 65_536 + header)
    table.feed(speaker, b"x" * (65_536 - header) + b"\n")
    assert slow.backlog == MIB
    assert slow.state is State.OPEN


def test_lim_3_a_leaver_is_not_evicted_for_what_the_room_says_later() -> None:
    table = Table(2, Limits(line=MIB, backlog=MIB))
    leaver, speaker = table.members
    table.feed(speaker, b"x" * 1_000_000 + b"\n")
    table.feed(leaver, b"quit\n")
    for _ in range(4):
        table.feed(speaker, b"y" * 500_000 + b"\n")
        table.take(speaker)
    assert leaver.state is State.FLUSHING
    assert leave(table.room, leaver) == models.broadcast(TIME, "unix:1", "x" * 1_000_000)


def test_lim_3_a_room_forgets_what_all_its_members_were_sent() -> None:
    table = Table(2, Limits(line=MIB, backlog=MIB))
    speaker, listener = table.members
    line = b"x" * 500_000 + b"\n"
    tracemalloc.start()
    try:
        for _ in range(40):
            table.room.receive(speaker, line, TIME)
            take(speaker)
            take(listener)
        taken = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    # The room does not count what threads of other tests take meanwhile.
    ours = tracemalloc.Filter(True, f"{Path(chatproto.__file__).parent}/*")
    assert table.room.octets > 40 * 500_000
    assert 0 < sum(one.size for one in taken.filter_traces([ours]).traces) < 1_000_000


@pytest.mark.parametrize("backlog", [0, MIB - 1, 15 * MIB + 1])
def test_lim_3_a_backlog_out_of_bounds_is_refused(backlog: int) -> None:
    with pytest.raises(ValueError, match=f"from 1048576 to 15728640 octets, not {backlog}"):
        Limits(backlog=backlog)


@settings(max_examples=20)
@given(st.integers(0, 100_000))
def test_lim_4_what_an_evicted_member_received_is_an_unbroken_beginning(taken: int) -> None:
    table = Table(2, Limits(line=MIB, backlog=MIB))
    stalled, speaker = table.members
    for letter in "abcd":
        table.feed(speaker, letter.encode() * 400_000 + b"\n")
        table.take(speaker)
        if stalled.state is State.OPEN:
            table.take(stalled, taken)
    assert stalled.state is State.ABORTED
    assert table.taken[speaker].startswith(table.taken[stalled])


def test_lim_5_a_connection_over_capacity_is_told_and_closed_in_order() -> None:
    table = Table(2, Limits(members=2))
    first, second = table.members
    third = table.join()
    assert third.state is State.FLUSHING
    assert table.feed(third, b"hello\n") == []
    table.feed(first, b"hello\n")
    expected = encode(Notice(Code.ROOM_FULL, "2 are connected"))
    assert leave(table.room, third) == expected == b"!room-full 2 are connected\n"
    assert list(table.room.members) == [first, second]
    table.room.abort(second)
    assert table.join().state is State.OPEN


def test_lim_5_a_leaver_has_its_place_until_it_is_over() -> None:
    table = Table(1, Limits(members=1))
    (leaver,) = table.members
    table.feed(leaver, b"quit\n")
    refused = table.join()
    assert refused.state is State.FLUSHING
    leave(table.room, leaver)
    leave(table.room, refused)
    assert table.join().state is State.OPEN


@pytest.mark.parametrize("members", [0, -1])
def test_lim_5_a_room_for_nobody_is_refused(members: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, or None for no bound, not {members}"):
        Limits(members=members)


def test_lim_6_256_members_hear_one_another() -> None:
    room = Room()
    members = [room.join(f"unix:{number}") for number in range(256)]
    for member in members:
        room.receive(member, b"hello\n", TIME)
    expected = b"".join(models.broadcast(TIME, f"unix:{number}", "hello") for number in range(256))
    assert all(take(member) == expected for member in members)


def test_trn_1_who_floods_and_does_not_read_is_to_be_read_no_further() -> None:
    table = Table(2)
    flooder, other = table.members
    while not floods(flooder):
        assert flooder.backlog <= 524_288
        table.feed(flooder, b"x" * 1_023 + b"\n")
        assert not floods(other)
    assert take(flooder, 2_048)
    assert not floods(flooder)
    table.feed(flooder, b"x" * 1_023 + b"\n" * 1_024)
    table.feed(flooder, b"x" * 1_023 + b"\n")
    assert floods(flooder)
    table.feed(flooder, b"quit\n")
    assert not floods(flooder)


def test_trn_1_who_has_caught_up_may_talk_and_who_lags_for_others_is_read() -> None:
    table = Table(2)
    talker, laggard = table.members
    for _ in range(1_024):
        table.feed(talker, b"x" * 1_023 + b"\n")
        take(talker)
        assert not floods(talker)
    assert laggard.backlog > MIB
    table.feed(laggard, b"hello\n")
    assert not floods(laggard)


def test_trn_1_who_takes_no_more_does_not_flood() -> None:
    table = Table(1)
    (flooder,) = table.members
    while not floods(flooder):
        table.feed(flooder, b"x" * 1_023 + b"\n")
    table.room.send_failed(flooder)
    table.feed(flooder, b"x" * 1_023 + b"\n")
    assert not floods(flooder)
