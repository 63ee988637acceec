"""The first contact: whether clients hear each other, and what they must send first."""

import re
from functools import partial

from conformance.probe.guests import Guests
from conformance.probe.learning import shown
from conformance.probe.talking import Gone, Speaker


def acquaint(guests: Guests) -> None:
    """Find out how clients can hear each other at all; raises `Gone` if they cannot."""
    room, known = guests.room, guests.known
    for again in (False, True):
        ann, bob = guests.enter(), guests.enter()
        if guests.meet(ann, bob):
            break
        if again:
            raise Gone(_why_nobody_hears(ann, bob))
        # Some servers lose a client that gives no name before the next one connects. If the server
        # asks for none, the name is a message, and does no harm.
        known.greets, known.fragile, known.login = None, True, True
        guests.start_over()
    guests.measure(ann, bob)
    known.login = _asks_name(guests, ann, bob)
    if known.login:
        eve = guests.room.connect()
        if known.greets:
            guests.await_greeting(eve)
        room.settle(eve, first=room.quiet)
        mark = len(eve.came)
        guests.introduce(eve)
        known.welcomes = len(eve.came) > mark
    guests.forget()


def _why_nobody_hears(ann: Speaker, bob: Speaker) -> str:
    came = bytes(ann.came + bob.came)
    if ann.ended or bob.ended:
        return f"it disconnects clients that send a line; it sent {shown(came)}"
    if b"w0" in came:
        return f"clients receive only their own messages; it sent {shown(came)}"
    return f"clients do not receive each other's messages; it sent {shown(came)}"


def _asks_name(guests: Guests, ann: Speaker, bob: Speaker) -> bool:
    """Whether the first line of a connection is not a message, in two attempts."""
    return all(_takes_a_name(guests, ann, bob, patient=patient) for patient in (False, True))


def _takes_a_name(guests: Guests, ann: Speaker, bob: Speaker, *, patient: bool) -> bool:
    room = guests.room
    carol = room.connect()
    # A client that must give a name hears nothing yet. Otherwise it is a member once it hears.
    hears = guests.await_hearing(carol, bob, room.patience if not patient else None)
    room.settle(carol, bob, first=room.patience if patient and hears else room.quiet)
    mark, words = len(bob.came), [room.word() for _ in range(3)]
    for n, word in enumerate(words):
        room.say(carol, word + b"\n")
        came = room.wait(partial(_has_come, word, bob, carol))
        if not came and not guests.fence(ann, bob):
            raise Gone("clients no longer receive each other's messages")
        if not came and n and patient:
            raise Gone(f"a third client is not heard; it received {shown(bytes(carol.came))}")
        room.settle(bob, carol)
    first, second, third = words
    before, found, rest = bob.since(mark).partition(first)
    if first in rest or not found:
        return True
    # A message follows the same octets as its sender's next message, or shares a read with it.
    between, _, rest = rest.partition(second)
    if between == b"\n":
        return False
    if not before:
        # There is no header: then what follows a message is always the same.
        return _without_digits(between) != _without_digits(rest.partition(third)[0])
    opening, again = _without_digits(before), _without_digits(between)
    # An earlier message of another client may come late, before it.
    is_message = again.endswith(opening) or bool(again and opening.endswith(again))
    return not is_message


def _has_come(word: bytes, listener: Speaker, speaker: Speaker) -> bool:
    return word in listener.came or speaker.ended


def _without_digits(octets: bytes) -> bytes:
    return re.sub(rb"\d+", b"0", octets)
