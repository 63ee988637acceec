"""Framing: only LF ends a line, and segmentation has no meaning."""

from conformance.driver.bulk_traffic import SIZES, is_taken
from conformance.driver.client import Client
from conformance.driver.interruption import Unplayable
from conformance.driver.stage import Stage
from conformance.scenarios.controls import await_end_amid_talk
from conformance.scenarios.registry import scenario


def _say_whole(stage: Stage, ann: Client, bob: Client, text: str) -> None:
    """Send a text in one segment: a server that alters or refuses it does so however it is cut."""
    ann.say(f"{stage.nonce()} {text}", exercises=["TXT-1"])
    stage.fence(ann, bob)


@scenario("FRM-1")
def test_one_line_in_many_segments(stage: Stage) -> None:
    """A line sent octet by octet. Each octet reaches the server before the next is sent."""
    ann, bob = stage.join(2)
    _say_whole(stage, ann, bob, "ж€😀")
    line = f"{stage.nonce()} ж€😀".encode() + b"\n"
    for octet in line:
        ann.send(bytes([octet]), exercises=["FRM-1"])
        stage.greet(bob)
    stage.fence(ann, bob)


@scenario("FRM-1")
def test_a_line_in_two_segments(stage: Stage) -> None:
    """Lines cut in two within a word, within a character, and before the LF."""
    ann, bob = stage.join(2)
    _say_whole(stage, ann, bob, "é한😀")
    for end in ("", " ", "é", "한", "😀", "\r"):
        line = (stage.nonce() + " " + stage.nonce() + end).encode() + b"\n"
        for cut in (14, len(line) - 1, len(line) - 2):
            own = line.replace(line[:14], stage.nonce().encode(), 1)
            ann.send(own[:cut], exercises=["FRM-1"])
            stage.greet(bob)
            ann.send(own[cut:], exercises=["FRM-1"])
            stage.greet(bob)
    stage.fence(ann, bob)


@scenario("FRM-1")
def test_many_lines_in_one_segment(stage: Stage) -> None:
    """Three lines in one segment; then the end of a line and the start of the next in one."""
    ann, bob = stage.join(2)
    three = [stage.nonce() for _ in range(3)]
    ann.send("".join(f"{word}\n" for word in three).encode(), exercises=["FRM-1"])
    stage.greet(bob)
    first, second = stage.nonce(), stage.nonce()
    ann.send(first[:5].encode(), exercises=["FRM-1"])
    stage.greet(bob)
    ann.send(f"{first[5:]}\n{second[:5]}".encode(), exercises=["FRM-1"])
    stage.greet(bob)
    ann.send(f"{second[5:]}\n".encode(), exercises=["FRM-1"])
    stage.fence(ann, bob)


@scenario("FRM-1")
def test_a_flood_of_lines_in_one_segment(stage: Stage) -> None:
    """100,000 octets at once, in lines of many lengths, so that reads of any size cut some line."""
    ann, bob = stage.join(2)
    _say_whole(stage, ann, bob, "x€")
    lines: list[str] = []
    while sum(map(len, lines)) < 100_000:
        lines.append(stage.nonce() + " " + "x€"[len(lines) % 2] * stage.random.randrange(1, 250))
    ann.send("".join(f"{line}\n" for line in lines).encode(), exercises=["FRM-1"])
    stage.await_text(ann, lines[-1])
    stage.await_text(bob, lines[-1])
    stage.fence(ann, bob)


@scenario("FRM-1")
def test_segments_of_round_sizes(stage: Stage) -> None:
    """Segments of 256 octets, twice as many, and so on up to 65,536. Each ends with a line, and the
    next is sent when this line has been broadcast."""
    ann, bob = stage.join(2)
    for power in range(8, 17):
        lines: list[str] = []
        while (left := 2**power - sum(map(len, lines))) > 0:
            word, size = stage.nonce(), left if left <= 1_000 else min(500, left - 500)
            lines.append(f"{word} {'x' * (size - len(word) - 2)}\n")
        ann.send("".join(lines).encode(), exercises=["FRM-1"])
        stage.await_text(ann, stage.last_nonce)
        stage.await_text(bob, stage.last_nonce)
    stage.fence(ann, bob)


