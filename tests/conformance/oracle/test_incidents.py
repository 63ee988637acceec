"""One incident is one finding: what follows from it stands below it, and text comes first."""

from dataclasses import replace

import pytest

from conformance.dialect import Dialect
from conformance.oracle.incidents import _FLOOD
from conformance.transcript.events import Exited, Received, Settled, Waited
from tests.conformance.scene import START, Scene, blamed, chat, talk


def test_a_member_that_is_heard_no_more_is_one_finding() -> None:
    scene = chat()
    for _ in range(5):
        scene.say("ann", scene.nonce())
        for peer in scene.peers.values():
            peer.waiting.clear()
    scene.say("bob", scene.nonce())
    scene.deliver()
    scene.wait_in_vain("ann")
    [finding] = scene.findings()
    assert finding.requirement == "ROOM-2"
    assert finding.signs[0] == "muted"
    assert len(finding.follows) == 4


def behind_a_stalled_reader(octets: int) -> Scene:
    """A member stops reading, much is said, and then nothing comes to anybody."""
    scene = chat("ann", "bob", "eve")
    scene.stall("eve")
    for _ in range(octets // 1_000):
        scene.say("ann", scene.nonce() + "x" * 1_000)
    scene.deliver("ann", "bob")
    talk(scene, ["ann", "bob"])
    for name in ("ann", "bob"):
        scene.peers[name].waiting.clear()
        scene.wait_in_vain(name)
    return scene


def test_a_stalled_reader_that_stops_the_room_breaks_two_requirements() -> None:
    assert blamed(behind_a_stalled_reader(100_000)) == ["LIM-3", "TRN-1"]


def test_what_was_on_its_way_when_a_room_stood_still_is_of_that() -> None:
    """The last broadcast had come to some: who lacks it has not been forgotten."""
    scene = chat("ann", "bob", "eve")
    scene.stall("eve")
    for _ in range(100):
        scene.say("ann", scene.nonce() + "x" * 1_000)
    scene.peers["ann"].waiting.pop()
    scene.deliver("ann", "bob")
    talk(scene, ["ann", "bob"])
    for name in ("ann", "bob"):
        scene.peers[name].waiting.clear()
        scene.wait_in_vain(name)
    assert blamed(scene) == ["LIM-3", "TRN-1"]


def test_a_room_that_stands_still_beside_a_stalled_reader_without_a_backlog() -> None:
    assert blamed(behind_a_stalled_reader(2_000)) == ["ROOM-2"]


def test_nobody_hears_another() -> None:
    """All members that miss it are named in one finding."""
    scene = Scene()
    for name in ("ann", "bob"):
        scene.connect(name)
    for turn in range(6):
        name = ("ann", "bob")[turn % 2]
        scene.say(name, scene.nonce())
        for other, peer in scene.peers.items():
            if other != name:
                peer.waiting.clear()
        scene.deliver()
    [finding] = scene.findings()
    assert finding.requirement == "ROOM-2"
    assert "isolated" in finding.signs


def test_a_message_may_contain_a_header() -> None:
    """A CR that is relayed breaks TXT-4 alone: no octets of other members are in it."""
    scene = chat()
    word = scene.nonce()
    scene.say("ann", f"{word}\r20000101 00:00:00 127.0.0.1:1")
    for peer in scene.peers.values():
        peer.waiting[-1] = peer.waiting[-1].replace("\ufffd".encode(), b"\r")
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["TXT-4"]


def test_a_missing_last_lf() -> None:
    """A broadcast that runs into the next is no unit, and neither lost nor mixed."""
    scene = chat()
    talk(scene, ["ann", "bob", "ann", "bob", "ann"])
    for peer in scene.peers.values():
        peer.waiting[:] = [unit.removesuffix(b"\n") for unit in peer.waiting]
    scene.deliver()
    [finding] = scene.findings()
    assert finding.requirement == "TRN-2"
    assert finding.kind == "run-together"


def test_a_rest_and_its_lf_that_a_slow_reader_is_not_sent() -> None:
    """The next broadcast comes right after the beginning: the text is cut, not replaced."""
    scene = chat("ann", "bob", "eve")
    scene.stall("eve")
    scene.say("ann", scene.nonce() + " " + "x" * 1_000)
    scene.say("bob", scene.nonce())
    scene.deliver("ann", "bob")
    scene.resume("eve")
    first, second = scene.peers["eve"].waiting[-2:]
    header, _, text = second.partition(b"\n")
    scene.peers["eve"].waiting[-2:] = [first[:-500] + header + b"\n", text]
    scene.deliver()
    scene.fence()
    assert "TXT-5" not in blamed(scene)
    assert "cut" in next(one for one in scene.findings() if one.kind == "altered").signs


def test_what_was_said_before_a_member_came() -> None:
    scene = chat()
    talk(scene, ["ann"])
    said = scene.peers["ann"].waiting[-1]
    scene.deliver()
    scene.connect("eve").waiting.append(said)
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["ROOM-1"]


@pytest.mark.parametrize(("words", "found"), [(("n0ddba2",), []), ((), ["ROOM-2"])])
def test_what_the_suite_said_elsewhere_is_not_made_up(
    words: tuple[str, ...], found: list[str]
) -> None:
    scene = chat(start=replace(START, words=words))
    unit = b"20210703 17:45:39 127.0.0.1:50000\nn0ddba2x00001z\n"
    for peer in scene.peers.values():
        peer.waiting.append(unit)
    scene.deliver()
    scene.fence()
    assert blamed(scene) == found


def test_who_never_reads_again_has_lost_nothing() -> None:
    """It lags for ever, which is caused by the suite."""
    scene = chat()
    scene.stall("bob")
    scene.say("bob", scene.nonce())
    for _ in range(1_200):
        scene.say("ann", f"{scene.nonce()} {'x' * 900}")
    scene.deliver("ann")
    scene.wait_in_vain("ann")
    assert blamed(scene) == []


@pytest.mark.parametrize(("blank", "found"), [(True, ["HB-1"]), (False, ["LIM-3"])])
def test_who_is_ended_for_what_it_said_is_not_evicted(blank: bool, found: list[str]) -> None:
    scene = chat()
    scene.stall("bob")
    if blank:
        scene.send("bob", b"\n")
    scene.say("ann", scene.nonce())
    scene.deliver("ann")
    scene.resume("bob")
    scene.read("bob", len(scene.peers["bob"].waiting[-1]))
    scene.end("bob")
    scene.peers["bob"].member = False
    scene.fence()
    assert blamed(scene) == found


def test_a_flood_is_one_finding() -> None:
    scene = chat("ann", "bob", "eve")
    scene.half_close("eve")
    scene.serve("eve")
    empty = b"20210703 17:45:39 127.0.0.1:50002\n\n"
    scene.peers["bob"].waiting += [empty] * (2 * _FLOOD)
    scene.deliver()
    [finding] = scene.findings()
    assert finding.requirement == "QUIT-5"
    assert finding.kind == "flooded"


def test_what_follows_a_death_is_no_finding() -> None:
    scene = chat("ann", "bob", "eve")
    scene.abort("eve")
    for name in ("ann", "bob"):
        scene.say(name, scene.nonce())
        scene.peers[name].waiting.clear()
        scene.reset(name)
    scene.events.append(Waited(scene.tick(3.0), "ann", "a word", 3.0))
    scene.events.append(Exited(scene.tick(), 1))
    [finding] = scene.findings()
    assert finding.requirement == "ROOM-7"


@pytest.mark.parametrize(("came", "found"), [(True, "ROOM-7"), (False, "TXT-1")])
def test_a_line_that_came_to_all_before_another_left_killed_nobody(came: bool, found: str) -> None:
    scene = chat("ann", "bob", "eve")
    scene.say("ann", f"{scene.nonce()} é", exercises=["TXT-1"])
    if came:
        scene.deliver()
    else:
        for peer in scene.peers.values():
            peer.waiting.clear()
    scene.abort("eve")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == [found]


@pytest.mark.parametrize(
    ("words", "said", "found"),
    [(("n0ddba0",), 1, "ROOM-7"), ((), 1, "ROOM-1"), (("n0ddba0",), 4, "ROOM-1")],
    ids=["others had left", "the first", "much was said since"],
)
def test_a_server_that_dies_of_those_who_left_before(
    words: tuple[str, ...], said: int, found: str
) -> None:
    """Octets that the clients of an earlier scenario left behind appear when the next one
    speaks."""
    scene = Scene(replace(START, words=words))
    scene.connect("ann")
    for _ in range(said):
        scene.say("ann", scene.nonce())
        scene.deliver()
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == [found]
    scene.events.pop()
    scene.end("ann")
    assert blamed(scene) == [found]


@pytest.mark.parametrize(
    ("words", "found"),
    [((), "LIM-6"), (("n0ddba0",), "ROOM-7")],
    ids=["a new server", "a used one"],
)
def test_a_server_that_dies_as_many_connect(words: tuple[str, ...], found: str) -> None:
    scene = Scene(replace(START, words=words))
    for number in range(40):
        scene.connect(f"c{number}")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == [found]


def test_who_is_ended_for_silence_is_not_for_those_who_left_before() -> None:
    scene = Scene(replace(START, words=("n0ddba0",)))
    scene.join("ann")
    scene.tick(2.0)
    scene.end("ann")
    assert blamed(scene) == ["HB-3"]


def test_a_room_stands_still_after_a_violation_even_if_only_one_speaks() -> None:
    scene = chat()
    scene.send("ann", b"x" * 70_000 + b"\n", exercises=["LIM-2"])
    scene.peers["ann"].unread.clear()
    scene.send("bob", scene.nonce().encode() + b"\n")
    scene.peers["bob"].unread.clear()
    scene.wait_in_vain("bob")
    assert blamed(scene) == ["ERR-2"]


def test_what_stands_in_a_text_that_was_joined_to_another_is_not_lost() -> None:
    """A relay passes a long line on in parts, with another member's message between them."""
    scene = Scene(replace(START, dialect=Dialect(header="", infix="")))
    members = ("ann", "bob", "cyd")
    for name in members:
        scene.connect(name)
    long, short, *words = (scene.nonce().encode() for _ in range(8))
    long += b" " + b"x" * 300
    for sender, said, came in (
        *(("cyd", word, word) for word in words[:3]),
        ("ann", long, b""),
        ("bob", short, long[:99] + short + b"\n" + long[99:]),
        *(("ann", word, word) for word in words[3:]),
    ):
        scene.send(sender, said + b"\n")
        for name in members if came else ():
            scene.events.append(Received(scene.tick(), name, came + b"\n"))
    assert blamed(scene) == ["FRM-1"]


def test_a_part_of_what_came_whole_is_no_line_that_was_cut() -> None:
    scene = chat()
    word = scene.nonce()
    scene.say("ann", word)
    unit = scene.peers["bob"].waiting[-1]
    scene.peers["bob"].waiting.append(unit.replace(word.encode(), word[:-1].encode()))
    scene.deliver()
    assert blamed(scene) == ["ROOM-2"]


@pytest.mark.parametrize(("more", "found"), [(0, "ROOM-7"), (2, "ROOM-1")])
def test_a_newcomer_kills_nobody_where_as_many_had_come_before(more: int, found: str) -> None:
    """Whoever left before it did; unless there are more members than ever before."""
    scene = chat("ann", "bob", "eve")
    scene.abort("eve")
    talk(scene, ["ann", "bob"])
    scene.deliver()
    scene.events.append(Settled(scene.tick(), ("ann", "bob")))
    scene.fence()
    for number in range(more):
        scene.join(f"more{number}")
    scene.connect("newcomer")
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == [found]


@pytest.mark.parametrize(("lines", "found"), [(1, "ROOM-7"), (6, "ROOM-2")])
def test_a_member_that_was_heard_long_after_another_left_is_not_muted_by_that(
    lines: int, found: str
) -> None:
    scene = chat("ann", "bob", "eve")
    scene.abort("eve")
    talk(scene, ["ann"] * lines)
    scene.deliver()
    scene.events.append(Settled(scene.tick(), ("ann", "bob")))
    for _ in range(3):
        scene.say("ann", scene.nonce(), exercises=["ROOM-7"])
    for peer in scene.peers.values():
        peer.waiting.clear()
    scene.wait_in_vain("ann")
    talk(scene, ["bob"])
    scene.deliver()
    assert blamed(scene) == [found]


def test_a_server_that_dies_after_it_stood_still_stood_still() -> None:
    scene = behind_a_stalled_reader(100_000)
    scene.events.append(Exited(scene.tick(), 1))
    assert blamed(scene) == ["LIM-3", "TRN-1"]


def test_a_rest_that_another_line_has_as_well_is_that_lines() -> None:
    """A slow reader is sent the beginning of a long line, then others as they are: no mixture."""
    scene = chat("ann", "bob", "eve")
    scene.stall("eve")
    for name in ("ann", "bob", "ann"):
        scene.say(name, scene.nonce() + " " + "x" * 1_000)
    scene.deliver("ann", "bob")
    scene.resume("eve")
    first = scene.peers["eve"].waiting[-3]
    scene.peers["eve"].waiting[-3] = first[:-500]
    scene.deliver()
    scene.fence()
    assert "LIM-4" in blamed(scene)
    assert "ROOM-6" not in blamed(scene)


def test_a_rest_that_stands_in_the_next_line_that_is_cut_is_that_lines() -> None:
    scene = Scene(replace(START, dialect=Dialect(prefix="> ", header="", infix="")))
    for name in ("ann", "bob", "eve"):
        scene.connect(name)
    for turn in range(5):
        text = f"{scene.nonce()}{' x' * 500 * (turn % 2)}".encode()
        scene.send("ann", text + b"\n")
        if turn == 1:
            scene.stall("eve")
        for name in ("ann", "bob", *(("eve",) if turn == 0 else ())):
            scene.events.append(Received(scene.tick(), name, b"> " + text + b"\n"))
    whole = [event.octets for event in scene.events if isinstance(event, Received)][-8::2]
    scene.resume("eve")
    came = b"".join(one[: -500 * (len(one) > 500) or None] for one in whole)
    scene.events.append(Received(scene.tick(), "eve", came))
    assert "LIM-4" in blamed(scene)
    assert "ROOM-6" not in blamed(scene)


def test_a_speaker_that_waits_for_a_stalled_reader_breaks_two_requirements() -> None:
    """Where each member has a thread, others are heard until theirs waits, too."""
    scene = chat("ann", "bob", "eve")
    scene.stall("eve")
    for _ in range(100):
        scene.say("ann", scene.nonce() + "x" * 1_000)
    scene.deliver("ann", "bob")
    scene.send("ann", scene.nonce().encode() + b"\n")
    scene.wait_in_vain("ann")
    scene.say("bob", scene.nonce())
    scene.deliver("ann", "bob")
    assert blamed(scene) == ["LIM-3", "TRN-1"]


@pytest.mark.parametrize(
    ("seconds", "speaks", "found"),
    [(5.0, False, "HB-3"), (1.5, False, "LIM-3"), (5.0, True, "LIM-3")],
)
def test_only_the_silent_are_put_out_for_silence_while_a_backlog_waits(
    seconds: float, speaks: bool, found: str
) -> None:
    scene = chat("ann", "bob", "eve", "sid")
    scene.stall("eve")
    for _ in range(100):
        scene.say("ann", scene.nonce() + "x" * 1_000)
        scene.deliver("ann", "bob", "sid")
        scene.tick(seconds / 100)
    if speaks:
        talk(scene, ["bob"])
        scene.deliver("ann", "bob", "sid")
    for name in ("bob", "sid"):
        scene.end(name)
        scene.peers[name].member = False
    talk(scene, ["ann"])
    scene.deliver("ann")
    assert set(blamed(scene)) == {found}


@pytest.mark.parametrize(("hears", "found"), [(False, "ROOM-7"), (True, "QUIT-5")])
def test_a_server_that_dies_of_who_went_before_it_was_admitted(hears: bool, found: str) -> None:
    scene = chat()
    scene.connect("eve", accepted=hears)
    talk(scene, ["ann", "bob"])
    scene.deliver()
    for name in ("ann", "bob", "eve"):
        scene.half_close(name)
        if name != "eve" or hears:
            scene.serve(name)
            scene.deliver()
            scene.end(name)
    if not hears:
        scene.abort("eve")
    scene.events.append(Exited(scene.tick(1.0), 255))
    assert blamed(scene) == [found]
