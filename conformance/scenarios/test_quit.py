"""Leaving by quit or end of stream: lines before it are delivered, octets after it are ignored."""

from functools import partial
from typing import Final

from conformance.driver.bulk_traffic import Talker, stall_one
from conformance.driver.client import Client
from conformance.driver.server_control import ManagedServer
from conformance.driver.stage import Stage
from conformance.scenarios.controls import await_end_amid_talk, say_at_once
from conformance.scenarios.registry import scenario
from conformance.standard.constants import LINGER
from conformance.target.address import AS_USUAL, FAR

_SOON: Final = LINGER / 3
_OWED: Final = 400_000
"""Octets that wait for a leaver that reads slowly."""
_A_TENTH: Final = 0.1
_TENTHS: Final = 22
"""Tenths of a second in which it reads them: longer than a linger that does not wait until the
client has acknowledged everything."""
_MANY: Final = 600
_FEW: Final = 50
"""Lines of a thousand octets that the server's kernel buffers unread. It buffers more for a client
that has sent much before."""
_TAKEN: Final = 0.1
"""Seconds within which the kernel takes them."""
_UNREAD: Final = 3_000
"""Lines of some 50 octets: more than a server reads at once."""


@scenario("QUIT-1", "QUIT-3")
def test_quit_leaves(stage: Stage) -> None:
    """quit as a client's first line; after a message, in its own segment, with CR or white space
    around it; and in two segments."""
    [bob] = stage.join(1)
    visitor = stage.connect()
    visitor.send(b"quit\n", exercises=["QUIT-1"])
    await_end_amid_talk(stage, visitor, bob, exercises=["QUIT-1"])
    for octets in (b"quit\n", b"quit\r\n", b" \tquit \n", "\u3000quit\xa0\n".encode()):
        [ann] = stage.join(1)
        ann.send(octets, exercises=["QUIT-1"])
        await_end_amid_talk(stage, ann, bob, exercises=["QUIT-1"])
    [ann] = stage.join(1)
    ann.send(b"qu", exercises=["QUIT-1"])
    stage.greet(bob)
    ann.send(b"it\n", exercises=["QUIT-1"])
    await_end_amid_talk(stage, ann, bob, exercises=["QUIT-1"])


@scenario("QUIT-2")
def test_quit_is_exact(stage: Stage) -> None:
    """Lines that only look like quit are messages."""
    ann, bob = stage.join(2)
    for text in (
        "QUIT", "Quit", "quiT", "quit now", "now quit", "/quit", ":quit", "quit.", "quit;",
        "quitquit", "quit quit", "'quit'", "ｑｕｉｔ", "quıt", "quit\u200b", "\ufeffquit", "exit",
        "bye", "/exit", "/disconnect", "/help", "/who", "logout", "close", "stop", ".", "q",
        "quit\0", "quit\0now", "\x1cquit", "quit\x1f",
    ):  # fmt: skip
        ann.say(text, exercises=["QUIT-2"])
        stage.fence(ann, bob)


@scenario("QUIT-3")
def test_what_precedes_quit_is_delivered(stage: Stage) -> None:
    """Lines and quit in one segment: one line, three, and more than one read takes."""
    [bob] = stage.join(1)
    for count in (1, 3, 2_000):
        say_at_once(stage, bob, count)
        [ann] = stage.join(1)
        lines = "".join(f"{stage.nonce()}\n" for _ in range(count))
        ann.send(lines.encode() + b"quit\n", exercises=["QUIT-3"])
        stage.await_end(ann, exercises=["QUIT-3"])
        stage.fence(bob)


@scenario("QUIT-4", "QUIT-3")
def test_what_follows_quit_is_ignored(stage: Stage) -> None:
    """Few and many lines after quit, in its segment and in a later one; and octets after it that do
    not decode. The server closes in order."""
    [bob] = stage.join(1)
    for count in (1, 3, 4_000):
        [ann] = stage.join(1)
        after = "".join(f"{stage.nonce()}\n" for _ in range(count)).encode()
        ann.send(stage.nonce().encode() + b"\nquit\n" + after, after, exercises=["QUIT-3"])
        stage.await_end(ann, exercises=["QUIT-3"])
        stage.fence(bob)
    [ann] = stage.join(1)
    ann.send(b"quit\n\xff\xff\nquit\n", exercises=["QUIT-4"])
    stage.await_end(ann, exercises=["QUIT-4"])
    stage.fence(bob)


@scenario("QUIT-5")
def test_the_end_of_stream_leaves(stage: Stage) -> None:
    """A half-close without a line before it, after one and three lines, and twice after many lines
    that the server still has to read."""
    [bob] = stage.join(1)
    for counts in ((0, 1, 3), (2_000, 2_000)):
        say_at_once(stage, bob, counts[-1])
        for count in counts:
            [ann] = stage.join(1)
            if count:
                lines = "".join(f"{stage.nonce()} {'x' * 70}\n" for _ in range(count))
                ann.send(lines.encode(), exercises=["QUIT-5"])
            ann.half_close()
            stage.await_end(ann, exercises=["QUIT-5"])
            stage.fence(bob)


@scenario("QUIT-5", "QUIT-3", "ROOM-7")
def test_all_leave_at_once(stage: Stage) -> None:
    """Three members leave together, so that the room is empty: all by half-close, all by quit, and
    by both. Then two others join and chat."""
    for ways in (("end", "end", "end"), ("quit", "quit", "quit"), ("quit", "end", "quit")):
        members = stage.join(3)
        for member, way in zip(members, ways, strict=True):
            member.say(stage.nonce())
            if way == "end":
                member.half_close()
            else:
                member.send(b"quit\n")
        for member in members:
            stage.await_end(member)
    stage.fence(*stage.join(2))


