"""The test vectors: in order themselves, and the library passes each."""

import re
from collections import Counter

import jsonschema
import pytest

from chatproto import (
    BlankReceived,
    Broadcast,
    ClientConnection,
    ClientEvent,
    EndOfStream,
    Event,
    Heartbeat,
    LocalProtocolError,
    Malformed,
    MessageReceived,
    Notice,
    QuitReceived,
    ServerConnection,
    ServerEnded,
    Unit,
    UnitReader,
    Violation,
    encode,
    ip_sender,
    unix_sender,
)
from chatproto.text import make_safe, trim
from chatproto.wire import format_time
from tests.spec import grammar, standard
from tests.spec.standard import Vector


def each(kind: str) -> pytest.MarkDecorator:
    """Run a test with each vector of a kind."""
    found = standard.vectors(kind)
    return pytest.mark.parametrize("vector", found, ids=[vector["id"] for vector in found])


def say_event(event: Event) -> Vector:
    match event:
        case MessageReceived(text, line):
            return {"event": "message", "text": text, "line": line}
        case BlankReceived(line):
            return {"event": "blank", "line": line}
        case QuitReceived(line):
            return {"event": "quit", "line": line}
        case Violation(code, line):
            return {"event": "violation", "code": code.value, "line": line}
        case EndOfStream(discarded):
            return {"event": "end-of-stream", "discarded": discarded}


def say_unit(unit: Unit) -> Vector:
    match unit:
        case Broadcast(time, sender, text):
            return {"unit": "broadcast", "time": format_time(time), "sender": sender, "text": text}
        case Notice(code, explanation):
            return {"unit": "notice", "code": code, "explanation": explanation}
        case Heartbeat():
            return {"unit": "heartbeat"}


def show(event: ClientEvent) -> Vector | None:
    match event:
        case Broadcast(_, sender, text):
            return {"shown": "broadcast", "sender": sender, "text": text}
        case Notice(code, explanation):
            return {"shown": "notice", "code": code, "explanation": explanation}
        case ServerEnded(complete):
            return {"shown": "ended", "whole": complete}
        case Malformed():
            return {"shown": "malformed"}
        case Heartbeat():
            return None


@pytest.mark.parametrize("kind", standard.KINDS)
def test_the_vectors_are_what_the_schema_says(kind: str) -> None:
    schema = standard.vector_file("schema")
    jsonschema.Draft202012Validator.check_schema(schema)
    found = standard.vector_file(kind)
    jsonschema.Draft202012Validator(schema).validate(found)
    assert found["kind"] == kind


def test_the_vectors_are_many_and_no_two_have_one_id() -> None:
    ids = Counter(vector["id"] for kind in standard.KINDS for vector in standard.vectors(kind))
    assert len(ids) >= 200
    assert ids.most_common(1)[0][1] == 1


def test_the_readme_counts_the_vectors() -> None:
    readme = (standard.SPEC / "vectors" / "README.md").read_text(encoding="utf-8")
    counts = dict(re.findall(r"^\| \[([\w-]+)\.json\]\(.*?\) \| (\d+) \|", readme, re.MULTILINE))
    assert counts == {kind: str(len(standard.vectors(kind))) for kind in standard.KINDS}


def test_the_vectors_are_of_requirements_that_there_are() -> None:
    named = {
        requirement
        for kind in standard.KINDS
        for vector in standard.vectors(kind)
        for requirement in vector["requirements"]
    }
    assert named <= set(standard.ids())


cuts = pytest.mark.parametrize("cut", ["as given", "in one", "one by one"])


def segments_of(vector: Vector, cut: str) -> list[bytes]:
    """Read a vector's segments, or cut their octets in another way."""
    segments = [bytes.fromhex(segment) for segment in vector["segments"]]
    whole = b"".join(segments)
    if cut == "in one":
        return [whole]
    if cut == "one by one":
        return [whole[at : at + 1] for at in range(len(whole))]
    return segments


