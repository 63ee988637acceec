"""Fences: members say words, and wait until these have come.

Since the room has one order, a member's own nonce coming back proves that nothing else was to come
before it. What the members say after a wait that was in vain tells what was lost from a room that
stands still, and from what is only late.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from conformance.driver.client import Client
from conformance.driver.interruption import Stuck
from conformance.driver.pacing import Conversation
from conformance.driver.waiting import Waiter
from conformance.timing.policy import HEARING
from conformance.transcript.events import Settled


@dataclass
class Losses:
    """How many lost words a scenario goes on after, and how many seconds it may wait for them."""

    left: int = 1
    seconds: float = math.inf

    def is_over_after(self, seconds: float) -> bool:
        """Count one more word, which was waited for so long; return whether that was too much."""
        self.left -= 1
        self.seconds -= seconds
        return self.left < 0 or self.seconds < 0


Owed = tuple[Client, str, int]
"""A client, a word that it is to hear, and how many octets it had received when that was said."""


class Fences:
    """The fences of one stage. `losses` says after how many lost words its scenario goes on."""

    def __init__(self, conversation: Conversation, waiter: Waiter) -> None:
        self.losses = Losses()
        self._conversation = conversation
        self._loop = conversation.loop
        self._waiter = waiter

    def fence(self, clients: Sequence[Client], exercises: Sequence[str]) -> None:
        """Let each client say a word, and wait until each has read the words of all."""
        self.say_and_await(clients, exercises)
        self._record_settled(clients)

    def say_and_await(self, clients: Sequence[Client], exercises: Sequence[str]) -> None:
        """Let each client say a word, and wait until each has read the words of all."""
        owed = self._say_each(clients, exercises)
        with self._twice(clients, owed):
            for client, word, since in owed:
                self._waiter.wait_for_text(client, word, exercises, since)

    def _say_each(self, clients: Sequence[Client], exercises: Sequence[str] = ()) -> list[Owed]:
        """Let each client say a word; return what is owed to whom thereby."""
        words = {client: self._conversation.nonce() for client in clients}
        owed = [
            (client, word, len(client.received))
            for client in clients
            for speaker, word in words.items()
            if self._conversation.has_echo or speaker is not client
        ]
        for client, word in words.items():
            client.say(word, exercises)
        return owed

    @contextmanager
    def _twice(self, clients: Sequence[Client], owed: Sequence[Owed]) -> Iterator[None]:
        """Let each client say one more word if something did not come. Whether that comes tells a
        message that was lost from a member, or a room, that is heard no more; if it does, the
        scenario goes on, as long as `losses` lasts."""
        began = self._loop.now()
        try:
            yield
        except Stuck:
            is_over = self.losses.is_over_after(self._loop.now() - began)
            if not self._are_heard(clients, owed) or is_over:
                raise

    def _are_heard(self, clients: Sequence[Client], earlier: Sequence[Owed]) -> bool:
        """Whether each client hears what each says now.

        If only what was owed `earlier` comes, the server may be slow, and is waited for as
        patiently as before. If that is in vain, they say one more word: what comes only then
        tells a server that keeps each word until the next from one that stood still.
        """
        owed = self._say_each(clients)
        self._loop.let(lambda: _have_come(owed), self._conversation.patience_after_silence)
        if _have_come(earlier) and not _have_come(owed):
            try:
                for client, word, since in owed:
                    self._waiter.wait_for_text(client, word, since=since)
            except Stuck:
                owed = self._say_each(clients)
                self._loop.let(lambda: _have_come(owed), self._conversation.patience_after_silence)
        return _have_come(owed) and not any(client.ended for client in clients)

    def fence_by(
        self, observer: Client, clients: Sequence[Client], exercises: Sequence[str]
    ) -> None:
        """Let each client say a word, and wait until the observer has read them, and each has then
        read the observer's."""
        words = [self._conversation.nonce() for _ in clients]
        for client, word in zip(clients, words, strict=True):
            client.say(word, exercises)
        owed = [(observer, word, 0) for word in words]
        with self._twice([*clients, observer], owed):
            for word in words:
                self._waiter.wait_for_text(observer, word, exercises)
            last = self._conversation.nonce()
            observer.say(last, exercises)
            for client in clients:
                self._waiter.wait_for_text(client, last, exercises)
        self._record_settled(clients)

    def let_hear(self, one: Client, other: Client, exercises: Sequence[str] = ()) -> None:
        """Let two clients say words until each has heard the other."""
        for speaker, listener in ((one, other), (other, one)):
            began = self._loop.now()
            end = began + self._conversation.patience_for("text")
            words, since = list[str](), len(listener.received)
            heard = partial(listener.has_any, words, since)
            while True:
                words.append(self._conversation.nonce())
                speaker.say(words[-1], exercises)
                self._loop.let(lambda: listener.ended or heard(), HEARING)  # noqa: B023  # called in this turn
                if heard():
                    break
                check(listener)
                if self._loop.now() > end:
                    silence = self._loop.now() - began
                    self._waiter.record_vain([listener], words[-1], exercises, silence=silence)
                    raise Stuck(f"{listener.name} heard nothing of what {speaker.name} said")

    def _record_settled(self, clients: Sequence[Client]) -> None:
        self._loop.record(Settled(self._loop.now(), tuple(client.name for client in clients)))


def _have_come(owed: Sequence[Owed]) -> bool:
    """Whether all of it has come to those that are still connected."""
    return all(one.ended or one.has_any([word], since) for one, word, since in owed)


def check(*clients: Client) -> None:
    """Raise `Stuck` if the server has ended one of these clients, which are still needed."""
    for client in clients:
        if client.ended:
            raise Stuck(f"{client.name} was disconnected")
