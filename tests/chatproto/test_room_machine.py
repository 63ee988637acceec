"""A room against the naive one that a log replaces: every member has its own list of octets, and
each broadcast is copied to the end of each.

Hypothesis plays members that speak in pieces, quit, break the rules, stall and go, and a driver
that sends them some of what they are owed, late. Segments and backlogs are made tiny, so that
segments are begun, forgotten and outlived all the time.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from chatproto import (
    Delivery,
    Limits,
    LocalProtocolError,
    Member,
    Room,
    State,
    Violation,
    limits,
    log,
    member,
    room,
)
from tests.chatproto import models
from tests.chatproto.helpers import say
from tests.chatproto.strategies import TIME, bad_lines, cut, good_lines

SEGMENT = 64
BACKLOG = 512
LINE = 1_024
CAPACITY = 6
PATIENCE = 2.0
LEAVING = 5.0


@dataclass(eq=False)
class Naive:
    """A member of the naive room: all it was ever owed, and how much of it was sent."""

    real: Member
    sender: str
    state: str = "OPEN"
    stream: bytes = b""
    owed: bytes = b""
    sent: int = 0
    is_lost: bool = False
    is_refused: bool = False
    is_full: bool = False
    unacknowledged: int | None = None
    leaves_since: float | None = None
    waits_since: float | None = None
    views: list[tuple[memoryview, bytes]] = field(default_factory=list)

    @property
    def backlog(self) -> int:
        return 0 if self.state == "ABORTED" else len(self.owed) - self.sent


members = st.integers(0, 20)
pieces = (
    st.lists(st.tuples(st.one_of(good_lines, good_lines, good_lines, bad_lines)), max_size=3)
    .map(lambda lines: b"".join(line[0] + b"\n" for line in lines))
    .flatmap(cut)
    .map(lambda pieces: pieces[:4])
)


class RoomMachine(RuleBasedStateMachine):
    """Plays both rooms."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(log, "SEGMENT_SIZE", SEGMENT)
        self.patch.setattr(room, "SEGMENT_SIZE", SEGMENT)
        self.patch.setattr(limits, "MIN_BACKLOG", BACKLOG)
        self.patch.setattr(member, "PATIENCE", PATIENCE)
        self.patch.setattr(member, "LEAVING", LEAVING)
        self.room = Room(Limits(line=LINE, backlog=BACKLOG, members=CAPACITY))
        self.deliveries: list[Delivery] = []
        self.joined: list[Naive] = []
        self.said = 0
        self.now = 0.0
        self.stopped = False
        self.gives_up_at: float | None = None

    def teardown(self) -> None:
        self.patch.undo()

    # What the naive room does

    def present(self) -> list[Naive]:
        return [each for each in self.joined if each.state not in ("CLOSED", "ABORTED")]

    def write(self, octets: bytes) -> None:
        """Copy octets to every member."""
        self.said += len(octets)
        for each in self.joined:
            if each.state == "OPEN" and not each.is_lost:
                each.owed += octets

    def leave(self, each: Naive, farewell: bytes = b"") -> None:
        each.state = "FLUSHING"
        if not each.is_lost:
            each.owed += farewell

    def evict(self) -> None:
        """Note who was evicted: nobody within the limit, and everybody who exceeds it by a
        segment."""
        for each in self.joined:
            if each.state != "OPEN" or each.real.state is State.OPEN:
                assert each.state != "OPEN" or each.backlog < BACKLOG + SEGMENT
            else:
                assert each.real.state is State.ABORTED
                assert each.backlog > BACKLOG
                each.state = "ABORTED"

    def find(self, who: int) -> Naive:
        return self.joined[who % len(self.joined)]

    # What happens

    @initialize(number=st.integers(1, CAPACITY + 1))
    def open(self, number: int) -> None:
        """Make sure there is somebody: most rules need a member."""
        for _ in range(number):
            self.join()

    @rule()
    def join(self) -> None:
        is_full = sum(not each.is_refused for each in self.present()) >= CAPACITY
        sender = f"unix:{len(self.joined)}"
        each = Naive(self.room.join(sender), sender)
        self.joined.append(each)
        each.is_refused = self.stopped or is_full
        if self.stopped:
            self.leave(each, b"!shutting-down\n")
        elif is_full:
            self.leave(each, b"!room-full 6 are connected\n")

    @precondition(lambda self: self.joined)
    @rule(who=members, pieces=pieces)
    def speak(self, who: int, pieces: list[bytes]) -> None:
        for octets in pieces:
            self.receive(self.find(who), octets)

    @precondition(lambda self: self.joined)
    @rule(who=members, size=st.integers(1, LINE + 1))
    def speak_at_length(self, who: int, size: int) -> None:
        self.receive(self.find(who), b"x" * size + b"\n")

    @precondition(lambda self: self.joined)
    @rule(who=members, end=st.sampled_from([b"quit\n", b"\xff\n", b"half a quit"]))
    def speak_last(self, who: int, end: bytes) -> None:
        self.receive(self.find(who), end)

    def receive(self, each: Naive, octets: bytes) -> None:
        if each.state == "FLUSHING_ENDED":
            with pytest.raises(LocalProtocolError):
                self.room.receive(each.real, octets, TIME)
            return
        events = self.room.receive(each.real, octets, TIME)
        if each.state != "OPEN":
            assert not events
            return
        before = len(models.read_stream(each.stream, LINE))
        each.stream += octets
        expected = models.read_stream(each.stream, LINE)[before:]
        assert say(events) == expected
        for event, (kind, _, text) in zip(events, expected, strict=True):
            if kind == "message":
                self.write(models.broadcast(TIME, each.sender, text))
            elif kind == "quit":
                self.leave(each)
            elif isinstance(event, Violation):
                self.leave(each, f"!{kind} {event.notice.explanation}\n".encode())
        self.evict()

    @precondition(lambda self: self.joined)
    @rule(who=members)
    def end_stream(self, who: int) -> None:
        each = self.find(who)
        if each.state == "FLUSHING_ENDED":
            with pytest.raises(LocalProtocolError):
                self.room.receive_eof(each.real)
            return
        events = say(self.room.receive_eof(each.real))
        if each.state == "OPEN":
            rest = each.stream.rpartition(b"\n")[2]
            assert events == [("end of stream", len(rest), "")]
        else:
            assert events == []
        after = {"OPEN": "FLUSHING_ENDED", "FLUSHING": "FLUSHING_ENDED", "LINGERING": "CLOSED"}
        each.state = after.get(each.state, each.state)

    @precondition(lambda self: self.joined and not self.deliveries)
    @rule(who=members)
    def look(self, who: int) -> None:
        """Take a view, as a driver does before it sends without the lock."""
        each = self.find(who)
        view = each.real.pending()
        assert view == each.owed[each.sent : each.sent + len(view)] or each.state == "ABORTED"
        assert bool(view) == bool(each.backlog)
        each.views = [(view, bytes(view))]

    @precondition(lambda self: self.joined and not self.deliveries)
    @rule(who=members, size=st.integers(0, 200))
    def report(self, who: int, size: int) -> None:
        """Report, perhaps much later, how much of the view was sent."""
        each = self.find(who)
        for view, octets in each.views:
            sent = min(size, len(octets))
            assert view == octets
            each.real.sent(sent)
            if each.state != "ABORTED":
                assert octets[:sent] == each.owed[each.sent : each.sent + sent]
                each.sent += sent
                each.waits_since = None if sent else each.waits_since
        each.views = []

    @precondition(lambda self: self.joined and not self.deliveries)
    @rule(who=members)
    def send_all(self, who: int) -> None:
        each = self.find(who)
        each.views = []
        while view := each.real.pending():
            assert view == each.owed[each.sent : each.sent + len(view)]
            each.real.sent(len(view))
            each.sent += len(view)
            each.waits_since = None
        assert each.state == "ABORTED" or each.sent == len(each.owed)

    @rule()
    def ask_for_deliveries(self) -> None:
        """Ask for what to send now: everybody's next octets, each member once."""
        if self.deliveries:
            return
        self.deliveries = self.room.deliveries()
        offered = [member for delivery in self.deliveries for member in delivery.members]
        assert len(offered) == len(set(offered))
        for each in self.joined:
            each.views = []
            assert (each.real in offered) == bool(each.backlog and not each.is_full)
        for delivery in self.deliveries:
            for each in self.joined:
                if each.real in delivery.members:
                    octets = delivery.octets
                    assert octets == each.owed[each.sent : each.sent + len(octets)]
        at = [len(each.owed) - each.sent for each in self.joined if each.real in offered]
        assert len(self.deliveries) <= len(set(at)) + len(self.room.leavers)

    @rule(shorts=st.dictionaries(members, st.integers(0, 60), max_size=2))
    def deliver(self, shorts: dict[int, int]) -> None:
        """Report, perhaps much later, what each took."""
        for delivery in self.deliveries:
            size = len(delivery.octets)
            took = {self.find(who).real: min(n, size - 1) for who, n in shorts.items()}
            short = {who: n for who, n in took.items() if who in delivery.members}
            for each in self.joined:
                if each.real in delivery.members:
                    each.is_full |= each.real in short
                    if each.state == "ABORTED":
                        continue
                    taken = short.get(each.real, size)
                    assert delivery.octets[:taken] == each.owed[each.sent : each.sent + taken]
                    each.sent += taken
                    each.waits_since = None if taken else each.waits_since
            self.room.delivered(delivery, short)
        self.deliveries = []

    @precondition(lambda self: self.joined)
    @rule(
        who=members,
        meanwhile=st.sampled_from(["quit", "half-close", "reset", "failed send", "hello", "join"]),
        shorts=st.dictionaries(members, st.integers(0, 60), max_size=2),
        again=members,
    )
    def send_to_all(self, who: int, meanwhile: str, shorts: dict[int, int], again: int) -> None:
        """Play a whole round, during which something happens."""
        self.receive(self.find(again), b"said to all\n")
        self.ask_for_deliveries()
        if meanwhile == "quit":
            self.receive(self.find(who), b"bye\nquit\n")
        elif meanwhile == "half-close":
            self.end_stream(who)
        elif meanwhile == "reset":
            self.reset(who)
        elif meanwhile == "failed send":
            self.fail_to_send(who)
            shorts = {**shorts, who: 0}
        elif meanwhile == "hello":
            self.receive(self.find(who), b"hello\n")
        else:
            self.join()
        self.deliver(shorts)
        self.take_again(again)

    @precondition(lambda self: self.joined)
    @rule(who=members)
    def take_again(self, who: int) -> None:
        each = self.find(who)
        self.room.writable(each.real)
        each.is_full = False

    @precondition(lambda self: self.joined)
    @rule(who=members, octets=st.integers(0, 2))
    def acknowledge(self, who: int, octets: int) -> None:
        each = self.find(who)
        self.room.unacknowledged(each.real, octets)
        if each.unacknowledged is None or octets < each.unacknowledged:
            each.waits_since = None
        each.unacknowledged = octets

    @precondition(lambda self: self.joined)
    @rule(who=members)
    def flush(self, who: int) -> None:
        each = self.find(who)
        if each.state in ("OPEN", "LINGERING") or (each.backlog and each.state != "CLOSED"):
            with pytest.raises(LocalProtocolError):
                self.room.flushed(each.real)
        else:
            self.room.flushed(each.real)
            each.waits_since = None
            after = {"FLUSHING": "LINGERING", "FLUSHING_ENDED": "CLOSED"}
            each.state = after.get(each.state, each.state)

    @precondition(lambda self: self.joined)
    @rule(who=members)
    def reset(self, who: int) -> None:
        each = self.find(who)
        self.room.abort(each.real)
        if each.state != "CLOSED":
            each.state = "ABORTED"

    @precondition(lambda self: self.joined)
    @rule(who=members)
    def fail_to_send(self, who: int) -> None:
        each = self.find(who)
        self.room.send_failed(each.real)
        if each.state == "OPEN":
            each.is_lost = True
            each.owed, each.views = each.owed[: each.sent], []
        elif each.state != "CLOSED":
            each.state = "ABORTED"

    @rule()
    def beat(self) -> None:
        self.room.heartbeat()
        self.write(b"\n")
        self.evict()

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 1.75]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.room.expire(self.now)
        if self.stopped and self.gives_up_at is None:
            self.gives_up_at = self.now + 2.5
        gives_up = self.gives_up_at is not None and self.now >= self.gives_up_at
        for each in self.present():
            if each.state == "OPEN":
                continue
            each.leaves_since = self.now if each.leaves_since is None else each.leaves_since
            each.waits_since = self.now if each.waits_since is None else each.waits_since
            is_done = each.state == "LINGERING" and each.unacknowledged == 0
            is_late = self.now - each.waits_since >= (1.0 if is_done else PATIENCE)
            is_late |= not is_done and self.now - each.leaves_since >= LEAVING
            if gives_up or is_late:
                each.state = "CLOSED" if each.state == "LINGERING" else "ABORTED"

    @precondition(lambda self: len(self.joined) > 4)
    @rule()
    def stop(self) -> None:
        self.stopped = True
        self.room.stop()
        for each in self.joined:
            if each.state == "OPEN":
                self.leave(each, b"!shutting-down\n")

    # What always holds

    @invariant()
    def the_rooms_agree(self) -> None:
        assert [each.real for each in self.present()] == list(self.room.members)
        assert self.room.octets == self.said
        for each in self.joined:
            assert each.real.sender == each.sender
            assert each.real.state.name == each.state
            assert each.real.backlog == each.backlog

    @invariant()
    def no_more_is_kept_than_somebody_needs(self) -> None:
        """The log holds what a member may need, and less than two segments more: the one in which
        the slowest member stands, and the one being filled."""
        assert self.room._log.end - self.room._log.start < BACKLOG + 2 * SEGMENT


TestRoomMachine = RoomMachine.TestCase
TestRoomMachine.settings = settings(max_examples=50, stateful_step_count=40)
