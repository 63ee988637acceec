"""Draws inputs for `core`: octets, with those among them that mean something."""

import random
from collections.abc import Iterator
from typing import Final

from fuzz.core import TOKENS

MAX_SIZE: Final = 256
"""Octets of an input; more only repeat what fewer do."""


def inputs(seed: int) -> Iterator[bytes]:
    """Draw inputs without end, the same ones for the same seed."""
    draw = random.Random(seed)  # noqa: S311  # not secret
    while True:
        play = draw.randrange(4)
        calls = [_call(draw, play >= 2) for _ in range(draw.randrange(1, 30))]
        yield b"".join([bytes([play, draw.randrange(2)]), *calls])[:MAX_SIZE]


def _call(draw: random.Random, of_one_of_many: bool) -> bytes:
    """Draw a call that takes octets, and the octets; or any call."""
    if draw.random() < 0.4:
        return draw.randbytes(draw.randrange(1, 5))
    said = b"".join(draw.choices(TOKENS, k=draw.randrange(1, 4)))[:63]
    numbers = [draw.randrange(8)]
    if of_one_of_many:
        numbers.append(draw.randrange(8))
    if draw.random() < 0.2:
        return bytes([*numbers, len(said) + 192, draw.randrange(256)]) + said
    return bytes([*numbers, len(said)]) + said


def dictionary() -> str:
    """Write the tokens as libFuzzer reads them."""
    return "".join(
        '"{}"\n'.format("".join(f"\\x{octet:02x}" for octet in token)) for token in TOKENS
    )
