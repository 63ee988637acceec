"""Violations: lines before one are broadcast, and only the offender is notified and closed."""

from itertools import product

from conformance.driver.stage import Stage
from conformance.scenarios.controls import say_at_once
from conformance.scenarios.registry import scenario
from conformance.standard.constants import MAX_LINE_LIMIT


@scenario("ERR-1", "ERR-3")
def test_lines_before_a_violation_are_broadcast(stage: Stage) -> None:
    """Lines, an offending line, and lines again, in one segment and in three, with two lines and
    with three hundred. The offending line does not decode, or is too long."""
    [bob] = stage.join(1)
    for lines in (2, 300):
        say_at_once(stage, bob, lines)
        for cut, tail in product((False, True), (b" \xff ", b"x" * (MAX_LINE_LIMIT + 1))):
            [ann] = stage.join(1)
            before = "".join(f"{stage.nonce()}\n" for _ in range(lines)).encode()
            offence = stage.nonce().encode() + tail + stage.nonce().encode() + b"\n"
            after = f"{stage.nonce()}\n{stage.nonce()}\n".encode()
            ann.send(*([before, offence, after] if cut else [before + offence + after]))
            stage.await_end(ann)
            stage.fence(bob)


@scenario("ERR-2", "ERR-1")
def test_only_the_offender_is_closed(stage: Stage) -> None:
    """An offender that goes on sending is closed in order; the others talk on."""
    ann, bob = stage.join(2)
    for count in (3, 0, 4_000):
        [eve] = stage.join(1)
        after = "".join(f"{stage.nonce()}\n" for _ in range(count)).encode()
        eve.send(b"\xff\n" + after, after)
        stage.fence(ann, bob)
        stage.await_end(eve, exercises=["ERR-2"])
        stage.fence(ann, bob)


@scenario("ERR-3", "LIM-2", "TXT-2")
def test_a_notice_says_why(stage: Stage) -> None:
    """A line that does not decode, a line that is too long, and a line that is both."""
    [bob] = stage.join(1)
    for offence in (b"\xff\n", b"x" * (MAX_LINE_LIMIT + 1), b"\xff" * (MAX_LINE_LIMIT + 1) + b"\n"):
        [ann] = stage.join(1)
        ann.send(offence)
        stage.await_end(ann)
        stage.fence(bob)
