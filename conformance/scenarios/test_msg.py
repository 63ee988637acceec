"""Broadcasts: the header, the sender, the time, and the same octets for all members."""

import time

from conformance.driver.client import Client
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario
from conformance.target.address import Side

_A_WHILE = 0.1
_LOOPBACK = "127.0.0.1"
_ANOTHER = "127.0.0.2"
_LOW_PORTS = range(1_024, 10_000)
_OWN_PORTS = range(10_000, 32_768)
"""Ports to bind explicitly. A port that the kernel chose cannot be bound again while other
connections from it are in TIME_WAIT."""
_LOOK = 0.003
"""Seconds between two messages that look for the start of a second."""
_LEAD = 0.02
_LONGEST = 0.15
"""Seconds by which a member begins to talk before a second can change, and talks on after it must
have changed; more where the last change was missed."""
_BATCH = 50
_WINDOW = 200
"""Lines that are sent in one segment, and lines in flight at once."""
_TRIES = 8
_MET = 2.4
"""How many changes of the second are enough, weighted as follows."""
_PERHAPS = 0.8
_HARDLY = 0.3
"""The weight of a change that the server may have met between two reads: `_PERHAPS` if no line took
longer than `_PROMPT`, `_HARDLY` if the server may have had no line to read."""
_PROMPT = 0.025
_LONG = 400
"""Octets of the longest header that is looked for."""


@scenario("MSG-1", "MSG-2", "MSG-4", "MSG-5")
def test_header(stage: Stage) -> None:
    """Members join, talk and leave, each under its own address."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    ann.half_close()
    stage.await_end(ann)
    [eve] = stage.join(1)
    stage.fence(bob, eve)


@scenario("MSG-2", "ROOM-1")
def test_addresses_of_all_kinds(stage: Stage) -> None:
    """Members connect from a port whose last connection has just been reset, from a port with four
    digits, and from a second address of this machine, as far as these are available."""
    [ann] = stage.join(1)
    own = None if ann.source is None else (ann.source[0], stage.random.choice(_OWN_PORTS))
    eve = stage.connect(Side(source=own))
    stage.greet(eve)
    source = eve.source
    for _ in range(3):
        eve.reset()
        eve = stage.connect(Side(source=source))
        stage.greet(eve, exercises=["ROOM-1"])
        stage.fence(ann, eve)
    if source is not None:
        host, _ = source
        low = stage.connect(Side(source=(host, stage.random.choice(_LOW_PORTS))))
        other = stage.connect(Side(source=(_ANOTHER if host == _LOOPBACK else host, 0)))
        stage.greet(low)
        stage.greet(other)
        stage.fence(ann, eve, low, other)
    stage.pass_time(_A_WHILE)
    stage.fence(ann, eve, exercises=["ROOM-1"])


@scenario("MSG-3")
def test_the_same_octets_for_all(stage: Stage) -> None:
    """Eight members send the same texts, all at once."""
    members = stage.join(8)
    stage.fence(*members)
    for text in ("é e\u0301 ﬁ", "\u3042 😀", "a\tb", "a\x1bb"):
        for member in members:
            member.say(f"{stage.nonce()} {text}")
        stage.fence(*members)


@scenario("MSG-3", waits=3.5)
def test_the_same_time_for_all(stage: Stage) -> None:
    """One of thirteen members talks without a pause while the second changes: three times, or more
    if the server may have been between two lines each time."""
    members = stage.join(13)
    ann = members[0]
    turn = _turn_of_the_clock(stage) or _turn_of_a_second(stage, ann)
    met, lead = 0.0, _LEAD
    for _ in range(_TRIES):
        if turn is None:
            return
        earliest, latest = turn
        stage.greet(ann)
        before = _header_of(ann, stage.last_nonce)
        seconds = int(stage.now() + lead - earliest) + 1
        stage.pass_time(earliest + seconds - lead - stage.now())
        this = _talk_across_a_turn(stage, ann, before, latest + seconds + lead)
        lead = _LEAD if this else min(3 * lead, _LONGEST)
        if not met + this:
            turn = _turn_of_a_second(stage, ann)
        met += this
        stage.fence(*members)
        if met >= _MET:
            break


def _talk_across_a_turn(stage: Stage, member: Client, before: bytes, end: float) -> float:
    """Send lines until the header is no longer the one `before`, or until `end`, and return the
    weight of this change.

    It is 1 if the change came while the server was handling lines of one segment, less if it may
    have come between two segments, less still if the machine was slow, and 0 if none was seen.
    """
    stage.greet(member)
    if _header_of(member, stage.last_nonce) != before:
        return 0.0
    words: list[str] = []
    heard, longest = 0, 0.0
    while True:
        while len(words) < heard + _WINDOW and stage.now() < end:
            said = [stage.nonce() for _ in range(_BATCH)]
            member.send("".join(f"{word}\n" for word in said).encode())
            words += said
        if heard == len(words):
            return 0.0
        heard += _BATCH
        since = stage.now()
        stage.await_text(member, words[heard - 1])
        longest = max(longest, stage.now() - since)
        if _header_of(member, words[heard - 1]) != before:
            turned = (_header_of(member, word) != before for word in words[heard - _BATCH : heard])
            if not next(turned):
                return 1.0
            return _PERHAPS if longest < _PROMPT else _HARDLY


def _header_of(member: Client, word: str) -> bytes:
    """Return what stands before a word in its line; if that is empty, the line before."""
    found = max(0, member.received.rfind(word.encode()))
    before = b"\n" + bytes(member.received[max(0, found - _LONG) : found])
    *_, header, beginning = before.rsplit(b"\n", 2)
    return beginning or header


def _turn_of_the_clock(stage: Stage) -> tuple[float, float] | None:
    """Return the stage time at which the clock of this machine began a second, twice; None if the
    server's clock is another."""
    if not stage.start.same_clock:
        return None
    began = stage.now() - time.time() % 1
    return began, began


def _turn_of_a_second(stage: Stage, member: Client) -> tuple[float, float] | None:
    """Return the stage times between which the second changed in the headers, or None if they show
    no seconds."""
    before, stays = b"", False
    latest = stage.now()
    end = latest + 1.5
    while stage.now() < end:
        since, said = len(member.received), stage.now()
        stage.greet(member)
        shown = bytes(member.received[since:]).replace(stage.last_nonce.encode(), b"")
        if shown == before:
            stays = True
        elif stays:  # Otherwise the header may count the messages.
            return latest, stage.now()
        before, latest = shown, said
        stage.pass_time(_LOOK)
    return None
