"""Broadcast: the header, the sender, the time, and one encoding for all."""

from conformance.driver.client import Client
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario
from conformance.target.address import Side

_A_WHILE = 0.1
_LOOPBACK = "127.0.0.1"
_ANOTHER = "127.0.0.2"
_LOW_PORTS = range(1_024, 10_000)
_OWN_PORTS = range(10_000, 32_768)
"""A port that the kernel chose cannot be had again while it remembers others from there."""
_LOOK = 0.003
_LEAD = 0.01
_LONGEST = 0.15
"""Seconds before the turn of a second from which on one talks, and how long at most."""
_BATCH = 50
_WINDOW = 200
"""Lines that are said in one segment, and lines that are on their way at once."""
_TRIES = 8
_MET = 2.4
_PERHAPS = 0.8
_HARDLY = 0.3
"""Turns that are enough, and what one counts that a server may have met between two reads: more
where no word took longer than _PROMPT, less where it may have had none to read."""
_PROMPT = 0.025
_LONG = 400
"""Octets that a header has at most."""


@scenario("MSG-1", "MSG-2", "MSG-4", "MSG-5")
def test_header(stage: Stage) -> None:
    """Members that come and go, each under its own address."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    ann.half_close()
    stage.await_end(ann)
    [eve] = stage.join(1)
    stage.fence(bob, eve)


@scenario("MSG-2", "ROOM-1")
def test_addresses_of_all_kinds(stage: Stage) -> None:
    """Members from a port that another was reset at a moment before, from a port of four figures,
    and from another of the machine's own addresses, where these can be had."""
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
    """Eight members, of whom each speaks; and all at once for a while."""
    members = stage.join(8)
    stage.fence(*members)
    for text in ("é e\u0301 ﬁ", "\u3042 😀", "a\tb", "a\x1bb"):
        for member in members:
            member.say(f"{stage.nonce()} {text}")
        stage.fence(*members)


@scenario("MSG-3", waits=3.5)
def test_the_same_time_for_all(stage: Stage) -> None:
    """Of thirteen members one talks without a pause while the second turns, three times over, or
    more where a server may have been between two lines."""
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
    """Talk until headers tell another time; 1 if it turned while the server was at what had come
    in one segment, less if it may have been between two, the less where the machine let either
    wait, and 0 where the turn was missed."""
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
    """What stands before a word in its line, or where nothing does, the line before."""
    found = max(0, member.received.rfind(word.encode()))
    before = b"\n" + bytes(member.received[max(0, found - _LONG) : found])
    *_, header, beginning = before.rsplit(b"\n", 2)
    return beginning or header


def _turn_of_a_second(stage: Stage, member: Client) -> float | None:
    """The last time, of the stage, at which headers did not yet tell another second; None where
    they do not tell it."""
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