@scenario("QUIT-5", "QUIT-3", "LIM-3", waits=0.5)
def test_a_leaver_with_a_backlog_reads_it_all(stage: Stage) -> None:
    """Two members stop reading, 3,000,000 octets wait for them, they leave, and then read on. The
    server may have evicted them by then, since more than 1 MiB waited."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    leavers = [stall_one(stage, FAR), stall_one(stage)]
    talker.say(3_000_000)
    leavers[0].say(stage.nonce(), exercises=["QUIT-5"])
    leavers[0].half_close()
    leavers[1].send(stage.nonce().encode() + b"\nquit\n", exercises=["QUIT-3"])
    stage.fence(ann, bob)
    for leaver in leavers:
        leaver.resume()
        stage.await_end(leaver)
    stage.fence(ann, bob)


@scenario("QUIT-5", "ROOM-7", waits=0.5)
def test_a_leaver_that_never_reads_delays_nobody(stage: Stage) -> None:
    """A member with a backlog leaves and never reads. Two members talk on."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    leaver = stall_one(stage)
    talker.say(600_000)
    leaver.half_close()
    for _ in range(3):
        stage.fence(ann, bob, exercises=["QUIT-5"])
    leaver.reset()


@scenario("QUIT-3", waits=0.8)
def test_a_leaver_that_talks_on_reads_it_all(stage: Stage) -> None:
    """A member stops reading, 600,000 octets wait for it, and it quits and goes on sending. It
    reads on so soon that the server may not have aborted the connection."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    leaver = stall_one(stage)
    talker.say(600_000)
    leaver.send(stage.nonce().encode() + b"\nquit\n", exercises=["QUIT-3"])
    stage.fence(ann, bob)
    leaver.say(stage.nonce())
    stage.fence(ann, bob)
    stage.pass_time(_SOON)
    leaver.resume()
    stage.await_end(leaver)
    stage.fence(ann, bob)


@scenario("QUIT-3", waits=2.5)
def test_a_leaver_that_reads_slowly_and_talks_on(stage: Stage) -> None:
    """A member for which 400,000 octets wait quits. It reads them steadily within two seconds, and
    goes on sending meanwhile."""
    ann, bob = stage.join(2)
    talker = Talker(stage, ann, bob)
    leaver = stall_one(stage)
    talker.say(_OWED)
    leaver.send(stage.nonce().encode() + b"\nquit\n", exercises=["QUIT-3"])
    stage.fence(ann, bob)
    for _ in range(_TENTHS):
        enough = len(leaver.received) + _OWED // _TENTHS
        leaver.resume(slowly=True)
        stage.let(partial(_has_read, leaver, enough), stage.patience)
        if not _has_read(leaver, enough):
            break
        leaver.stall()
        leaver.say(stage.nonce())
        stage.pass_time(_A_TENTH)
    leaver.resume()
    stage.await_end(leaver)
    stage.fence(ann, bob)


@scenario("QUIT-5", "ROOM-2")
def test_a_writer_that_closes_without_reading(stage: Stage) -> None:
    """A client sends thousands of lines, half-closes, and closes without reading anything, so that
    writes to it fail while the server still has lines of it to read. Twice."""
    ann, bob = stage.join(2)
    for _ in range(2):
        writer = stall_one(stage, AS_USUAL)
        lines = "".join(f"{stage.nonce()} {'x' * 30}\n" for _ in range(_UNREAD))
        writer.send(lines.encode(), exercises=["QUIT-5"])
        last = stage.last_nonce
        writer.half_close()
        stage.let(lambda: not writer.sending, stage.patience)  # noqa: B023  # called at once
        if writer.close_unread():
            stage.await_text(bob, last)
        stage.fence(ann, bob)


@scenario("QUIT-5", "ROOM-2", "ROOM-7", needs=("launch",))
def test_a_writer_that_closes_while_the_server_halts(stage: Stage, server: ManagedServer) -> None:
    """While the server is paused, a member talks, and a client sends lines, half-closes and closes
    without reading anything. So the first write to it fails before its lines are read. Once with no
    lines, once with many, and once with few, for a server whose kernel buffers little."""
    ann, bob = stage.join(2)
    [leaver] = stage.join(1)
    with server.halted():
        for member in (ann, bob):
            member.say(stage.nonce(), exercises=["ROOM-7"])
        leaver.close_unread()
    stage.fence(ann, bob, exercises=["ROOM-7"])
    for lines in (_MANY, _FEW):
        [writer] = stage.join(1)
        writer.send(_long_lines(stage, _MANY))
        stage.fence(ann, bob, writer)
        writer.stall()
        stage.fence(ann, bob)
        with server.halted():
            ann.say(stage.nonce())
            writer.send(_long_lines(stage, lines), exercises=["QUIT-5"])
            last = stage.last_nonce
            stage.let(lambda: not writer.sending, _TAKEN)  # noqa: B023  # called at once
            has_come = writer.close_unread()
        if has_come:
            stage.await_text(bob, last)
        stage.fence(ann, bob)


def _long_lines(stage: Stage, number: int) -> bytes:
    return "".join(f"{stage.nonce()} {'x' * 980}\n" for _ in range(number)).encode()


def _has_read(client: Client, octets: int) -> bool:
    return client.ended or len(client.received) >= octets
