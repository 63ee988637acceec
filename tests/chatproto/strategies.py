"""What the tests draw: octets clients send, how they are cut, and what a server may write.

Plain random octets are almost never lines, so streams are made of pieces that lie on either
side of a rule.
"""

from datetime import datetime

from hypothesis import strategies as st

from chatproto import Broadcast, Code, Heartbeat, Notice, Unit
from tests.chatproto import models

TIME = datetime(2021, 7, 3, 17, 45, 39)

EDGES = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x00\x1b~\x7f\x80\x84\x85\x86\x9f\xa0\xa1\u1680\u180e\u2000"
    "\u200a\u200b\u2028\u2029\u202e\u202f\u205f\u3000\ufeff\ud7ff\ue000\uf8ff\ufdcf\ufdd0\ufdef"
    "\ufdf0\ufffd\ufffe\uffff\U00010000\U0001fffd\U0001fffe\U0001ffff\U0010fffd\U0010fffe\U0010ffff"
)
"""Code points on either side of a class's border, and those that are often taken for others."""

points = st.one_of(
    st.sampled_from("quitQUIT aé字😀"), st.sampled_from(EDGES), st.characters(codec="utf-8")
)
"""Any code point that UTF-8 can hold, those at the borders of a rule often."""

lines_of_text = st.text(points, max_size=12).map(lambda text: text.replace("\n", ""))

padding = st.text(st.sampled_from(sorted(map(chr, models.WHITE_SPACE - {0x0A}))), max_size=3)
"""What trimming takes."""


@st.composite
def _padded(draw: st.DrawFn) -> str:
    return (
        draw(padding) + draw(st.sampled_from(["", "quit", "quit now", "QUIT", "a"])) + draw(padding)
    )


NOT_UTF8 = (
    b"\x80",
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xc3",
    b"\xe0\x9f\xbf",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf0\x9f\x98",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xff",
)
"""Octets that RFC 3629 refuses, each for a reason of its own."""

good_lines = st.one_of(lines_of_text.map(str.encode), _padded().map(str.encode))
"""Lines without their LF that decode."""

messages = good_lines.filter(lambda line: models.read_line(line, 1)[0] == "message")
"""Lines without their LF that are messages."""

bad_lines = st.tuples(good_lines, st.sampled_from(NOT_UTF8), good_lines).map(b"".join)
"""Lines without their LF that do not decode."""

long_lines = st.sampled_from([1_022, 1_023, 1_024, 1_025, 1_026]).flatmap(
    lambda size: st.sampled_from([b"x" * size, b"\xff" * size, b"\r" * size])
)
"""Lines without their LF on either side of the limit of 1,024."""

lines = st.one_of(good_lines, good_lines, bad_lines, long_lines, st.binary(max_size=6))
"""Lines without their LF, and sometimes with one."""

ends = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"", b"\n\n"])

streams = st.lists(st.tuples(lines, ends).map(b"".join), max_size=8).map(b"".join)
"""Whole streams of a client."""

short_streams = st.lists(
    st.tuples(st.one_of(good_lines, good_lines, bad_lines), ends).map(b"".join), max_size=5
).map(b"".join)
"""Whole streams of a client, with no long lines."""

good_streams = st.lists(st.tuples(messages, st.sampled_from([b"\n", b"\r\n"])).map(b"".join)).map(
    b"".join
)
"""Whole streams of messages, all complete."""


def cut(octets: bytes) -> st.SearchStrategy[list[bytes]]:
    """Cut octets into reads, in one, in many or into single octets; some reads may be empty."""
    places = st.lists(st.integers(0, len(octets)), max_size=6).map(sorted)
    return st.one_of(
        st.just([octets]),
        places.map(
            lambda at: [
                octets[start:end] for start, end in zip([0, *at], [*at, len(octets)], strict=True)
            ]
        ),
        st.just([octets[at : at + 1] for at in range(len(octets))]),
    )


def in_pieces(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    """Draw octets, cut."""
    return whole.flatmap(cut)


times = st.datetimes().map(lambda time: time.replace(microsecond=0))

ports = st.integers(0, 65_535)

groups = st.lists(st.one_of(st.just(0), st.integers(0, 0xFFFF)), min_size=8, max_size=8)
"""The eight groups of an IPv6 address, zeros often."""

senders = st.one_of(
    st.tuples(st.ip_addresses(v=4), ports).map(lambda peer: f"{peer[0]}:{peer[1]}"),
    st.tuples(groups.map(models.ipv6), ports).map(lambda peer: f"[{peer[0]}]:{peer[1]}"),
    st.integers(0).map(lambda number: f"unix:{number}"),
)

texts = st.text(points, max_size=12).map(models.trim).map(models.make_safe).filter(bool)
"""What may be the TEXT of a broadcast."""

codes = st.one_of(st.sampled_from(Code), st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True))

units: st.SearchStrategy[Unit] = st.one_of(
    st.builds(Broadcast, times, senders, texts),
    st.builds(Notice, codes, st.none() | texts),
    st.just(Heartbeat()),
)
"""Anything a server may send."""
