"""Members of a real cluster, all driven by one thread: they talk at a steady rate and note it all.

What they saw is judged by the checker of the simulated clusters (`tests.cluster.history`). What
they waited is a figure: the longest silence.
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from chatproto.address import Tcp, parse
from tests.cluster.history import End, History, check

READ: Final = 1 << 18


class Talker:
    """One member: its socket, its history, and when it last heard anything."""

    def __init__(self, number: int, sock: socket.socket, step: int) -> None:
        self.number = number
        self.socket = sock
        self.history = History(_sender(sock), step)
        self.words = 0
        self.last_heard = time.monotonic()
        self.silences: list[tuple[float, float]] = []

    @property
    def is_open(self) -> bool:
        return self.history.end is None


class Crowd:
    """Talkers at several nodes of one room."""

    def __init__(self, addresses: Iterable[str], each: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._step = 0
        self.talkers: list[Talker] = []
        for address in addresses:
            for _ in range(each):
                self.join(address)

    def join(self, address: str) -> Talker:
        """Let one more member join at a node.

        A system may connect to two nodes from the same port, and then two members of the room would
        have one SENDER.
        """
        taken = {talker.history.sender for talker in self.talkers}
        spare = [_connect(address)]
        while _sender(spare[-1]) in taken:
            spare.append(_connect(address))
        sock = spare.pop()
        for other in spare:
            other.close()
        self._step += 1
        talker = Talker(len(self.talkers), sock, self._step)
        self.talkers.append(talker)
        self._selector.register(talker.socket, selectors.EVENT_READ, talker)
        return talker

    def talk(
        self,
        seconds: float,
        pause: float,
        events: Iterable[tuple[float, Callable[[], None]]] = (),
    ) -> None:
        """Say a line every `pause` seconds, by each talker in turn; call each event at its time."""
        began = time.monotonic()
        due = sorted(events, key=lambda event: event[0])
        next_line, turn = began, 0
        for talker in self.talkers:
            talker.last_heard = began
        while (now := time.monotonic()) < began + seconds:
            while due and now >= began + due[0][0]:
                due.pop(0)[1]()
            if now >= next_line:
                next_line += pause
                turn += 1
                self.say(self.talkers[turn % len(self.talkers)])
            self._look(max(0.0, min(next_line, began + seconds) - time.monotonic()))

    def say(self, talker: Talker) -> None:
        """Let a talker say its next words."""
        if not talker.is_open:
            return
        self._step += 1
        talker.words += 1
        text = f"{talker.number}.{talker.words}"
        talker.history.sent.append((self._step, text))
        try:
            talker.socket.sendall(text.encode() + b"\n")
        except OSError:
            self._end(talker, End.KILLED)

    def finish(self, within: float) -> None:
        """Let everyone say a last word; return when all have received all of them, then judge."""
        for talker in self.talkers:
            self.say(talker)
        deadline = time.monotonic() + within
        while missing := self._missing():
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {within:g} s not all is heard: {missing[:5]}")
            self._look(0.1)
        check([talker.history for talker in self.talkers])

    def longest_silence(self) -> float:
        """Return the most seconds for which a talker that stayed heard nothing, though others
        talked."""
        return max(gap for talker in self.talkers if talker.is_open for gap, _ in talker.silences)

    def _missing(self) -> list[tuple[str, str]]:
        said = [(talker.history.sender, talker.history.sent[-1][1]) for talker in self._open()]
        missing: list[tuple[str, str]] = []
        for talker in self._open():
            heard = {(who, text) for _, who, text in talker.history.received}
            missing += [(talker.history.sender, each[1]) for each in said if each not in heard]
        return missing

    def _open(self) -> list[Talker]:
        return [talker for talker in self.talkers if talker.is_open]

    def _look(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            talker: Talker = key.data
            self._step += 1
            try:
                octets = talker.socket.recv(READ)
            except OSError:
                self._end(talker, End.KILLED)
                continue
            if not octets:
                # Nobody here leaves: if there is no notice, the node has died.
                self._end(talker, End.ORDERLY if talker.history.notices else End.KILLED)
                continue
            now = time.monotonic()
            talker.silences.append((now - talker.last_heard, now))
            talker.last_heard = now
            talker.history.take(self._step, octets)

    def _end(self, talker: Talker, end: End) -> None:
        talker.history.end = end
        self._selector.unregister(talker.socket)
        talker.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for talker in self.talkers:
            with suppress(OSError):
                talker.socket.close()
        self._selector.close()


def _connect(address: str) -> socket.socket:
    where = parse(address)
    assert isinstance(where, Tcp)
    sock = socket.create_connection((where.host, where.port), timeout=20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _sender(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"{host}:{port}"
