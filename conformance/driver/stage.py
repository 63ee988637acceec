"""Where scenarios play: one thread, one selector, many clients, and a transcript of it all.

A scenario asks clients to do things and waits by fences: since the room has one order, a
client's own nonce coming back proves that nothing else was to come before it. Every wait has a
deadline, counted from the last octet that came, so that slow is told from lost.
"""

import random
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from conformance.dialect.forms import forms, label_of
from conformance.dialect.model import PLAIN
from conformance.driver.client import Client
from conformance.driver.interruption import Stuck, Unplayable
from conformance.target.address import AS_USUAL, Address, Side
from conformance.timing.policy import AWAY, HEARING, PATIENCE, UNSAID
from conformance.transcript.events import (
    Away,
    Connected,
    Event,
    Finish,
    Refused,
    Settled,
    Skipped,
    Start,
    Waited,
)

_TURN: Final = 0.02
_NAP: Final = 0.05
"""Seconds of waiting at a time, so that it is seen when the suite was not let run."""
_SPARE: Final = 1_048_576
"""Octets that a client may receive besides what can be owed to it: of heartbeats and notices."""


class Stage:
    """The clients of one scenario, the time, the chance and the transcript.
    `random` is seeded by the run's seed and the scenario, so that a run can be repeated.
    `interrupted` says where a scenario came to no end of its own. `most_owed` are more octets
    than the broadcasts of all that was sent can have. `slow_readers` read only a little at a time.
    Every nonce begins with `nonce_stem`, another each time that a scenario is played.
    """

    def __init__(self, address: Address, start: Start, played: int = 0) -> None:
        self.address = address
        self.start = start
        self.dialect = start.dialect
        self.random = random.Random(f"{start.seed} {start.scenario}")  # noqa: S311  # not secret
        self.transcript: list[Event] = [start]
        self.labels: list[str] = []
        self.interrupted: str | None = None
        self.most_owed = 0
        self._epoch = time.monotonic()
        self._looked = 0.0
        self._selector = selectors.DefaultSelector()
        self._watched: dict[socket.socket, int] = {}
        self._clients: list[Client] = []
        self._observer: Client | None = None
        self.slow_readers: set[Client] = set()
        stems = random.Random(f"{start.seed} {start.scenario} {played}")  # noqa: S311  # not secret
        self.nonce_stem = f"n{stems.getrandbits(24):06x}"
        self._nonces = 0
        self.last_nonce = ""

    @property
    def patience(self) -> float:
        """Seconds without an octet after which what is awaited counts as lost."""
        return PATIENCE * self.start.factor

    def now(self) -> float:
        """Seconds since the scenario began."""
        return round(time.monotonic() - self._epoch, 6)

    def record(self, event: Event) -> None:
        self.transcript.append(event)

    def nonce(self) -> str:
        """A word that nobody has said before, of letters and digits."""
        self._nonces += 1
        self.last_nonce = f"{self.nonce_stem}x{self._nonces:05}z"
        return self.last_nonce

    def connect(self, side: Side = AS_USUAL, *, holds: bool = False) -> Client:
        """Connect, and no more: a client knows it is a member when it reads its own message.

        A client that `holds` keeps its side open after the server has ended the other.
        """
        name = f"c{len(self._clients) + 1}"
        try:
            sock = self.address.connect(self.patience, side)
        except OSError as error:
            self.record(Refused(self.now(), name, str(error)))
            raise Stuck(f"{name} could not connect: {error}") from None
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        called = f"u{self.nonce_stem[1:]}{name}"
        label = self._label(sock, called)
        self.record(Connected(self.now(), name, label))
        if label is not None:
            self.labels.append(label)
        shown = label if self.start.addresses == "same" else None
        client = Client(self, name, shown, sock, holds=holds)
        self._clients.append(client)
        client._register()
        if self.dialect is not None and self.dialect.prompt:
            prompt = forms(self.dialect).prompt
            assert prompt is not None
            self.wait([client], lambda: bool(prompt.search(client.received)), "the prompt")
            client.introduce(called)
        return client

    def _label(self, sock: socket.socket, called: str) -> str | None:
        if sock.family == socket.AF_UNIX:
            return None
        host, port = sock.getsockname()[:2]
        return label_of(self.dialect or PLAIN, host, port, called)

    def join(self, count: int, exercises: Sequence[str] = ()) -> list[Client]:
        """Connect this many clients, one after the other, each a member before the next."""
        clients = []
        for _ in range(count):
            client = self.connect()
            self.greet(client, exercises)
            clients.append(client)
        return clients

    def greet(self, client: Client, exercises: Sequence[str] = ()) -> None:
        """Let a client say a word and wait for its echo: then it is a member (ROOM-1), and the
        server has had its turn at what others sent before."""
        if not self.has_echo:
            self._let_hear(client, self.observer(client), exercises)
            return
        word, since = self.nonce(), len(client.received)
        client.say(word, exercises)
        client.await_text(word, exercises, since)

    def observer(self, asking: Client) -> Client:
        """Where there is no echo, a client that hears what the others say, and is heard by them."""
        if self._observer is None or self._observer.ended:
            self._observer = self.connect()
            if not asking.ended:
                self._let_hear(asking, self._observer)
        return self._observer

    def _let_hear(self, one: Client, other: Client, exercises: Sequence[str] = ()) -> None:
        """Let two clients speak until each has heard the other."""
        for speaker, listener in ((one, other), (other, one)):
            end = self.now() + self.patience
            words, since = list[str](), len(listener.received)
            heard = partial(listener.has_any, words, since)
            while True:
                words.append(self.nonce())
                speaker.say(words[-1], exercises)
                self.let(lambda: listener.ended or heard(), HEARING)  # noqa: B023  # called in this turn
                if heard():
                    break
                self.check(listener)
                if self.now() > end:
                    self._record_waited([listener], words[-1], exercises)
                    raise Stuck(f"{listener.name} heard nothing of what {speaker.name} said")

    def fence(self, *clients: Client, exercises: Sequence[str] = ()) -> None:
        """Let each client say a word, and wait until each has read the words of all; where there
        is no echo, until the observer has, and each has read the observer's after that."""
        if not self.has_echo:
            self._fence_by_observer(clients, exercises)
            return
        words = [self.nonce() for _ in clients]
        since = {client: len(client.received) for client in clients}
        for client, word in zip(clients, words, strict=True):
            client.say(word, exercises)
        for client in clients:
            for word in words:
                client.await_text(word, exercises, since[client])
        self.record(Settled(self.now(), tuple(client.name for client in clients)))

    def _fence_by_observer(self, clients: Sequence[Client], exercises: Sequence[str]) -> None:
        if not clients:
            return
        observer = self.observer(clients[0])
        words = [self.nonce() for _ in clients]
        for client, word in zip(clients, words, strict=True):
            client.say(word, exercises)
        for word in words:
            observer.await_text(word, exercises)
        last = self.nonce()
        observer.say(last, exercises)
        for client in clients:
            client.await_text(last, exercises)
        self.record(Settled(self.now(), tuple(client.name for client in clients)))

    def be_heard(
        self, speaker: Client, listeners: Sequence[Client], exercises: Sequence[str] = ()
    ) -> None:
        """Let a client speak until each of these has heard it: then each is a member, silent as
        it may be (ROOM-1). `Stuck` where no more of them hear it for as long as patience lasts."""
        deaf = list(listeners)
        end: float | None = None
        since = {client: len(client.received) for client in deaf}
        words: list[str] = []

        def unreached() -> list[Client]:
            return [client for client in deaf if not client.has_any(words, since[client])]

        while deaf:
            self.greet(speaker, exercises)
            words.append(self.last_nonce)
            self.let(lambda: not unreached(), HEARING)
            before, deaf = len(deaf), unreached()
            if end is None or len(deaf) < before:
                end = self.now() + self.patience
            self.check(*deaf)
            if deaf and self.now() > end:
                self._record_waited(deaf, words[-1], exercises)
                raise Stuck(f"{deaf[0].name} heard nothing of what was said")

    @property
    def has_echo(self) -> bool:
        """Whether clients receive what they say themselves."""
        return self.dialect is None or self.dialect.echo

    @property
    def is_ended_by_quit(self) -> bool:
        """Whether the server ends the connection of who leaves by a word."""
        return self.dialect is None or self.dialect.quit.closes

    @property
    def knows_the_end(self) -> bool:
        """Whether the server lets go of who shuts its writing side."""
        return self.dialect is None or "half-close" not in self.dialect.absent

    def can_say(self, octets: int) -> bool:
        """Whether a line of so many octets with its LF is one in the dialect."""
        return self.dialect is None or not self.dialect.by_read or octets < self.dialect.read_size

    def check_said(self, text: str) -> None:
        """`Unplayable` where a text that is waited for could not be said in the dialect."""
        if self.dialect is not None and any(one.has_left_unsaid(text) for one in self._clients):
            raise Unplayable("dialect", f"{text!r} cannot be said")

    def check(self, *clients: Client) -> None:
        """`Stuck` where the server has ended one of these clients, of whom more is expected."""
        for client in clients:
            if client.ended:
                raise Stuck(f"{client.name} was disconnected")

    def wait(
        self,
        clients: Sequence[Client],
        condition: Callable[[], bool],
        what: str,
        exercises: Sequence[str] = (),
    ) -> None:
        """Let things happen until the condition holds.

        `Stuck`, and a line in the transcript, where nothing came to these clients for as long
        as patience lasts.
        """
        began = self.now()
        while not condition():
            # Who says a line a read is slow to say all, and need not hear anything meanwhile.
            if any(client.is_speaking for client in self._clients):
                began = self.now()
            for client in clients:
                client.see_what_is_taken()
            lively = (max(one.received_at, one.paced_at, one.taken_at) for one in clients)
            latest = max([began, *lively])
            heard = max([began, *(client.heard_at for client in clients)])
            latest = min(latest, heard + UNSAID * self.patience)
            left = latest + self.patience - self.now()
            if left <= 0:
                self.turn(0)
                if condition():
                    return
                self._record_waited(clients, what, exercises)
                raise Stuck(f"{what} did not come")
            self.turn(left)
            self._bound(clients)

    def _record_waited(
        self, clients: Sequence[Client], what: str, exercises: Sequence[str]
    ) -> None:
        for client in clients:
            self.record(Waited(self.now(), client.name, what, self.patience, tuple(exercises)))

    def is_flooded(self, client: Client) -> bool:
        """Whether a client has received more than could be owed to it by far."""
        return len(client.received) > self.most_owed + _SPARE

    def _bound(self, clients: Sequence[Client]) -> None:
        for client in clients:
            if self.is_flooded(client):
                what = "an end of what is sent unasked"
                self.record(Waited(self.now(), client.name, what, 0.0))
                raise Stuck(f"{client.name} received {len(client.received)} octets, and no end")

    def let(self, condition: Callable[[], bool], seconds: float) -> None:
        """Let things happen until the condition holds, but no longer than this; some may happen
        however long it takes to tell whether it does."""
        end = self.now() + seconds
        left = seconds
        while not condition() and left > 0:
            self.turn(min(left, _TURN))
            left = end - self.now()

    def turn(self, seconds: float) -> None:
        """Let happen what can happen now, waiting for it no longer than this, nor than a nap."""
        pauses: list[tuple[Client, float]] = []
        if self.dialect is not None and self.dialect.by_read:
            pauses = [(one, one.pause) for one in self._clients if one.pause is not None]
            seconds = min([seconds, *(pause for _, pause in pauses)])
        seconds = min([seconds, *(client.rest or seconds for client in self.slow_readers)])
        seconds = min(seconds, _NAP)
        ready = self._selector.select(seconds)
        now = self.now()
        away, self._looked = now - self._looked - seconds, now
        if away > AWAY:
            self.record(Away(now, round(away, 6)))
        for key, events in ready:
            key.data.on_ready(events)
        for client, _ in pauses:
            client.go_on()
        for client in tuple(self.slow_readers):
            client.read_on()

    def pass_time(self, seconds: float) -> None:
        """Let time pass. Only where a requirement is about time."""
        end = self.now() + seconds
        while (left := end - self.now()) > 0:
            self.turn(left)

    def watch(self, sock: socket.socket, events: int, client: Client) -> None:
        known = self._watched.get(sock, 0)
        if events == known:
            return
        if not events:
            self._selector.unregister(sock)
            del self._watched[sock]
        elif known:
            self._selector.modify(sock, events, client)
        else:
            self._selector.register(sock, events, client)
        if events:
            self._watched[sock] = events

    def open_clients(self) -> Iterator[Client]:
        """Every client whose connection has not ended."""
        return (client for client in self._clients if not client.ended)

    def play(self, scenario: Callable[[], object]) -> None:
        """Play a scenario to its end, or to where it is stuck."""
        try:
            scenario()
        except Stuck as stuck:
            self.interrupted = str(stuck)
        except Unplayable as unplayable:
            self.record(Skipped(self.now(), unplayable.reason, str(unplayable)))
            self.interrupted = str(unplayable)
        self.record(Finish(self.now(), self.interrupted))

    @contextmanager
    def aside(self) -> Iterator[list[Event]]:
        """What happens meanwhile does not enter the transcript, but this list."""
        happened: list[Event] = []
        played, self.transcript = self.transcript, happened
        try:
            yield happened
        finally:
            self.transcript = played

    def close(self) -> None:
        for client in self._clients:
            client.discard()
        self._selector.close()
