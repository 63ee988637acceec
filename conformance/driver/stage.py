"""Where scenarios play: one thread, one selector, many clients, and a transcript of it all.

A scenario asks clients to do things and waits by fences: since the room has one order, a
client's own nonce coming back proves that nothing else was to come before it.
"""

import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from conformance.dialect.forms import forms, label_of
from conformance.dialect.model import PLAIN, Dialect
from conformance.driver.client import Client
from conformance.driver.fences import Fences, Losses, check
from conformance.driver.interruption import (
    NO_DESCRIPTOR,
    OUT_OF_TIME,
    OutOfTime,
    Stuck,
    TooSlow,
    Unplayable,
    is_want_of_descriptors,
)
from conformance.driver.loop import Loop
from conformance.driver.pacing import Conversation
from conformance.driver.waiting import PROMPT, Waiter
from conformance.target.address import AS_USUAL, Address, SharedRoom, Side
from conformance.target.system import AF_UNIX, descriptors_for_clients
from conformance.timing.limit import UNLIMITED, TimeLimit
from conformance.timing.patience import Patience
from conformance.timing.policy import (
    APART,
    CONNECTING,
    CROWDED,
    DISTURBED,
    HEARING,
    HELD,
    LETTING_GO,
)
from conformance.transcript.events import (
    THE_END,
    Connected,
    Event,
    Finish,
    Refused,
    Skipped,
    Start,
    Waited,
)


