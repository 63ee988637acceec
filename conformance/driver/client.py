"""One client of a scenario: what it sends in which segments, what it receives, how it ends."""

import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from conformance.dialect.forms import as_received
from conformance.dialect.speech import Speech, Utterance
from conformance.driver.interruption import Unplayable
from conformance.driver.pacing import Conversation, Pacer
from conformance.target.address import Source
from conformance.target.system import (
    AF_UNIX,
    MSG_NOSIGNAL,
    be_deaf,
    in_transit,
    is_broken,
    unread,
    unsent,
)
from conformance.transcript.events import (
    Aborted,
    Ended,
    HalfClosed,
    Received,
    Reset,
    Resumed,
    Sent,
    Stalled,
    Vanished,
)

_READ: Final = 262_144
_SIP: Final = 8_192
_REST: Final = 0.0005
"""Octets that a slow reader takes at a time, and seconds between two reads."""
_ON_ITS_WAY: Final = 0.3
"""Seconds within which an end of stream reaches the server's system."""
_LAST_RECEIVED: Final = 4_096
_LAST_SAID: Final = 262_144
"""How many of the latest octets are searched for something recent."""
_BROADCAST: Final = 100
"""An upper bound for the octets of a broadcast beside its text."""
_REPLACED: Final = 3
"""Octets that one octet may be replaced by (TXT-4)."""
_GONE: Final = (ConnectionError, TimeoutError)


