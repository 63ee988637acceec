"""What a client sent, line by line, and what should become of each line.

Lines are read through chatproto, so that the oracle expects of them what the standard says.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Final

from chatproto import BlankReceived, Code, EndOfStream, MessageReceived, QuitReceived, Violation
from conformance.dialect.model import Dialect
from conformance.oracle.reading.dialect_lines import pieces, reader_for
from conformance.transcript.events import Sent

NONCE: Final = re.compile(rb"n[0-9a-f]{6}x\d{5,}z")
"""What makes a scenario's texts differ from each other."""


class Fate(Enum):
    """What should become of a line."""

    MESSAGE = "broadcast"
    BLANK = "a heartbeat"
    QUIT = "leaving"
    VIOLATION = "a violation"
    AFTER_QUIT = "ignored: it follows quit"
    AFTER_VIOLATION = "ignored: it follows a violation"
    INCOMPLETE = "discarded: it has no LF"


@dataclass(slots=True, eq=False)
class Line:
    """A line that a client sent. `begun` and `done` are the transcript's lines of the segments
    with its first octet and with its LF; `text` is what should be broadcast, if anything."""

    client: str
    number: int
    octets: bytes
    begun: int
    done: int
    t: float
    exercises: tuple[str, ...]
    fate: Fate
    text: bytes | None = None
    code: Code | None = None
    nonces: frozenset[bytes] = frozenset()


class Leaving(Enum):
    """Why a client left, or was to leave, by its own doing."""

    QUIT = "quit"
    VIOLATION = "violation"
    END_OF_STREAM = "end of stream"
    RESET = "reset"


def read_lines(
    client: str, segments: Sequence[tuple[int, Sent]], limit: int, dialect: Dialect | None
) -> tuple[list[Line], tuple[Leaving, int] | None]:
    """Read what a client sent as lines.

    Args:
        client: Its name.
        segments: What it sent, each with its line of the transcript.
        limit: Octets of the longest line that the server takes.
        dialect: What the server speaks, if that is not the wire format.

    Returns:
        The lines; and if one of them makes the client leave, why and at which line of the
        transcript.
    """
    lines: list[Line] = []
    left: tuple[Leaving, int] | None = None
    connection = reader_for(dialect, limit)
    begun, held = 0, b""
    tags: tuple[str, ...] = ()
    after: Fate | None = None

    def add(fate: Fate, text: str | None = None, code: Code | None = None) -> None:
        lines.append(
            Line(
                client,
                len(lines) + 1,
                held if dialect is None else _in_utf_8(held, dialect.charset),
                begun,
                at,
                sent.t,
                tags if len(tags) < 2 else tuple(dict.fromkeys(tags)),
                fate,
                None if text is None else text.encode(),
                code,
                frozenset(NONCE.findall(held)),
            )
        )

    for at, sent in segments:
        # A segment is read at once: each of its lines is one event, but in a dialect.
        is_read = dialect is None and after is None
        events = iter(connection.receive(sent.octets) if is_read else ())
        for part, lf, ends in pieces(sent.octets, dialect):
            if not held:
                begun, tags = at, ()
            held += part
            tags += sent.exercises
            if after is not None:
                if ends:
                    add(after)
                    held = b""
                continue
            for event in islice(events, 1) if is_read else connection.receive(part + lf):
                match event:
                    case MessageReceived(text=text):
                        add(Fate.MESSAGE, text)
                    case BlankReceived():
                        add(Fate.BLANK)
                    case QuitReceived():
                        add(Fate.QUIT)
                        after, left = Fate.AFTER_QUIT, (Leaving.QUIT, at)
                    case Violation(code=code):
                        add(Fate.VIOLATION, code=code)
                        after, left = Fate.AFTER_VIOLATION, (Leaving.VIOLATION, at)
                    case EndOfStream():
                        pass
                held = b""
            if ends:
                held = b""
    if held and after is None:
        add(Fate.INCOMPLETE)
    return lines, left


def _in_utf_8(octets: bytes, charset: str) -> bytes:
    try:
        return octets.decode(charset).encode()
    except UnicodeDecodeError:
        return octets
