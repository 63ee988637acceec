"""The test vectors: in order themselves, and the library passes each."""

from collections import Counter

import jsonschema
import pytest

from chatproto import (
    BlankReceived,
    Broadcast,
    EndOfStream,
    Event,
    Heartbeat,
    Malformed,
    MessageReceived,
    Notice,
    QuitReceived,
    ServerConnection,
    Unit,
    UnitReader,
    Violation,
    encode,
    ip_sender,
    unix_sender,
)
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


def test_the_vectors_are_of_requirements_that_there_are() -> None:
    named = {
        requirement
        for kind in standard.KINDS
        for vector in standard.vectors(kind)
        for requirement in vector["requirements"]
    }
    assert named <= set(standard.ids())


@each("client-streams")
@pytest.mark.parametrize("cut", ["as given", "in one", "one by one"])
def test_a_client_s_stream_says_what_its_vector_says(vector: Vector, cut: str) -> None:
    segments = [bytes.fromhex(segment) for segment in vector["segments"]]
    whole = b"".join(segments)
    if cut == "in one":
        segments = [whole]
    elif cut == "one by one":
        segments = [whole[at : at + 1] for at in range(len(whole))]
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
    accepted = grammar.matches("server-stream", bytes.fromhex(vector["octets"]))
    assert accepted == (vector["rest"] == "complete")


@each("senders")
def test_a_peer_is_written_as_its_vector_says(vector: Vector) -> None:
    if vector["family"] == "unix":
        sender = unix_sender(vector["number"])
    else:
        sender = ip_sender(vector["host"], vector["port"])
    assert sender == vector["sender"]
    assert grammar.matches("sender", sender.encode())
