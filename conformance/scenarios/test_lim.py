"""Limits: long lines, endless lines, readers that stall, rooms that are full."""

from conformance.client import Client
from conformance.oracle.limits import MAX_BACKLOG, MEMBERS
from conformance.scenario import scenario
from conformance.stage import Stage

_CHUNK = 64 * 1_024


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


@scenario("LIM-3")
def test_a_laggard_stays(stage: Stage) -> None:
    """A member stops reading, 900,000 octets wait for it, and it reads on."""
    ann, bob = stage.join(2)
    laggard = _stall(stage)
    _say_octets(stage, ann, bob, 900_000)
    laggard.resume()
    stage.fence(ann, bob, laggard)


@scenario("LIM-3", "LIM-4")
def test_a_stalled_reader_is_disconnected(stage: Stage) -> None:
    """A member stops reading; two talk until it is disconnected, or 64 MiB wait for it."""
    ann, bob = stage.join(2)
    stalled = _stall(stage)
    said = 0
    while said < MAX_BACKLOG + _CHUNK and not stalled.is_broken():
        said += _say_octets(stage, ann, bob, 1_000_000)
    stage.fence(ann, bob, exercises=["LIM-3"])
    stalled.resume()
    if said >= MAX_BACKLOG:
        stage.wait([stalled], lambda: stalled.ended or len(stalled.received) >= said, "the rest")
    else:
        stalled.await_end()
    stage.fence(ann, bob)


def _stall(stage: Stage) -> Client:
    """A member that has stopped reading, and whose kernel holds little."""
    client = stage.connect(receive_buffer=32_768)
    stage.greet(client)
    client.stall()
    return client


def _say_octets(stage: Stage, talker: Client, other: Client, octets: int) -> int:
    """Let a member say so many octets, all of them received before it ends; the octets said."""
    said = 0
    while said < octets:
        lines = [
            f"{stage.nonce()} {'x' * 990}\n" for _ in range(min(50, (octets - said) // 1000 + 1))
        ]
        talker.send("".join(lines).encode(), exercises=["LIM-3"])
        said += sum(map(len, lines))
        stage.fence(talker, other, exercises=["LIM-3"])
    return said


@scenario("LIM-5", needs=("capacity",))
def test_one_too_many_is_told_so(stage: Stage) -> None:
    """As many members as there is room for, and two more; then one goes, and one comes."""
    assert stage.start.capacity is not None
    members = stage.join(stage.start.capacity)
    for _ in range(2):
        stage.connect().await_end(exercises=["LIM-5"])
    stage.fence(members[0], members[-1])
    members[0].half_close()
    members[0].await_end()
    stage.join(1)


@scenario("LIM-6")
def test_256_members(stage: Stage) -> None:
    """256 members at once, of whom the first, the last and one between are heard by all."""
    members = stage.join(MEMBERS, exercises=["LIM-6"])
    stage.fence(members[0], members[100], members[-1], exercises=["LIM-6"])
    for member in members:
        member.await_text(stage.last_nonce, exercises=["LIM-6"])
