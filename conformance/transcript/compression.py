"""Octets written small, for transcripts.

What repeats is written once, with a count. What a client received that another client had received
before is written as its place in that client's stream. A piece is a string of Latin-1 characters;
or such a string and how often it comes, `["x", 990]`; or a client, with the start and the end of a
part of its stream, `["c1", 120, 480]`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Piece = str | tuple[str, int] | tuple[str, int, int]

_REPEATED: Final = re.compile(rb"(.{1,4}?)\1{15,}", re.DOTALL)
_WORTHWHILE: Final = 64
_MOST: Final = 1 << 26
"""The most octets that are sent in one segment, or received in one read."""


class StreamWriter:
    """Writes what each client receives, in the order it was received."""

    def __init__(self) -> None:
        self._streams: dict[str, bytearray] = {}
        self._ahead: dict[str, tuple[str, int]] = {}
        self._searches: dict[str, _Backoff] = {}

    def write(self, client: str, octets: bytes) -> str | list[Piece]:
        """Write what a client received next."""
        own = self._streams.setdefault(client, bytearray())
        shared = self._shared(client, octets) if len(octets) >= _WORTHWHILE else 0
        pieces: list[Piece] = []
        if shared:
            other, ahead = self._ahead[client]
            start = len(own) + ahead
            pieces.append((other, start, start + shared))
        own += octets
        rest = octets[shared:]
        if rest:
            pieces += _pieces(rest)
        return _plain(pieces)

    def _shared(self, client: str, octets: bytes) -> int:
        """Return how many octets another client's stream has in common with what comes next. Which
        client, and how far ahead of this one its octets lie, is remembered: the streams are of one
        log."""
        at = len(self._streams[client])
        other, ahead = self._ahead.get(client, ("", 0))
        if other:
            common = _common(self._streams[other], at + ahead, octets)
            if common >= _WORTHWHILE:
                return common
        leader = max(self._streams, key=lambda name: len(self._streams[name]))
        if leader == client:
            return 0
        search = self._searches.setdefault(client, _Backoff())
        if search.skips:
            search.skips -= 1
            return 0
        found = self._streams[leader].rfind(octets[:_WORTHWHILE])
        if found < 0:
            search.be_in_vain()
            return 0
        search.in_vain = 0
        self._ahead[client] = (leader, found - at)
        return _common(self._streams[leader], found, octets)


@dataclass(slots=True)
class _Backoff:
    """Searches for a client's octets in the leader's stream, which may be long. After each search
    in vain, twice as many reads pass until the next."""

    in_vain: int = 0
    skips: int = 0

    def be_in_vain(self) -> None:
        self.skips = (1 << self.in_vain) - 1
        self.in_vain += 1


def _common(stream: bytearray, start: int, octets: bytes) -> int:
    """Return how many octets two streams have in common from here on."""
    if start < 0:
        return 0
    most = min(len(octets), len(stream) - start)
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if stream[start + least : start + middle] == octets[least:middle]:
            least = middle
        else:
            most = middle - 1
    return max(least, 0)


def write_octets(octets: bytes) -> str | list[Piece]:
    """Write octets that have not occurred before."""
    return _plain(list(_pieces(octets)))


def _plain(pieces: list[Piece]) -> str | list[Piece]:
    return pieces[0] if len(pieces) == 1 and isinstance(pieces[0], str) else pieces


def _pieces(octets: bytes) -> Iterator[Piece]:
    start = 0
    for found in _REPEATED.finditer(octets):
        if found.start() > start:
            yield octets[start : found.start()].decode("latin-1")
        yield found[1].decode("latin-1"), (found.end() - found.start()) // len(found[1])
        start = found.end()
    if start < len(octets) or not octets:
        yield octets[start:].decode("latin-1")


def read_octets(written: object, streams: Mapping[str, bytearray]) -> bytes:
    """Read what was written, given what each client has received so far.

    `ValueError` if it has another form.
    """
    if isinstance(written, str):
        return written.encode("latin-1")
    if not isinstance(written, Sequence):
        raise ValueError("octets are a string or a list of pieces")
    octets = bytearray()
    for piece in written:
        octets += _read_piece(piece, streams)
        if len(octets) > _MOST:
            raise ValueError(f"more than {_MOST} octets")
    return bytes(octets)


def _read_piece(piece: object, streams: Mapping[str, bytearray]) -> bytes:
    match piece:
        case str():
            return piece.encode("latin-1")
        case [str(text), int(times)] if 0 < times * len(text) <= _MOST:
            return text.encode("latin-1") * times
        case [str(client), int(start), int(end)] if client in streams:
            return bytes(streams[client][start:end])
        case _:
            raise ValueError(f"{piece!r} is no piece of octets")
