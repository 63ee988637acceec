"""What a line says: its octets decoded, trimmed, and made safe to show.

Pure functions over one line, in the order the standard fixes: decode (TXT-1), trim (TXT-3),
compare, and only then replace (TXT-4, TXT-5).
"""

import re
from typing import Final, Literal

Charset = Literal["utf-8", "gbk"]
"""The charset of what clients send; what a server sends is always UTF-8 (TXT-1)."""

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


def decode(line: bytes, charset: Charset = "utf-8") -> str:
    """Decode one line without its LF, strictly; `UnicodeDecodeError` if it does not (TXT-1, TXT-2).

    In UTF-8 overlong forms, surrogates and anything past U+10FFFF are refused, and a leading
    U+FEFF is text like any other (TXT-5).
    """
    return line.decode(charset)


def trim(text: str) -> str:
    """Remove White_Space from both ends, and nothing else (TXT-3)."""
    return text.strip(WHITE_SPACE)


def make_safe(text: str) -> str:
    """Replace what no client should have to show, one U+FFFD a code point (TXT-4).

    That is every code point outside the Unicode Assignables of RFC 9839, and CR and LF, which
    would fake a line. All others stay as they are (TXT-5).
    """
    return _UNSAFE_POINT.sub(REPLACEMENT, text)


def first_unsafe(text: str) -> int | None:
    """Find the first code point that `make_safe` would replace; its index from 0 (TXT-4)."""
    match = _UNSAFE_POINT.search(text)
    return None if match is None else match.start()


def is_text(text: str) -> bool:
    """Tell whether this could be the TEXT of a broadcast: not empty, trimmed, safe throughout."""
    return bool(text) and trim(text) == text and first_unsafe(text) is None
