"""Sockets, selectors, threads and locks in memory: what the server's modules take for the real.

A connection holds few octets in each direction, so that everything comes in pieces and every
socket is full now and then. What would go wrong unseen for real is an `Unsound` here: a call under
the room's lock, a socket closed while another thread reads it, or used after that.
"""

import errno
import os
import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.schedules.scheduler import Scheduler

CAPACITY: Final = 300
"""Octets on their way in one direction."""


class Unsound(Exception):
    """An act of the server that is never allowed."""


@dataclass
class Wire:
    """One direction of a connection."""

    octets: bytearray = field(default_factory=bytearray)
    is_ended: bool = False

    @property
    def has_news(self) -> bool:
        return bool(self.octets) or self.is_ended

    @property
    def room(self) -> int:
        return CAPACITY - len(self.octets)

    def take(self, octets: int) -> bytes:
        taken = bytes(self.octets[:octets])
        del self.octets[:octets]
        return taken


class System:
    """The server's operating system; one for each schedule."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.locks: list[SimulatedLock] = []
        self.open: set[object] = set()

    def call(self, what: str) -> None:
        """A system call: other tasks may run in between, and the lock must not be held."""
        if any(lock.holder is self.scheduler.current for lock in self.locks if lock.holder):
            raise Unsound(f"{what} under the lock")
        self.scheduler.pause(what)

    def watches(self, what: object) -> bool:
        """Whether a selector has it registered."""
        return any(isinstance(each, SimulatedSelector) and each.has(what) for each in self.open)


class SimulatedSocket:
    """The server's end of a connection."""

    def __init__(self, system: System, name: str) -> None:
        self._system = system
        self.name = name
        self.incoming = Wire()
        self.outgoing = Wire()
        self.error: int | None = None
        self.is_reset = False
        self.is_closed = False
        self.is_refused = False
        self.readers = self.senders = 0
        self._resets = False
        self._is_deaf = False

    def setblocking(self, blocks: bool) -> None:
        assert not blocks

    def setsockopt(self, _level: int, option: int, _value: object) -> None:
        self._check("setsockopt")
        self._resets |= option == socket.SO_LINGER

    def recv(self, octets: int) -> bytes:
        self.readers += 1
        self._check("recv")
        self.readers -= 1
        if self.incoming.octets:
            return self.incoming.take(self._system.scheduler.random.randint(1, octets))
        self._raise_error()
        if not self.is_readable:
            raise BlockingIOError
        return b""

    def send(self, octets: memoryview) -> int:
        self.senders += 1
        self._check("send")
        if self.senders > 1:
            raise Unsound(f"{self.name} sent to by two threads at once")
        self.senders -= 1
        self._raise_error()
        if self.outgoing.is_ended:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        if not self.is_writable:
            raise BlockingIOError
        taken = octets[: self.outgoing.room]
        self.outgoing.octets += taken
        return len(taken)

    def shutdown(self, how: int) -> None:
        self._check(f"shutdown {how}")
        if self.error is not None or self.is_reset:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        if how == socket.SHUT_WR:
            self.outgoing.is_ended = True
        else:
            self._is_deaf = True

    def close(self) -> None:
        if self.is_closed:
            return
        self._check("close")
        if self.readers or self.senders or self._system.watches(self):
            raise Unsound(f"{self.name} closed while a thread uses it")
        self.is_closed = True
        self._system.open.discard(self)
        if self._resets or self.incoming.octets:
            # What was on its way may be lost with the connection.
            del self.outgoing.octets[self._system.scheduler.random.randint(0, CAPACITY) :]
            self.is_reset = True
        self.outgoing.is_ended = True

    def count_unacknowledged(self) -> int:
        """Return what the client has not read: it has acknowledged all that it has."""
        self._check("ioctl")
        return len(self.outgoing.octets)

    def lose(self, number: int) -> None:
        """End the connection for the peer: by a reset, or in silence until the system gives it
        up."""
        self.error = number
        self.is_reset = True

    @property
    def is_readable(self) -> bool:
        return self.incoming.has_news or self.error is not None or self._is_deaf

    @property
    def is_writable(self) -> bool:
        return self.outgoing.room > 0 or self.error is not None or self.outgoing.is_ended

    def _check(self, what: str) -> None:
        if self.is_closed:
            raise Unsound(f"{self.name} {what} after it was closed")
        self._system.call(f"{self.name} {what}")

    def _raise_error(self) -> None:
        """Raise an error once, as sockets do."""
        if self.error is not None:
            number, self.error = self.error, None
            self.incoming.is_ended = self.outgoing.is_ended = True
            raise OSError(number, os.strerror(number))


