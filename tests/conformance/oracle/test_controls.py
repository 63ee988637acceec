"""Attribution needs a control, which shows that nothing else explains a fault."""

from dataclasses import replace

import pytest

from conformance.dialect import Dialect
from conformance.transcript.events import Exited, Received, Settled, Waited
from tests.conformance.scene import START, Scene, blamed, chat


def test_what_a_server_puts_before_a_text_for_one_is_no_other_broadcast() -> None:
    """Without an opening, a greeting without an end stands in the line of the next broadcast."""
    scene = Scene(replace(START, dialect=Dialect(header="", infix="")))
    for name in ("ann", "bob"):
        scene.connect(name)
    for greeting in (b"", b"", b"Connected!", b""):
        word = scene.nonce().encode()
        scene.send("ann", word + b"\n")
        scene.events.append(Received(scene.tick(), "ann", word + b"\n"))
        scene.events.append(Received(scene.tick(), "bob", greeting + word + b"\n"))
    assert "TRN-2" in blamed(scene)
    assert "MSG-3" not in blamed(scene)


def test_what_stands_before_a_header_for_one_is_no_other_header() -> None:
    """As a greeting in two writes, with a broadcast between them."""
    dialect = Dialect(header="{peer}", peer="{any}", infix=": ")
    scene = Scene(replace(START, dialect=dialect))
    for name in ("ann", "bob"):
        scene.connect(name)
    for greeting in (b"", b"", b"2026", b""):
        unit = b"user1: " + scene.nonce().encode() + b"\n"
        scene.send("ann", unit[7:])
        scene.events.append(Received(scene.tick(), "ann", unit))
        scene.events.append(Received(scene.tick(), "bob", greeting + unit))
    assert "MSG-3" not in blamed(scene)


@pytest.mark.parametrize(("stays", "found"), [(True, ["ROOM-2"]), (False, [])])
def test_nobody_need_hear_what_is_said_when_all_others_have_left(
    stays: bool, found: list[str]
) -> None:
    """Where senders receive no echo."""
    scene = Scene(replace(START, dialect=Dialect(echo=False), addresses="unsure"))
    for name in ("ann", "bob"):
        scene.connect(name)
    for speaker, hearer in (("ann", "bob"), ("bob", "ann")):
        scene.say(speaker, scene.nonce())
        scene.peers[speaker].waiting.clear()
        scene.deliver(hearer)
    if not stays:
        scene.half_close("bob")
        scene.serve("bob")
        scene.deliver()
    scene.say("ann", scene.nonce())
    for peer in scene.peers.values():
        peer.waiting.clear()
    scene.wait_in_vain("ann")
    assert [one for one in blamed(scene) if one.startswith("ROOM")] == found


@pytest.mark.parametrize(
    ("members", "words", "found"),
    [(20, (), ["LIM-6"]), (20, ("n0ddba0",), ["ROOM-7"]), (3, ("n0ddba0",), ["ROOM-7"])],
)
def test_a_server_that_dies_when_many_have_come(
    members: int, words: tuple[str, ...], found: list[str]
) -> None:
    """If others have used it before, that they left is the nearer reason."""
    scene = Scene(replace(START, words=words))
    for number in range(members):
        scene.connect(f"c{number}")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == found


@pytest.mark.parametrize(
    ("deaf", "hears", "found"), [("last", "first", "LIM-6"), ("first", "last", "ROOM-1")]
)
def test_one_of_many_that_hears_nothing(deaf: str, hears: str, found: str) -> None:
    """It is one too many only if silent members that connected before it still hear the room."""
    scene = chat("ann", "bob")
    scene.connect("first")
    scene.connect("last")
    scene.say("ann", scene.nonce())
    scene.peers[deaf].waiting.clear()
    scene.deliver("ann", "bob", hears)
    scene.tick(2)
    scene.events.append(Waited(scene.now, deaf, "a word", 3.0, ("LIM-6",)))
    assert blamed(scene) == [found]


