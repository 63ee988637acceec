"""All that clients said, to be found by what came of it."""

import re
from collections import defaultdict
from functools import cached_property
from itertools import islice
from typing import Final

from conformance.oracle.charsets import readings_of
from conformance.oracle.reading.history import History
from conformance.oracle.reading.lines import NONCE, Fate, Line

_OTHER_LINE_ENDS: Final = re.compile(rb"[\0\r\v\f\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]")
_WITHIN_LINES: Final = bytes({*range(256)} - {*b"\0\r\v\f\x1c\x1d\x1e\x85\xa8\xa9"})
"""The octets with which none of them ends. Of most lines nothing else is left to be searched, and a
search takes ten times as long."""

_LONGEST_MISREAD: Final = 1_024
_MOST_MISREAD: Final = 3_000
"""How many lines, and how many octets of each, are also read in other charsets."""


class Said:
    """All lines that were sent, to be found by what came of them."""

    def __init__(self, history: History) -> None:
        self.by_text: dict[bytes, list[Line]] = defaultdict(list)
        self.without_nonce: dict[str, list[Line]] = {}
        self.by_nonce: dict[bytes, Line] = {}
        self._clients = list(history.clients.values())
        for client in self._clients:
            self.without_nonce[client.name] = [line for line in client.lines if not line.nonces]
            for line in client.lines:
                if line.text is not None:
                    self.by_text[line.text].append(line)
                for nonce in line.nonces:
                    self.by_nonce.setdefault(nonce, line)

    def is_text(self, octets: bytes) -> bool:
        """Whether this is the text of a message that differs from all others."""
        return any(line.nonces for line in self.by_text.get(octets, ()))

    def with_nonce_of(self, text: bytes) -> Line | None:
        """Return the line that a text with nonces was made from: one whose whole text it ends with,
        or that of its first nonce."""
        lines = [self.by_nonce[one] for one in NONCE.findall(text) if one in self.by_nonce]
        if not lines or lines[0].fate is not Fate.MESSAGE:
            return lines[0] if lines else None
        whole = (line for line in lines if line.text is not None and text.endswith(line.text))
        return next(whole, lines[0])

    @cached_property
    def octets(self) -> bytes:
        """All lines, one after the other."""
        return b"\n".join(line.octets for client in self._clients for line in client.lines)

    @cached_property
    def segments(self) -> frozenset[bytes]:
        """What each segment held, without white space around it."""
        return frozenset(
            sent.octets.strip() for client in self._clients for _, sent in client.segments
        )

    @cached_property
    def pieces(self) -> frozenset[bytes]:
        """The pieces of all lines."""
        lines = (line for client in self._clients for line in client.lines)
        return frozenset(piece for line in lines for piece in pieces_of(line))

    @cached_property
    def misread(self) -> dict[bytes, list[Line]]:
        """The lines by the texts that they have in other charsets: as many as may be read again in
        each."""
        misread: dict[bytes, list[Line]] = defaultdict(list)
        lines = (line for client in self._clients for line in client.lines)
        wide = (line for line in lines if not line.octets.isascii())
        for line in islice(wide, _MOST_MISREAD):
            for text in readings_of(line.octets[:_LONGEST_MISREAD]):
                misread[text].append(line)
        return misread

    @cached_property
    def quits(self) -> dict[bytes, Line]:
        """The lines by which members left, by their text, unless somebody said that as a
        message."""
        lines = [line for client in self._clients for line in client.lines]
        messages = {line.text for line in lines if line.fate is Fate.MESSAGE}
        quits = {line.octets.strip(): line for line in lines if line.fate is Fate.QUIT}
        return {text: line for text, line in quits.items() if text not in messages}


def pieces_of(line: Line) -> list[bytes]:
    """Split a line at what some servers take for the end of a line: a NUL, CR, VT, FF, U+0085,
    U+2028 or U+2029. Empty if it has none."""
    if not line.octets.translate(None, _WITHIN_LINES):
        return []
    if _OTHER_LINE_ENDS.search(line.octets.strip()) is None:
        return []
    return [piece.strip() for piece in _OTHER_LINE_ENDS.split(line.octets) if piece.strip()]


def has_a_blank_piece(line: Line) -> bool:
    """Whether a line has blank pieces and others, split so. A CR before its LF makes none."""
    *pieces, last = _OTHER_LINE_ENDS.split(line.octets)
    pieces += [last] if last else []
    return len({bool(piece.strip()) for piece in pieces}) > 1