class Stage:
    """The clients of one scenario, its clock, its random choices and its transcript.

    `random` is seeded by the run's seed and the scenario, so that a run can be repeated.
    `interrupted` says why a scenario did not reach its end; None if it did. `is_stuck` is true
    unless mere slowness interrupted it. `waits` says how long to wait for the server; without it,
    every wait is a full one. Every nonce begins with `nonce_stem`, which is new each time that a
    scenario is played.
    """

    def __init__(
        self,
        address: Address,
        start: Start,
        played: int = 0,
        limit: TimeLimit = UNLIMITED,
        waits: Patience | None = None,
    ) -> None:
        self.address = address
        self.random = random.Random(f"{start.seed} {start.scenario}")  # noqa: S311  # not secret
        self.labels: list[str] = []
        self.interrupted: str | None = None
        self.is_stuck = False
        stems = random.Random(f"{start.seed} {start.scenario} {played}")  # noqa: S311  # not secret
        self.nonce_stem = f"n{stems.getrandbits(24):06x}"
        self._loop = Loop(start, limit)
        self._conversation = Conversation(self._loop, start, self.nonce_stem, waits)
        self._clients: list[Client] = []
        self._observer: Client | None = None
        self._apart = 0.0
        self._waiter = Waiter(self._conversation, self._clients)
        self._fences = Fences(self._conversation, self._waiter)
        # What happens is the loop's to tell, and the waiter's; scenarios ask the stage.
        self.now, self.record = self._loop.now, self._loop.record
        self.turn, self.let, self.pass_time = self._loop.turn, self._loop.let, self._loop.pass_time
        self.wait = self._waiter.wait

    @property
    def start(self) -> Start:
        """The transcript's first event."""
        return self._conversation.start

    @start.setter
    def start(self, start: Start) -> None:
        self._conversation.start = self.transcript[0] = start

    @property
    def transcript(self) -> list[Event]:
        """What has happened so far."""
        return self._loop.transcript

    @property
    def vain_waits(self) -> list[Waited]:
        """What did not come within the full patience. Nothing is decided by what did not come
        within a shortened one."""
        waits = (event for event in self.transcript if isinstance(event, Waited))
        return [wait for wait in waits if wait.seconds and not wait.shortened]

    @property
    def was_disturbed(self) -> bool:
        """Whether the machine did not let the suite run for much of a wait that was in vain."""
        return any(
            sum(late for at, late in self._loop.overslept if wait.t - wait.seconds < at <= wait.t)
            > DISTURBED * wait.seconds
            for wait in self.vain_waits
        )

    @property
    def dialect(self) -> Dialect | None:
        """The server's dialect; None for the wire format."""
        return self._conversation.dialect

    @property
    def limit(self) -> TimeLimit:
        """The time limit of the run."""
        return self._loop.limit

    @property
    def patience(self) -> float:
        """Seconds without an octet after which what is awaited counts as lost."""
        return self._conversation.patience

    @property
    def patience_to_leave(self) -> float:
        """Seconds within which the server should close a leaver's connection; less if it never
        does."""
        return min(LETTING_GO, self._conversation.patience_for("end"))

    def nonce(self) -> str:
        """Return a word of letters and digits that nobody has said before."""
        return self._conversation.nonce()

    @property
    def last_nonce(self) -> str:
        """The last word of that kind."""
        return self._conversation.last_nonce

    @property
    def losses(self) -> Losses:
        """After how many lost words the scenario goes on."""
        return self._fences.losses

    @losses.setter
    def losses(self, losses: Losses) -> None:
        self._fences.losses = losses

    @property
    def nodes(self) -> int:
        """How many nodes the room is known to have."""
        return len(self.address.addresses) if isinstance(self.address, SharedRoom) else 1

    def connect(
        self,
        side: Side = AS_USUAL,
        *,
        holds: bool = False,
        node: int | None = None,
        introduces: bool = True,
    ) -> Client:
        """Connect a client, without waiting until it is a member.

        It knows that it is one when it reads its own message (`greet`). A client that `holds` keeps
        its side open after the server has ended the other. In a room with several nodes it connects
        to `node`, or to the next one. Where a server asks for a name, one that `introduces` itself
        gives one.
        """
        name = f"c{len(self._clients) + 1}"
        patience = self.patience + CONNECTING * self.start.factor
        patience = min(patience, self.limit.left_to_play + 0.01)
        self.pass_time(self._apart)
        began = self.now()
        try:
            if isinstance(self.address, SharedRoom):
                node = self.address.next_node() if node is None else node
                sock = self.address.connect(patience, side, node)
            else:
                sock = self.address.connect(patience, side)
        except OSError as error:
            if is_want_of_descriptors(error):
                raise Stuck(NO_DESCRIPTOR) from None
            if not self.limit.left_to_play:
                raise OutOfTime(OUT_OF_TIME) from None
            self.record(Refused(self.now(), name, str(error)))
            raise Stuck(f"{name} could not connect: {error}") from None
        if self.now() - began > CROWDED:
            self._apart = max(APART, 2 * self._apart)
        if self.start.exclusive and sock.fileno() >= descriptors_for_clients():
            sock.close()
            raise Stuck(NO_DESCRIPTOR)
        sock.setblocking(False)
        if sock.family != AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        called = f"u{self.nonce_stem[1:]}{name}"
        label = self._label(sock, called)
        self.record(Connected(self.now(), name, label, node))
        if label is not None:
            self.labels.append(label)
        shown = label if self.start.addresses == "same" else None
        client = Client(self._conversation, name, shown, sock, holds=holds)
        self._clients.append(client)
        if introduces and self.dialect is not None and self.dialect.asks_name:
            prompt = forms(self.dialect).prompt
            if prompt is not None:
                self.wait([client], lambda: bool(prompt.search(client.received)), PROMPT)
            client.introduce(called)
        return client

    def _label(self, sock: socket.socket, called: str) -> str | None:
        if sock.family == AF_UNIX:
            return None
        host, port = sock.getsockname()[:2]
        return label_of(self.dialect or PLAIN, host, port, called)

    def join(self, count: int, exercises: Sequence[str] = ()) -> list[Client]:
        """Connect this many clients one after the other; each is a member before the next comes."""
        clients = []
        for _ in range(count):
            client = self.connect()
            self.greet(client, exercises)
            clients.append(client)
        return clients

    def greet(self, client: Client, exercises: Sequence[str] = ()) -> None:
        """Let a client say a word, and wait for its echo. Then it is a member (ROOM-1), and the
        server has had time for what others sent before."""
        if not self.has_echo:
            self._fences.let_hear(client, self.observer(client), exercises)
            return
        self._fences.say_and_await([client], exercises)

    def observer(self, asking: Client) -> Client:
        """Return a client that hears the others and is heard by them, for servers without echo."""
        if self._observer is None or self._observer.ended:
            # Some servers lose one of two clients that come together, and nothing shows yet that
            # the one that asks is a member.
            self.pass_time(HEARING)
            self._observer = self.connect()
            if not asking.ended:
                self._fences.let_hear(asking, self._observer)
        return self._observer

    def fence(self, *clients: Client, exercises: Sequence[str] = ()) -> None:
        """Let each client say a word, and wait until each has read the words of all.

        Without echo, wait until the observer has read them, and each has then read the observer's.
        """
        if not self.has_echo:
            if clients:
                self._fences.fence_by(self.observer(clients[0]), clients, exercises)
            return
        self._fences.fence(clients, exercises)

    def be_heard(
        self, speaker: Client, listeners: Sequence[Client], exercises: Sequence[str] = ()
    ) -> None:
        """Let a client say words until each listener has heard it: then each is a member, even if
        it is silent (ROOM-1). `Stuck` if no further listener hears it within the patience."""
        deaf = list(listeners)
        began = end = -1.0
        since = {client: len(client.received) for client in deaf}
        words: list[str] = []

        def unreached() -> list[Client]:
            return [client for client in deaf if not client.has_any(words, since[client])]

        while deaf:
            self.greet(speaker, exercises)
            words.append(self.last_nonce)
            self.let(lambda: not unreached(), HEARING)
            before, deaf = len(deaf), unreached()
            if end < 0 or len(deaf) < before:
                began = self.now()
                end = began + self._conversation.patience_for("text")
            self.check(*deaf)
            if deaf and self.now() > end:
                self._waiter.record_vain(deaf, words[-1], exercises, silence=self.now() - began)
                raise Stuck(f"{deaf[0].name} heard nothing of what was said")

    @property
    def has_echo(self) -> bool:
        """Whether clients receive their own messages."""
        return self._conversation.has_echo

    @property
    def knows_the_end(self) -> bool:
        """Whether the server closes the connection of a client that shuts its writing side."""
        return self.dialect is None or "half-close" not in self.dialect.absent

    def can_say(self, octets: int) -> bool:
        """Whether so many octets, an LF included, are one line in the dialect."""
        return self.dialect is None or not self.dialect.by_read or octets < self.dialect.read_size

    def check(self, *clients: Client) -> None:
        """Raise `Stuck` if the server has ended one of these clients, which are still needed."""
        check(*clients)

    def has(self, client: Client, text: str) -> bool:
        """Whether these characters have come to this client, or to who hears what it said."""
        return self._hearer(client, text).has_received(text)

    def _hearer(self, client: Client, text: str) -> Client:
        """Return who receives what a client said: the client itself, or without echo the
        observer."""
        return self.observer(client) if client.has_said_lately(text) else client

    def await_text(
        self, client: Client, text: str, exercises: Sequence[str] = (), since: int = 0
    ) -> None:
        """Wait until these characters have come, and an LF after them if one ends a message.

        Octets before `since` are not searched. `Stuck` if the characters do not come, `Unplayable`
        if they cannot be said in the dialect.
        """
        hearer = self._hearer(client, text)
        if hearer is not client:
            self.await_text(hearer, text, exercises)
            return
        self._waiter.wait_for_text(client, text, exercises, since)

    def await_end(self, client: Client, exercises: Sequence[str] = ()) -> None:
        """Wait until the server has ended a connection; `Stuck` if it does not. Where servers of
        this dialect do not end a connection at its half-close, that is not waited for."""
        if client.should_have_left:
            raise Unplayable("dialect", f"what {client.name} is to be ended for cannot be said")
        if client.has_shut and not self.knows_the_end:
            self.let(lambda: client.ended, HELD)
            return
        self.wait([client], lambda: client.ended, THE_END, exercises)

    def is_flooded(self, client: Client) -> bool:
        """Whether a client has received far more than is owed to it."""
        return self._conversation.floods(client)

    def open_clients(self) -> Iterator[Client]:
        """Return every client whose connection has not ended."""
        return (client for client in self._clients if not client.ended)

    def play(self, scenario: Callable[[], object]) -> None:
        """Play a scenario until it ends or is stuck, and record its finish."""
        try:
            scenario()
        except Stuck as stuck:
            self.interrupted = str(stuck)
            self.is_stuck = not isinstance(stuck, TooSlow)
        except Unplayable as unplayable:
            self.record(Skipped(self.now(), unplayable.reason, str(unplayable)))
            self.interrupted = str(unplayable)
            self.is_stuck = True
        self.record(Finish(self.now(), self.interrupted))

    def aside(self) -> AbstractContextManager[list[Event]]:
        """Record what happens during the block in the list that this yields, not in the
        transcript."""
        return self._loop.aside()

    def close(self) -> None:
        for client in self._clients:
            client.discard()
        self._loop.close()
