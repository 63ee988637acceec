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
from contextlib import ExitStack
from typing import Final, Literal

from chatproto import ip_sender
from conformance.address import Address
from conformance.client import Client, Stuck
from conformance.transcript import (
    Connected,
    Event,
    Finish,
    Refused,
    Settled,
    Skipped,
    Start,
    Waited,
)

PATIENCE: Final = 3.0
"""Seconds without an octet after which what is awaited counts as lost; times the factor."""


_SOUND: Final = 1.0
_LONGEST: Final = 4
"""Times the patience that something else may come before what is awaited."""
_TURN: Final = 0.02
_HEARING: Final = 0.1
_SPARE: Final = 1_048_576
"""Octets that a client may receive besides what can be owed to it: of heartbeats and notices."""

Reason = Literal["not-selected", "needs-launch", "needs-capacity", "room-full", "sanity"]
"""Why a scenario was not played."""


class Unplayable(Exception):
    """The scenario cannot be played against this target."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Stage:
    """The clients of one scenario, the time, the chance and the transcript.
    `random` is seeded by the run's seed and the scenario, so that a run can be repeated.
    `interrupted` says where a scenario came to no end of its own. `most_owed` are more octets
    than the broadcasts of all that was sent can have. Every nonce begins with
    `nonce_stem`.
    """

    def __init__(self, address: Address, start: Start) -> None:
        self.address = address
        self.start = start
        self.random = random.Random(f"{start.seed} {start.scenario}")  # noqa: S311  # not secret
        self.transcript: list[Event] = [start]
        self.labels: list[str] = []
        self.interrupted: str | None = None
        self.most_owed = 0
        self._epoch = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._watched: dict[socket.socket, int] = {}
        self._clients: list[Client] = []
        self.nonce_stem = f"n{self.random.getrandbits(24):06x}"
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

    def connect(self, receive_buffer: int | None = None, *, holds: bool = False) -> Client:
        """Connect, and no more: a client knows it is a member when it reads its own message.

        `receive_buffer` bounds what the client's kernel takes while it does not read. A client
        that `holds` keeps its side open after the server has ended the other.
        """
        name = f"c{len(self._clients) + 1}"
        try:
            sock = self.address.connect(self.patience, receive_buffer)
        except OSError as error:
            self.record(Refused(self.now(), name, str(error)))
            raise Stuck(f"{name} could not connect: {error}") from None
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        label = _label(sock)
        self.record(Connected(self.now(), name, label))
        if label is not None:
            self.labels.append(label)
        client = Client(self, name, sock, holds=holds)
        self._clients.append(client)
        client._register()
        return client

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
        word, since = self.nonce(), len(client.received)
        client.say(word, exercises)
        client.await_text(word, exercises, since)

    def fence(self, *clients: Client, exercises: Sequence[str] = ()) -> None:
        """Let each client say a word, and wait until each has read the words of all."""
        words = [self.nonce() for _ in clients]
        since = {client: len(client.received) for client in clients}
        for client, word in zip(clients, words, strict=True):
            client.say(word, exercises)
        for client in clients:
            for word in words:
                client.await_text(word, exercises, since[client])
        self.record(Settled(self.now(), tuple(client.name for client in clients)))

    def be_heard(
        self, speaker: Client, listeners: Sequence[Client], exercises: Sequence[str] = ()
    ) -> None:
        """Let a client speak until each of these has heard it: then each is a member, silent as
        it may be (ROOM-1). `Stuck` where one hears nothing for as long as patience lasts."""
        deaf, end = list(listeners), self.now() + self.patience
        while deaf:
            self.greet(speaker, exercises)
            word = self.last_nonce
            self.let(lambda: all(client.has(word) for client in deaf), _HEARING)  # noqa: B023  # called in this turn
            deaf = [client for client in deaf if not client.has(word)]
            self.check(*deaf)
            if deaf and self.now() > end:
                for client in deaf:
                    self.record(
                        Waited(self.now(), client.name, word, self.patience, tuple(exercises))
                    )
                raise Stuck(f"{deaf[0].name} heard nothing of what was said")

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
            latest = max([began, *(client.received_at for client in clients)])
            latest = min(latest, began + _LONGEST * self.patience)
            left = latest + self.patience - self.now()
            if left <= 0:
                for client in clients:
                    self.record(
                        Waited(self.now(), client.name, what, self.patience, tuple(exercises))
                    )
                raise Stuck(f"{what} did not come")
            self.turn(left)
            self._bound(clients)

    def _bound(self, clients: Sequence[Client]) -> None:
        """`Stuck` where a client has received more than could be owed to it by far."""
        most = self.most_owed + _SPARE
        for client in clients:
            if len(client.received) > most:
                what = "an end of what is sent unasked"
                self.record(Waited(self.now(), client.name, what, 0.0))
                raise Stuck(f"{client.name} received {len(client.received)} octets, and no end")

    def let(self, condition: Callable[[], bool], seconds: float) -> None:
        """Let things happen until the condition holds, but no longer than this."""
        end = self.now() + seconds
        while not condition() and (left := end - self.now()) > 0:
            self.turn(min(left, _TURN))

    def turn(self, seconds: float) -> None:
        """Let happen what can happen now, waiting for it no longer than this."""
        for key, events in self._selector.select(seconds):
            key.data.on_ready(events)

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

    def clear(self) -> None:
        """Let every client leave, and wait for the server to say so, as long as it does.

        Then nothing of this scenario is left to come to the clients of the next.
        """
        for client in self._clients:
            client.half_close()
        self.let(lambda: not any(self.open_clients()), min(1.0, self.patience))

    def is_sound(self) -> bool:
        """Whether two newcomers can still chat, and two more when these have gone."""
        if any(isinstance(event, Waited | Refused) for event in self.transcript):
            return False
        try:
            self._chat(in_order=False)
            self._chat(in_order=True)
        except OSError:
            return False
        return True

    def _chat(self, *, in_order: bool) -> None:
        """Let two newcomers say a word each, and then one to the other, and go, in order or not;
        `OSError` where one is not heard, or not let go."""
        seconds = _SOUND * self.start.factor
        end = time.monotonic() + seconds
        with ExitStack() as sockets:
            pair = [sockets.enter_context(self.address.connect(seconds)) for _ in range(2)]
            self.labels += [label for sock in pair if (label := _label(sock)) is not None]
            for sock in pair:
                word = self.nonce().encode()
                sock.sendall(word + b"\n")
                _read_until(sock, word, end)
            for sock, other in (pair, reversed(pair)):
                word = self.nonce().encode()
                sock.sendall(word + b"\n")
                _read_until(other, word, end)
            if in_order:
                for sock in pair:
                    sock.shutdown(socket.SHUT_WR)
                for sock in pair:
                    _read_until(sock, None, end)

    def close(self) -> None:
        for client in self._clients:
            client.discard()
        self._selector.close()


def _label(sock: socket.socket) -> str | None:
    if sock.family == socket.AF_UNIX:
        return None
    host, port = sock.getsockname()[:2]
    return ip_sender(host, port)


def _read_until(sock: socket.socket, word: bytes | None, end: float) -> None:
    """Read until a word has come, or the end of the stream; `OSError` where it does not."""
    came = b""
    while word is None or word not in came:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("other octets came, and no end of them")
        sock.settimeout(left)
        octets = sock.recv(65_536)
        if not octets and word is None:
            return
        if not octets:
            raise ConnectionError("the server ended the connection")
        came = came[-len(word) :] + octets if word else b""
