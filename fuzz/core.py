"""Plays any octets as a program of calls to the sans-IO core, and checks what must always hold.

No octets of a peer's raise; a caller's fault raises `LocalProtocolError` and changes nothing; the
cut of a stream has no meaning; what members are sent is one log.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from chatproto import (
    ClientConnection,
    ClientEvent,
    Event,
    Limits,
    LocalProtocolError,
    Malformed,
    Member,
    MessageReceived,
    Room,
    ServerConnection,
    State,
)
from chatproto.text import Charset

TIME: Final = datetime(2021, 7, 3, 17, 45, 39)
TIMES: Final = (TIME.replace(tzinfo=UTC), TIME.replace(microsecond=1))
HEARTBEAT: Final = 8.0
LINE_LIMIT: Final = 1_024
TOKENS: Final = (
    *(b"quit\n", b"\n", b"\r\n", b" \n", b"a\n", b"\xff\n", b"\xc2\x85", b"\xe2\x80\xa8", b"\0"),
    *(b"\xef\xb7\x90", b"\xef\xbf\xbf", b"\xf0\x9f\xbf\xbe", b"\xf0\x9f\x98\x80", b"\xd7\xd6"),
    *(b"20210703 17:45:39 unix:0\n", b"20210230 00:00:00 unix:0\n", b"!room-full 6\n", b"!\n"),
)
"""Octets that mean something, for a fuzzer to put into its inputs."""


class Program:
    """Octets read as numbers and octets; where they end there are only zeros."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def goes_on(self) -> bool:
        return self._at < len(self._octets)

    def number(self, below: int) -> int:
        self._at += 1
        return (self._octets[self._at - 1] if self._at <= len(self._octets) else 0) % below

    def octets(self) -> bytes:
        """Read a length and so many octets, once or, at times, repeated."""
        size = self.number(256)
        times = 1 if size < 192 else self.number(256)
        self._at += size % 64
        return self._octets[self._at - size % 64 : self._at] * times


def run(octets: bytes) -> None:
    """Play one input; whatever it raises is a bug."""
    program = Program(octets)
    plays: list[Callable[[Program], None]] = [play_connection, play_client, play_room, play_room]
    plays[program.number(len(plays))](program)


def play_connection(program: Program) -> None:
    """Call one `ServerConnection` in any order; then ask whether the cut had a meaning."""
    charset: Charset = "gbk" if program.number(2) else "utf-8"
    connection = ServerConnection(LINE_LIMIT, charset)
    events: list[Event] = []
    stream = b""
    ended = False
    while program.goes_on:
        choice = program.number(16)
        with a_fault_changes_nothing(lambda: connection.state):
            if choice < 12:
                octets = program.octets()
                stream += b"" if ended else octets
                events.extend(connection.receive(octets))
            elif choice < 14:
                (connection.flushed, connection.lingered)[choice - 12]()
            else:
                ended = True
                (connection.receive_eof, connection.close, connection.abort)[program.number(3)]()
    whole = ServerConnection(LINE_LIMIT, charset)
    assert events == whole.receive(stream), "the cut has a meaning"


def play_client(program: Program) -> None:
    """Call one `ClientConnection` in any order; what it lets pass arrives as it is."""
    client = ClientConnection()
    given: list[ClientEvent] = []
    while program.goes_on:
        choice = program.number(16)
        with a_fault_changes_nothing(lambda: len(given)):
            if choice < 9:
                given.extend(client.receive(program.octets()))
            elif choice < 13:
                text = program.octets().decode("utf-8", "surrogateescape")
                (event,) = ServerConnection(LINE_LIMIT).receive(client.say(text))
                assert event == MessageReceived(text, 1), "what was said arrived as something else"
            else:
                (client.heartbeat, client.leave, client.receive_eof)[choice - 13]()
    assert not any(isinstance(event, Malformed) for event in given[:-1]), "read on after a fault"


