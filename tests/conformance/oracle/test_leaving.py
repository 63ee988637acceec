"""Members that leave or send a violation are closed in order."""

import pytest

from conformance.oracle.checks import limits
from conformance.transcript.events import Exited, Stopping
from tests.conformance.scene import Scene, blamed, chat, talk


def leaving(octets: bytes = b"", *exercises: str) -> Scene:
    """Bob leaves by these octets, or by his end of stream; the server's end is yet to come."""
    scene = chat()
    talk(scene, ["ann", "bob"])
    if octets:
        scene.send("bob", octets, exercises=exercises)
    else:
        scene.half_close("bob")
    scene.serve("bob")
    return scene


def read_all(scene: Scene) -> None:
    """Ann and Bob read all that waits for them; the end for Bob is yet to come."""
    scene.deliver("ann")
    scene.read("bob", sum(map(len, scene.peers["bob"].waiting)))


WAYS = pytest.mark.parametrize(
    ("octets", "requirement"), [(b"quit\n", "QUIT-3"), (b"", "QUIT-5"), (b"\xff\n", "ERR-2")]
)


@WAYS
def test_a_reset_for_a_leaver(octets: bytes, requirement: str) -> None:
    scene = leaving(octets)
    read_all(scene)
    scene.reset("bob")
    scene.fence()
    assert blamed(scene) == [requirement]


@WAYS
def test_a_leaver_that_holds_its_side_may_be_broken_off(octets: bytes, requirement: str) -> None:
    """So is one that takes nothing of what it is owed; but not after less than 1 s."""
    for seconds, found in ((0.9, [requirement]), (1.1, [])):
        scene = leaving(octets)
        scene.stall("bob")
        scene.deliver("ann")
        scene.tick(seconds)
        scene.resume("bob")
        scene.reset("bob")
        scene.fence()
        assert set(blamed(scene)) >= set(found)
        assert found or blamed(scene) == []


@pytest.mark.parametrize(("pause", "found"), [(0.4, {"QUIT-3"}), (1.1, set())])
def test_a_leaver_that_reads_on_with_pauses_is_not_broken_off(
    pause: float, found: set[str]
) -> None:
    """However long that takes, unless it has paused for as long as a linger lasts."""
    scene = leaving(b"quit\n")
    scene.deliver("ann")
    for _ in range(4):
        scene.stall("bob")
        scene.tick(pause)
        scene.resume("bob")
        scene.read("bob", 10)
    scene.reset("bob")
    scene.fence()
    assert set(blamed(scene)) == found


@pytest.mark.parametrize(("after_end", "found"), [(True, ["QUIT-5"]), (False, [])])
def test_lines_of_who_closes_without_reading_count(after_end: bool, found: list[str]) -> None:
    """If its end of stream came before the reset; after a mere reset they may be lost."""
    scene = chat()
    scene.stall("bob")
    for word in [scene.nonce() for _ in range(3)]:
        scene.send("bob", f"{word}\n".encode(), exercises=["QUIT-5"])
    scene.serve("bob", reads=2)
    scene.half_close("bob")
    scene.abort("bob", after_end=after_end)
    scene.deliver("ann")
    scene.fence()
    scene.wait_in_vain("ann")
    assert blamed(scene) == found


def test_who_reads_on_long_after_its_end_of_stream_is_not_broken_off() -> None:
    """But soon after it had begun to take what it is owed."""
    scene = leaving(b"")
    scene.stall("bob")
    scene.deliver("ann")
    scene.resume("bob")
    scene.tick(1.1)
    scene.reset("bob")
    scene.fence()
    assert set(blamed(scene)) >= {"QUIT-5"}


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize(("seconds", "found"), [(2.0, ["STOP-1"]), (2.6, [])])
def test_who_is_still_owed_something_may_be_aborted_in_the_end(
    seconds: float, found: list[str], reads: bool
) -> None:
    """A server that stops may do so 2.5 s after the stop, whether its member reads or not."""
    scene = chat()
    scene.stall("bob")
    talk(scene, ["ann"] * 2)
    scene.deliver("ann")
    scene.events.append(Stopping(scene.tick(), "sigterm"))
    scene.end("ann")
    scene.tick(0.0 if reads else seconds)
    scene.peers["bob"].waiting.clear()
    scene.resume("bob")
    scene.tick(seconds if reads else 0.0)
    scene.reset("bob")
    scene.events.append(Exited(scene.tick(), 0))
    assert sorted({one for one in blamed(scene) if one != "ERR-3"}) == found


