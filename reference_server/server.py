"""ChatServer: an accept thread a listener, one receive thread, one distribute thread.

Accept threads take connections. The receive thread reads whoever has said something, puts it into
the room, and delivers it where nobody else does (`receiver`). The distribute thread does all the
rest: it delivers on, sees leavers out, closes, and keeps the time (`distributor`).

What threads share, and what protects it:
- the room's lock: everything in `locked_room`, and that is nearly all there is to share;
- `_starts_and_stops`: that a server starts once and stops once; threads of its own never take it;
- `_admissions`: the numbers given to members on Unix-domain sockets, where several accept threads
  meet.
No thread takes two of them at once, and none but `_starts_and_stops` is held over a system call.
What is not in this list is set before the threads start, or belongs to one of them.

So nothing here relies on the interpreter's own lock (the GIL), and without it the same holds. Two
things are relied on instead, which CPython promises with and without: a `memoryview` of a segment
of the log is read, by a send, while other octets of that segment are written; and a socket may be
shut down by one thread while another waits for it in a selector. What the GIL does cost: only one
thread computes at a time, and after each system call a thread waits until it is let go on. That is
why one thread reads all members: a thread for each is woken, and waits, for each read.
"""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from itertools import count
from types import TracebackType
from typing import Final, Self

from chatproto import Charset, Limits, State, ip_sender, unix_sender
from chatproto.address import parse
from reference_server.addresses import Listener, open_listeners
from reference_server.distributor import Distributor, keep_alive
from reference_server.locked_room import LockedRoom, Totals
from reference_server.receiver import Receiver
from reference_server.waker import Waker

ACCEPT_PAUSE: Final = 0.1
"""Seconds to wait after accept has failed, as it does while no descriptor is free."""
ACCEPT_THE_LAST: Final = 0.2
"""Seconds to take who had connected before the stop; where more keep coming it must end."""
UNSENT: Final = 262_144
"""Octets unsent in a socket from which on it takes no more: what waits is to wait in the log,
where it is shared, not in the kernel, where each member has a copy."""

log = logging.getLogger("reference_server")


class ChatServer:
    """A chatproto/1 server: `start` it, `stop` it, once; or use it as a context manager.

    `listen` has addresses as `tcp://127.0.0.1:9999`, `tcp://[::1]:9999` and `unix:/path`; port 0
    picks one. `heartbeat` is in seconds, None or 0 for none (HB-2). `time_zone` is that of the
    headers (MSG-4). Members' texts are logged only where `log_text` says so.
    """

    def __init__(
        self,
        listen: Iterable[str] = ("tcp://127.0.0.1:9999",),
        *,
        limits: Limits = Limits(),
        charset: Charset = "utf-8",
        heartbeat: float | None = 30.0,
        time_zone: tzinfo = UTC,
        log_text: bool = False,
    ) -> None:
        self._listen = list(listen)
        for address in self._listen:
            parse(address)
        self._log_text = log_text
        self._room = LockedRoom(
            limits,
            charset,
            heartbeat,
            time_zone,
            lambda: self._has_work.wake(),
            lambda: self._has_reads.wake(),
        )
        self._listeners: list[Listener] = []
        self._acceptors: list[threading.Thread] = []
        self._unix_numbers = count(1)
        self._starts_and_stops = threading.Lock()
        self._admissions = threading.Lock()
        self._was_started = self._was_stopped = False

    @property
    def addresses(self) -> list[str]:
        """Where it listens, with the ports that were picked; empty before `start`."""
        return [listener.address for listener in self._listeners]

    def members(self) -> list[tuple[str, State, int]]:
        """Every connection's sender, state and backlog."""
        return self._room.members()

    def totals(self) -> Totals:
        return self._room.totals()

    def start(self) -> None:
        """Listen on every address and serve; `AddressError` where one cannot be had (STOP-3)."""
        with self._starts_and_stops:
            if self._was_started:
                raise RuntimeError("a server is started once; make another")
            with contextlib.ExitStack() as undo:
                self._stopping, self._has_work, self._has_reads = Waker(), Waker(), Waker()
                for waker in self._stopping, self._has_work, self._has_reads:
                    undo.callback(waker.close)
                distributor = Distributor(self._room, self._has_work)
                undo.callback(distributor.close)
                receiver = Receiver(self._room, distributor, self._has_reads, self._log_text)
                undo.callback(receiver.close)
                self._listeners = open_listeners(self._listen)
                self._close = undo.pop_all().close
            self._was_started = True
            self._receive = _start(receiver.run, "receive")
            self._distribute = _start(distributor.run, "distribute")
            self._acceptors = [
                _start(self._accept, f"accept {listener.address}", listener)
                for listener in self._listeners
            ]
        for address in self.addresses:
            log.info("listening on %s", address)

    def stop(self) -> None:
        """Accept no more lines, deliver what members still read, close orderly (STOP-1).

        Takes at most 3 s, after which no thread and no descriptor is left.
        """
        with self._starts_and_stops:
            if not self._was_started or self._was_stopped:
                return
            self._was_stopped = True
            self._stopping.wake()
            for thread in self._acceptors:
                thread.join()
            self._room.stop()
            self._distribute.join()
            self._has_reads.wake()
            self._receive.join()
            self._close()
        totals = self.totals()
        log.info(
            "stopped: %d members served, %d broadcasts, %d octets",
            totals.members,
            totals.broadcasts,
            totals.octets,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _accept(self, listener: Listener) -> None:
        """An accept thread: takes connections, and whatever accept says goes on until `stop`."""
        # poll needs no descriptor of its own, so that it works where none is free.
        with selectors.PollSelector() as waiting, selectors.PollSelector() as pausing:
            waiting.register(listener.socket, selectors.EVENT_READ)
            for selector in waiting, pausing:
                selector.register(self._stopping, selectors.EVENT_READ)
            last_told = 0.0
            while not pausing.select(0):
                try:
                    self._admit(*listener.socket.accept())
                except BlockingIOError:
                    waiting.select()
                except OSError as error:
                    if time.monotonic() >= last_told + 1:
                        last_told = time.monotonic()
                        log.warning("cannot accept on %s: %s", listener.address, error.strerror)
                    pausing.select(ACCEPT_PAUSE)
            self._accept_the_last(listener)
        listener.close()

    def _accept_the_last(self, listener: Listener) -> None:
        """Take who had connected before the stop, so that they see an orderly end (STOP-1)."""
        until = time.monotonic() + ACCEPT_THE_LAST
        with contextlib.suppress(OSError):
            while time.monotonic() < until:
                self._admit(*listener.socket.accept())

    def _admit(self, peer: socket.socket, address: object) -> None:
        try:
            sender = self._prepare(peer, address)
        except OSError as error:
            log.info("a connection was lost before it was a member: %s", error.strerror)
            peer.close()
            return
        connection = self._room.join(peer, sender)
        log.info("%s %s", sender, "refused: room-full" if connection.is_refused else "joined")

    def _prepare(self, peer: socket.socket, address: object) -> str:
        """Set the socket's options; give back its SENDER (MSG-2)."""
        peer.setblocking(False)
        keep_alive(peer)  # HB-2, where heartbeats are off
        match address:
            case (str(host), int(port), *_):
                # Broadcasts are gathered in the log already; Nagle would only delay the last.
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
                return ip_sender(host, port)
            case _:
                with self._admissions:
                    return unix_sender(next(self._unix_numbers))


def _start(run: Callable[..., None], name: str, *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=run, name=name, args=arguments, daemon=True)
    thread.start()
    return thread