class SimulatedListener:
    """A listening socket. `pending` holds the connections that are not accepted yet."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.pending: list[tuple[SimulatedSocket, tuple[str, int]]] = []
        self.is_closed = False
        system.open.add(self)

    def accept(self) -> tuple[SimulatedSocket, tuple[str, int]]:
        self._system.call("accept")
        if not self.pending:
            raise BlockingIOError
        if self._system.scheduler.random.random() < 0.05:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        accepted = self.pending.pop(0)
        self._system.open.add(accepted[0])
        return accepted

    def close(self) -> None:
        if self.is_closed:
            return
        self._system.call("close the listener")
        self.is_closed = True
        self._system.open.discard(self)
        for refused, _ in self.pending:
            refused.is_reset = refused.is_refused = True

    @property
    def is_readable(self) -> bool:
        return bool(self.pending)


class SimulatedWaker:
    """The object that wakes a thread that waits in a selector."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.is_readable = False

    def wake(self) -> None:
        self._system.call("wake")
        self.is_readable = True

    def drain(self) -> None:
        self._system.call("drain")
        self.is_readable = False

    def close(self) -> None: ...


class SimulatedSelector:
    """Wait until a registered object is readable or writable, as asked."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._keys: dict[Any, selectors.SelectorKey] = {}
        system.open.add(self)

    def register(self, what: Any, events: int, data: Any = None) -> None:
        if what in self._keys:
            raise Unsound("registered twice")
        self._keys[what] = selectors.SelectorKey(what, 0, events, data)

    def unregister(self, what: Any) -> None:
        del self._keys[what]

    def has(self, what: object) -> bool:
        return what in self._keys

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._system.call("select")
        self._system.scheduler.wait("select", lambda: bool(self._ready()), timeout)
        return [(key, key.events) for key in self._ready()]

    def _ready(self) -> list[selectors.SelectorKey]:
        return [
            key
            for key in self._keys.values()
            if (key.fileobj.is_writable if key.events & 2 else key.fileobj.is_readable)  # type: ignore[union-attr]
        ]

    def close(self) -> None:
        self._system.open.discard(self)

    def __enter__(self) -> "SimulatedSelector":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SimulatedLock:
    """A lock; any thread that waits may be the next to hold it. It knows its holder."""

    def __init__(self, system: System, *, is_the_rooms: bool) -> None:
        self.scheduler = system.scheduler
        self.holder: object = None
        if is_the_rooms:
            system.locks.append(self)

    def __enter__(self) -> None:
        self.scheduler.wait("the lock", lambda: self.holder is None)
        self.holder = self.scheduler.current

    def __exit__(self, *_: object) -> None:
        self.holder = None


class SimulatedCondition:
    """A condition of a lock; it wakes waiting threads, and never without cause."""

    def __init__(self, lock: SimulatedLock) -> None:
        self._lock = lock
        self._times = 0

    def wait(self) -> None:
        times, self._lock.holder = self._times, None
        scheduler = self._lock.scheduler
        scheduler.wait("the condition", lambda: self._times > times and self._lock.holder is None)
        self._lock.holder = scheduler.current

    def notify_all(self) -> None:
        self._times += 1


class SimulatedThread:
    """A thread of the server: a task of the scheduler."""

    def __init__(
        self,
        system: System,
        target: Callable[..., None],
        name: str,
        args: tuple[object, ...],
        daemon: bool,
    ) -> None:
        assert daemon
        self._system = system
        self._name = name
        self._run = lambda: target(*args)

    def start(self) -> None:
        self._system.call(f"start {self._name}")
        self._task = self._system.scheduler.spawn(self._name, self._run)

    def join(self) -> None:
        self._system.call(f"join {self._name}")
        self._system.scheduler.wait(f"the end of {self._name}", lambda: self._task.is_over)