@WAYS
def test_no_end_for_a_leaver(octets: bytes, requirement: str) -> None:
    scene = leaving(octets)
    read_all(scene)
    scene.wait_in_vain("bob", "the end of the connection")
    assert blamed(scene) == [requirement]


@WAYS
def test_an_end_within_a_unit(octets: bytes, requirement: str) -> None:
    scene = leaving(octets)
    waiting = scene.peers["bob"].waiting
    waiting[:] = [b"".join(waiting[:2])[:-5]]
    scene.deliver()
    scene.fence()
    assert requirement in blamed(scene)


@WAYS
def test_what_precedes_leaving_is_lost(octets: bytes, requirement: str) -> None:
    scene = chat()
    scene.send("bob", scene.nonce().encode() + b"\n" + octets)
    if not octets:
        scene.half_close("bob")
    scene.serve("bob")
    for peer in scene.peers.values():
        del peer.waiting[0]
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["ERR-1" if requirement == "ERR-2" else requirement]


@pytest.mark.parametrize(("controlled", "found"), [(True, ["FRM-3"]), (False, ["QUIT-1"])])
def test_a_fault_in_leaving_is_attributed_to_cr_lf_where_lf_alone_works(
    controlled: bool, found: list[str]
) -> None:
    scene = chat("ann", "bob", "eve")
    if controlled:
        scene.say("eve", "quit")
        scene.deliver()
    scene.send("bob", b"quit\r\n", exercises=["FRM-3"])
    scene.wait_in_vain("bob", "the end of the connection")
    assert blamed(scene) == found


def test_no_notice_of_a_violation() -> None:
    scene = leaving(b"\xff\n")
    scene.peers["bob"].waiting.pop()
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["ERR-3"]


def test_the_wrong_notice() -> None:
    scene = leaving(b"\xff\n")
    scene.peers["bob"].waiting[-1] = b"!line-too-long\n"
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["ERR-3"]


def test_invalid_text_for_a_line_that_is_too_long_as_well() -> None:
    scene = leaving(b"\xff" * 1_048_577 + b"\n")
    scene.peers["bob"].waiting[-1] = b"!invalid-text\n"
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["TXT-2"]


@pytest.mark.parametrize(
    ("octets", "requirement"), [(b"\xff\n", "TXT-2"), (b"x" * 1_048_577, "LIM-2")]
)
def test_a_violation_that_nobody_notices(octets: bytes, requirement: str) -> None:
    scene = leaving(octets)
    scene.peers["bob"].waiting.pop()
    read_all(scene)
    scene.wait_in_vain("bob", "the end of the connection")
    assert blamed(scene) == [requirement]


@pytest.mark.parametrize(
    ("octets", "notice", "requirement"),
    [
        (b"\xc3\xa9\n", b"!invalid-text\n", "TXT-1"),
        (b"x" * 1_024 + b"\n", b"!line-too-long\n", "LIM-1"),
        (b"half \xc3", b"!invalid-text\n", "FRM-4"),
        (b"quit\n\xff\n", b"!invalid-text\n", "QUIT-4"),
    ],
)
def test_a_violation_seen_where_there_is_none(
    octets: bytes, notice: bytes, requirement: str
) -> None:
    scene = leaving(octets)
    scene.half_close("bob")
    scene.serve("bob")
    scene.peers["bob"].waiting.append(notice)
    scene.deliver()
    scene.fence()
    assert requirement in blamed(scene)


