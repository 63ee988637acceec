"""Translates what one client says: octets of the wire format in, segments of the dialect out.

Lines that have no meaning in the dialect, or another one, are not sent but kept in `unsaid`. If the
dialect is framed by line, segments keep their boundaries, except where a line can be translated
only when its end is known. If it is framed by read, each line is a segment.
"""

from dataclasses import dataclass
from typing import Final

from conformance.dialect.lines import Meaning, read_line
from conformance.dialect.model import Dialect
from conformance.standard.constants import MAX_LINE_LIMIT

_LEAVING: Final = b"quit"
_ILL: Final = b"\xff"
_CERTAIN: Final = 4_096
"""Octets of an incomplete line after which it is sent unchanged, whatever its end may be."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A segment to send.

    `line` is its line in the wire format, if it is one line. `leaves`: the line makes the client
    leave, so the server must have read it before another segment is sent.
    """

    octets: bytes
    line: bytes = b""
    leaves: bool = False


class Speech:
    """The translator of one client."""

    def __init__(self, dialect: Dialect) -> None:
        self.unsaid: list[bytes] = []
        self.left = False
        self._dialect = dialect
        self._held = b""
        self._begun = b""
        self._endless = False

    @property
    def should_have_left(self) -> bool:
        """Whether an unsent line would have made the server close the connection."""
        return self._endless or any(
            read_line(one).meaning in (Meaning.QUIT, Meaning.ILL) or len(one) > MAX_LINE_LIMIT
            for one in self.unsaid
        )

    def say(self, segment: bytes) -> list[Utterance]:
        """Translate a segment of the wire format."""
        *lines, rest = (self._held + segment).split(b"\n")
        self._held = b""
        if self._dialect.by_read:
            self._held = rest
            self._endless = self._endless or len(rest) > MAX_LINE_LIMIT
            return [one for line in lines for one in self._line(line)]
        return self._segment(lines, rest)

    def end(self) -> list[Utterance]:
        """Return what to send before the writing side is shut: the incomplete line held back.

        If the dialect is framed by read it would be a message, so it is not sent.
        """
        held, self._held = self._held, b""
        if not held or self._dialect.by_read:
            return []
        words = self._dialect.quit.words[:1] if held.strip() == _LEAVING else ()
        return [Utterance(words[0].encode(self._dialect.charset) if words else held)]

    def line(self, text: bytes) -> bytes | None:
        """Translate a line, and add its end; None if the dialect cannot express it."""
        meant = read_line(text).meaning
        bare = meant is Meaning.QUIT and self._dialect.quit.match == "bare"
        for octets in self._candidates(text, meant):
            if read_line(octets, self._dialect, ended=not bare).meaning is meant:
                return octets if bare else octets + b"\n"
        return None

    def _line(self, text: bytes) -> list[Utterance]:
        """Translate a line if the dialect is framed by read. After leaving, any octets will do."""
        if self.left:
            return [Utterance(text + b"\n")]
        octets = self.line(text)
        if octets is None or len(octets) > self._dialect.read_size:
            self.unsaid.append(text)
            return []
        self.left = read_line(text).meaning in (Meaning.QUIT, Meaning.ILL)
        return [Utterance(octets, text, self.left)]

    def _segment(self, lines: list[bytes], rest: bytes) -> list[Utterance]:
        said = b""
        for line in lines:
            octets: bytes | None = line + b"\n"
            if not self._begun and not self.left:
                octets = self._line_within_limits(line)
            whole, self._begun = self._begun + line, b""
            if octets is None:
                self.unsaid.append(line)
                continue
            self.left = self.left or read_line(whole).meaning is Meaning.QUIT
            said += octets
        if self._begun or not self._may_be_other(rest):
            self._begun += rest
            self._endless = not self._dialect.limits_lines and len(self._begun) > MAX_LINE_LIMIT
            said += b"" if self._endless else rest
        else:
            self._held = rest
        return [Utterance(said)] if said else []

    def _line_within_limits(self, line: bytes) -> bytes | None:
        if len(line) > MAX_LINE_LIMIT:
            return line + b"\n" if self._dialect.limits_lines else None
        return self.line(line)

    def _may_be_other(self, rest: bytes) -> bool:
        """Whether an incomplete line may have to be translated differently once it is complete."""
        dialect = self._dialect
        if dialect.charset != "utf-8" and len(rest) < _CERTAIN:
            return True
        begun = rest.strip().lower()
        if not begun:
            return True
        if dialect.quit.match == "contains" and len(rest) < _CERTAIN:
            return True
        words = (_LEAVING, *(word.lower().encode(dialect.charset) for word in dialect.quit.words))
        departs = dialect.quit.words != ("quit",) or dialect.quit.match != "stripped"
        by_prefix = dialect.quit.match == "prefix"
        return departs and any(
            word.startswith(begun) or (by_prefix and begun.startswith(word)) for word in words
        )

    def _candidates(self, text: bytes, meaning: Meaning) -> list[bytes]:
        """Return possible translations of a line of the wire format, the nearest first."""
        dialect = self._dialect
        if meaning is Meaning.ILL:
            spoilt = bytes(octet for octet in text if octet < 0x80) + _ILL
            return [text, spoilt] if dialect.undecodable == "closes" else []
        if meaning is Meaning.BLANK and dialect.blank != "ignored":
            return []
        words = [word.encode(dialect.charset) for word in dialect.quit.words]
        try:
            characters = text.decode()
            if not dialect.is_repr:
                characters.encode(dialect.sends)
            same = [characters.encode(dialect.charset)]
        except UnicodeEncodeError:
            same = []
        if meaning is Meaning.QUIT:
            return same + words
        # Each dialect has its own lines that look like its quit word and are messages.
        return same + [_LEAVING] * (text.strip() in words)
