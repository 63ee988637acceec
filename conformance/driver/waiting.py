"""Waiting for what should come, so that a slow server is told from one that lost something.

A deadline counts from the last octet that came, or that the server took: while something still
happens, the wait goes on. `timing/policy.py` has the numbers.
"""

from collections.abc import Callable, Sequence
from typing import Final

from conformance.driver.client import Client
from conformance.driver.interruption import Stuck, Unplayable
from conformance.driver.pacing import Conversation
from conformance.timing.patience import Kind
from conformance.timing.policy import HEARING, IN_TRANSIT, UNSAID
from conformance.transcript.events import FLOOD, THE_END, Waited

PROMPT: Final = "the prompt"
"""What is waited for where a server asks for a name."""


class Waiter:
    """Waits on behalf of one stage. `clients` are all of its clients, those to come included."""

    def __init__(self, conversation: Conversation, clients: Sequence[Client]) -> None:
        self._conversation = conversation
        self._loop = conversation.loop
        self._clients = clients

    def wait(
        self,
        clients: Sequence[Client],
        condition: Callable[[], bool],
        what: str,
        exercises: Sequence[str] = (),
    ) -> None:
        """Let things happen until the condition holds.

        Raises:
            Stuck: Nothing came to these clients for as long as patience lasts. The transcript has
                a line that says so.
        """
        kind = self._kind_of(what)
        loop = self._loop
        began = latest = loop.now()
        while not condition():
            # A client that says one line a read takes long, and may hear nothing meanwhile.
            if any(client.is_speaking for client in self._clients):
                began = loop.now()
            for client in clients:
                client.see_what_is_taken()
            patience = self._conversation.patience_for(kind)
            lively = (max(one.received_at, one.paced_at, one.taken_at) for one in clients)
            latest = max([began, *lively])
            heard = max([began, *(client.heard_at for client in clients)])
            latest = min(latest, heard + UNSAID * patience)
            left = latest + patience - loop.now()
            if left <= 0:
                loop.turn(0)
                if condition():
                    break
                if self._is_in_transit(clients, patience):
                    loop.turn(HEARING)
                    self._check_flood(clients)
                    continue
                self.record_vain(clients, what, exercises, kind, silence=loop.now() - latest)
                raise Stuck(f"{what} did not come")
            loop.turn(left)
            self._check_flood(clients)
        if (waits := self._conversation.waits) is not None:
            waits.note(kind, loop.now() - latest)

    def wait_for_text(
        self, client: Client, text: str, exercises: Sequence[str] = (), since: int = 0
    ) -> None:
        """Wait until these characters have come, and an LF after them if one ends a message.

        Octets before `since` are not searched. `Stuck` if the characters do not come, `Unplayable`
        if they cannot be said in the dialect.
        """
        dialect = self._conversation.dialect
        if dialect is not None and any(one.has_left_unsaid(text) for one in self._clients):
            raise Unplayable("dialect", f"{text!r} cannot be said")
        octets, start, end = client.as_received(text), since, -1
        closing = b"\n" if dialect is None or "\n" in dialect.closing else b""

        def has_come() -> bool:
            nonlocal start, end
            if end < 0 and (found := client.received.find(octets, start)) >= 0:
                end = found + len(octets)
            start = max(since, len(client.received) - len(octets))
            return client.ended or is_whole()

        def is_whole() -> bool:
            return end >= 0 and client.received.find(closing, end) >= 0

        self.wait([client], has_come, text, exercises)
        if not is_whole():
            raise Stuck(f"{client.name} was disconnected before {text!r} came")

    def record_vain(
        self,
        clients: Sequence[Client],
        what: str,
        exercises: Sequence[str],
        kind: Kind = "text",
        *,
        silence: float,
    ) -> None:
        """Record that each of these clients waited in vain, after so many seconds of silence."""
        # A full wait may count as shortened by now: other lanes have waited in vain meanwhile.
        conversation = self._conversation
        shortened = round(silence, 3) < conversation.patience
        seconds = conversation.patience_for(kind) if shortened else conversation.patience
        if conversation.waits is not None and not shortened:
            conversation.waits.note_vain(kind)
        now, why = self._loop.now(), tuple(exercises)
        for client in clients:
            self._loop.record(Waited(now, client.name, what, seconds, why, shortened=shortened))

    def _is_in_transit(self, clients: Sequence[Client], patience: float) -> bool:
        """Whether something is still on its way to a client that nothing came to for so long."""
        longest, now = IN_TRANSIT * self._conversation.start.factor, self._loop.now()
        silent = (one for one in clients if patience <= now - one.received_at < longest)
        return any(one.has_more_coming for one in silent)

    def _kind_of(self, what: str) -> Kind:
        if what == THE_END:
            return "end"
        if what == PROMPT:
            return "prompt"
        is_beside = any(one.stalled for one in self._clients if not one.ended)
        return "beside" if is_beside else "text"

    def _check_flood(self, clients: Sequence[Client]) -> None:
        for client in clients:
            if self._conversation.floods(client):
                self._loop.record(Waited(self._loop.now(), client.name, FLOOD, 0.0))
                raise Stuck(f"{client.name} received {len(client.received)} octets, and no end")
