"""Broadcasts: the header, the sender, the time, and the same octets for all members."""

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
_LEAD = 0.01
_LONGEST = 0.15
"""Seconds before the start of a second at which a member begins to talk, and how long it talks."""
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
    [ann] = stage.join(1)
    turn = _turn_of_a_second(stage, ann)
    if turn is None:
        return
    members = [ann, *stage.join(12)]
    met, lead = 0.0, _LEAD
    for _ in range(_TRIES):
        turn += int(stage.now() + lead - turn) + 1
        stage.pass_time(turn - lead - stage.now())
        this = _talk_across_a_turn(stage, ann)
        lead = _LEAD if this else 3 * lead
        met += this
        stage.fence(*members)
        if met >= _MET:
            break


def _talk_across_a_turn(stage: Stage, member: Client) -> float:
    """Send lines until the time in the headers changes, and return the weight of this change.

    It is 1 if the change came while the server was handling lines of one segment, less if it may
    have come between two segments, less still if the machine was slow, and 0 if none was seen.
    """
    stage.greet(member)
    before = _header_of(member, stage.last_nonce)
    words: list[str] = []
    heard, end, longest = 0, stage.now() + _LONGEST, 0.0
    while stage.now() < end:
        while len(words) < heard + _WINDOW:
            said = [stage.nonce() for _ in range(_BATCH)]
            member.send("".join(f"{word}\n" for word in said).encode())
            words += said
        heard += _BATCH
        since = stage.now()
        stage.await_text(member, words[heard - 1])
        longest = max(longest, stage.now() - since)
        if _header_of(member, words[heard - 1]) != before:
            turned = (_header_of(member, word) != before for word in words[heard - _BATCH : heard])
            if not next(turned):
                return 1.0
            return _PERHAPS if longest < _PROMPT else _HARDLY
    return 0.0


def _header_of(member: Client, word: str) -> bytes:
    """Return what stands before a word in its line; if that is empty, the line before."""
    found = max(0, member.received.rfind(word.encode()))
    before = b"\n" + bytes(member.received[max(0, found - _LONG) : found])
    *_, header, beginning = before.rsplit(b"\n", 2)
    return beginning or header


def _turn_of_a_second(stage: Stage, member: Client) -> float | None:
    """Return the latest stage time at which headers still showed the old second, or None if they
    show no seconds."""
    before: bytes | None = None
    latest = stage.now()
    end = latest + 1.5
    while stage.now() < end:
        since, said = len(member.received), stage.now()
        stage.greet(member)
        shown = bytes(member.received[since:]).replace(stage.last_nonce.encode(), b"")
        if before not in (None, shown):
            return latest
        before, latest = shown, said
        stage.pass_time(_LOOK)
    return None
