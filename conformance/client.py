"""One connection of a scenario's: what it sends in which segments, what comes, how it ends."""

import select
import selectors
import socket
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from conformance.transcript import (
    Aborted,
    Ended,
    HalfClosed,
    Received,
    Reset,
    Resumed,
    Sent,
    Stalled,
)

if TYPE_CHECKING:
    from conformance.stage import Stage

_READ: Final = 262_144
_LATELY: Final = 4_096
_BROADCAST: Final = 100
"""More octets than a broadcast has beside its text."""
_REPLACED: Final = 3
"""Octets of what an octet is replaced by at most (TXT-4)."""
_GONE: Final = (ConnectionError, TimeoutError)


class Stuck(Exception):
    """What the scenario waited for did not come; the transcript says so, the oracle judges."""


class Client:
    """One connection of a scenario's. Made by `Stage.connect` or `Stage.join`."""

    def __init__(self, stage: "Stage", name: str, sock: socket.socket, *, holds: bool) -> None:
        self.name = name
        self.received = bytearray()
        self.received_at = stage.now()
        self.ended = False
        self._holds = holds
        self._was_reset = False
        self._stage = stage
        self._sock = sock
        self._outgoing: deque[tuple[bytes, tuple[str, ...]]] = deque()
        self._unsent = b""
        self.stalled = False
        self._shut_wanted = False

    def send(self, *segments: bytes, exercises: Sequence[str] = ()) -> None:
        """Hand octets to the kernel, a call a segment; what it does not take now goes later."""
        self._outgoing.extend((segment, tuple(exercises)) for segment in segments)
        self._flush()

    def insist(self, text: str, exercises: Sequence[str] = ()) -> None:
        """Send a text even though the server has ended its side; the client must hold its own."""
        octets = text.encode() + b"\n"
        self._stage.record(Sent(self._stage.now(), self.name, octets, tuple(exercises)))
        with suppress(OSError):
            self._sock.send(octets, socket.MSG_NOSIGNAL)

    def say(self, text: str, exercises: Sequence[str] = ()) -> None:
        """Send a text as one line in one segment."""
        self.send(text.encode() + b"\n", exercises=exercises)

    def half_close(self) -> None:
        """Shut the writing side, after what is still to be sent."""
        self._shut_wanted = True
        self._flush()

    def reset(self) -> None:
        """Break the connection off with a reset."""
        if not self.ended:
            self._stage.record(Aborted(self._stage.now(), self.name))
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._over()

    def stall(self) -> None:
        """Stop reading."""
        self.stalled = True
        self._stage.record(Stalled(self._stage.now(), self.name))
        self._register()

    def resume(self) -> None:
        """Read again."""
        self.stalled = False
        self._stage.record(Resumed(self._stage.now(), self.name))
        self._register()

    def is_broken(self) -> bool:
        """Whether the server has broken the connection off, as can be told without reading."""
        poll = select.poll()
        poll.register(self._sock, 0)
        return self.ended or bool(poll.poll(0))

    @property
    def sending(self) -> bool:
        """Whether octets still wait for the kernel to take them."""
        return bool(self._outgoing or self._unsent) and not self.ended

    def has(self, text: str) -> bool:
        """Whether these characters have come."""
        return text.encode() in self.received

    def has_lately(self, text: str) -> bool:
        """Whether these characters are among the last that came."""
        return self.received.find(text.encode(), max(0, len(self.received) - _LATELY)) >= 0

    def await_text(self, text: str, exercises: Sequence[str] = (), since: int = 0) -> None:
        """Wait until these characters have come, `since` octets from the first or later;
        `Stuck` where they do not."""
        octets, start, found = text.encode(), since, False

        def has_come() -> bool:
            nonlocal start, found
            found = found or self.received.find(octets, start) >= 0
            start = max(since, len(self.received) - len(octets))
            return found or self.ended

        self._stage.wait([self], has_come, text, exercises)
        if not found:
            raise Stuck(f"{self.name} was disconnected before {text!r} came")

    def await_end(self, exercises: Sequence[str] = ()) -> None:
        """Wait until the server has ended the connection; `Stuck` where it does not."""
        self._stage.wait([self], lambda: self.ended, "the end of the connection", exercises)

    def _flush(self) -> None:
        while not self.ended and (self._unsent or self._outgoing):
            if not self._unsent:
                self._unsent, exercises = self._outgoing.popleft()
                if not self._unsent:
                    continue
                self._stage.most_owed += _BROADCAST * self._unsent.count(b"\n")
                self._stage.most_owed += _REPLACED * len(self._unsent)
                self._stage.record(Sent(self._stage.now(), self.name, self._unsent, exercises))
            try:
                taken = self._sock.send(self._unsent, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                break
            except _GONE as error:
                # What the server said before it broke off is still to be read. EPIPE tells of a
                # reset after the end of stream, ECONNRESET of one without, and tells it once.
                self._was_reset = self._was_reset or isinstance(error, ConnectionResetError)
                self._unsent = b""
                self._outgoing.clear()
                break
            self._unsent = self._unsent[taken:]
        if self._shut_wanted and not self.sending and not self.ended:
            self._shut_wanted = False
            try:
                self._sock.shutdown(socket.SHUT_WR)
            except OSError:
                return
            self._stage.record(HalfClosed(self._stage.now(), self.name))
        self._register()

    def _register(self) -> None:
        if self.ended:
            return
        events = (0 if self.stalled else selectors.EVENT_READ) | (
            selectors.EVENT_WRITE if self.sending else 0
        )
        self._stage.watch(self._sock, events, self)

    def on_ready(self, events: int) -> None:
        """Do what the selector says can be done."""
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ and not self.ended:
            self._read()

    def _read(self) -> None:
        now = self._stage.now
        try:
            octets = self._sock.recv(_READ)
        except BlockingIOError:
            return
        except _GONE:
            self._stage.record(Reset(now(), self.name))
            self._over()
            return
        if octets:
            self.received += octets
            self.received_at = now()
            self._stage.record(Received(self.received_at, self.name, octets))
        else:
            event = Reset if self._was_reset else Ended
            self._stage.record(event(now(), self.name))
            self._over()

    def _over(self) -> None:
        self.ended = True
        self._outgoing.clear()
        self._unsent = b""
        self._stage.watch(self._sock, 0, self)
        if not self._holds:
            self._sock.close()

    def discard(self) -> None:
        """Close without a word in the transcript: the scenario is over."""
        self._holds = False
        self._over()
