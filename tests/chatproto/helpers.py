"""Drives chatproto for the tests: all reads of a stream, and a room with its members' octets."""

from collections.abc import Iterable

from chatproto import (
    BlankReceived,
    EndOfStream,
    Event,
    Limits,
    Malformed,
    Member,
    MessageReceived,
    QuitReceived,
    Room,
    ServerConnection,
    State,
    Unit,
    UnitReader,
    Violation,
)
from tests.chatproto.models import Said
from tests.chatproto.strategies import TIME


def receive(pieces: Iterable[bytes], line_limit: int = 1_024) -> list[Event]:
    """Feed all reads to one connection; return every event."""
    connection = ServerConnection(line_limit)
    return [event for octets in pieces for event in connection.receive(octets)]


def say(events: Iterable[Event]) -> list[Said]:
    """Put events in the models' words."""
    return [_say(event) for event in events]


def _say(event: Event) -> Said:
    match event:
        case MessageReceived(text, line):
            return ("message", line, text)
        case BlankReceived(line):
            return ("blank", line, "")
        case QuitReceived(line):
            return ("quit", line, "")
        case Violation(code, line):
            return (code.value, line, "")
        case EndOfStream(discarded):
            return ("end of stream", discarded, "")


def read(pieces: Iterable[bytes]) -> list[Unit | Malformed]:
    """Feed all reads to one reader; return every unit."""
    reader = UnitReader()
    return [unit for octets in pieces for unit in reader.receive(octets)]


def state_of(member: Member | ServerConnection) -> State:
    """Read the state again: a type checker would assume the one asserted before."""
    return member.state


def floods(member: Member) -> bool:
    """Read it again, for the same reason."""
    return member.is_flooding


def take(member: Member, octets: int | None = None) -> bytes:
    """Send a member what waits for it, or this many octets of that; return what was sent."""
    taken = b""
    while (view := member.pending()) and (octets is None or len(taken) < octets):
        part = view if octets is None else view[: octets - len(taken)]
        taken += part
        member.sent(len(part))
    return taken


def leave(room: Room, member: Member) -> bytes:
    """Let a leaver leave in order: send all it is owed, shut the write side, end its stream."""
    taken = take(member)
    room.flushed(member)
    if member.state is State.LINGERING:
        room.receive_eof(member)
    return taken


class Table:
    """A room, some members, and all the octets each of them has been sent."""

    def __init__(self, members: int, limits: Limits = Limits(line=1_024)) -> None:
        self.room = Room(limits)
        self.members: list[Member] = []
        self.taken: dict[Member, bytes] = {}
        for _ in range(members):
            self.join()

    def join(self) -> Member:
        member = self.room.join(f"unix:{len(self.members)}")
        self.members.append(member)
        self.taken[member] = b""
        return member

    def feed(self, member: Member, *pieces: bytes) -> list[Event]:
        return [event for octets in pieces for event in self.room.receive(member, octets, TIME)]

    def take(self, member: Member, octets: int | None = None) -> bytes:
        self.taken[member] += take(member, octets)
        return self.taken[member]