def test_a_client_may_break_off_within_anything() -> None:
    scene = chat()
    talk(scene, ["ann", "bob"])
    scene.read("bob", 10)
    scene.abort("bob")
    scene.deliver()
    scene.fence()
    assert scene.findings() == []


def leave_together(scene: Scene, *lost: str) -> list[str]:
    """Three say a word and end their side at once; these of them are not heard."""
    for name in ("ann", "bob", "eve"):
        scene.send(name, scene.nonce().encode() + b"\n")
        scene.half_close(name)
    for name in ("ann", "bob", "eve"):
        if name in lost:
            scene.peers[name].ended, scene.peers[name].member = True, False
        else:
            scene.serve(name)
    scene.deliver()
    return blamed(scene)


def test_a_room_that_stands_still_when_one_has_left_in_order() -> None:
    """Nothing of the first leaver is lost: the losses after it come from how it left."""
    assert leave_together(chat("ann", "bob", "eve"), "bob", "eve") == ["ROOM-7"]
    assert leave_together(chat("ann", "bob", "eve"), "ann", "bob", "eve") == ["QUIT-5"]


def test_what_had_waited_for_who_read_again_is_hoarded_whenever_the_server_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_BACKLOG", 100_000)
    scene = chat("ann", "bob", "eve")
    scene.stall("eve")
    for _ in range(10):
        scene.say("ann", scene.nonce() + "x" * 15_000)
    scene.deliver("ann", "bob")
    scene.resume("eve")
    scene.deliver("eve")
    scene.fence()
    for name in ("ann", "bob", "eve"):
        scene.half_close(name)
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == ["LIM-3", "QUIT-5"]


def test_what_waited_for_who_had_left_is_not_hoarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was owed all that was said before it left."""
    monkeypatch.setattr(limits, "MAX_BACKLOG", 100_000)
    scene = chat("ann", "bob", "eve")
    scene.stall("eve")
    for _ in range(10):
        scene.say("ann", scene.nonce() + "x" * 15_000)
    scene.deliver("ann", "bob")
    scene.half_close("eve")
    scene.serve("eve")
    scene.resume("eve")
    scene.deliver("eve")
    scene.fence()
    assert "LIM-3" not in blamed(scene)


@pytest.mark.parametrize(("texts", "is_early"), [(130, False), (10, True)])
def test_what_waited_counts_whatever_it_was_made_of(texts: int, is_early: bool) -> None:
    """The server folds long lines: what came after its first part is of no line."""
    scene = chat("ann", "bob", "eve")
    scene.stall("eve")
    for _ in range(texts):
        scene.say("ann", scene.nonce() + "x" * 9_000)
        for peer in scene.peers.values():
            header, text, _ = peer.waiting.pop().split(b"\n")
            for start in range(0, len(text), 1_000):
                peer.waiting.append(header + b"\n" + text[start : start + 1_000] + b"\n")
    scene.deliver("ann", "bob")
    scene.reset("eve")
    scene.peers["eve"].waiting.clear()
    scene.fence()
    assert ("LIM-3" in blamed(scene)) is is_early


@pytest.mark.parametrize(
    ("octets", "lines", "found"),
    [(b"quit\n", 100, ["QUIT-3"]), (b"", 100, ["QUIT-5"]), (b"", 1_200, [])],
)
def test_what_waits_for_a_leaver_is_lost(octets: bytes, lines: int, found: list[str]) -> None:
    """Others had received it before: it was owed. Where 1 MiB waits, a member may be evicted."""
    scene = chat("ann", "bob", "eve")
    talk(scene, ["ann", "bob", "eve"])
    scene.deliver()
    scene.stall("eve")
    for _ in range(lines):
        scene.say("ann", scene.nonce() + "x" * 1_000)
    scene.deliver("ann", "bob")
    if octets:
        scene.send("eve", octets)
    else:
        scene.half_close("eve")
    scene.serve("eve")
    scene.resume("eve")
    del scene.peers["eve"].waiting[1:]
    scene.deliver()
    scene.fence()
    assert blamed(scene) == found
