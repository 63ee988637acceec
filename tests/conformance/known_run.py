"""The transcript of a correct run, opened up for a test to spoil: what each client was told, unit
by unit, and what is known of it because the server is.

Units are read with `chatproto`, not with the oracle's own reader.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from chatproto import Broadcast, Malformed, Unit, UnitReader, encode
from conformance.transcript.events import (
    Aborted,
    Connected,
    Ended,
    Event,
    Finish,
    HalfClosed,
    Received,
    Reset,
    Sent,
    Settled,
    Waited,
)

NONCE = re.compile(r"n[0-9a-f]{6}x\d{5,}z")


@dataclass(eq=False)
class Told:
    """One unit as one client received it; `parts` are its octets by the event they came with."""

    client: str
    unit: Unit
    parts: list[tuple[int, bytes]]

    @property
    def octets(self) -> bytes:
        return b"".join(octets for _, octets in self.parts)

    @property
    def broadcast(self) -> Broadcast:
        assert isinstance(self.unit, Broadcast)
        return self.unit

    @property
    def key(self) -> tuple[str, str]:
        """Return which message it is, the same for every recipient."""
        return self.broadcast.sender, self.broadcast.text

    @property
    def nonce(self) -> str | None:
        found = NONCE.search(self.broadcast.text) if isinstance(self.unit, Broadcast) else None
        return found[0] if found else None

    def becomes(self, octets: bytes) -> None:
        """Let this come instead, at the time of its last octet."""
        self.parts = [(self.parts[-1][0], octets)]

    def is_changed(self, old: bytes, new: bytes) -> None:
        self.becomes(self.octets.replace(old, new, 1))

    def shows(self, seconds: float) -> None:
        """Let its header show a time this much later."""
        unit = self.broadcast
        self.becomes(encode(replace(unit, time=unit.time + timedelta(seconds=seconds))))


class Run:
    """A transcript of a correct server, which exercises nothing in particular."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = [
            replace(event, exercises=()) if isinstance(event, Sent | Waited) else event
            for event in events
            if not isinstance(event, Finish)
        ]
        self.labels = {
            event.client: event.label or "" for event in self.events if isinstance(event, Connected)
        }
        self._cut: set[str] = set()
        self.told: dict[str, list[Told]] = {name: list(self._read(name)) for name in self.labels}
        self.sent = {
            name: b"".join(
                event.octets
                for event in self.events
                if isinstance(event, Sent) and event.client == name
            )
            for name in self.labels
        }
        self.half_closed = {one.client for one in self.events if isinstance(one, HalfClosed)}
        self.ended = {
            event.client: at for at, event in enumerate(self.events) if isinstance(event, Ended)
        }

    def _read(self, name: str) -> Iterator[Told]:
        reads = [
            (at, event.octets)
            for at, event in enumerate(self.events)
            if isinstance(event, Received) and event.client == name
        ]
        reader = UnitReader()
        for unit in reader.receive(b"".join(octets for _, octets in reads)):
            assert not isinstance(unit, Malformed)
            missing = len(encode(unit))
            parts = []
            while missing:
                at, octets = reads.pop(0)
                parts.append((at, octets[:missing]))
                if octets[missing:]:
                    reads.insert(0, (at, octets[missing:]))
                missing -= len(parts[-1][1])
            yield Told(name, unit, parts)

    def broadcasts(self, name: str) -> list[Told]:
        return [told for told in self.told[name] if isinstance(told.unit, Broadcast)]

    def all_of(self, told: Told) -> list[Told]:
        """A message, as everybody received it."""
        return [one for name in self.told for one in self.broadcasts(name) if one.key == told.key]

    def others_with(self, *several: Told) -> list[str]:
        """Return who else received all of these."""
        names = [name for name in self.told if name != several[0].client]
        keys = {told.key for told in several}
        return [name for name in names if keys <= {one.key for one in self.broadcasts(name)}]

    def is_own(self, told: Told) -> bool:
        return told.broadcast.sender == self.labels[told.client]

    def sender(self, told: Told) -> str:
        return next(name for name, label in self.labels.items() if label == told.broadcast.sender)

    def lines(self, name: str) -> list[bytes]:
        return self.sent[name].split(b"\n")[:-1]

    def has_later_own(self, told: Told, name: str) -> bool:
        """Whether a client received a later message of the same sender."""
        return any(
            one.broadcast.sender == told.broadcast.sender and self._place(one) > self._place(told)
            for one in self.broadcasts(name)
        )

    def _place(self, told: Told) -> int:
        """Return its place in the sender's octets, by its nonce; before all others if it has
        none."""
        nonce = told.nonce
        return -1 if nonce is None else self.sent[self.sender(told)].find(nonce.encode())

    def forget(self, told: Told) -> None:
        self.told[told.client].remove(told)

    def insert(self, after: Told, octets: bytes) -> None:
        """Let something come right after a unit."""
        units = self.told[after.client]
        at = after.parts[-1][0]
        units.insert(units.index(after) + 1, Told(after.client, after.unit, [(at, octets)]))

    def wait(self, name: str, what: str) -> None:
        last = self.events[-1].t
        self.events.append(Waited(last + 3.0, name, what, 3.0))

    def is_there(self, name: str) -> bool:
        """Whether a client has done nothing to leave, and nothing ended its connection."""
        if name in self.ended or name in self.half_closed or self._is_over(name):
            return False
        return not any(line.strip() == b"quit" or b"\xff" in line for line in self.lines(name))

    def _is_over(self, name: str) -> bool:
        return any(isinstance(one, Aborted | Reset) and one.client == name for one in self.events)

    def ends(self, name: str, *, reset: bool) -> None:
        t = self.events[-1].t
        self.events.append(Reset(t, name) if reset else Ended(t, name))

    def aborts(self, name: str) -> None:
        self.events.append(Aborted(self.events[-1].t, name))

    def reset(self, name: str) -> None:
        at = self.ended[name]
        self.events[at] = Reset(self.events[at].t, name)

    def never_ends(self, name: str) -> None:
        """Its end of stream does not come. (Somebody else's settling stands there instead.)"""
        at = self.ended[name]
        self.events[at] = Settled(self.events[at].t, ())

    def is_first(self, told: Told) -> bool:
        """Whether a message is the first of its sender to come back."""
        return told is next(one for one in self.broadcasts(told.client) if self.is_own(one))

    def is_alone(self, told: Told) -> bool:
        """Whether all messages of its sender before it had come back when it was sent."""
        own = [one for one in self.broadcasts(told.client) if self.is_own(one)]
        earlier = own[: own.index(told)]
        return all(one.parts[-1][0] < self._segment(told) for one in earlier)

    def echoes(self) -> Iterator[tuple[Told, float]]:
        """Return each message as its sender received it, and how long that took, or longer."""
        for units in self.told.values():
            for told in units:
                if isinstance(told.unit, Broadcast) and self.is_own(told):
                    came = self.events[told.parts[-1][0]].t
                    yield told, came - self.events[self._segment(told)].t

    def _segment(self, told: Told) -> int:
        """Return the event in which its sender sent the nonce of a message, or first its text."""
        sought = (told.nonce or told.broadcast.text).encode()
        seen = b""
        for at, event in enumerate(self.events):
            if isinstance(event, Sent) and event.client == self.sender(told):
                seen += event.octets
                if sought in seen:
                    return at
        raise LookupError(sought)

    def is_to_exercise(self, told: Told, requirement: str) -> None:
        """Record that this message was sent for a requirement."""
        at = self._segment(told)
        segment = self.events[at]
        assert isinstance(segment, Sent)
        self.events[at] = replace(segment, exercises=(requirement,))

    def takes_longer(self, told: Told, seconds: float) -> None:
        """Delay everything from the last octet of a unit on by this much."""
        for at in range(told.parts[-1][0], len(self.events)):
            event = self.events[at]
            self.events[at] = replace(event, t=event.t + seconds)

    def cut(self, name: str) -> None:
        """Let each octet of a client come in a read of its own."""
        self._cut.add(name)

    def transcript(self) -> list[Event]:
        """Return the events, with the octets as they come now."""
        came: dict[int, list[bytes]] = {}
        for units in self.told.values():
            for told in units:
                for at, octets in told.parts:
                    came.setdefault(at, []).append(octets)
        events: list[Event] = []
        for at, event in enumerate(self.events):
            if isinstance(event, Received):
                octets = b"".join(came.get(at, []))
                size = 1 if event.client in self._cut else len(octets) or 1
                events += [
                    replace(event, octets=octets[start : start + size])
                    for start in range(0, len(octets), size)
                ]
            else:
                events.append(event)
        return [*events, Finish(events[-1].t)]