@pytest.mark.parametrize(("rest", "found"), [(b"half", "FRM-4"), (b"whole\n", "ROOM-2")])
def test_an_empty_broadcast_without_a_name(rest: bytes, found: str) -> None:
    """It is the rest of an incomplete line, if a member that ends between lines causes none."""
    scene = Scene(replace(START, dialect=Dialect(prefix=": ", header="", infix="")))
    for name in ("ann", "eve", "bob"):
        scene.connect(name)
    for leaver in ("eve", "bob"):
        word = scene.nonce().encode()
        scene.send("ann", word + b"\n")
        scene.events.append(Received(scene.tick(), "ann", b": " + word + b"\n"))
        scene.events.append(Settled(scene.tick(), ("ann",)))
        if leaver == "bob":
            scene.send("bob", rest)
        if leaver == "eve" or found == "FRM-4":
            scene.half_close(leaver)
    scene.events.append(Received(scene.tick(), "ann", b": \n"))
    assert found in blamed(scene)
    assert {"FRM-4", "QUIT-5"}.difference({found}).isdisjoint(blamed(scene))


def test_what_is_broadcast_in_place_of_a_line_that_does_not_decode() -> None:
    scene = chat()
    scene.send("bob", b"\xff\n")
    scene.peers["bob"].unread.clear()
    label = scene.peers["bob"].sender.encode()
    for peer in scene.peers.values():
        peer.waiting.append(b"20210703 17:45:39 " + label + b"\n\xef\xbf\xbd\n")
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["TXT-2"]


@pytest.mark.parametrize(("lost", "found"), [(0, ["ROOM-2"]), (2, ["QUIT-5"])])
def test_leaving_costs_the_end_of_what_was_said_and_nothing_in_its_midst(
    lost: int, found: list[str]
) -> None:
    scene = chat("ann", "bob", "eve")
    words = [scene.nonce() for _ in range(3)]
    scene.send("eve", "".join(f"{word}\n" for word in words).encode(), exercises=["QUIT-5"])
    scene.half_close("eve")
    scene.serve("eve")
    for peer in scene.peers.values():
        peer.waiting = [unit for unit in peer.waiting if words[lost].encode() not in unit]
    scene.deliver()
    scene.fence()
    assert blamed(scene) == found


@pytest.mark.parametrize(("hears_on", "found"), [(False, "QUIT-3"), (True, "QUIT-1")])
def test_a_leaver_that_is_kept_is_a_member_still_if_it_hears_on(hears_on: bool, found: str) -> None:
    scene = chat()
    scene.send("bob", b"quit\n", exercises=["QUIT-1"])
    if not hears_on:
        scene.serve("bob")
        scene.peers["bob"].ended = False
    scene.wait_in_vain("bob", "the end of the connection")
    scene.say("ann", scene.nonce())
    scene.deliver()
    assert {"QUIT-1", "QUIT-3"}.intersection(blamed(scene)) == {found}


def test_who_ended_its_own_side_may_be_let_go_for_that() -> None:
    """It is not attributed to the violation before it: nothing can be said of a notice that does
    not come."""
    scene = chat()
    scene.send("bob", b"x" * 1_048_577)
    scene.half_close("bob")
    scene.serve("bob")
    scene.peers["bob"].waiting.clear()
    scene.deliver()
    scene.fence()
    assert blamed(scene) == []


@pytest.mark.parametrize(("status", "found"), [(-13, "ROOM-7"), (1, "HB-1")])
def test_a_death_by_sigpipe_is_of_who_has_gone(status: int, found: str) -> None:
    """Whatever was said since."""
    scene = chat("ann", "bob", "eve")
    scene.abort("eve")
    scene.send("ann", b"\n", exercises=["HB-1"])
    scene.events.append(Exited(scene.tick(), status))
    assert blamed(scene) == [found]


