"""Text: strict UTF-8, trimmed of White_Space, made safe, and otherwise left alone."""

from conformance.driver.stage import Stage
from conformance.scenarios.controls import N, say_each
from conformance.scenarios.registry import scenario

_WELL_FORMED = (
    "\x7e", "\xa1", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\U00010000", "\U0010fffd",
    "Grüße", "Ωραία", "Привет", "שלום", "مرحبا", "नमस्ते", "你好", "한국", "👩‍👩‍👧",
)  # fmt: skip
_NOT_STRICT = (
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80",
    b"\xf4\x90\x80\x80", b"\xc0\x80",
)  # fmt: skip
_NOT_DECODING = (
    b"\x80", b"\xbf", b"\xf5\x80\x80\x80", b"\xfe", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98",
    b"\xe2\x28\xa1", b"\xff\xfd\x18", b"\xc3Aab", b"\xc3\xffab", b"\xe2Aab", b"\xe2\xff\x82ab",
    b"\xe2\x82Aab", b"\xe2\x82\xffab", b"\xf0A\x98\x80ab", b"\xf0\xff\x98\x80ab",
    b"\xf0\x9fA\x80ab", b"\xf0\x9f\xff\x80ab", b"\xf0\x9f\x98Aab", b"\xf0\x9f\x98\xc3ab",
)  # fmt: skip
_WHITE_SPACE = (
    "\t\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_NO_WHITE_SPACE = "\x1c\x1d\x1e\x1f\u180e\u200b\u200c\u200d\u2060\ufeff\u2800\u3164"
_EXCLUDED = (
    *(chr(point) for point in range(0x20) if chr(point) not in "\t\n"),
    *map(chr, range(0x7F, 0xA0)),
    *map(chr, range(0xFDD0, 0xFDF0)),
    *(chr((plane << 16) + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)),
)
_RELAYED = (
    "a\tb", "a  b", "a\u2028b\u2029c", "a\ufeffb", "a\ue000\U000f0000b", "a\u0378\U0003fffdb",
    "é e\u0301 ﬁ Å Å ① ²", "ΑΣ ς ß İ ı", "a\u202eb\u2066c", "a\u200d\u200bb",
    "\ufdcf\ufdf0\ufdfa\ufff9\ufffc", "/nick x", "/me waves", "/help", ":q",
    "@all", "~.", r"""!"#$%&'()*+,-./09:;<=>?@AZ[\]^_`az{|}~""",
    "\\n \\x41 %s %d {0} ${x} `x` $(x) \"'", "<b>&amp;</b>", "!notice", "#4", "*", "ÿþ",
)  # fmt: skip


@scenario("TXT-1")
def test_well_formed_utf_8_is_taken(stage: Stage) -> None:
    """The first and last code point of every encoded length, and words in many scripts."""
    ann, bob = stage.join(2)
    say_each(stage, ann, bob, [f"{N} {text} {N}" for text in _WELL_FORMED], ["TXT-1"])


@scenario("TXT-1", "TXT-2")
def test_utf_8_is_strict(stage: Stage) -> None:
    """Overlong forms, surrogates, and numbers above U+10FFFF do not decode."""
    [bob] = stage.join(1)
    for octets in _NOT_STRICT:
        _say_ill(stage, octets, "TXT-1")
    stage.fence(bob)


@scenario("TXT-2")
def test_what_does_not_decode_is_a_violation(stage: Stage) -> None:
    """Stray continuation octets, missing ones, other octets in their place, and octets that never
    occur in UTF-8. One of them comes in a client's first line."""
    [bob] = stage.join(1)
    visitor = stage.connect()
    visitor.send(stage.nonce().encode() + b"\xff\n", exercises=["TXT-2"])
    stage.await_end(visitor, exercises=["TXT-2"])
    for octets in _NOT_DECODING:
        _say_ill(stage, octets, "TXT-2")
    stage.fence(bob)


def _say_ill(stage: Stage, octets: bytes, requirement: str) -> None:
    [ann] = stage.join(1)
    ann.send(stage.nonce().encode() + octets + b"\n", exercises=[requirement])
    stage.await_end(ann, exercises=[requirement])


@scenario("TXT-3")
def test_white_space_is_trimmed(stage: Stage) -> None:
    """Each White_Space code point before, after and on both sides of a word; then all together."""
    ann, bob = stage.join(2)
    points = (*_WHITE_SPACE, _WHITE_SPACE)
    forms = [form for one in points for form in (f"{one}{N}{one}", f"{one}{N}", f"{N}{one}")]
    say_each(stage, ann, bob, forms, ["TXT-3"])


@scenario("TXT-3")
def test_nothing_else_is_trimmed(stage: Stage) -> None:
    """A letter alone. Code points that only look like white space, at both ends of a word and
    alone. White space between two words."""
    ann, bob = stage.join(2)
    ann.send(b"x\n")
    stage.fence(ann, bob)
    for point in _NO_WHITE_SPACE:
        ann.say(f"{point}{stage.nonce()}{point}", exercises=["TXT-3"])
        ann.say(point, exercises=["TXT-3"])
        stage.fence(ann, bob)
    ann.say(f"{stage.nonce()} \t \xa0 \u3000 {stage.nonce()}", exercises=["TXT-3"])
    stage.fence(ann, bob)


@scenario("TXT-4")
def test_what_could_drive_a_terminal_is_replaced(stage: Stage) -> None:
    """Every control character and the noncharacters of every plane, one in a text; several in one
    text; as many as a line holds; and some in a line that is refused, since a notice may quote it.
    """
    ann, bob, eve = stage.join(3)
    room = 1_024 - 2 * len(stage.nonce())
    texts = [
        *(f"{N}{point}{N}" for point in _EXCLUDED),
        f"{N}\x1b[2J\x1b]0;x\x07\r\r{N}",
        f"{N}\r20000101 00:00:00 127.0.0.1:1",
        f"{N}{chr(27) * room}{N}",
    ]
    say_each(stage, ann, bob, texts, ["TXT-4"])
    eve.send(b"\x1b[2J\xff\n")
    stage.await_end(eve)
    stage.fence(ann, bob)


@scenario("TXT-4")
def test_only_controls_is_still_a_text(stage: Stage) -> None:
    """A letter alone; then control characters alone, which make a message of as many U+FFFD."""
    ann, bob = stage.join(2)
    ann.send(b"x\n")
    stage.fence(ann, bob)
    ann.send(b"\0\n", exercises=["TXT-4"])
    stage.fence(ann, bob)
    ann.send(b"\x1b\x7f\n", exercises=["TXT-4"])
    stage.fence(ann, bob)


@scenario("TXT-5")
def test_everything_else_is_relayed(stage: Stage) -> None:
    """Separators, marks, private and unassigned code points, composed characters, escapes, markup,
    and commands of other chats. U+FEFF also comes first in a client's first line."""
    ann, bob = stage.join(2)
    visitor = stage.connect()
    visitor.say(f"\ufeff{stage.nonce()}", exercises=["TXT-5"])
    stage.await_text(visitor, stage.last_nonce)
    texts = [form for text in _RELAYED for form in (f"{text} {N}", f"{N} {text}")]
    say_each(stage, ann, bob, [*texts, f"\ufeff{N}\ufeff"], ["TXT-5"])
