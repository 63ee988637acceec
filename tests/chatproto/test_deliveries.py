"""Deliveries: one view for all that stand at one position, and who takes less is treated alone."""

from chatproto import Limits, Member, Room
from tests.chatproto import models
from tests.chatproto.helpers import Table, take
from tests.chatproto.strategies import TIME


def say(room: Room, member: Member, text: str) -> bytes:
    """Say something; give back the broadcast."""
    room.receive(member, text.encode() + b"\n", TIME)
    return models.broadcast(TIME, member.sender, text)


def test_all_who_have_kept_up_are_owed_the_same_view() -> None:
    table = Table(1_000)
    hello = say(table.room, table.members[0], "hello")
    (delivery,) = table.room.deliveries()
    assert delivery.octets == hello
    assert sorted(map(id, delivery.members)) == sorted(map(id, table.members))
    more = say(table.room, table.members[1], "more")
    table.room.delivered(delivery)
    (delivery,) = table.room.deliveries()
    assert delivery.octets == more
    table.room.delivered(delivery)
    assert table.room.deliveries() == []
    assert table.room.undelivered == 0


def test_who_spoke_last_is_served_first() -> None:
    table = Table(4)
    room, (ann, bob, cid, dan) = table.room, table.members
    assert room.deliveries() == []  # all stand at one position from now on
    for speaker in bob, cid, bob:
        say(room, speaker, "hello")
    (delivery,) = room.deliveries()
    assert delivery.members[:2] == (bob, cid)
    assert set(delivery.members[2:]) == {ann, dan}
    room.delivered(delivery)
    say(room, dan, "hello")
    (delivery,) = room.deliveries()
    assert delivery.members[:3] == (dan, bob, cid)


def test_who_took_less_is_left_out_until_it_takes_more_and_then_catches_up() -> None:
    table = Table(3)
    room, (ann, bob, cid) = table.room, table.members
    first = say(room, ann, "first")
    (delivery,) = room.deliveries()
    room.delivered(delivery, {bob: 5, cid: 0})
    assert room.deliveries() == []
    assert room.undelivered == 0
    second = say(room, ann, "second")
    (delivery,) = room.deliveries()
    assert delivery.members == (ann,)
    room.delivered(delivery)
    room.writable(bob)
    room.writable(cid)
    to_bob, to_cid = room.deliveries()
    assert (to_bob.members, to_cid.members) == ((bob,), (cid,))
    assert to_bob.octets == (first + second)[5:]
    assert to_cid.octets == first + second
    assert room.undelivered == len(first + second)
    room.delivered(to_bob)
    room.delivered(to_cid)
    say(room, ann, "third")
    (delivery,) = room.deliveries()
    assert set(delivery.members) == {ann, bob, cid}


def test_all_of_a_group_may_take_less() -> None:
    table = Table(2)
    room, (ann, bob) = table.room, table.members
    said = say(room, ann, "hello")
    (delivery,) = room.deliveries()
    room.delivered(delivery, {ann: 3, bob: 3})
    assert room.deliveries() == []
    room.writable(ann)
    room.writable(bob)
    (delivery,) = room.deliveries()
    assert delivery.octets == said[3:]
    assert set(delivery.members) == {ann, bob}


def test_what_was_sent_to_who_left_meanwhile_still_counts() -> None:
    table = Table(5)
    room, (ann, quits, ends, lost, breaks) = table.room, table.members
    say(room, ann, "hello")
    (delivery,) = room.deliveries()
    room.receive(quits, b"bye\nquit\n", TIME)
    room.receive_eof(ends)
    room.abort(lost)
    room.receive(breaks, b"\xff\n", TIME)
    room.delivered(delivery, {ends: 4})
    bye = models.broadcast(TIME, quits.sender, "bye")
    assert take(quits) == bye
    assert take(ends) == models.broadcast(TIME, ann.sender, "hello")[4:] + bye
    assert take(lost) == b""
    assert take(breaks).startswith(bye + b"!invalid-text")
    assert take(ann) == bye


def test_what_leavers_are_owed_is_delivered_too() -> None:
    table = Table(2)
    room, (ann, bob) = table.room, table.members
    bye = say(room, ann, "bye")
    room.receive(ann, b"quit\n", TIME)
    assert list(room.leavers) == [ann]
    to_bob, to_ann = room.deliveries()
    assert (to_bob.members, to_ann.members) == ((bob,), (ann,))
    room.delivered(to_bob)
    room.delivered(to_ann, {ann: 1})
    assert room.deliveries() == []
    room.writable(ann)
    (to_ann,) = room.deliveries()
    assert to_ann.octets == bye[1:]
    room.delivered(to_ann)
    assert ann.backlog == 0
    room.flushed(ann)
    room.abort(ann)
    assert not room.leavers


def test_one_that_takes_no_more_is_offered_nothing() -> None:
    table = Table(2)
    room, (ann, bob) = table.room, table.members
    say(room, ann, "hello")
    (delivery,) = room.deliveries()
    room.send_failed(bob)
    room.delivered(delivery, {bob: 0})
    room.writable(bob)
    say(room, bob, "still heard")
    (delivery,) = room.deliveries()
    assert delivery.members == (ann,)


def test_lim_5_a_refused_connection_takes_no_place() -> None:
    table = Table(2, Limits(members=2))
    room, (ann, _) = table.room, table.members
    refused = table.join()
    assert take(refused).startswith(b"!room-full")
    room.abort(ann)
    admitted = table.join()
    assert admitted.state.name == "OPEN"
    assert len(room.members) == 3
