"""What a line says: its octets decoded, trimmed, and made safe to show.

Pure functions over one line, in the order the standard fixes: decode (TXT-1), trim (TXT-3),
compare, and only then replace (TXT-4, TXT-5). `to_texts` does the same for many lines at once.
"""

import re
from typing import Final, Literal, get_args

Charset = Literal["utf-8", "gbk"]
"""The charset of what clients send; what a server sends is always UTF-8 (TXT-1)."""

CHARSETS: Final[tuple[Charset, ...]] = get_args(Charset)

WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""The 25 code points of the Unicode property White_Space (TXT-3). `str.strip()` takes four more."""

REPLACEMENT: Final = "\ufffd"

# The Unicode Assignables of RFC 9839, less LF and CR: what a text may hold.
_SAFE: Final = "\t\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd" + "".join(
    f"{chr(plane << 16)}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 17)
)
_UNSAFE_POINT: Final = re.compile(f"[^{_SAFE}]")
_UNSAFE_BUT_LF: Final = re.compile(f"[^\n{_SAFE}]")
_UNSAFE_TO_NUL: Final = bytes(
    0 if _UNSAFE_BUT_LF.match(chr(octet)) else octet for octet in range(256)
)
# Octets of UTF-8 with which no unsafe point but LF begins.
_HARMLESS: Final = bytes(
    {*range(256)}
    - {*range(0x20), 0x7F}.difference(b"\t\n")
    - {chr(point).encode()[0] for point in (0x80, 0xFDD0, *range(0x1FFFF, 0x110000, 0x10000))}
)


def decode(line: bytes, charset: Charset = "utf-8") -> str:
    """Decode one line without its LF, strictly; `UnicodeDecodeError` if it does not (TXT-1, TXT-2).

    In UTF-8 overlong forms, surrogates and anything past U+10FFFF are refused, and a leading
    U+FEFF is text like any other (TXT-5).
    """
    return line.decode(charset)


def fault(line: bytes, charset: Charset = "utf-8") -> UnicodeDecodeError | None:
    """Say what keeps a line from decoding; None where it decodes."""
    try:
        decode(line, charset)
    except UnicodeDecodeError as error:
        return error.with_traceback(None)  # With it, whoever keeps the error is in a cycle.
    return None


def trim(text: str) -> str:
    """Remove White_Space from both ends, and nothing else (TXT-3)."""
    return text.strip(WHITE_SPACE)


def make_safe(text: str) -> str:
    """Replace what no client should have to show, one U+FFFD a code point (TXT-4).

    That is every code point outside the Unicode Assignables of RFC 9839, and CR and LF, which
    would fake a line. All others stay as they are (TXT-5).
    """
    return _UNSAFE_POINT.sub(REPLACEMENT, text)


def to_texts(block: bytes, charset: Charset = "utf-8") -> list[str]:
    """Decode lines at once, trim each and make it safe; "" for a blank one (TXT-1, TXT-3 to TXT-5).

    Replacing characters makes no line blank or `quit`, so both can be looked for afterwards.
    """
    lines = block.decode(charset)
    encoded = block if charset == "utf-8" else lines.encode()
    # The deletion tells most text safe, in a seventh of the pattern's time.
    if not encoded.translate(None, _HARMLESS) or not _UNSAFE_BUT_LF.search(lines):
        # Of what strip() takes beyond White_Space, all is unsafe.
        return list(map(str.strip, lines.split("\n")))
    trimmed = "\n".join(map(trim, lines.split("\n")))
    return _make_lines_safe(trimmed).split("\n")


def _make_lines_safe(lines: str) -> str:
    if lines.isascii():  # a tenth of the pattern's time
        return lines.encode().translate(_UNSAFE_TO_NUL).decode().replace("\0", REPLACEMENT)
    return _UNSAFE_BUT_LF.sub(REPLACEMENT, lines)


def first_unsafe(text: str) -> int | None:
    """Find the first code point that `make_safe` would replace; its index from 0 (TXT-4)."""
    match = _UNSAFE_POINT.search(text)
    return None if match is None else match.start()


def is_text(text: str) -> bool:
    """Tell whether this could be the TEXT of a broadcast: not empty, trimmed, safe throughout."""
    return bool(text) and trim(text) == text and first_unsafe(text) is None
