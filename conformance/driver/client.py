"""One connection of a scenario's: what it sends in which segments, what comes, how it ends."""

import fcntl
import select
import selectors
import socket
import struct
import termios
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from conformance.dialect.forms import as_received
from conformance.dialect.speech import Speech, Utterance
from conformance.driver.interruption import Stuck, Unplayable
from conformance.driver.pacing import Pause, pause_after
from conformance.target.address import Source
from conformance.transcript.events import (
    THE_END,
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
    from conformance.driver.stage import Stage

_READ: Final = 262_144
_SIP: Final = 8_192
_REST: Final = 0.0005
"""Octets that one that reads slowly reads at a time, and seconds in between."""
_LAST_RECEIVED: Final = 4_096
_LAST_SAID: Final = 262_144
"""Octets, from the last, among which something late is looked for."""
_BROADCAST: Final = 100
"""More octets than a broadcast has beside its text."""
_REPLACED: Final = 3
"""Octets of what an octet is replaced by at most (TXT-4)."""
_GONE: Final = (ConnectionError, TimeoutError)


class Client:
    """One connection of a scenario's. Made by `Stage.connect` or `Stage.join`.

    `label` is what headers call it, where that is known. `received_at` is when anything came last,
    `heard_at` when something did that was said, `paced_at` when it last spoke where a line is a
    read, `taken_at` when the server was last seen to make room for what waited to be sent.
    `has_shut`: whether it ends its side when all is said.
    """

    def __init__(
        self, stage: "Stage", name: str, label: str | None, sock: socket.socket, *, holds: bool
    ) -> None:
        self.name = name
        self.label = label
        self.received = bytearray()
        self.received_at = stage.now()
        self.heard_at = 0.0
        self.paced_at = 0.0
        self.taken_at = 0.0
        self.ended = False
        self.has_shut = False
        self._holds = holds
        self._was_reset = False
        self._stage = stage
        self._sock = sock
        self._speech = None if stage.dialect is None else Speech(stage.dialect)
        self._own = bytearray()
        self._pause: Pause | None = None
        self._goes_unheard = False
        self._outgoing: deque[tuple[Utterance, tuple[str, ...]]] = deque()
        self._unsent = b""
        self._queued = 0
        self._sips = False
        self.stalled = False
        self._shut_wanted = False

    @property
    def source(self) -> Source | None:
        """Where it has connected from; None on a Unix-domain socket."""
        if self._sock.family == socket.AF_UNIX:
            return None
        host, port = self._sock.getsockname()[:2]
        return host, port

    def send(self, *segments: bytes, exercises: Sequence[str] = ()) -> None:
        """Hand octets to the kernel, a call a segment; what it does not take now goes later.

        In a dialect they are said as it says them.
        """
        for segment in segments:
            said = [Utterance(segment)] if self._speech is None else self._speech.say(segment)
            self._outgoing.extend((one, tuple(exercises)) for one in said)
            if not self._stage.has_echo:
                self._own += segment
        if self._speech is not None and self._speech.left and not self._stage.is_ended_by_quit:
            self._shut_wanted = True
        self._flush()

    def introduce(self, name: str) -> None:
        """Say the name that is asked for: no line, and nothing that can be left unsaid."""
        octets = name.encode() + b"\n"
        self._outgoing.append((Utterance(octets, name.encode(), True), ()))
        self._flush()

    def insist(self, text: str, exercises: Sequence[str] = ()) -> None:
        """Send a text even though the server has ended its side; the client must hold its own."""
        octets = text.encode() + b"\n"
        if self._speech is not None:
            octets = self._speech.line(text.encode()) or octets
        self._stage.record(Sent(self._stage.now(), self.name, octets, tuple(exercises)))
        with suppress(OSError):
            self._sock.send(octets, socket.MSG_NOSIGNAL)

    def say(self, text: str, exercises: Sequence[str] = ()) -> None:
        """Send a text as one line in one segment."""
        self.send(text.encode() + b"\n", exercises=exercises)

    def half_close(self) -> None:
        """Shut the writing side, after what is still to be sent."""
        self._shut_wanted = self.has_shut = True
        if self._speech is not None:
            self._outgoing.extend((one, ()) for one in self._speech.end())
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

    def resume(self, *, slowly: bool = False) -> None:
        """Read again; `slowly`: a little at a time, so that the server's kernel does not come to
        hold more for it."""
        self.stalled = False
        self._sips = slowly
        if slowly:
            self._stage.slow_readers.add(self)
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
        """Whether these characters have come; to whoever hears what this client says."""
        return self._octets(text) in self._hearer(text).received

    def has_any(self, texts: Sequence[str], since: int) -> bool:
        """Whether any of these texts of others has come, `since` octets from the first or later."""
        return any(self.received.find(self._octets(text), since) >= 0 for text in texts)

    def has_lately(self, text: str) -> bool:
        """Whether these characters are among the last that came."""
        return (
            self.received.find(self._octets(text), max(0, len(self.received) - _LAST_RECEIVED)) >= 0
        )

    def _octets(self, text: str) -> bytes:
        dialect = self._stage.dialect
        return text.encode() if dialect is None else as_received(dialect, text)

    def _hearer(self, text: str) -> "Client":
        """Who receives what this client said: itself, or where there is no echo, the observer."""
        if not self._own or self._own.find(text.encode(), max(0, len(self._own) - _LAST_SAID)) < 0:
            return self
        return self._stage.observer(self)

    @property
    def should_have_left(self) -> bool:
        """Whether the server would have ended this client for what the dialect cannot say."""
        speech = self._speech
        return speech is not None and speech.should_have_left and not speech.left

    def has_left_unsaid(self, text: str) -> bool:
        """Whether these characters were not said, having no meaning in the dialect."""
        return self._speech is not None and any(
            text.encode() in line for line in self._speech.unsaid
        )

    def await_text(self, text: str, exercises: Sequence[str] = (), since: int = 0) -> None:
        """Wait until these characters have come, `since` octets from the first or later, and an LF
        behind them where one ends a message; `Stuck` where they do not."""
        dialect = self._stage.dialect
        octets, start, end = self._octets(text), since, -1
        closing = b"\n" if dialect is None or "\n" in dialect.closing else b""
        self._stage.check_said(text)
        hearer = self._hearer(text)
        if hearer is not self:
            hearer.await_text(text, exercises)
            return

        def has_come() -> bool:
            nonlocal start, end
            if end < 0 and (found := self.received.find(octets, start)) >= 0:
                end = found + len(octets)
            start = max(since, len(self.received) - len(octets))
            return self.ended or is_whole()

        def is_whole() -> bool:
            return end >= 0 and self.received.find(closing, end) >= 0

        self._stage.wait([self], has_come, text, exercises)
        if not is_whole():
            raise Stuck(f"{self.name} was disconnected before {text!r} came")

    def await_end(self, exercises: Sequence[str] = ()) -> None:
        """Wait until the server has ended the connection; `Stuck` where it does not."""
        if self.should_have_left:
            raise Unplayable("dialect", f"what {self.name} is to be ended for cannot be said")
        self._stage.wait([self], lambda: self.ended, THE_END, exercises)

    def _flush(self) -> None:
        while not self.ended and (self._unsent or self._outgoing):
            if not self._unsent:
                if self._must_pause():
                    break
                said, exercises = self._outgoing.popleft()
                self._unsent = said.octets
                if not self._unsent:
                    continue
                self._begin_pause(said)
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

    @property
    def pause(self) -> float | None:
        """Seconds until the next line may be said, though the last was not heard; None where
        nothing waits for that."""
        if self._pause is None or self.ended or self._unsent or not self._outgoing:
            return None
        return max(0.0, self._pause.end - self._stage.now())

    @property
    def is_speaking(self) -> bool:
        """Whether it has more to say, a line a read, and what it says is heard."""
        return self._pause is not None and bool(self._outgoing) and not self._goes_unheard

    def go_on(self) -> None:
        """Say what waited for the last line to be heard."""
        if self._pause is not None:
            self._flush()

    def _begin_pause(self, said: Utterance) -> None:
        dialect = self._stage.dialect
        if dialect is None or not dialect.by_read or not said.line:
            return
        self.paced_at = self._stage.now()
        is_last = self._speech is not None and self._speech.left and said.leaves
        self._pause = pause_after(said, self, self._stage, dialect, is_last=is_last)

    def _must_pause(self) -> bool:
        pause = self._pause
        if pause is None:
            return False
        if pause.is_heard:
            self._pause = None
            self._goes_unheard = False
        elif self._stage.now() >= pause.end:
            self._pause = None
            self._goes_unheard = True
        return self._pause is not None

    def _register(self) -> None:
        if self.ended:
            return
        waits = self._unsent or (self._outgoing and self._pause is None)
        events = (0 if self.stalled or self.rest else selectors.EVENT_READ) | (
            selectors.EVENT_WRITE if waits else 0
        )
        self._stage.watch(self._sock, events, self)

    @property
    def rest(self) -> float:
        """Seconds until one that reads slowly reads again."""
        if not self._sips or self.stalled or self.ended:
            return 0.0
        return max(0.0, self.received_at + _REST - self._stage.now())

    def read_on(self) -> None:
        """Read again where it is time to, slowly as that goes."""
        if self.stalled or self.ended or not self._sips:
            self._stage.slow_readers.discard(self)
        self._register()

    def see_what_is_taken(self) -> None:
        """Note whether the server reads on: what this kernel holds for it has become less; not
        every kernel tells."""
        if self.ended:
            return
        with suppress(OSError):
            held = fcntl.ioctl(self._sock, termios.TIOCOUTQ, bytes(struct.calcsize("i")))
            [queued] = struct.unpack("i", held)
            if queued < self._queued:
                self.taken_at = self._stage.now()
            self._queued = queued

    def on_ready(self, events: int) -> None:
        """Do what the selector says can be done."""
        if events & selectors.EVENT_WRITE:
            self.taken_at = self._stage.now()
            self._flush()
        if events & selectors.EVENT_READ and not self.ended:
            self._read()

    def _read(self) -> None:
        now = self._stage.now
        try:
            octets = self._sock.recv(_SIP if self._sips else _READ)
        except BlockingIOError:
            return
        except _GONE:
            self._stage.record(Reset(now(), self.name))
            self._over()
            return
        if octets:
            stem = self._stage.nonce_stem.encode()
            before = max(0, len(self.received) - len(stem))
            self.received += octets
            self.received_at = now()
            if self.received.find(stem, before) >= 0:
                self.heard_at = self.received_at
            self._stage.record(Received(self.received_at, self.name, octets))
            if self._sips:
                self._register()
        else:
            event = Reset if self._was_reset else Ended
            self._stage.record(event(now(), self.name))
            self._over()

    def _over(self) -> None:
        self.ended = True
        if self._speech is not None and self._speech.left and self._pause is not None:
            self._say_the_rest()
        self._outgoing.clear()
        self._unsent = b""
        self._stage.watch(self._sock, 0, self)
        if not self._holds:
            self._sock.close()

    def _say_the_rest(self) -> None:
        """Send what follows the word that leaves, which the server has read by now."""
        rest = b"".join(said.octets for said, _ in self._outgoing)
        if rest:
            self._stage.record(Sent(self._stage.now(), self.name, rest))
            with suppress(OSError):
                self._sock.send(rest, socket.MSG_NOSIGNAL)

    def discard(self) -> None:
        """Close without a word in the transcript: the scenario is over."""
        self._holds = False
        self._over()