@dataclass(eq=False)
class Seat:
    """A member, from which position to which it is owed the log, and what it was sent."""

    member: Member
    joined: int
    left: int | None = None
    taken: bytearray = field(default_factory=bytearray)

    def take(self, octets: int) -> None:
        view = self.member.pending()[:octets]
        self.taken += view
        self.member.sent(len(view))

    def drain(self) -> None:
        while self.member.pending():
            self.take(1 << 20)


def play_room(program: Program) -> None:
    """Call one `Room` with several members in any order; then ask what each of them was sent."""
    charset: Charset = "gbk" if program.number(2) else "utf-8"
    room = Room(Limits(line=LINE_LIMIT, members=6), charset, HEARTBEAT)
    witness = Seat(room.join("unix:0"), 0)
    seats = [witness, *(Seat(room.join(f"unix:{number}"), 0) for number in (1, 2))]
    now = 0.0
    while program.goes_on:
        choice, seat = program.number(27), seats[1 + program.number(len(seats) - 1)]
        member = seat.member
        with a_fault_changes_nothing(lambda: [(each.member.state, each.left) for each in seats]):
            if choice < 8:
                room.receive(member, program.octets(), TIME)
            elif choice < 12:
                seat.take(program.number(256) ** 2)
            elif choice == 12 and len(seats) < 12:
                seats.append(Seat(room.join(f"unix:{len(seats)}"), room.octets))
            elif choice == 13:
                room.join(program.octets().decode("latin-1"))
            elif choice == 14:
                room.receive(member, program.octets(), TIMES[program.number(2)])
            elif choice == 15:
                size = program.number(256)
                member.sent(member.backlog + size if size > 127 else -1 - size)
            elif choice == 16:
                now += program.number(64) / 4
                room.expire(now)
            elif choice == 17:
                room.heartbeat()
            elif choice == 18 and program.number(8) == 0:
                room.stop()
            elif choice == 24:
                deliver(room, seats, program)
            elif choice == 25:
                room.writable(member)
            elif choice == 26:
                room.unacknowledged(member, program.number(256))
            else:
                ways = (room.receive_eof, room.flushed, room.abort, room.send_failed)
                ways[choice % 4](member)
                if choice % 4 == 3 and seat.left is None:
                    seat.left = room.octets  # nothing after this is sent to it
        for each in seats:
            if each.left is None and each.member.state is not State.OPEN:
                each.left = room.octets
        witness.drain()
    for each in seats:
        check(each, bytes(witness.taken))


def deliver(room: Room, seats: list[Seat], program: Program) -> None:
    """Send everybody some of what is to be sent to it now."""
    taken_by = {each.member: each.taken for each in seats}
    for delivery in room.deliveries():
        short = {}
        for member in delivery.members:
            octets = delivery.octets[: program.number(256) ** 2]
            taken_by.setdefault(member, bytearray()).extend(octets)
            if len(octets) < len(delivery.octets):
                short[member] = len(octets)
        room.delivered(delivery, short)


def check(seat: Seat, log: bytes) -> None:
    """Check that what a member was sent is its stretch of the log, then one notice at most."""
    if seat.left is None:
        seat.drain()
    owed = log[seat.joined : seat.left]
    taken = bytes(seat.taken)
    farewell = taken[len(owed) :]
    assert owed.startswith(taken[: len(owed)]), "a member was sent something else than the log"
    assert len(taken) == len(owed) or seat.left is not None, "a member was not sent all of the log"
    assert not farewell or (seat.left is not None and farewell.startswith(b"!"))
    units = ClientConnection().receive(taken)
    assert not any(isinstance(unit, Malformed) for unit in units), "a member was sent no units"


@contextmanager
def a_fault_changes_nothing(state: Callable[[], object]) -> Iterator[None]:
    """Let `LocalProtocolError` be raised where nothing changes by it."""
    before = state()
    try:
        yield
    except LocalProtocolError:
        assert state() == before, "a fault of the caller's changed something"
