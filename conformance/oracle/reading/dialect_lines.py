"""What a client sent, read in a dialect as `chatproto.ServerConnection` reads the wire format.

The suite says in a dialect only what has a counterpart in the wire format.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from chatproto import (
    BlankReceived,
    Code,
    MessageReceived,
    Notice,
    QuitReceived,
    ServerConnection,
    Violation,
)
from chatproto.events import Event
from conformance.dialect.lines import Meaning, read_line
from conformance.dialect.model import Dialect


class Reader(Protocol):
    """Reads octets as a server does, and returns what they mean."""

    def receive(self, octets: bytes) -> Iterable[Event]: ...


def reader_for(dialect: Dialect | None, limit: int) -> Reader:
    """Create a reader for what one client sends; `limit` is the line limit, if there is one."""
    return ServerConnection(limit) if dialect is None else _DialectReader(dialect, limit)


def pieces(octets: bytes, dialect: Dialect | None) -> Iterator[tuple[bytes, bytes, bool]]:
    """Split a segment into pieces of one line each: what precedes the LF, the LF if there is one,
    and whether the line ends there. If a read is a message, a segment is one line."""
    if dialect is not None and dialect.by_read:
        line = octets.removesuffix(b"\n")
        yield line, octets[len(line) :], True
        return
    *ended, rest = octets.split(b"\n")
    for part in ended:
        yield part, b"\n", True
    if rest:
        yield rest, b"", False


class _DialectReader:
    def __init__(self, dialect: Dialect, limit: int) -> None:
        self._dialect = dialect
        self._limit = limit
        self._held = b""
        self._line = 0
        self._awaits_name = dialect.asks_name
        self._gone = False

    def receive(self, octets: bytes) -> Iterator[Event]:
        for part, lf, ends in pieces(octets, self._dialect):
            self._held += part
            if self._gone:
                return
            self._line += ends
            if self._dialect.limits_lines and len(self._held) > self._limit:
                yield self._violation(Code.LINE_TOO_LONG)
            elif ends and self._awaits_name:
                self._awaits_name = False
            elif ends:
                yield from self._event(self._held, bool(lf))
            if ends:
                self._held = b""

    def _event(self, line: bytes, ended: bool) -> Iterator[Event]:
        read = read_line(line, self._dialect, ended=ended)
        match read.meaning:
            case Meaning.MESSAGE:
                yield MessageReceived(read.text, self._line)
            case Meaning.BLANK:
                yield BlankReceived(self._line)
            case Meaning.QUIT:
                self._gone = True
                yield QuitReceived(self._line)
            case Meaning.ILL:
                if self._dialect.undecodable == "closes":
                    yield self._violation(Code.INVALID_TEXT)

    def _violation(self, code: Code) -> Violation:
        self._gone = True
        return Violation(code, self._line, Notice(code))
