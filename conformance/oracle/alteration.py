"""How a text was altered on its way, as signs of a closed vocabulary."""

import html
import re
import unicodedata
from contextlib import suppress
from typing import Final, Literal

from chatproto.text import REPLACEMENT, first_unsafe, make_safe, trim
from conformance.oracle.charsets import readings_of
from conformance.oracle.facts import Sign
from conformance.oracle.reading.lines import Line

_COMPATIBLE: Final[tuple[Literal["NFKC"], Literal["NFKD"]]] = ("NFKC", "NFKD")
_BLANK: Final = " \r"
_LONG: Final = 900
_USUAL: Final = bytes(range(0x20, 0x7F))
"""Octets of texts in which nothing is unsafe. To see that there is no other takes a tenth of the
pattern's time."""
_INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff"
_OVERLONG: Final = re.compile(rb"[\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]|[\xf8-\xfd]")
_MARKUP: Final = frozenset("<>&\\%{}$`/:")
_OF_CHARACTERS: Final = frozenset(
    (
        Sign.UNDECODABLE, Sign.CONTROLS_RELAYED, Sign.CONTROLS_DROPPED, Sign.CONTROLS_OTHERWISE,
        Sign.UNTRIMMED, Sign.SPACES_CHANGED, Sign.OVERTRIMMED, Sign.OTHER_CHARSET, Sign.CHANGED,
        Sign.DECORATED,
    )
)  # fmt: skip


def alteration_of(line: Line, came: bytes) -> Sign:
    """Say how the text of a message was altered; `line.text` is what should have come."""
    assert line.text is not None
    expected = line.text.decode()
    try:
        text = came.decode()
    except UnicodeDecodeError:
        return Sign.UNDECODABLE
    if not text:
        return Sign.EMPTY
    if came in readings_of(line.octets):
        return Sign.OTHER_CHARSET
    if line.octets.endswith(b"\r") and text.rstrip(REPLACEMENT + _BLANK) == expected:
        return Sign.CR_KEPT
    if make_safe(text) != text:
        return Sign.CONTROLS_RELAYED
    if trim(text) == expected or trim(text.replace(REPLACEMENT, " ")) == expected:
        return Sign.UNTRIMMED
    if len(text) < len(expected) and text.split() == expected.split():
        return Sign.SPACES_CHANGED
    if not (expected + text).strip(REPLACEMENT):
        return Sign.CONTROLS_OTHERWISE
    before, found, after = expected.partition(text)
    if found and all(map(_is_blank_or_control, before + after)):
        return Sign.OVERTRIMMED
    if text == make_safe(expected).replace(REPLACEMENT, ""):
        return Sign.CONTROLS_DROPPED
    torn = text.endswith(REPLACEMENT) and expected.startswith(text.rstrip(REPLACEMENT))
    if found or (torn and len(text) < len(expected)):
        return Sign.CUT
    if REPLACEMENT in expected and _differs_only_there(text, expected, REPLACEMENT):
        return Sign.CONTROLS_OTHERWISE
    return Sign.DECORATED if expected in text else Sign.CHANGED


def alteration_signs(line: Line, came: bytes) -> tuple[Sign, ...]:
    """Say how a message was altered, and what else is known of the alteration."""
    assert line.text is not None
    expected, text = line.text.decode(), came.decode("utf-8", "replace")
    signs = [alteration_of(line, came)]
    if signs[0] is Sign.OVERTRIMMED and not expected.endswith(text):
        signs.append(Sign.TRIMMED_END)
    if unicodedata.normalize("NFC", text) == unicodedata.normalize("NFC", expected):
        signs.append(Sign.NORMALISED)
    elif html.unescape(text) == expected:
        signs.append(Sign.ESCAPED)
    elif text.split() == expected.split():
        signs.append(Sign.SPACES_OTHERWISE)
    elif text in (unicodedata.normalize(form, expected) for form in _COMPATIBLE):
        signs.append(Sign.NORMALISED)
    elif any(text.count(point) > expected.count(point) for point in (REPLACEMENT, "?")):
        signs.append(Sign.REPLACED)
    return tuple(signs)


def bad_text_signs(line: Line, came: bytes) -> tuple[Sign, ...]:
    """Say what became of the undecodable octets of a line that was broadcast all the same."""
    if line.text is not None or _is_text(line.octets):
        return ()
    if not _is_text(came) or came == line.octets.strip():
        return (Sign.BAD_RELAYED,)
    return (Sign.BAD_REPLACED if REPLACEMENT.encode() in came else Sign.BAD_LEFT_OUT,)


def _is_text(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_of_characters(sign: Sign) -> bool:
    """Whether an alteration changed characters only, so that the text is complete."""
    return sign in _OF_CHARACTERS


def text_signs(line: Line) -> tuple[Sign, ...]:
    """Say how a line's text differs from a plain one; `PLAIN_TEXT` if it does not."""
    signs = []
    octets = line.octets
    if octets.removesuffix(b"\r") != octets.strip() or octets[:1] in b" \t":
        signs.append(Sign.WHITE_SPACE_TEXT)
    text = octets.decode("utf-8", "replace")
    is_usual = not octets.removesuffix(b"\r").translate(None, _USUAL)
    if not is_usual and first_unsafe(text.removesuffix("\r")) is not None:
        signs.append(Sign.CONTROL_TEXT)
    elif not octets.isascii():
        signs.append(Sign.WIDE_TEXT)
    elif any(point in text for point in _MARKUP):
        signs.append(Sign.MARKUP_TEXT)
    if len(octets) > _LONG:
        signs.append(Sign.LONG_TEXT)
    if b"quit" in octets.lower():
        signs.append(Sign.QUIT_TEXT)
    if octets.endswith(b"\r"):
        signs.append(Sign.CR_TEXT)
    if text.strip(_INVISIBLE) != text:
        signs.append(Sign.INVISIBLE_TEXT)
    if not _is_text(octets):
        signs.append(_illness(octets))
    return tuple(signs) or (Sign.PLAIN_TEXT,)


def _illness(octets: bytes) -> Sign:
    with suppress(UnicodeDecodeError):
        octets.decode("utf-8", "surrogatepass")
        return Sign.SURROGATE_TEXT
    return Sign.OVERLONG_TEXT if _OVERLONG.search(octets) else Sign.ILL_TEXT


def _is_blank_or_control(point: str) -> bool:
    return point == REPLACEMENT or unicodedata.category(point)[0] in "ZC"


def _differs_only_there(text: str, expected: str, point: str) -> bool:
    """Whether a text differs from the expected one only where that has a certain character."""
    first, *rest = expected.split(point)
    if not rest or not text.startswith(first):
        return False
    *within, last = rest
    place = len(first)
    for part in within:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return text.endswith(last) and place <= len(text) - len(last)
