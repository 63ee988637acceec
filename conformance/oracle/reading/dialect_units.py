"""What one client received in a dialect, read as the units of the wire format.

Each unit knows where it lies in the octets that really came.

A text is given as UTF-8, without the line end with which it was sent. What else a dialect says,
such as greetings and lines about who comes and goes, is skipped.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from chatproto import Code
from conformance.dialect.forms import Forms, forms
from conformance.dialect.model import Dialect
from conformance.oracle.reading.units import (
    Junk,
    ReceivedBroadcast,
    ReceivedHeartbeat,
    ReceivedNotice,
    ReceivedUnit,
    Rest,
    Span,
    Stream,
    read_time,
)

_NOTICE: Final = re.compile(rb"!(\S*)[^\n]*\n")
_KNOWN_NOTICE: Final = re.compile(rb"!(%s)(?: [^\n]*)?\n" % "|".join(Code).encode())
_ESCAPE: Final = rb"""\\(?:[\\'nrt]|x[0-9a-f]{2})"""
_REPR: Final = re.compile(
    rb"""b(?:'((?:[ -&(-\[\]-~]++|%b)*+)'|"((?:[ !#-\[\]-~]++|%b)*+)")""" % (_ESCAPE, _ESCAPE)
)
"""How Python writes octets."""
_LONGEST_OPENING: Final = 200


def hear_units(
    reads: Sequence[tuple[int, float, bytes]],
    dialect: Dialect,
    known: dict[bytes, ReceivedBroadcast],
) -> Iterator[ReceivedUnit]:
    """Read what came in a dialect as units. `known` are broadcasts that came to others, so that
    each is read once."""
    return _Ear(Stream(reads), dialect, known).units()


class _Ear:
    def __init__(
        self, stream: Stream, dialect: Dialect, known: dict[bytes, ReceivedBroadcast]
    ) -> None:
        self._known = known
        self._stream = stream.octets
        self._span = stream.span
        self._dialect = dialect
        self._tells_members_apart = dialect.tells_members_apart
        self._forms: Forms = forms(dialect)
        self._notice = _NOTICE if self._forms.opening is not None else _KNOWN_NOTICE

    def units(self) -> Iterator[ReceivedUnit]:
        stream, length = self._stream, len(self._stream)
        welcome = self._forms.welcome
        start = 0 if welcome is None else _end(welcome.match(stream))
        while start < length:
            passed = self._besides(start)
            if passed > start:
                start = passed
                continue
            unit = self._unit(start)
            yield unit
            start = unit.span.end

    def _besides(self, start: int) -> int:
        """Return where the dialect's other lines that begin here end."""
        farewell = self._forms.farewell
        left = len(self._stream) - start
        if farewell and left == len(farewell) and self._stream.endswith(farewell):
            return len(self._stream)
        besides = self._forms.besides
        return start if besides is None else _end(besides.match(self._stream, start), start)

    def _unit(self, start: int) -> ReceivedUnit:
        opening = self._forms.opening
        found = None if opening is None else opening.match(self._stream, start)
        if found is not None:
            return self._broadcast(start, found.end(), found)
        if self._stream.startswith(b"\n", start):
            return ReceivedHeartbeat(self._span(start, start + 1))
        notice = self._notice.match(self._stream, start)
        if notice is not None:
            octets = notice[0].removesuffix(b"\n")
            return ReceivedNotice(
                self._span(start, notice.end()), octets, notice[1].decode("latin-1")
            )
        if opening is None:
            return self._broadcast(start, start, None)
        return self._junk(start, opening)

    def _junk(self, start: int, opening: re.Pattern[bytes]) -> ReceivedUnit:
        """Read a line that does not start like a unit, up to its LF or to the next broadcast."""
        lf = self._stream.find(b"\n", start)
        inside = opening.search(self._stream, start, len(self._stream) if lf < 0 else lf)
        if lf >= 0 and inside is None:
            # An infix may contain the LF with which the line seems to end.
            inside = opening.search(self._stream, start, lf + 1 + _LONGEST_OPENING)
            inside = inside if inside is not None and inside.start() <= lf else None
        if inside is not None:
            end = inside.start()
            return Junk(self._span(start, end), self._stream[start:end])
        if lf >= 0:
            return Junk(self._span(start, lf + 1), self._stream[start:lf])
        octets = self._stream[start:]
        is_unit = octets.startswith(b"!") or _begins_alike(octets, self._dialect)
        return Rest(self._span(start, len(self._stream)), octets, is_unit)

    def _broadcast(
        self, start: int, text_start: int, opened: re.Match[bytes] | None
    ) -> ReceivedUnit:
        text_end, end = self._close(text_start)
        whole = end is not None
        end = len(self._stream) if end is None else end
        span, octets = self._span(start, end), self._stream[start:end]
        same = self._known.get(octets)
        if same is None:
            text = self._stream[text_start:text_end]
            unit = self._known[octets] = self._read(span, opened, text, octets)
        else:
            unit = same.again(span)
        return unit if whole else Rest(span, octets, is_unit=True, begun=unit)

    def _read(
        self, span: Span, opened: re.Match[bytes] | None, text: bytes, octets: bytes
    ) -> ReceivedBroadcast:
        groups = {} if opened is None else opened.groupdict()
        time, peer = groups.get("time"), groups.get("peer")
        sends = self._dialect.sends
        return ReceivedBroadcast(
            span,
            groups.get("header") or b"",
            self._text(text),
            None if time is None else read_time(time.decode(sends), self._dialect.time),
            None
            if peer is None or not self._tells_members_apart
            else peer.decode(sends, "replace"),
            octets,
        )

    def _close(self, start: int) -> tuple[int, int | None]:
        """Return where a text ends, and where its broadcast ends; None if that has not come."""
        stream, closing = self._stream, self._forms.closing
        lf = closing.find(b"\n")
        if lf < 0:
            opening = self._forms.opening
            following = None if opening is None else opening.search(stream, start)
            end = len(stream) if following is None else following.start()
            if stream.endswith(closing, start, end):
                return end - len(closing), end
            return end, end
        at = stream.find(b"\n", start)
        if at < 0:
            return len(stream), None
        text_end = at - lf if stream.startswith(closing[:lf], at - lf) else at
        if stream.startswith(closing, text_end):
            return text_end, text_end + len(closing)
        if len(stream) - text_end < len(closing) and closing.startswith(stream[text_end:]):
            return text_end, None
        return text_end, at + 1

    def _text(self, octets: bytes) -> bytes:
        if self._dialect.is_repr:
            return _read_repr(octets, self._dialect.charset)
        if self._dialect.sends == "utf-8":
            return octets
        try:
            return octets.decode(self._dialect.sends).encode()
        except UnicodeDecodeError:
            return octets


def _end(found: re.Match[bytes] | None, start: int = 0) -> int:
    return start if found is None else found.end()


def _read_repr(octets: bytes, charset: str) -> bytes:
    """Return the octets that a repr shows, as UTF-8 without their line end; if it is no repr, what
    was given."""
    found = _REPR.fullmatch(octets)
    if found is None:
        return octets
    # In some versions of Python, two threads must not call ast.literal_eval at once.
    value = found[found.lastindex or 0].decode("unicode_escape").encode("latin-1")
    try:
        return value.decode(charset).removesuffix("\n").encode()
    except UnicodeDecodeError:
        return octets


@lru_cache(maxsize=64)
def _sample(dialect: Dialect) -> bytes:
    time = re.sub(r"%[a-zA-Z]", lambda found: "0000" if found[0] == "%Y" else "00", dialect.time)
    before = re.split(r"\{(?:peer|number|any)\}", dialect.header)[0]
    return (dialect.prefix + before.replace("{time}", time)).encode(dialect.sends)


def _begins_alike(octets: bytes, dialect: Dialect) -> bool:
    """Whether octets that end too early may begin a broadcast."""
    shape, sample = re.sub(rb"\d", b"0", octets), _sample(dialect)
    return shape.startswith(sample) or sample.startswith(shape)
