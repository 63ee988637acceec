"""Limits: long lines, endless lines, stalled readers, full rooms."""

from functools import partial

from conformance.driver.bulk_traffic import SIZES, Talker, is_taken, stall_one, talk
from conformance.driver.client import Client
from conformance.driver.interruption import Stuck, Unplayable
from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario
from conformance.standard.constants import (
    LINGER,
    MAX_BACKLOG,
    MAX_LINE_LIMIT,
    MEMBERS,
    MIN_LINE_LIMIT,
)
from conformance.target.address import AS_USUAL, FAR

_CHUNK = 64 * 1_024
_AGAIN = 0.05
_LAG = 4_000_000
"""Octets that wait for a stalled member when it resumes: more than most kernels buffer."""
_SAID = 1_300_000
"""Octets that are sent while a member reads slowly."""
_BEHIND = 650_000
"""The backlog, in octets, at which the slow member reads a quarter of it."""
_SHORT = 1_050
_SIPS = 4
_SIP = 0.3
_MORE = 1_000_000
"""Octets sent after the first stalled member was disconnected, so that the others are too."""


@scenario("LIM-1")
def test_long_lines_are_accepted(stage: Stage) -> None:
    """Lines of 1,024 octets before the LF, with characters of one, two, three and four octets,
    without and with a CR, which counts. Then one whose LF comes in a later segment."""
    ann, bob = stage.join(2)
    for filler in ("x", "é", "€", "😀"):
        for tail in ("", "\r"):
            word = stage.nonce()
            room = MIN_LINE_LIMIT - len(word) - len(tail)
            text = filler * (room // len(filler.encode()))
            line = f"{word}{text}{'y' * (room - len(text.encode()))}{tail}\n"
            ann.send(line.encode(), exercises=["LIM-1"])
            stage.fence(ann, bob)
    word = stage.nonce()
    ann.send(word.encode() + b"x" * (MIN_LINE_LIMIT - len(word)), exercises=["LIM-1"])
    stage.greet(bob)
    ann.send(b"\n", exercises=["LIM-1"])
    stage.fence(ann, bob)


@scenario("LIM-2", "ERR-2")
def test_an_endless_line_is_cut_off(stage: Stage) -> None:
    """One octet more than the largest limit allowed, and no LF: letters after another line, and
    spaces as a client's first octets. Two members talk on."""
    ann, bob = stage.join(2)
    # In a dialect a client may have to introduce itself before it sends spaces.
    for filler in (b"x", b" ") if stage.dialect is None else (b"x",):
        eve = stage.connect()
        if filler == b"x":
            stage.greet(eve)
        for _ in range(16):
            eve.send(filler * _CHUNK, exercises=["LIM-2"])
        eve.send(filler, exercises=["LIM-2"])
        stage.await_end(eve, exercises=["LIM-2"])
        stage.fence(ann, bob)


@scenario("LIM-2", "FRM-4")
def test_an_endless_line_is_none_the_shorter_for_its_end(stage: Stage) -> None:
    """More octets than the largest limit allowed, then the end of stream or the LF. Once in
    characters of three octets, so that a limit counted in characters is not reached."""
    [bob] = stage.join(1)
    for filler, end in (("x", b""), ("x", b"\n"), ("€", b"\n")):
        [eve] = stage.join(1)
        octets = filler.encode() * ((MAX_LINE_LIMIT + 1) // len(filler.encode()) + 1)
        eve.send(stage.nonce().encode() + octets + end, exercises=["LIM-2"])
        eve.half_close()
        stage.await_end(eve, exercises=["LIM-2"])
        stage.fence(bob)


@scenario("LIM-2", "ERR-3")
def test_a_line_is_refused_before_its_end(stage: Stage) -> None:
    """Lines of 2,049 octets, about twice as many, and so on, until one is refused. Then as many
    octets as that, without the LF."""
    [bob] = stage.join(1)
    octets = next((one for one in SIZES if not is_taken(stage, one)), SIZES[-1])
    eve = stage.connect()
    eve.send(b"x" * octets, exercises=["LIM-2"])
    stage.await_end(eve, exercises=["LIM-2"])
    stage.fence(bob)


@scenario("LIM-3", waits=0.5)
def test_a_laggard_stays(stage: Stage) -> None:
    """A member stops reading until 900,000 octets wait for it, then reads on."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    laggard = stall_one(stage)
    talker.say(900_000, ("LIM-3",))
    laggard.resume()
    stage.fence(ann, bob, laggard)


@scenario("LIM-3", "QUIT-5", "ROOM-6", waits=2.5)
def test_a_slow_reader_misses_nothing(stage: Stage) -> None:
    """Two members talk in long and short lines. Another reads a little now and then: it is always
    behind, but never by 900,000 octets. It half-closes, and reads the rest as slowly."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    slow = stall_one(stage, FAR)
    ahead = len(bob.received) - len(slow.received)
    said, short = 0, _SHORT
    while said < _SAID:
        said += talker.say(120_000, ("LIM-3",))
        _say_shortly(stage, ann, short)
        short = _SHORT // 20
        stage.fence(ann, bob)
        behind = len(bob.received) - ahead - len(slow.received)
        if behind > _BEHIND:
            slow.resume(slowly=True)
            _say_shortly(stage, ann, short)
            _stall_after(stage, slow, behind // 4)
            stage.fence(ann, bob)
    if stage.knows_the_end:
        slow.half_close()
        for sip in range(_SIPS, 0, -1):
            slow.resume(slowly=True)
            _stall_after(stage, slow, (len(bob.received) - ahead - len(slow.received)) // (sip + 1))
            stage.pass_time(_SIP)
        slow.resume()
        stage.await_end(slow)
    stage.fence(ann, bob)


def _say_shortly(stage: Stage, member: Client, lines: int) -> None:
    octets = "".join(f"{stage.nonce()}\n" for _ in range(lines)).encode()
    member.send(octets, exercises=["LIM-3"])


def _stall_after(stage: Stage, client: Client, octets: int) -> None:
    """Let a client stop reading when it has read this many more octets."""
    enough = len(client.received) + octets
    stage.wait([client], lambda: client.ended or len(client.received) >= enough, "more", ["LIM-3"])
    client.stall()


@scenario("LIM-3", "LIM-4", "ROOM-2", "ROOM-6", waits=3.5)
def test_a_stalled_reader_is_disconnected(stage: Stage) -> None:
    """Members stop reading, and two others talk until these are disconnected or 64 MiB wait for the
    first. One of them reads on when 4,000,000 octets wait, and leaves. A member that joined last
    misses nothing. Clients that join afterwards receive nothing of what waited for the others."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    stalled, laggard = stall_one(stage), stall_one(stage, AS_USUAL)
    others = [stall_one(stage) for _ in range(2)]
    [last] = stage.join(1)
    said = more = 0
    while said < MAX_BACKLOG + _CHUNK and not stalled.is_broken():
        said += talker.say(1_000_000, ("LIM-3",))
        talker.check_pace(said, MAX_BACKLOG)
        stage.fence(ann, last, exercises=["LIM-3"])
        if said >= _LAG and laggard.stalled:
            word = stage.last_nonce
            laggard.resume()
            stage.wait([laggard], partial(_has_caught_up, laggard, word), word, ["LIM-4"])
            laggard.half_close()
    while more < _MORE and not all(other.is_broken() for other in others):
        more += talker.say(200_000, ("LIM-3",))
    stage.fence(ann, bob, last, exercises=["LIM-3"])
    for other in (laggard, *others):
        other.reset()
    stage.fence(*stage.join(4))
    stalled.resume()
    if said >= MAX_BACKLOG:
        stage.let(lambda: stalled.ended or len(stalled.received) >= said, stage.patience)
    else:
        stage.await_end(stalled)
    stage.fence(ann, bob)
    # If the newest message reaches it, the oracle can tell whether earlier ones are missing.
    word = stage.last_nonce
    stage.let(lambda: stalled.ended or stalled.has_lately(word), stage.patience)


def _has_caught_up(laggard: Client, word: str) -> bool:
    return laggard.ended or laggard.has_lately(word)


@scenario("LIM-3", waits=2.5)
def test_a_flooder_that_never_reads(stage: Stage) -> None:
    """A member floods and reads nothing, until the server stops reading it or disconnects it, or
    64 MiB of its own messages wait for it. Then two members talk that had only listened."""
    if not stage.has_echo:
        raise Unplayable("dialect", "members do not receive their own messages")
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    flooder = stall_one(stage)
    said = talker.flood(flooder, MAX_BACKLOG + _CHUNK)
    if said < MAX_BACKLOG:
        stage.fence(ann, bob, exercises=["LIM-3"])
    flooder.resume()
    if said >= MAX_BACKLOG:
        stage.wait([flooder], lambda: flooder.ended or len(flooder.received) >= said, "the rest")
    stage.fence(ann, bob)


@scenario("LIM-5", needs=("capacity",))
def test_one_too_many_is_told_so(stage: Stage) -> None:
    """As many members as the capacity allows, and two more. Then one leaves, and one joins."""
    assert stage.start.capacity is not None
    leaver, *members = stage.join(stage.start.capacity)
    for _ in range(2):
        stage.await_end(stage.connect(), exercises=["LIM-5"])
    stage.fence(leaver, members[-1])
    leaver.half_close()
    stage.await_end(leaver)
    _come_in(stage, members[0])


def _come_in(stage: Stage, member: Client) -> None:
    """Try to join until there is room: a leaver may see its end before its place is free."""
    end = stage.now() + stage.patience
    while True:
        newcomer = stage.connect()
        try:
            stage.be_heard(member, [newcomer])
        except Stuck:
            if not newcomer.ended or stage.now() > end:
                raise
            stage.pass_time(_AGAIN)
        else:
            return


@scenario("LIM-6", "ROOM-1", "ROOM-2")
def test_256_members(stage: Stage) -> None:
    """256 members; the second half join when the first half have heard a message. Most of them are
    silent. All hear what eight of them say at once, and what the first and the last say."""
    ann, *others = (stage.connect() for _ in range(MEMBERS // 2))
    _all_hear(stage, ann, others)
    others += [stage.connect() for _ in range(MEMBERS // 2)]
    _all_hear(stage, ann, others)
    talk(stage, others[::32], lines=3, window=2)
    stage.greet(others[-1], exercises=["LIM-6"])
    stage.fence(ann, others[100], others[-1], exercises=["LIM-6"])
    for member in others:
        stage.await_text(member, stage.last_nonce, exercises=["LIM-6"])


def _all_hear(stage: Stage, speaker: Client, listeners: list[Client]) -> None:
    """Let all listeners hear a message. Those that were refused join again, once earlier leavers
    can no longer count for the capacity. If the speaker is not heard, another one speaks."""
    try:
        stage.be_heard(speaker, listeners, exercises=["LIM-6"])
    except Stuck:
        if not any(one.ended for one in listeners):
            stage.greet(listeners[0], exercises=["LIM-6"])
            raise
        stage.pass_time(2 * LINGER)
        listeners[:] = [stage.connect() if one.ended else one for one in listeners]
        stage.be_heard(speaker, listeners, exercises=["LIM-6"])
