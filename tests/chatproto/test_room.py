"""ROOM: one order of all broadcasts, of which each member receives one contiguous run.

A history is who does what, in order: join, speak, be sent something, go. It is played to a real
room; what must come of it is said of the octets each member was sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatproto import Broadcast, Limits, Member, Room, State, encode
from tests.chatproto import models
from tests.chatproto.helpers import Table, read, take
from tests.chatproto.strategies import TIME, bad_lines, good_streams, in_pieces, short_streams


@dataclass(frozen=True)
class Join:
    """Somebody joins."""


@dataclass(frozen=True)
class Say:
    """Somebody says a word that is unique in the history."""

    who: int


@dataclass(frozen=True)
class Send:
    """Somebody is sent some of what waits for it."""

    who: int
    octets: int


@dataclass(frozen=True)
class Quit:
    """Somebody quits."""

    who: int


everyone = st.integers(0, 5)
histories = st.lists(
    st.one_of(
        st.builds(Join),
        st.builds(Say, everyone),
        st.builds(Say, everyone),
        st.builds(Send, everyone, st.integers(1, 60)),
        st.builds(Quit, everyone),
    ),
    max_size=30,
)


class Played:
    """A played history: what was said, and where in it each member came and went."""

    def __init__(self, history: list[Join | Say | Send | Quit]) -> None:
        self.table = Table(2)
        self.said: list[tuple[Member, str]] = []
        self.joined = dict.fromkeys(self.table.members, 0)
        self.left: dict[Member, int] = {}
        for event in history:
            match event:
                case Join():
                    self.joined[self.table.join()] = len(self.said)
                case Say(who):
                    self.say(self.member(who))
                case Send(who, octets):
                    self.table.take(self.member(who), octets)
                case Quit(who):
                    member = self.member(who)
                    self.table.feed(member, b"quit\n")
                    self.left.setdefault(member, len(self.said))
        for member in self.table.members:
            self.table.take(member)

    def member(self, who: int) -> Member:
        return self.table.members[who % len(self.table.members)]

    def say(self, member: Member) -> None:
        word = f"word {len(self.said)}"
        self.table.feed(member, f"{word}\n".encode())
        if member.state is State.OPEN:
            self.said.append((member, word))

    def all_broadcasts(self) -> list[Broadcast]:
        return [Broadcast(TIME, member.sender, word) for member, word in self.said]


played = histories.map(Played)


@given(played)
def test_room_1_a_member_receives_each_broadcast_from_its_joining_to_its_leaving(
    play: Played,
) -> None:
    for member, octets in play.table.taken.items():
        run = play.all_broadcasts()[play.joined[member] : play.left.get(member)]
        assert octets == b"".join(map(encode, run))


@given(played)
def test_room_2_each_message_reaches_every_member_once_its_sender_included(play: Played) -> None:
    for index, (sender, word) in enumerate(play.said):
        present = {
            member
            for member, joined in play.joined.items()
            if joined <= index < play.left.get(member, len(play.said))
        }
        assert sender in present
        for member, octets in play.table.taken.items():
            assert octets.split(b"\n").count(word.encode()) == (member in present)


@given(played)
def test_room_3_there_is_one_order_and_each_member_receives_a_contiguous_run_of_it(
    play: Played,
) -> None:
    order = play.all_broadcasts()
    for octets in play.table.taken.values():
        run = read([octets])
        assert any(run == order[start : start + len(run)] for start in range(len(order) + 1))


@given(st.lists(in_pieces(good_streams), min_size=2, max_size=3), st.randoms(use_true_random=False))
def test_room_4_one_sender_s_messages_keep_their_order(
    pieces: list[list[bytes]], random: Random
) -> None:
    table = Table(len(pieces))
    turns = [who for who, each in enumerate(pieces) for _ in each]
    random.shuffle(turns)
    nexts = [iter(each) for each in pieces]
    for who in turns:
        table.feed(table.members[who], next(nexts[who]))
    units = read([table.take(table.members[0])])
    for member, each in zip(table.members, pieces, strict=True):
        heard = [u.text for u in units if isinstance(u, Broadcast) and u.sender == member.sender]
        assert heard == models.messages(b"".join(each), 1_024)


@given(histories, everyone, st.lists(everyone), everyone, everyone)
def test_room_5_an_answer_comes_after_what_it_answers_for_everyone(
    history: list[Join | Say | Send | Quit],
    asks: int,
    others: list[int],
    answers: int,
    sent: int,
) -> None:
    play = Played([event for event in history if not isinstance(event, Quit)])
    table = play.table
    table.feed(play.member(asks), b"question\n")
    for other in others:
        play.say(play.member(other))
        table.take(play.member(sent), 20)
    assert b"\nquestion\n" in table.take(play.member(answers))
    table.feed(play.member(answers), b"answer\n")
    for member in table.members:
        words = table.take(member).split(b"\n")
        assert words.index(b"question") < words.index(b"answer")


@given(st.lists(in_pieces(short_streams), min_size=2, max_size=3), st.data())
def test_room_6_no_unit_is_interleaved_with_another(
    pieces: list[list[bytes]], data: st.DataObject
) -> None:
    table = Table(len(pieces))
    waiting = {member: list(each) for member, each in zip(table.members, pieces, strict=True)}
    while any(waiting.values()):
        member = data.draw(st.sampled_from([member for member in table.members if waiting[member]]))
        table.feed(member, waiting[member].pop(0))
        table.room.heartbeat()
    texts = {
        (member.sender, text)
        for member, each in zip(table.members, pieces, strict=True)
        for text in models.messages(b"".join(each), 1_024)
    }
    for member in table.members:
        *lines, rest = table.take(member).split(b"\n")
        assert rest == b""
        while lines:
            first = lines.pop(0).decode()
            if first and not first.startswith("!"):
                assert (first.removeprefix("20210703 17:45:39 "), lines.pop(0).decode()) in texts


def quits(room: Room, member: Member) -> None:
    room.receive(member, b"quit\n", TIME)


def ends(room: Room, member: Member) -> None:
    room.receive_eof(member)


def resets(room: Room, member: Member) -> None:
    room.abort(member)


def violates(room: Room, member: Member) -> None:
    room.receive(member, b"\xff\n", TIME)


def is_gone(room: Room, member: Member) -> None:
    room.receive_eof(member)
    take(member)
    room.flushed(member)


def stalls(room: Room, member: Member) -> None:
    """A member that stops taking octets causes no action."""


@pytest.mark.parametrize("goes", [quits, ends, resets, violates, is_gone])
@given(good_streams, good_streams)
def test_room_7_however_a_member_goes_the_others_receive_what_they_would_have(
    goes: Callable[[Room, Member], None], before: bytes, after: bytes
) -> None:
    def play(goes: Callable[[Room, Member], None]) -> tuple[bytes, bytes]:
        table = Table(3)
        leaver, speaker, listener = table.members
        table.feed(leaver, b"hello\n")
        table.take(leaver, 7)
        table.feed(speaker, before)
        table.take(listener, 31)
        goes(table.room, leaver)
        table.feed(speaker, after)
        return table.take(speaker), table.take(listener)

    assert play(goes) == play(stalls)


def test_room_7_who_was_evicted_is_missed_by_nobody() -> None:
    table = Table(3, Limits(line=1_048_576, backlog=1_048_576))
    stalled, speaker, listener = table.members
    for _ in range(3):
        table.feed(speaker, b"x" * 500_000 + b"\n")
        table.take(speaker)
        table.take(listener)
    assert stalled.state is State.ABORTED
    assert table.taken[speaker] == table.taken[listener]
    assert table.taken[speaker] == 3 * models.broadcast(TIME, "unix:1", "x" * 500_000)


@given(bad_lines)
def test_room_7_who_violated_takes_no_line_of_another_s_along(line: bytes) -> None:
    table = Table(2)
    bad, good = table.members
    table.feed(good, b"half a ")
    table.feed(bad, line + b"\n", b"ignored\n")
    table.feed(good, b"line\n")
    assert table.take(good) == models.broadcast(TIME, "unix:1", "half a line")
