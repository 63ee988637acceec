"""Texts to measure with: of a given size, in one script or many, clean or dirty."""

import random
from typing import Final

READ: Final = 65_536
"""Octets of one read."""

ASCII: Final = [
    *("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "we", "talk"),
    *("about", "chat", "1", "2", "42"),
]
MANY_SCRIPTS: Final = [
    *ASCII[:8],
    *(
        "Größe",
        "français",
        "привет",
        "как",
        "дела",
        "你好，世界",
        "こんにちは",
        "안녕",
        "😀",
        "«так»",
    ),
]

DIRT: Final = (b"%s\r\n", b"  %s\t\n", b"\n", b"\x1b[31m%s\n", b"%s\x00%s\n", b"\r\n", b"%s\n")
"""Lines that need more than splitting: CR LF, white space, blank ones, control characters."""


def texts(words: list[str], size: int, octets: int) -> list[bytes]:
    """Draw texts of `size` octets each, some `octets` in all, always the same ones."""
    draw = random.Random(size)  # noqa: S311  # not secret
    return [_text(draw, words, size) for _ in range(octets // (size + 1))]


def _text(draw: random.Random, words: list[str], size: int) -> bytes:
    said = " ".join(draw.choices(words, k=size // 3)).encode()[:size]
    # What the cut left of a code point, or a space at the end, is filled up.
    whole = said.decode(errors="ignore").rstrip().encode()
    return whole + b"." * (size - len(whole))


def dirty(texts: list[bytes]) -> bytes:
    """Make a stream in which nine of ten lines are clean."""
    draw = random.Random(1)  # noqa: S311  # not secret
    forms = (draw.choice(DIRT) if draw.random() < 0.1 else b"%s\n" for _ in texts)
    return b"".join(form.replace(b"%s", text) for form, text in zip(forms, texts, strict=True))


def clean(texts: list[bytes]) -> bytes:
    """Make a stream of a line a text."""
    return b"".join(text + b"\n" for text in texts)


def cut(stream: bytes) -> list[bytes]:
    """Cut a stream into reads."""
    return [stream[at : at + READ] for at in range(0, len(stream), READ)]
