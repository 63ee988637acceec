"""Limits: long lines, endless lines, readers that stall, rooms that are full."""

from conformance.client import Client, Stuck
from conformance.oracle.limits import MAX_BACKLOG, MEMBERS
from conformance.scenario import scenario
from conformance.stage import Stage
from conformance.talk import Talker, stall_one

_CHUNK = 64 * 1_024
_AGAIN = 0.05


@scenario("LIM-1")
def test_long_lines_are_accepted(stage: Stage) -> None:
    """Lines of 1,024 octets before the LF: of one, two, three and four octets a character, and
    with the CR of a CR LF counted in."""
    ann, bob = stage.join(2)
    for filler in ("x", "é", "€", "😀"):
        for tail in ("", "\r"):
            word = stage.nonce()
            room = 1_024 - len(word) - len(tail)
            text = filler * (room // len(filler.encode()))
            line = f"{word}{text}{'y' * (room - len(text.encode()))}{tail}\n"
            ann.send(line.encode(), exercises=["LIM-1"])
            stage.fence(ann, bob)


@scenario("LIM-2", "ERR-2")
def test_an_endless_line_is_cut_off(stage: Stage) -> None:
    """One octet more than any limit may be, and no LF; with lines before it; two talk on."""
    ann, bob = stage.join(2)
    [eve] = stage.join(1)
    eve.send(f"{stage.nonce()}\n".encode())
    for _ in range(16):
        eve.send(b"x" * _CHUNK, exercises=["LIM-2"])
    eve.send(b"x", exercises=["LIM-2"])
    eve.await_end(exercises=["LIM-2"])
    stage.fence(ann, bob)


@scenario("LIM-2", "FRM-4")
def test_an_endless_line_is_none_the_shorter_for_its_end(stage: Stage) -> None:
    """One octet more than any limit may be, and then the end of stream, or the LF."""
    [bob] = stage.join(1)
    for end in (b"", b"\n"):
        [eve] = stage.join(1)
        eve.send(stage.nonce().encode() + b"x" * 1_048_577 + end, exercises=["LIM-2"])
        eve.half_close()
        eve.await_end(exercises=["LIM-2"])
        stage.fence(bob)


@scenario("LIM-3", waits=0.5)
def test_a_laggard_stays(stage: Stage) -> None:
    """A member stops reading, 900,000 octets wait for it, and it reads on."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    laggard = stall_one(stage)
    talker.say(900_000, ("LIM-3",))
    laggard.resume()
    stage.fence(ann, bob, laggard)


@scenario("LIM-3", "LIM-4", waits=0.5)
def test_a_stalled_reader_is_disconnected(stage: Stage) -> None:
    """A member stops reading; two talk until it is disconnected, or 64 MiB wait for it."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    stalled = stall_one(stage)
    said = 0
    while said < MAX_BACKLOG + _CHUNK and not stalled.is_broken():
        said += talker.say(1_000_000, ("LIM-3",))
    stage.fence(ann, bob, exercises=["LIM-3"])
    stalled.resume()
    if said >= MAX_BACKLOG:
        stage.wait([stalled], lambda: stalled.ended or len(stalled.received) >= said, "the rest")
    else:
        stalled.await_end()
    stage.fence(ann, bob)


@scenario("LIM-5", needs=("capacity",))
def test_one_too_many_is_told_so(stage: Stage) -> None:
    """As many members as there is room for, and two more; then one goes, and one comes."""
    assert stage.start.capacity is not None
    leaver, *members = stage.join(stage.start.capacity)
    for _ in range(2):
        stage.connect().await_end(exercises=["LIM-5"])
    stage.fence(leaver, members[-1])
    leaver.half_close()
    leaver.await_end()
    _come_in(stage, members[0])


def _come_in(stage: Stage, member: Client) -> None:
    """Come until there is a place: a leaver sees its end before the server has counted again."""
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


@scenario("LIM-6")
def test_256_members(stage: Stage) -> None:
    """256 members at once, most of them silent: what the first and the last say, all hear."""
    ann, *others = (stage.connect() for _ in range(MEMBERS))
    stage.greet(ann, exercises=["LIM-6"])
    stage.greet(others[-1], exercises=["LIM-6"])
    stage.be_heard(ann, others, exercises=["LIM-6"])
    stage.fence(ann, others[100], others[-1], exercises=["LIM-6"])
    for member in others:
        member.await_text(stage.last_nonce, exercises=["LIM-6"])
