"""What a caller may write: checked by mypy --strict with the rest, and by pyright's strict mode."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never, assert_type

from chatproto import (
    TRANSITIONS,
    BlankReceived,
    Broadcast,
    Charset,
    ClientConnection,
    ClientEvent,
    Code,
    EndOfStream,
    Entry,
    Event,
    Events,
    Heartbeat,
    Limits,
    Malformed,
    Member,
    MessageReceived,
    Notice,
    QuitReceived,
    Replica,
    Room,
    ServerConnection,
    ServerEnded,
    Standing,
    State,
    Step,
    Unit,
    UnitReader,
    Violation,
    encode,
    ip_sender,
)
from clustered_server import Engine, MemoryEngine, MemoryLog


def every_event_is_known(event: Event) -> str:
    match event:
        case MessageReceived(text, line):
            assert_type(line, int)
            return text
        case BlankReceived() | QuitReceived():
            return str(assert_type(event.line, int))
        case Violation(code=code, notice=notice):
            assert_type(code, Code)
            return notice.explanation or notice.code
        case EndOfStream(discarded=discarded):
            return str(assert_type(discarded, int))
        case _:
            assert_never(event)


def every_unit_is_known(unit: Unit) -> str:
    match unit:
        case Broadcast(time, sender, text):
            assert_type(time, datetime)
            return sender + text
        case Notice(code, explanation):
            assert_type(explanation, str | None)
            return code
        case Heartbeat():
            return ""
        case _:
            assert_never(unit)


def what_is_left_narrows(event: ClientEvent) -> bytes:
    if isinstance(event, Malformed):
        return event.octets
    if isinstance(event, ServerEnded):
        return b"\1" if event.complete else b"\0"
    return encode(event)


def every_state_is_known(state: State) -> bool:
    match state:
        case State.OPEN:
            return True
        case State.FLUSHING | State.FLUSHING_ENDED | State.LINGERING:
            return True
        case State.CLOSED | State.ABORTED:
            return False
        case _:
            assert_never(state)


def a_server(octets: bytes, charset: Charset = "gbk") -> list[Event]:
    connection = ServerConnection(line_limit=4_096, charset=charset)
    events = connection.receive(octets) + connection.receive_eof()
    assert_type(connection.state, State)
    return events


def a_room(now: datetime) -> memoryview:
    room = Room(Limits(members=None))
    member = room.join(ip_sender("127.0.0.1", 9999))
    assert_type(member, Member)
    assert_type(room.receive(member, b"hello\n", now), Events)
    return member.pending()


def a_client(octets: bytes) -> list[ClientEvent]:
    client = ClientConnection()
    assert_type(client.part("hello\nyou"), list[str])
    assert_type(client.say("hello") + client.heartbeat() + client.leave(), bytes)
    assert_type(client.has_left, bool)
    assert_type(client.left_in_order, bool)
    assert_type(UnitReader().receive(octets), list[Unit | Malformed])
    return client.receive(octets) + client.receive_eof()


async def an_engine(entry: Entry) -> Replica:
    engine: Engine = MemoryEngine(MemoryLog())
    await engine.append(entry)
    replica = Replica("a")
    replica.start("r", await engine.end())
    async for position, committed in engine.read(replica.position):
        replica.deliver(position, committed)
    assert_type(replica.outgoing(), Entry | None)
    assert_type(replica.standing, Standing)
    return replica


def the_table() -> Mapping[tuple[State, Step], State]:
    assert_type(TRANSITIONS[State.OPEN, Step.QUIT], State)
    return TRANSITIONS