class Client:
    """One client of a scenario. Made by `Stage.connect` or `Stage.join`.

    `label` is its name in headers, if it is known. `received_at` is when anything came last,
    `heard_at` when a client's words came last, and `taken_at` when the server was last seen to make
    room for what waited to be sent. `has_shut`: it ends its side when everything is sent. A client
    that `holds` keeps its side open after the server has ended the other.
    """

    def __init__(
        self,
        conversation: Conversation,
        name: str,
        label: str | None,
        sock: socket.socket,
        *,
        holds: bool,
    ) -> None:
        dialect = conversation.dialect
        self.name = name
        self.label = label
        self.received = bytearray()
        self.received_at = conversation.loop.now()
        self.heard_at = 0.0
        self.taken_at = 0.0
        self.ended = False
        self.has_shut = False
        self.stalled = False
        self._holds = holds
        self._was_reset = False
        self._conversation = conversation
        self._loop = conversation.loop
        self._sock = sock
        self._speech = None if dialect is None else Speech(dialect)
        by_read = dialect is not None and dialect.by_read
        self._pacer = Pacer(conversation, self, dialect) if dialect and by_read else None
        self._own = bytearray()
        self._outgoing: deque[tuple[Utterance, tuple[str, ...]]] = deque()
        self._unsent = b""
        self._queued = 0
        self._sips = False
        self._shut_wanted = False
        conversation.listeners.append(self)
        if self._pacer is not None:
            self._loop.sleepers[self] = None
        self._register()

    @property
    def source(self) -> Source | None:
        """The host and port that it connected from; None on a Unix-domain socket."""
        if self._sock.family == AF_UNIX:
            return None
        host, port = self._sock.getsockname()[:2]
        return host, port

    def send(self, *segments: bytes, exercises: Sequence[str] = ()) -> None:
        """Hand octets to the kernel, one call a segment; what it does not take now is sent later.

        In a dialect they are translated first. A client that the server has ended sends nothing.
        """
        if self.ended:
            return
        for segment in segments:
            said = [Utterance(segment)] if self._speech is None else self._speech.say(segment)
            self._outgoing.extend((one, tuple(exercises)) for one in said)
            if not self._conversation.has_echo:
                self._own += segment
        if self._speech is not None and self._speech.left:
            self._shut_wanted = self._shut_wanted or not self._conversation.is_ended_by_quit
        self._flush()

    def introduce(self, name: str) -> None:
        """Send the name that the server asks for. It is not a message."""
        octets = name.encode() + b"\n"
        self._outgoing.append((Utterance(octets, name.encode(), True), ()))
        self._flush()

    def insist(self, text: str, exercises: Sequence[str] = ()) -> None:
        """Send a text after the server has ended its side; the client must hold its own."""
        octets = text.encode() + b"\n"
        if self._speech is not None:
            octets = self._speech.line(text.encode()) or octets
        self._loop.record(Sent(self._loop.now(), self.name, octets, tuple(exercises)))
        with suppress(OSError):
            self._sock.send(octets, MSG_NOSIGNAL)

    def say(self, text: str, exercises: Sequence[str] = ()) -> None:
        """Send a text as one line in one segment."""
        self.send(text.encode() + b"\n", exercises=exercises)

    def half_close(self) -> None:
        """Shut the writing side, after what is still to be sent."""
        self._shut_wanted = self.has_shut = True
        if self._speech is not None and not self.ended:
            self._outgoing.extend((one, ()) for one in self._speech.end())
        self._flush()

    def reset(self) -> None:
        """Reset the connection."""
        if not self.ended:
            self._loop.record(Aborted(self._loop.now(), self.name))
            self._reset()

    def _reset(self) -> None:
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._over()

    def close_unread(self) -> bool:
        """End its side, and close without reading once the server's system has seen that: from
        then on the server's writes fail.

        Returns:
            Whether all that it sent must count (QUIT-5).
        """
        if self.ended:
            return False
        self.half_close()
        end = time.monotonic() + _ON_ITS_WAY
        while not (has_come := self._end_has_come()) and time.monotonic() < end:
            time.sleep(0)
        if not self.ended:
            self._loop.record(Aborted(self._loop.now(), self.name, after_end=has_come))
            self._reset()
        return has_come

    def _end_has_come(self) -> bool:
        """Whether the server's system is known to have all that was sent, and the end of stream."""
        if self._shut_wanted or self.ended:
            return False
        return self._sock.family == AF_UNIX or unsent(self._sock) == 0

    def stall(self) -> None:
        """Stop reading."""
        self.stalled = True
        self._loop.record(Stalled(self._loop.now(), self.name))
        self._register()

    def resume(self, *, slowly: bool = False) -> None:
        """Read again; `slowly`: a little at a time, so that the server's kernel does not hold ever
        more for it."""
        self.stalled = False
        self._sips = slowly
        if slowly:
            self._loop.sleepers[self] = None
        self._loop.record(Resumed(self._loop.now(), self.name))
        self._register()

    def vanish(self) -> None:
        """Neither take nor send anything from now on, like a machine that has lost its power;
        `Unplayable` if this system cannot do that."""
        try:
            be_deaf(self._sock)
        except OSError as error:
            raise Unplayable("needs-dead-peers", str(error)) from None
        self._loop.record(Vanished(self._loop.now(), self.name))

    def is_broken(self) -> bool:
        """Whether the server is known to have broken the connection. Nothing is read."""
        return self.ended or is_broken(self._sock)

    @property
    def is_read(self) -> bool:
        """Whether the server is known to have read everything that has reached its system. Only a
        server launched on this machine can be asked."""
        return self._conversation.start.exclusive and unread(self._sock) == 0

    @property
    def has_more_coming(self) -> bool:
        """Whether the client reads, and the server's system is known to hold octets for it."""
        reads = not (self.ended or self.stalled or self._conversation.floods(self))
        return reads and bool(in_transit(self._sock))

    @property
    def sending(self) -> bool:
        """Whether octets still wait for the kernel to take them."""
        return bool(self._outgoing or self._unsent) and not self.ended

    def has_received(self, text: str) -> bool:
        """Whether these characters have come."""
        return self.as_received(text) in self.received

    def has_any(self, texts: Sequence[str], since: int) -> bool:
        """Whether any of these texts of others has come at octet `since` or later."""
        return any(self.received.find(self.as_received(text), since) >= 0 for text in texts)

    def has_lately(self, text: str) -> bool:
        """Whether these characters came recently."""
        since = max(0, len(self.received) - _LAST_RECEIVED)
        return self.received.find(self.as_received(text), since) >= 0

    def as_received(self, text: str) -> bytes:
        """Return the octets that clients receive of a text."""
        dialect = self._conversation.dialect
        return text.encode() if dialect is None else as_received(dialect, text)

    def has_said_lately(self, text: str) -> bool:
        """Whether it said these characters recently; False for a server with echo."""
        return self._own.find(text.encode(), max(0, len(self._own) - _LAST_SAID)) >= 0

    @property
    def should_have_left(self) -> bool:
        """Whether the server should have ended this client for something that could not be said in
        the dialect."""
        speech = self._speech
        return speech is not None and speech.should_have_left and not speech.left

    def has_left_unsaid(self, text: str) -> bool:
        """Whether these characters were not said, because they have no meaning in the dialect."""
        return self._speech is not None and any(
            text.encode() in line for line in self._speech.unsaid
        )

    def _flush(self) -> None:
        while not self.ended and (self._unsent or self._outgoing):
            if not self._unsent:
                if self._pacer is not None and self._pacer.must_wait():
                    break
                said, exercises = self._outgoing.popleft()
                self._unsent = said.octets
                if not self._unsent:
                    continue
                if self._pacer is not None:
                    is_last = self._speech is not None and self._speech.left and said.leaves
                    self._pacer.begin(said, is_last=is_last)
                self._conversation.most_owed += _BROADCAST * self._unsent.count(b"\n")
                self._conversation.most_owed += _REPLACED * len(self._unsent)
                self._loop.record(Sent(self._loop.now(), self.name, self._unsent, exercises))
            try:
                taken = self._sock.send(self._unsent, MSG_NOSIGNAL)
            except BlockingIOError:
                break
            except _GONE as error:
                # What the server sent before it broke the connection is still to be read. EPIPE
                # reports a reset after the end of stream; ECONNRESET, only once, one without it.
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
            self._loop.record(HalfClosed(self._loop.now(), self.name))
        self._register()

    @property
    def pause(self) -> float | None:
        """Seconds until the next line may be said even if the last is not heard; None if nothing
        waits for that."""
        if self._pacer is None or self.ended or self._unsent or not self._outgoing:
            return None
        return self._pacer.left

    @property
    def paced_at(self) -> float:
        """When it last spoke, if a read is a message and its lines are heard now and then; else
        0."""
        pacer = self._pacer
        return 0.0 if pacer is None or pacer.is_given_up else pacer.paced_at

    @property
    def is_speaking(self) -> bool:
        """Whether it has more lines to say, one a read, and its lines are heard."""
        pacer = self._pacer
        waits = pacer is not None and pacer.is_pausing and not pacer.goes_unheard
        return waits and bool(self._outgoing) and not self.ended

    @property
    def rest(self) -> float:
        """Seconds until a slow reader reads again."""
        if not self._sips or self.stalled or self.ended:
            return 0.0
        return max(0.0, self.received_at + _REST - self._loop.now())

    def wakes_in(self) -> float | None:
        """Seconds until it has to say or read more; None if it need not."""
        due = (self.pause, self.rest or None)
        return min((seconds for seconds in due if seconds is not None), default=None)

    def wake(self) -> None:
        """Send what waited for the last line to be heard, and read on slowly, if it is time."""
        if self._pacer is not None and not self.ended and not self._pacer.must_wait():
            self._flush()
        if self._sips:
            self._register()
        elif self._pacer is None or self.ended:
            self._loop.sleepers.pop(self, None)

    def _register(self) -> None:
        if self.ended:
            return
        pausing = self._pacer is not None and self._pacer.is_pausing
        waits = self._unsent or (self._outgoing and not pausing)
        reads = not (self.stalled or self.rest or self._conversation.floods(self))
        events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if waits else 0)
        self._loop.watch(self._sock, events, self._on_ready)

    def see_what_is_taken(self) -> None:
        """Note whether the server reads on, by whether this kernel holds less for it; not every
        kernel tells."""
        if self.ended:
            return
        queued = unsent(self._sock)
        if queued is None:
            return
        if queued < self._queued:
            self.taken_at = self._loop.now()
        self._queued = queued

    def _on_ready(self, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self.taken_at = self._loop.now()
            self._flush()
        if events & selectors.EVENT_READ and not self.ended:
            self._read()

    def _read(self) -> None:
        now = self._loop.now
        try:
            octets = self._sock.recv(_SIP if self._sips else _READ)
        except BlockingIOError:
            return
        except _GONE:
            self._loop.record(Reset(now(), self.name))
            self._over()
            return
        if octets:
            stem = self._conversation.nonce_stem.encode()
            before = max(0, len(self.received) - len(stem))
            self.received += octets
            self.received_at = now()
            if self.received.find(stem, before) >= 0:
                self.heard_at = self.received_at
            self._loop.record(Received(self.received_at, self.name, octets))
            if self._sips or self._conversation.floods(self):
                self._register()
        else:
            event = Reset if self._was_reset else Ended
            self._loop.record(event(now(), self.name))
            self._over()

    def _over(self) -> None:
        self.ended = True
        pausing = self._pacer is not None and self._pacer.is_pausing
        if pausing and self._speech is not None and self._speech.left:
            self._say_the_rest()
        self._outgoing.clear()
        self._unsent = b""
        self._loop.watch(self._sock, 0, self._on_ready)
        if not self._holds:
            self._sock.close()

    def _say_the_rest(self) -> None:
        """Send what follows the word by which it left; the server has read that word by now."""
        rest = b"".join(said.octets for said, _ in self._outgoing)
        if rest:
            self._loop.record(Sent(self._loop.now(), self.name, rest))
            with suppress(OSError):
                self._sock.send(rest, MSG_NOSIGNAL)

    def discard(self) -> None:
        """Close without an event in the transcript: the scenario is over."""
        self._holds = False
        self._over()
