"""A short probe: finds out in about a second whether a server sends the format of chatproto/1."""

import re
from typing import Final

from conformance.probe.guests import Guests
from conformance.probe.learning import shown
from conformance.probe.talking import Gone, ProbeOutOfTime, Room
from conformance.target.address import Address

_SECONDS: Final = 6.0
_SUPPOSED: Final = 0.2
"""The assumed response time in seconds of a server that is not known yet."""
_PLAIN: Final = re.compile(rb"(?:\d{8} \d\d:\d\d:\d\d \S+\n[^\n]+\n|![^\n]*\n|\n)*")


def glance(address: Address, factor: float) -> str | None:
    """Let two clients connect and talk; say what is strange in what they receive.

    Returns None if nothing is strange, or if they receive nothing. The connections are reset at the
    end, so that no connection in TIME_WAIT holds the address of a server that is then stopped.
    """
    with Room(address, None, factor, _SECONDS).open(aborts=True) as room:
        try:
            return _look(room, factor)
        except (Gone, ProbeOutOfTime):
            return None


def _look(room: Room, factor: float) -> str | None:
    guests = Guests(room, factor)
    guests.known.greets = False
    room.slowest = _SUPPOSED * factor
    ann, bob = guests.enter(), guests.enter()
    if not guests.meet(ann, bob):
        return None
    word, mark = room.word(), len(bob.came)
    room.say(ann, word + b"\n")
    if not room.hears(bob, word, mark):
        return None
    room.settle(bob, ann)
    for came in (bytes(bob.came), bytes(ann.came)):
        plain = _PLAIN.match(came)
        end = came.rfind(b"w")
        if plain is not None and plain.end() < end:
            strange = came[plain.end() :]
            return f"what came was {shown(strange)}"
    return None if word in ann.came else "the sender did not receive its own message"