@scenario("FRM-1")
def test_a_word_is_not_over_before_its_line(stage: Stage) -> None:
    """A segment that holds just quit or white space is the start of a longer line, whose rest comes
    in the next segment."""
    ann, bob = stage.join(2)
    ann.say(f"quit {stage.nonce()}", exercises=["QUIT-2"])
    stage.fence(ann, bob)
    for start in ("quit", " ", "quit\r", "\r"):
        ann.send(start.encode(), exercises=["FRM-1"])
        stage.greet(bob)
        ann.send(f" {stage.nonce()}\n".encode(), exercises=["FRM-1"])
        stage.fence(ann, bob)


@scenario("FRM-2")
def test_only_lf_ends_a_line(stage: Stage) -> None:
    """CR, VT, FF, NUL, FS, GS, RS, U+0085, U+2028 and U+2029 within lines."""
    ann, bob = stage.join(2)
    for point in "\r\v\f\0\x1c\x1d\x1e\x85\u2028\u2029":
        ann.say(f"{stage.nonce()}{point}{stage.nonce()}", exercises=["FRM-2"])
        stage.fence(ann, bob)


@scenario("FRM-3")
def test_cr_lf_works_as_lf(stage: Stage) -> None:
    """Lines that end in CR LF: one in a segment, two in a segment, one cut between CR and LF."""
    ann, bob, leaver = stage.join(3)
    leaver.say("quit", exercises=["QUIT-1"])
    await_end_amid_talk(stage, leaver, bob, exercises=["QUIT-1"])
    ann.send(f"{stage.nonce()}\r\n".encode(), exercises=["FRM-3"])
    stage.fence(ann, bob)
    ann.send(f"{stage.nonce()}\r\n{stage.nonce()}\r\n".encode(), exercises=["FRM-3"])
    stage.fence(ann, bob)
    ann.send(f"{stage.nonce()}\r".encode(), exercises=["FRM-3"])
    stage.greet(bob)
    ann.send(b"\n", exercises=["FRM-3"])
    stage.fence(ann, bob)
    ann.send(b"quit\r\n", exercises=["FRM-3"])
    await_end_amid_talk(stage, ann, bob, exercises=["FRM-3"])


@scenario("FRM-4", "QUIT-5")
def test_an_incomplete_line_is_discarded(stage: Stage) -> None:
    """Clients half-close within a line: after a word, half a character, quit, or a space; before
    these one half-closes that has begun no line."""
    [bob, leaver] = stage.join(2)
    leaver.half_close()
    stage.await_end(leaver)
    stage.fence(bob)
    for rest in (stage.nonce().encode(), stage.nonce().encode() + b"\xe2\x82", b"quit", b" "):
        [ann] = stage.join(1)
        ann.send(rest, exercises=["FRM-4"])
        ann.half_close()
        stage.await_end(ann, exercises=["FRM-4"])
        stage.fence(bob)


@scenario("FRM-1")
def test_a_long_line_in_two_segments_is_no_longer(stage: Stage) -> None:
    """The longest line over 2,048 octets that the server accepts in one segment, sent again in two
    segments: its last octet and the LF come in the second."""
    if stage.dialect is not None and "line-limit" in stage.dialect.absent:
        raise Unplayable("dialect", "lines have no limit")
    taken = 0
    for refused in filter(stage.can_say, SIZES):
        if not is_taken(stage, refused):
            break
        taken = refused
    else:
        return
    while taken and refused - taken > 1:
        middle = (taken + refused) // 2
        if is_taken(stage, middle):
            taken = middle
        else:
            refused = middle
    if taken:
        word, [ann, bob] = stage.nonce(), stage.join(2)
        ann.send(word.encode() + b"x" * (taken - len(word) - 1), exercises=["FRM-1"])
        stage.greet(bob)
        ann.send(b"x\n", exercises=["FRM-1"])
        stage.fence(ann, bob)
