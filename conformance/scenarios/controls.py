"""Controls around what a scenario exercises, so that the oracle can tell a fault in it from others.

A server may lose any message now and then, or several at once. So lines that exercise how a line is
treated stand between plain ones, and what does not come is said again, alone. A member that is
heard no more after such a line, or ended, may have met something else: then all is tried again by
others.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Final

from conformance.driver.client import Client
from conformance.driver.interruption import Stuck
from conformance.driver.stage import Stage

N: Final = "@@"
"""Stands in a text for a nonce, a new one each time that it is said."""


def say_each(
    stage: Stage, speaker: Client, listener: Client, texts: Sequence[str], exercises: Sequence[str]
) -> None:
    """Say texts, a plain line before each and behind the last; what does not come, again, alone."""
    said = [_say(stage, speaker, text, exercises, after_a_plain_one=True) for text in texts]
    stage.fence(speaker, listener)
    for text, words in zip(texts, said, strict=True):
        if words and not stage.has(listener, words[0]):
            _say(stage, speaker, text, exercises, after_a_plain_one=False)
            stage.fence(speaker, listener)


def _say(
    stage: Stage, speaker: Client, text: str, exercises: Sequence[str], *, after_a_plain_one: bool
) -> list[str]:
    """Say a text; the nonces in it."""
    if after_a_plain_one:
        speaker.say(stage.nonce())
    first, *rest = text.split(N)
    words = [stage.nonce() for _ in rest]
    speaker.say(
        first + "".join(word + part for word, part in zip(words, rest, strict=True)), exercises
    )
    return words


def say_at_once(stage: Stage, member: Client, lines: int) -> None:
    """Let a member that stays say so many lines in one segment: one that leaves does the same. It
    waits for the first of them, which a server that loses the others takes as well."""
    words = [stage.nonce() for _ in range(lines)]
    member.send("".join(f"{word}\n" for word in words).encode())
    stage.await_text(member, words[0])
    stage.fence(member)


def again(play: Callable[..., None]) -> Callable[..., None]:
    """Let a scenario be tried again on its stage, by others, where it was stuck."""

    @wraps(play)
    def twice(stage: Stage) -> None:
        try:
            play(stage=stage)
        except Stuck:
            for client in list(stage.open_clients()):
                client.reset()
            play(stage=stage)

    return twice
