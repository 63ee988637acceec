"""Controls around the lines that exercise a requirement, so that a failure has one explanation.

A server may lose any message now and then, or several at once. So each line that tests how lines
are treated stands between plain ones, and is sent again alone if no broadcast of it comes. If a
member is closed or no longer heard after such a line, the cause may be another: then the whole
scenario is played once more, with new members.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Final

from conformance.driver.client import Client
from conformance.driver.interruption import Stuck
from conformance.driver.stage import Stage

N: Final = "@@"
"""Placeholder in a text for a nonce. Each sending puts a new nonce in its place."""


def say_each(
    stage: Stage, speaker: Client, listener: Client, texts: Sequence[str], exercises: Sequence[str]
) -> None:
    """Send texts with a plain line before each and after the last. Send lost ones again, alone."""
    said = [_say(stage, speaker, text, exercises, after_a_plain_one=True) for text in texts]
    stage.fence(speaker, listener)
    for text, words in zip(texts, said, strict=True):
        if words and not stage.has(listener, words[0]):
            _say(stage, speaker, text, exercises, after_a_plain_one=False)
            stage.fence(speaker, listener)


def _say(
    stage: Stage, speaker: Client, text: str, exercises: Sequence[str], *, after_a_plain_one: bool
) -> list[str]:
    """Send a text and return the nonces in it."""
    if after_a_plain_one:
        speaker.say(stage.nonce())
    first, *rest = text.split(N)
    words = [stage.nonce() for _ in rest]
    speaker.say(
        first + "".join(word + part for word, part in zip(words, rest, strict=True)), exercises
    )
    return words


def say_at_once(stage: Stage, member: Client, lines: int) -> None:
    """Let a member that stays send as many lines in one segment as one that leaves, as a control.

    It waits for the first line: even a server that takes a read for one message relays that.
    """
    words = [stage.nonce() for _ in range(lines)]
    member.send("".join(f"{word}\n" for word in words).encode())
    stage.await_text(member, words[0])
    stage.fence(member)


def await_end_amid_talk(
    stage: Stage, leaver: Client, other: Client, exercises: Sequence[str]
) -> None:
    """Wait for a leaver's end. If it is kept, what it hears of the other tells if it has left."""
    try:
        stage.await_end(leaver, exercises=exercises)
    finally:
        stage.fence(other)
        stage.greet(other)


def again(play: Callable[..., None]) -> Callable[..., None]:
    """Make a scenario start over with new clients, once, if it gets stuck."""

    @wraps(play)
    def twice(stage: Stage) -> None:
        try:
            play(stage=stage)
        except Stuck:
            for client in list(stage.open_clients()):
                client.reset()
            play(stage=stage)

    return twice
