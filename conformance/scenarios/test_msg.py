"""Broadcast: the header, the sender, the time, and one encoding for all."""

from conformance.client import Client
from conformance.scenario import scenario
from conformance.stage import Stage

_LOOK = 0.003
_BUSY = 0.04
"""Seconds for which the server is given work around the turn of a second."""
_MOST = 600
"""Lines of that work, where the server is so fast that it would take more."""
_SAMPLE = 50
_TRIES = 8
_HITS = 3
"""Times that the second must have turned meanwhile: at one, a server may be between two lines."""


@scenario("MSG-1", "MSG-2", "MSG-4", "MSG-5")
def test_header(stage: Stage) -> None:
    """Members that come and go, each under its own address."""
    ann, bob = stage.join(2)
    stage.fence(ann, bob)
    ann.half_close()
    ann.await_end()
    [eve] = stage.join(1)
    stage.fence(bob, eve)


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
    """Of thirteen members one says so much before the turn of a second that the server is still at
    it when the second turns, three times over."""
    [ann] = stage.join(1)
    turn = _turn_of_a_second(stage, ann)
    if turn is None:
        return
    members = [ann, *stage.join(12)]
    hits, busy = 0, _BUSY
    for _ in range(_TRIES):
        a_line = _seconds_a_line(stage, members)
        lines = min(_MOST, int(busy / a_line) + 1)
        before = lines * a_line / 3
        turn += int(stage.now() + before - turn) + 1
        stage.pass_time(turn - before - stage.now())
        first, last = _say_at_once(stage, ann, lines)
        stage.fence(*members)
        if _header_of(ann, first) == _header_of(ann, last):
            busy *= 2  # on a busy machine the moment is missed by more
            continue
        hits += 1
        if hits == _HITS:
            break


def _turn_of_a_second(stage: Stage, member: Client) -> float | None:
    """A time, of the stage, at which headers began to tell another second; None where they do not
    tell it."""
    before: bytes | None = None
    end = stage.now() + 1.5
    while stage.now() < end:
        since = len(member.received)
        stage.greet(member)
        shown = bytes(member.received[since:]).replace(stage.last_nonce.encode(), b"")
        if before not in (None, shown):
            return stage.now() - _LOOK / 2
        before = shown
        stage.pass_time(_LOOK)
    return None


def _seconds_a_line(stage: Stage, members: list[Client]) -> float:
    stage.fence(*members)
    began = stage.now()
    _say_at_once(stage, members[0], _SAMPLE)
    stage.fence(members[0], members[-1])
    return (stage.now() - began) / _SAMPLE


def _say_at_once(stage: Stage, member: Client, lines: int) -> tuple[str, str]:
    """The first word said, and the last."""
    words = [stage.nonce() for _ in range(lines)]
    member.send("".join(f"{word}\n" for word in words).encode())
    return words[0], words[-1]


def _header_of(member: Client, word: str) -> bytes:
    """What stands before a word in its line, or where nothing does, the line before."""
    before = bytes(member.received[: max(0, member.received.rfind(word.encode()))])
    *_, header, beginning = (b"\n" + before).rsplit(b"\n", 2)
    return beginning or header