@each("client-streams")
@cuts
def test_a_client_s_stream_says_what_its_vector_says(vector: Vector, cut: str) -> None:
    segments = segments_of(vector, cut)
    connection = ServerConnection(vector.get("line_limit", 1_024))
    events = [event for segment in segments for event in connection.receive(segment)]
    events += connection.receive_eof() if vector["end"] else []
    assert [say_event(event) for event in events] == vector["events"]


@each("lines")
def test_a_line_is_what_its_vector_says(vector: Vector) -> None:
    connection = ServerConnection(charset=vector.get("charset", "utf-8"))
    (event,) = connection.receive(bytes.fromhex(vector["octets"]) + b"\n")
    said = say_event(event)
    del said["line"]
    assert {"kind": said.pop("event"), **said} == vector["result"]


@each("units")
@pytest.mark.parametrize("cut", ["in one", "one by one"])
def test_a_server_s_stream_holds_the_units_of_its_vector(vector: Vector, cut: str) -> None:
    octets = bytes.fromhex(vector["octets"])
    size = 1 if cut == "one by one" else max(1, len(octets))
    reader = UnitReader()
    received = [
        unit
        for at in range(0, len(octets), size)
        for unit in reader.receive(octets[at : at + size])
    ]
    units = [unit for unit in received if not isinstance(unit, Malformed)]
    assert [say_unit(unit) for unit in units] == vector["units"]
    rest = "complete" if reader.complete else "incomplete"
    assert ("malformed" if len(units) < len(received) else rest) == vector["rest"]
    if vector["rest"] == "complete":
        assert b"".join(map(encode, units)) == octets


@each("units")
def test_the_grammar_accepts_a_server_s_stream_where_its_vector_calls_it_complete(
    vector: Vector,
) -> None:
    accepted = grammar.matches("units", bytes.fromhex(vector["octets"]))
    assert accepted == (vector["rest"] == "complete")


@each("senders")
def test_a_peer_is_written_as_its_vector_says(vector: Vector) -> None:
    if vector["family"] == "unix":
        sender = unix_sender(vector["number"])
    else:
        sender = ip_sender(vector["host"], vector["port"])
    assert sender == vector["sender"]
    assert grammar.matches("sender", sender.encode())


@each("server-streams")
@cuts
def test_a_client_shows_what_its_vector_says(vector: Vector, cut: str) -> None:
    connection = ClientConnection()
    events: list[ClientEvent] = []
    for segment in segments_of(vector, cut):
        events += connection.receive(segment)
    malformed = any(isinstance(event, Malformed) for event in events)
    if vector["end"] and not malformed:
        events += connection.receive_eof()
    assert [shown for event in events if (shown := show(event))] == vector["shown"]


def arrival(octets: bytes) -> list[Vector]:
    """Read what a client sent like a server that allows any length."""
    return [say_event(event) for event in ServerConnection(1_048_576).receive(octets)]


@each("said")
def test_what_is_said_goes_out_as_its_vector_says(vector: Vector) -> None:
    client = ClientConnection(vector.get("line_limit", 1_024))
    text = trim(vector["said"])
    match vector["result"]:
        case {"kind": "arrives", "text": arrived}:
            assert arrived == text
            assert arrival(client.say(text)) == [{"event": "message", "text": text, "line": 1}]
        case {"kind": "blank"}:
            assert arrival(f"{text}\n".encode()) == [{"event": "blank", "line": 1}]
        case {"kind": "quit"}:
            assert arrival(f"{text}\n".encode()) == [{"event": "quit", "line": 1}]
            refuses(client, text)
        case {"kind": "parted" | "lines", "parts": parts}:
            refuses(client, text)
            assert parts == client.part(vector["said"])
            assert all(client.say(part) for part in parts)
        case {"kind": "unsafe", "text": arrived}:
            refuses(client, text)
            assert arrived == make_safe(text) != text
            sent = f"{text}\n".encode()
            assert arrival(sent) == [{"event": "message", "text": arrived, "line": 1}]
        case result:
            raise AssertionError(result)


def refuses(client: ClientConnection, text: str) -> None:
    with pytest.raises(LocalProtocolError):
        client.say(text)
