"""One replica, step by step. Many of them, with faults, are in tests/cluster."""

from datetime import datetime

import pytest

from chatproto import Entry, Limits, Member, Replica, Standing, State
from chatproto.outbox import ENTRY_SIZE
from chatproto.replica import GIVE_UP, MARK, QUEUE_SIZE, STALL, STOP_PATIENCE

TIME = datetime(2021, 7, 3, 17, 45, 39)
SAID = b"20210703 17:45:39 127.0.0.1:50001\n%b\n"
OTHERS = b"20210703 17:45:39 127.0.0.1:60001\nfar away\n"


class Cluster:
    """A replica, and the log of an engine that carries out every request."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self.replica = Replica("a", limits)
        self.end = 0
        self.replica.start("first", 0)
        self.commit()

    def commit(self) -> Entry:
        """Commit the entry in flight."""
        entry = self.replica.outgoing()
        assert entry is not None
        self.add(entry)
        return entry

    def add(self, entry: Entry) -> None:
        self.end += 1
        self.replica.deliver(self.end, entry)

    def join(self, port: int = 50001) -> Member:
        ticket = self.replica.knock()
        assert not self.replica.admits(ticket)
        self.commit()
        assert self.replica.admits(ticket)
        return self.replica.join(f"127.0.0.1:{port}")

    def say(self, member: Member, *lines: bytes) -> None:
        self.replica.receive(member, b"".join(line + b"\n" for line in lines), TIME)


def stands(cluster: Cluster) -> Standing:
    return cluster.replica.standing


def hear(member: Member) -> bytes:
    heard = b""
    while octets := member.pending():
        heard += bytes(octets)
        member.sent(len(octets))
    return heard


def test_a_line_is_accepted_when_its_entry_is_committed() -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.say(ann, b"hello")
    assert not ann.pending()
    entry = cluster.commit()
    assert (entry.node, entry.run, entry.after) == ("a", "first", 2)
    assert hear(ann) == entry.units == SAID % b"hello"


def test_what_comes_while_an_entry_is_in_flight_goes_into_the_next() -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.say(ann, b"one")
    entry = cluster.replica.outgoing()
    cluster.say(ann, b"two")
    cluster.say(ann, b"three")
    assert cluster.replica.outgoing() is entry
    cluster.commit()
    assert cluster.commit().units == SAID % b"two" + SAID % b"three"
    assert cluster.replica.outgoing() is None


def test_who_quits_is_owed_all_up_to_the_commit_of_its_last_line_and_no_more() -> None:
    cluster = Cluster()
    ann, bob = cluster.join(), cluster.join(50002)
    cluster.say(ann, b"bye", b"quit", b"ignored")
    cluster.say(bob, b"later")
    cluster.add(Entry("b", "other", None, OTHERS))
    states = [ann.state]
    cluster.commit()
    states.append(ann.state)
    assert states == [State.OPEN, State.FLUSHING]
    assert hear(ann) == OTHERS + SAID % b"bye"
    assert hear(bob).endswith(b"later\n")


def test_an_end_of_stream_leaves_the_same_way() -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.say(ann, b"bye")
    assert len(cluster.replica.receive_eof(ann)) == 1
    cluster.commit()
    assert ann.state is State.FLUSHING_ENDED
    assert hear(ann) == SAID % b"bye"


def test_an_end_of_stream_after_quit_is_known_before_the_commit_and_after_it() -> None:
    cluster = Cluster()
    ann, bob = cluster.join(), cluster.join(50002)
    cluster.say(ann, b"quit")
    cluster.say(bob, b"quit")
    assert cluster.replica.receive_eof(ann) == []
    cluster.commit()
    assert (ann.state, bob.state) == (State.FLUSHING_ENDED, State.FLUSHING)
    assert cluster.replica.receive_eof(bob) == []
    assert bob.state is State.FLUSHING_ENDED


def test_a_violation_says_why_after_all_that_was_owed() -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.say(ann, b"good", b"\xff", b"ignored")
    cluster.commit()
    assert hear(ann).startswith(SAID % b"good" + b"!invalid-text line 2")


def test_who_is_lost_meanwhile_leaves_no_trace_but_its_lines() -> None:
    cluster = Cluster()
    ann, bob = cluster.join(), cluster.join(50002)
    cluster.say(ann, b"last", b"quit")
    cluster.replica.room.abort(ann)
    cluster.commit()
    assert ann.state is State.ABORTED
    assert hear(bob) == SAID % b"last"
    cluster.replica.expire(0.0)
    assert cluster.replica.may_be_read(ann)


def test_a_visitor_joins_behind_all_that_was_accepted_before_it_knocked() -> None:
    cluster = Cluster()
    cluster.add(Entry("b", "other", None, OTHERS))
    ann = cluster.join()
    assert not ann.pending()


def test_a_full_room_refuses() -> None:
    cluster = Cluster(Limits(members=1))
    cluster.join()
    assert hear(cluster.join(50002)).startswith(b"!room-full")


def test_much_is_spread_over_entries_none_of_them_too_large() -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.say(ann, *[b"x" * 1_000] * 600)
    sizes = []
    while cluster.replica.outgoing() is not None:
        sizes.append(len(cluster.commit().units))
    assert len(sizes) > 1
    assert max(sizes) <= ENTRY_SIZE
    assert hear(ann) == SAID % (b"x" * 1_000) * 600


def test_a_line_larger_than_an_entry_has_one_for_itself() -> None:
    cluster = Cluster(Limits(line=1_048_576))
    ann = cluster.join()
    cluster.say(ann, b"a", b"\0" * 1_048_576, b"b")
    assert [len(cluster.commit().encode()) > ENTRY_SIZE for _ in range(3)] == [False, True, False]
    assert cluster.replica.largest_entry > 3 * 1_048_576


def test_no_member_is_read_while_too_much_waits_for_the_log() -> None:
    cluster = Cluster()
    ann, bob = cluster.join(), cluster.join(50002)
    cluster.say(ann, b"in flight")
    cluster.replica.outgoing()
    assert cluster.replica.may_be_read(bob)
    cluster.say(ann, *[b"x" * 1_000] * (QUEUE_SIZE // 1_000 + 1))
    assert not cluster.replica.may_be_read(bob)


def test_a_member_that_says_much_and_does_not_read_it_is_not_read_until_it_has() -> None:
    cluster = Cluster()
    ann, bob = cluster.join(), cluster.join(50002)
    cluster.say(ann, *[b"x" * 1_000] * 600)
    while cluster.replica.outgoing() is not None:
        cluster.commit()
    assert not cluster.replica.may_be_read(ann)
    assert cluster.replica.may_be_read(bob)
    hear(ann)
    assert cluster.replica.may_be_read(ann)


def test_a_silent_node_writes_a_mark_and_so_notices_that_the_log_is_away() -> None:
    cluster = Cluster()
    ann = cluster.join()
    replica = cluster.replica
    replica.expire(0.0)
    assert replica.outgoing() is None
    replica.expire(MARK)
    entry = replica.outgoing()
    assert entry is not None
    assert not entry.units
    replica.expire(MARK)
    assert replica.may_be_read(ann)
    replica.expire(MARK + STALL)
    assert not replica.may_be_read(ann)
    replica.expire(MARK + GIVE_UP)
    assert stands(cluster) is Standing.UNAVAILABLE
    assert hear(ann) == b"!log-unavailable\n"
    assert replica.admits(replica.knock())
    assert hear(replica.join("127.0.0.1:50003")) == b"!log-unavailable\n"
    assert replica.outgoing() is entry
    cluster.commit()
    assert stands(cluster) is Standing.SERVING
    assert cluster.join().state is State.OPEN


def test_what_is_delivered_again_changes_nothing() -> None:
    cluster = Cluster()
    ann = cluster.join()
    entry = Entry("b", "other", None, OTHERS)
    cluster.add(entry)
    cluster.replica.deliver(cluster.end, entry)
    cluster.replica.deliver(cluster.end - 1, entry)
    assert hear(ann) == OTHERS
    assert cluster.replica.position == cluster.end


def test_what_was_stored_twice_is_refused() -> None:
    cluster = Cluster()
    ann = cluster.join()
    chain = [Entry("b", "one", None), Entry("b", "one", 3, OTHERS)]
    for entry in (*chain, chain[1], chain[0]):
        cluster.add(entry)
    assert hear(ann) == OTHERS
    assert cluster.replica.refusals == 2


def test_what_a_replaced_run_says_is_refused() -> None:
    cluster = Cluster()
    ann = cluster.join()
    for entry in (Entry("b", "one", None), Entry("b", "two", None), Entry("b", "one", 3, OTHERS)):
        cluster.add(entry)
    assert not hear(ann)
    assert cluster.replica.refusals == 1


@pytest.mark.parametrize(
    ("ahead", "entry", "trouble"),
    [
        (2, Entry("b", "one", 3, OTHERS), "entries 4 to 4 are no longer kept"),
        (0, Entry("b", "one", 3, OTHERS), "the log has changed: its entry 3 is another one now"),
        (1, Entry("b", "one", 9, OTHERS), "entry 9, of b, never came"),
    ],
)
def test_a_log_that_contradicts_itself_is_followed_no_further(
    ahead: int, entry: Entry, trouble: str
) -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.add(Entry("b", "one", None))
    replica = cluster.replica
    replica.deliver(cluster.end + ahead, entry)
    assert (stands(cluster), replica.trouble) == (Standing.LOST, trouble)
    assert hear(ann) == b"!log-unavailable\n"
    assert replica.outgoing() is None
    replica.deliver(cluster.end + 1, entry)
    replica.refused(cluster.end)
    replica.start("second", cluster.end)
    assert stands(cluster) is Standing.STARTING
    cluster.commit()
    assert cluster.join().state is State.OPEN


@pytest.mark.parametrize("is_behind", [False, True])
def test_an_entry_that_the_engine_never_takes_is_given_up(is_behind: bool) -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.say(ann, b"hello")
    cluster.replica.outgoing()
    cluster.replica.refused(cluster.end + 1 if is_behind else None)
    if is_behind:
        assert stands(cluster) is Standing.SERVING
        cluster.add(Entry("b", "one", None))
    assert stands(cluster) is Standing.LOST
    assert hear(ann) == b"!log-unavailable\n"


def test_an_entry_that_was_stored_and_then_refused_is_not_given_up() -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.say(ann, b"hello")
    cluster.replica.outgoing()
    cluster.replica.refused(cluster.end + 1)
    cluster.commit()
    assert stands(cluster) is Standing.SERVING
    assert hear(ann) == SAID % b"hello"


def test_a_node_that_was_replaced_closes_its_members_for_good() -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.add(Entry("a", "second", None))
    assert stands(cluster) is Standing.FENCED
    assert cluster.replica.trouble == "another node named a has started"
    assert hear(ann) == b"!log-unavailable\n"
    cluster.add(Entry("a", "second", cluster.end))
    assert cluster.replica.outgoing() is None


def test_what_a_former_run_still_says_before_the_start_is_none_of_its_business() -> None:
    replica = Replica("a")
    replica.start("second", 7)
    entry = replica.outgoing()
    assert entry is not None
    replica.deliver(8, Entry("a", "first", 7, OTHERS))
    replica.deliver(9, entry)
    assert replica.standing is Standing.SERVING


def test_members_on_unix_sockets_have_numbers_that_no_other_run_gives() -> None:
    cluster = Cluster()
    first = [cluster.replica.number() for _ in range(11)]
    assert first[0] == 111
    assert first[-1] == 1112
    cluster.replica.deliver(9, Entry("b", "one", None))
    cluster.replica.start("second", 10)
    cluster.end = 10
    cluster.commit()
    assert not {cluster.replica.number() for _ in range(100)} & set(first)


def test_a_stop_lets_everyone_leave_once_what_was_said_is_committed() -> None:
    cluster = Cluster()
    ann, bob = cluster.join(), cluster.join(50002)
    cluster.say(ann, b"before")
    cluster.replica.receive_eof(bob)
    cluster.replica.stop()
    cluster.say(ann, b"after")
    assert not cluster.replica.may_be_read(ann)
    assert hear(cluster.replica.join("127.0.0.1:50003")) == b"!shutting-down\n"
    cluster.commit()
    assert hear(ann) == SAID % b"before" + b"!shutting-down\n"
    assert bob.state is State.FLUSHING_ENDED
    assert hear(cluster.replica.join("127.0.0.1:50004")) == b"!shutting-down\n"


def test_a_stop_waits_for_the_log_only_so_long() -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.say(ann, b"before")
    cluster.replica.outgoing()
    cluster.replica.stop()
    cluster.replica.expire(5.0)
    assert ann.state is State.OPEN
    cluster.replica.expire(5.0 + STOP_PATIENCE)
    assert hear(ann) == b"!shutting-down\n"


def test_a_stop_without_a_log_is_a_stop_at_once() -> None:
    replica = Replica("a")
    replica.stop()
    assert hear(replica.join("127.0.0.1:50001")) == b"!shutting-down\n"


def test_what_leavers_send_is_discarded() -> None:
    cluster = Cluster()
    ann = cluster.join()
    cluster.say(ann, b"quit")
    cluster.commit()
    assert not cluster.replica.receive(ann, b"more\n", TIME)
    assert cluster.replica.outgoing() is None


@pytest.mark.parametrize(
    "entry", [Entry("a", "first", None), Entry("node-1", "r_2", 10**18, b"\n\0")]
)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert Entry.decode(entry.encode()) == entry


@pytest.mark.parametrize("octets", [b"", b"hello", b"chatproto-entry/2 a b start\n"])
def test_what_is_no_entry_is_told(octets: bytes) -> None:
    with pytest.raises(ValueError, match="not an entry of a chatproto room"):
        Entry.decode(octets)
