"""Simulated clients: what they do is drawn, what they send and receive goes into a transcript.

As the suite's own clients they say words that nobody else says, so that the oracle can tell what
should have come of each.
"""

import errno
from typing import Final

from conformance.transcript.events import (
    Aborted,
    Connected,
    Ended,
    Event,
    HalfClosed,
    Received,
    Reset,
    Sent,
)
from tests.schedules.scheduler import Scheduler
from tests.schedules.transport import SimulatedListener, SimulatedSocket, System

ENDS: Final = (
    "stay",
    "stay",
    "quit",
    "quit and more",
    "half-close",
    "violation",
    "reset",
    "vanish",
)
ACTIONS: Final = ("say", "say", "hear", "hear", "fence", "blank", "rest")
LONG: Final = 250
"""Octets of a long line; in a calm schedule there are none."""


class Client:
    """One client, a task of the scheduler's: it connects, acts, ends, and reads to the end."""

    def __init__(
        self, number: int, system: System, listener: SimulatedListener, transcript: list[Event]
    ) -> None:
        self.name = f"c{number}"
        self.has_acted = False
        self.socket = SimulatedSocket(system, f"c{number}")
        self._number = number
        self._scheduler: Scheduler = system.scheduler
        self._random = system.scheduler.random
        self._listener = listener
        self._transcript = transcript
        self._words = 0
        self._heard = b""
        self._is_over = False
        self._to_rest = 0.9
        self._is_wild = self._random.random() < 0.3
        self._is_polite = self._random.random() < 0.8

    def run(self) -> None:
        """Act, and read to the end. The first client only listens, so that the oracle knows what
        was said, whatever an evicted client received of it."""
        listens = self._number == 0
        if not listens:
            self._rest()
        self._connect()
        if not self._is_over:
            for _ in range(0 if listens else self._random.randint(1, 10)):
                self._act(self._random.choice(ACTIONS))
            self._leave("stay" if listens else self._random.choice(ENDS))
        self.has_acted = True
        while not self._is_over:
            self._scheduler.wait(f"{self.name} reads to the end", self._has_news)
            self._read()

    def _connect(self) -> None:
        port = 50_000 + self._number
        if self._listener.is_closed:
            self._is_over = True  # the server has stopped
            return
        self._transcript.append(Connected(self._now, self.name, f"127.0.0.1:{port}"))
        self._listener.pending.append((self.socket, ("127.0.0.1", port)))

    def _act(self, action: str) -> None:
        self._scheduler.pause(f"{self.name} {action}")
        match action:
            case "say":
                lines = [self._word() for _ in range(self._random.randint(1, 4))]
                self._send(b"".join(line + b"\n" for line in lines))
            case "blank":
                self._send(b" \n")
            case "hear":
                self._read()
            case "fence":
                word = self._word()
                self._send(word + b"\n")
                self._heard = b""
                while not self._is_over and word not in self._heard:
                    self._scheduler.wait(f"{self.name} its own word", self._has_news)
                    self._read()
            case "rest":
                self._rest()

    def _leave(self, end: str) -> None:
        self._scheduler.pause(f"{self.name} {end}")
        match end:
            case "stay":
                self._act("fence")
            case "quit":
                self._send(self._word() + b"\nquit\n")
            case "quit and more":
                self._send(self._word() + b"\nquit\n" + self._word() + b"\n" * 60)
            case "violation":
                self._send(self._word() + b"\nbad \xff line\n" + self._word() + b"\n")
            case "half-close":
                self._send(self._word() + b"\nno end")
                if not self._is_over:
                    self._transcript.append(HalfClosed(self._now, self.name))
                    self.socket.incoming.is_ended = True
            case "reset" | "vanish" if not self._is_over:
                self._transcript.append(Aborted(self._now, self.name))
                self.socket.lose(errno.ECONNRESET if end == "reset" else errno.ETIMEDOUT)
                self._is_over = True

    def _send(self, octets: bytes) -> None:
        """Send in pieces of any size; read if the server takes no more."""
        while octets and not self._is_over and not self.socket.is_reset:
            if self.socket.incoming.room > 0:
                piece = octets[: self._random.randint(1, self.socket.incoming.room)]
                octets = octets[len(piece) :]
                self._transcript.append(Sent(self._now, self.name, piece))
                self.socket.incoming.octets += piece
                self._scheduler.pause(f"{self.name} sends on")
            elif self._has_news():
                self._read()
            else:
                self._scheduler.wait(
                    f"{self.name} room to send",
                    lambda: self.socket.incoming.room > 0 or self._has_news(),
                )

    def _read(self) -> None:
        if self._is_over or not self._has_news():
            return
        octets = self.socket.outgoing.take(self._random.randint(1, 400))
        if octets:
            self._heard += octets
            self._transcript.append(Received(self._now, self.name, octets))
            return
        self._is_over = True
        if self.socket.is_reset:
            self._transcript.append(Reset(self._now, self.name))
        else:
            self._transcript.append(Ended(self._now, self.name))
            if self._is_polite:
                self.socket.incoming.is_ended = True

    def _rest(self) -> None:
        """Do nothing, in all for less time than the server lingers, so that it must wait for
        all."""
        seconds = self._random.random() * self._to_rest
        self._to_rest -= seconds
        self._scheduler.wait(f"{self.name} rest", lambda: False, seconds)

    def _has_news(self) -> bool:
        return self.socket.outgoing.has_news or self.socket.is_reset

    def _word(self) -> bytes:
        self._words += 1
        word = b"n0ddba1x%02d%03dz" % (self._number, self._words)
        return word + b" and on" * (LONG // 7) if self._is_wild else word

    @property
    def _now(self) -> float:
        return self._scheduler.now
