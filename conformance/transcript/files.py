"""Transcripts as files: JSON lines, one event a line.

Octets are written as the Latin-1 characters of the same numbers, so that ASCII can be read and
nothing is lost; long octets that say little are written in pieces.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from conformance.standard.requirements import requirements
from conformance.transcript.compression import StreamWriter, read_octets, write_octets
from conformance.transcript.events import (
    Aborted,
    Connected,
    Ended,
    Event,
    HalfClosed,
    Received,
    Reset,
    Resumed,
    Sent,
    Stalled,
    Start,
    Waited,
)


class TranscriptError(Exception):
    """The error of a file that is no transcript. The message names the line and what is wrong with
    it."""


@cache
def _event() -> TypeAdapter[Event]:
    """Return the adapter that reads and writes an event.

    Making it takes a tenth of a run's start, and most runs keep no transcript.
    """
    return TypeAdapter(Event)


def keep(events: Iterable[Event], path: Path) -> None:
    """Write a transcript as JSON lines; if that fails, leave no part of it behind."""
    try:
        write(events, path)
    except OSError:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def write(events: Iterable[Event], path: Path) -> None:
    """Write a transcript as JSON lines."""
    received = StreamWriter()
    with path.open("w", encoding="utf-8", errors="replace") as file:
        for event in events:
            line = _event().dump_python(event, mode="json")
            match event:
                case Received(client=client, octets=octets):
                    line["octets"] = received.write(client, octets)
                case Sent(octets=octets):
                    line["octets"] = write_octets(octets)
                case _:
                    pass
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


class Recorder:
    """Writes a transcript while it happens: each event goes to the file at once."""

    def __init__(self, path: Path) -> None:
        """Open the file; `OSError` if it cannot be written."""
        self._file = path.open("wb")

    def record(self, event: Event) -> None:
        self._file.write(_event().dump_json(event) + b"\n")

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> list[Event]:
    """Read a transcript; `TranscriptError` if the file is none."""
    events: list[Event] = []
    streams: dict[str, bytearray] = defaultdict(bytearray)
    connected: set[str] = set()
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise TranscriptError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            fields = json.loads(line)
            if isinstance(fields, dict) and "octets" in fields:
                fields["octets"] = read_octets(fields["octets"], streams)
            event = _event().validate_python(fields)
        except (ValueError, RecursionError) as error:
            raise TranscriptError(f"{path}:{number}: not an event: {error}") from None
        for problem in _problems(event, connected):
            raise TranscriptError(f"{path}:{number}: not an event: {problem}")
        if isinstance(event, Received):
            streams[event.client] += event.octets
        elif isinstance(event, Connected):
            connected.add(event.client)
        events.append(event)
    if not events or not isinstance(events[0], Start):
        raise TranscriptError(f"{path}: not a transcript: its first event is not a start")
    return events


def _problems(event: Event, connected: Collection[str]) -> Iterator[str]:
    """Raise an error for events that cannot have happened."""
    match event:
        case Start(requirements=(), scenario=scenario):
            yield f"{scenario} is there for no requirement"
        case Start(requirements=ids) | Sent(exercises=ids) | Waited(exercises=ids):
            yield from (
                f"there is no requirement {id_}" for id_ in ids if id_ not in requirements()
            )
        case _:
            pass
    match event:
        case Connected(client=client) if client in connected:
            yield f"{client} has connected already"
        case (
            Sent(client=client)
            | Received(client=client)
            | Ended(client=client)
            | Reset(client=client)
            | HalfClosed(client=client)
            | Aborted(client=client)
            | Stalled(client=client)
            | Resumed(client=client)
        ) if client not in connected:
            yield f"{client} has not connected"
        case _:
            pass


def schema() -> dict[str, object]:
    """Return the JSON Schema of one line of a transcript."""
    return _event().json_schema()
