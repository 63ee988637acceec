"""The simplest model of the protocol: a whole stream at once, octet by octet, by tables.

Nothing here shares code with chatproto or leans on what it leans on; the tests ask whether the
two say the same.
"""

from datetime import datetime

WHITE_SPACE = frozenset(
    (*range(0x0009, 0x000E), 0x0020, 0x0085, 0x00A0, 0x1680, *range(0x2000, 0x200B))
).union((0x2028, 0x2029, 0x202F, 0x205F, 0x3000))
"""The 25 code points of PropList.txt's White_Space."""

ENDINGS = ("quit", "invalid-text", "line-too-long")
"""What a line can be after which nothing is read."""

Said = tuple[str, int, str]
"""What a line is (a message, blank, or one of ENDINGS), its number, and a message's text."""


def is_unsafe(point: int) -> bool:
    """Return the code points that Unicode Assignables (RFC 9839) leaves out, and CR and LF."""
    is_control = (point < 0x20 and point != 0x09) or 0x7F <= point <= 0x9F
    is_surrogate = 0xD800 <= point <= 0xDFFF
    is_noncharacter = 0xFDD0 <= point <= 0xFDEF or point % 0x10000 >= 0xFFFE
    return is_control or is_surrogate or is_noncharacter


def decode(octets: bytes) -> str | None:
    """Read UTF-8 by the rules of RFC 3629, section 3; None for what is not."""
    points = []
    at = 0
    while at < len(octets):
        lead = octets[at]
        size = next((n for n, top in ((1, 0x80), (0, 0xC0), (2, 0xE0), (3, 0xF0)) if lead < top), 4)
        tail = octets[at + 1 : at + size]
        if not size or lead >= 0xF8 or len(tail) < size - 1:
            return None
        point = lead if size == 1 else lead % 2 ** (7 - size)
        for octet in tail:
            if not 0x80 <= octet < 0xC0:
                return None
            point = point * 64 + octet % 64
        if point < (0, 0, 0x80, 0x800, 0x10000)[size] or point > 0x10FFFF:
            return None
        if 0xD800 <= point <= 0xDFFF:
            return None
        points.append(point)
        at += size
    return "".join(map(chr, points))


def trim(text: str) -> str:
    """Take White_Space off both ends, one code point at a time."""
    while text and ord(text[0]) in WHITE_SPACE:
        text = text[1:]
    while text and ord(text[-1]) in WHITE_SPACE:
        text = text[:-1]
    return text


def make_safe(text: str) -> str:
    """Put U+FFFD for each unsafe code point."""
    return "".join("\ufffd" if is_unsafe(ord(point)) else point for point in text)


def is_text(text: str) -> bool:
    """Whether this could be shown to every member unchanged."""
    return text != "" and trim(text) == text and make_safe(text) == text


def read_line(line: bytes, number: int) -> Said:
    """Say what kind one line is, if it is not too long."""
    text = decode(line)
    if text is None:
        return ("invalid-text", number, "")
    text = trim(text)
    if text == "":
        return ("blank", number, "")
    if text == "quit":
        return ("quit", number, "")
    return ("message", number, make_safe(text))


def read_stream(stream: bytes, limit: int) -> list[Said]:
    """Read a client's whole stream, up to the line that ends it."""
    *lines, rest = stream.split(b"\n")
    said = []
    for number, line in enumerate(lines, 1):
        said.append(("line-too-long", number, "") if len(line) > limit else read_line(line, number))
        if said[-1][0] in ENDINGS:
            return said
    if len(rest) > limit:
        said.append(("line-too-long", len(lines) + 1, ""))
    return said


def messages(stream: bytes, limit: int) -> list[str]:
    """Return the texts that a client's whole stream gives the room."""
    return [text for kind, _, text in read_stream(stream, limit) if kind == "message"]


def broadcast(time: datetime, sender: str, text: str) -> bytes:
    """Write a broadcast."""
    return f"{format_time(time)} {sender}\n{text}\n".encode()


def format_time(time: datetime) -> str:
    """Write a header's date and time."""
    return time.strftime("%Y%m%d %H:%M:%S").zfill(17)


def ipv6(groups: list[int]) -> str:
    """Write an IPv6 address by RFC 5952, section 4: the first longest run of zeros, if of two or
    more, is `::`."""
    runs = [
        (size, -start)
        for start in range(8)
        for size in range(2, 9 - start)
        if not any(groups[start : start + size])
    ]
    if not runs:
        return ":".join(f"{group:x}" for group in groups)
    size, start = max(runs)
    before = ":".join(f"{group:x}" for group in groups[:-start])
    after = ":".join(f"{group:x}" for group in groups[-start + size :])
    return f"{before}::{after}"