@pytest.mark.parametrize(("words", "found"), [(("n0ddba0",), ["ROOM-7"]), ((), ["ROOM-1"])])
def test_a_server_that_dies_when_a_few_have_come(words: tuple[str, ...], found: list[str]) -> None:
    """A server that has survived as many members before dies of those that have left since."""
    scene = chat("ann", "bob", start=replace(START, words=words))
    scene.fence()
    scene.connect("eve")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == found


@pytest.mark.parametrize(("again", "found"), [(True, ["ROOM-1"]), (False, ["TXT-3"])])
def test_who_is_put_out_amid_much_that_it_says(again: bool, found: list[str]) -> None:
    """The first unanswered line is judged, unless another member said the same and stayed."""
    scene = chat()
    if again:
        scene.say("bob", f"\v{scene.nonce()}", exercises=["TXT-3"])
        scene.fence()
    for space in "\v\t":
        scene.send("ann", f"{space}{scene.nonce()}\n".encode(), exercises=["TXT-3"])
    scene.end("ann")
    assert blamed(scene) == found


@pytest.mark.parametrize(("whole", "found"), [(True, ["FRM-1"]), (False, ["FRM-3"])])
def test_who_is_put_out_for_a_line_in_two_segments(whole: bool, found: list[str]) -> None:
    """It is attributed to the segments if the same text in one segment came through."""
    scene = chat()
    if whole:
        scene.say("ann", f"{scene.nonce()}\r", exercises=["FRM-3"])
        scene.fence()
    scene.send("ann", f"{scene.nonce()}\r".encode(), b"\n", exercises=["FRM-3"])
    scene.end("ann")
    assert blamed(scene) == found


@pytest.mark.parametrize(("speaks", "found"), [(True, ["ROOM-1"]), (False, ["HB-3"])])
def test_who_is_put_out_beside_one_that_has_just_spoken(speaks: bool, found: list[str]) -> None:
    """It is not attributed to its silence."""
    scene = chat("ann", "bob", "eve")
    scene.tick(2.0)
    if speaks:
        scene.say("bob", scene.nonce())
        scene.deliver()
    scene.end("ann")
    scene.end("bob")
    assert blamed(scene) == found


def test_an_empty_broadcast_of_a_line_that_a_cr_cuts() -> None:
    scene = chat()
    word = scene.nonce()
    scene.send("bob", f"\r {word}\n".encode())
    scene.peers["bob"].unread.clear()
    label = scene.peers["bob"].sender.encode()
    for peer in scene.peers.values():
        for text in (b"", word.encode()):
            peer.waiting.append(b"20210703 17:45:39 " + label + b"\n" + text + b"\n")
    scene.deliver()
    scene.fence()
    assert "FRM-2" in blamed(scene)
    assert "ROOM-2" not in blamed(scene)


def test_a_text_that_is_altered_where_nobody_is_named() -> None:
    """It is recognised by its place: a line without a word of its own, and a text without anybody's
    words."""
    scene = Scene(replace(START, dialect=Dialect(header="", infix="")))
    for name in ("ann", "bob"):
        scene.connect(name)
    for said in (b"", b"\x1cquit", b""):
        line = said or scene.nonce().encode()
        scene.send("ann", line + b"\n", exercises=["QUIT-2"] if said else [])
        for name in ("ann", "bob"):
            scene.events.append(Received(scene.tick(), name, line.strip(b"\x1c") + b"\n"))
    assert "QUIT-2" not in blamed(scene)
    assert {"TXT-3", "TXT-4"}.intersection(blamed(scene))


@pytest.mark.parametrize(("waits", "found"), [(True, True), (False, False)])
def test_what_comes_out_of_order_may_come_yet(waits: bool, found: bool) -> None:
    scene = chat("ann", "bob", "eve")
    words = [scene.nonce() for _ in range(3)]
    for word in words:
        scene.say("eve", word)
    scene.peers["bob"].waiting = [scene.peers["bob"].waiting[place] for place in (2, 0)]
    scene.deliver()
    if waits:
        scene.wait_in_vain("bob")
    assert "ROOM-4" in blamed(scene)
    assert bool({"ROOM-1", "ROOM-2"}.intersection(blamed(scene))) is found


@pytest.mark.parametrize(
    ("lines", "words", "found"), [(40, 1, ["LIM-3"]), (9, 50, ["LIM-3"]), (1, 1, ["ROOM-7"])]
)
def test_who_is_put_out_while_a_leaver_is_still_read(
    lines: int, words: int, found: list[str]
) -> None:
    """Much at once is the reason: a member falls behind it, and less than 1 MiB waits for it."""
    scene = chat("ann", "bob", "eve")
    scene.fence()
    scene.events.append(Settled(scene.tick(), ("ann", "bob", "eve")))
    said = (f"{scene.nonce()}{' and so on' * words}\n" for _ in range(lines))
    scene.send("eve", "".join(said).encode())
    scene.half_close("eve")
    scene.peers["eve"].unread.clear()
    scene.end("ann")
    assert [one for one in blamed(scene) if one in ("ROOM-1", "ROOM-7", "LIM-3")] == found


@pytest.mark.parametrize(("others", "found"), [(("bob",), ["LIM-3"]), ((), ["ROOM-1"])])
def test_who_is_put_out_for_what_it_says_is_no_laggard(
    others: tuple[str, ...], found: list[str]
) -> None:
    """It is one if others are put out with it that had said nothing."""
    scene = chat("ann", "bob")
    scene.fence()
    scene.send("ann", "".join(f"{scene.nonce()}\n" for _ in range(40)).encode())
    for name in ("ann", *others):
        scene.end(name)
    assert [one for one in blamed(scene) if one in ("ROOM-1", "LIM-3")] == found


@pytest.mark.parametrize(("whole", "found"), [(True, ["FRM-1"]), (False, ["LIM-1"])])
def test_a_long_line_that_is_lost_in_two_segments(whole: bool, found: list[str]) -> None:
    """It is attributed to the segments if the same text in one segment came through."""
    scene = chat()
    scene.fence()
    for cut in (False, True) if whole else (True,):
        line = f"{scene.nonce()}{'x' * 1000}".encode()
        scene.send("ann", *((line, b"\n") if cut else (line + b"\n",)), exercises=["LIM-1"])
        scene.serve("ann")
        if cut:
            for peer in scene.peers.values():
                peer.waiting.clear()
        scene.fence()
    assert blamed(scene) == found


@pytest.mark.parametrize(
    ("other", "heard", "found"),
    [("quit.", True, ["QUIT-2"]), ("QUIT", False, ["QUIT-2"]), ("QUIT", True, ["TXT-4"])],
)
def test_a_quit_with_a_control_that_is_lost(other: str, heard: bool, found: list[str]) -> None:
    """If its sender stays, and such words without a control come, the control is the reason."""
    scene = chat()
    scene.fence()
    for text in (other, "quit\0", "quit\0now"):
        scene.say("ann", text, exercises=["QUIT-2"])
        if text != "QUIT":
            for peer in scene.peers.values():
                peer.waiting.clear()
        scene.deliver()
        if "\0" in text and not heard:
            scene.send("ann", scene.nonce().encode() + b"\n")
            scene.wait_in_vain("ann")
            break
        scene.fence()
    assert blamed(scene) == found


@pytest.mark.parametrize(("lacking", "found"), [(5, ["ROOM-1"]), (1, ["ROOM-7"])])
def test_who_is_put_out_lagged_before_somebody_left(lacking: int, found: list[str]) -> None:
    """What is wrong with it began before."""
    scene = chat("ann", "bob", "eve", "zoe")
    scene.fence()
    for _ in range(lacking):
        scene.say("bob", scene.nonce())
        scene.deliver("ann", "bob", "eve")
    scene.abort("eve")
    scene.peers["zoe"].waiting.clear()
    scene.end("zoe")
    assert [one for one in blamed(scene) if one.startswith("ROOM")] == found
