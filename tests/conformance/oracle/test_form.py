"""What is no unit, or not in its form, is found: TRN-2, MSG-1, MSG-2, MSG-3, ERR-3, HB-2."""

from dataclasses import replace
from typing import Literal

import pytest

from conformance.dialect import Dialect
from conformance.oracle import Outcome, judge
from conformance.transcript.events import Connected, Event, Finish, Received, Sent
from tests.conformance.scene import START, Scene, blamed, chat, talk


def after_a_word_of_bobs(scene: Scene, old: bytes, new: bytes, *names: str) -> Scene:
    """Bob says a word; its broadcast is changed for these members, or for all; then all go on."""
    talk(scene, ["ann", "bob", "ann"])
    for name in names or tuple(scene.peers):
        waiting = scene.peers[name].waiting
        assert old in waiting[1]
        waiting[1] = waiting[1].replace(old, new, 1)
    scene.deliver()
    scene.fence()
    return scene


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"20210703", b"2021/07/03", id="slashes"),
        pytest.param(b"20210703", b"20210732", id="no such day"),
        pytest.param(b"17:45:39", b"25:45:39", id="no such hour"),
        pytest.param(b" 17", b"  17", id="two spaces"),
        pytest.param(b"39 127", b"39  127", id="two spaces before the sender"),
        pytest.param(b":50001\n", b":50001 \n", id="a space after the sender"),
        pytest.param(b":50001\n", b":50001\r\n", id="CR LF"),
        pytest.param(b"20210703 ", b"", id="no date"),
        pytest.param(b" 127.0.0.1:50001", b"", id="no sender"),
        pytest.param(b"127.0.0.1:50001", b"bob 127.0.0.1:50001", id="a name too"),
    ],
)
def test_a_header_out_of_form(old: bytes, new: bytes) -> None:
    assert blamed(after_a_word_of_bobs(chat(), old, new)) == ["MSG-1"]


def test_a_header_with_an_lf_in_it() -> None:
    scene = after_a_word_of_bobs(chat(), b"20210703 17", b"20210703\n 17")
    assert any("cut" in one.signs for one in scene.findings() if one.kind == "header")


@pytest.mark.parametrize("header", [b"[20210703 17:45:39] bob", b"bob at 17:45", b"@17:45:39"])
def test_a_header_that_starts_no_unit(header: bytes) -> None:
    scene = after_a_word_of_bobs(chat(), b"20210703 17:45:39 127.0.0.1:50001", header)
    [*findings] = scene.findings()
    assert {one.requirement for one in findings} == {"MSG-1"}
    assert all("other-header" in one.signs for one in findings)


@pytest.mark.parametrize(
    "label",
    [b"127.0.0.1:1", b"localhost:50001", b"('127.0.0.1', 50001)", b"unix:1", b"[::1]:50001"],
)
def test_a_wrong_label(label: bytes) -> None:
    assert "MSG-2" in blamed(after_a_word_of_bobs(chat(), b"127.0.0.1:50001", label))


def test_another_label_may_be_a_translated_address() -> None:
    """Every broadcast of Bob's shows another address than the one that he connected from."""

    def behind_a_proxy(addresses: Literal["same", "translated", "unsure"]) -> Scene:
        scene = Scene(replace(START, addresses=addresses))
        scene.connect("bob").sender = "10.0.0.1:7"
        scene.fence()
        return scene

    assert blamed(behind_a_proxy("translated")) == []
    [finding] = behind_a_proxy("unsure").findings()
    assert finding.requirement == "MSG-2"
    assert finding.outcome is Outcome.UNKNOWN
    assert "address_translation" in finding.actual
    assert blamed(behind_a_proxy(addresses="same")) == ["MSG-2"]


def test_two_members_with_one_label() -> None:
    scene = Scene(unix=True)
    for name in ("ann", "bob"):
        scene.connect(name).sender = "unix:1"
    scene.fence()
    assert blamed(scene) == ["MSG-2"]


def test_a_label_may_be_used_again_when_its_member_has_gone() -> None:
    scene = Scene(unix=True)
    for name in ("ann", "bob"):
        scene.connect(name).sender = "unix:1"
        scene.fence()
        scene.half_close(name)
        scene.serve(name)
        scene.deliver()
    assert scene.findings() == []


def test_a_label_may_be_used_again_before_the_next_is_accepted() -> None:
    """Bob connects while Ann is there, and becomes a member when she has gone."""
    scene = Scene(unix=True)
    scene.connect("ann").sender = "unix:1"
    scene.fence()
    scene.connect("bob", accepted=False).sender = "unix:1"
    scene.half_close("ann")
    scene.serve("ann")
    scene.deliver()
    scene.peers["bob"].member = True
    scene.fence()
    assert scene.findings() == []


def test_a_label_may_be_used_again_after_one_who_heard_nothing() -> None:
    """Ann speaks, and resets her connection before a broadcast has reached her."""
    scene = Scene(unix=True)
    scene.join("eve")
    scene.connect("ann").sender = "unix:1"
    scene.say("ann", scene.nonce())
    scene.abort("ann")
    scene.connect("bob").sender = "unix:1"
    scene.fence()
    assert scene.findings() == []


def test_a_port_may_be_used_again_after_one_whose_end_nobody_saw() -> None:
    """Ann stalled, was reset, and has not read that; her system has given her port to Bob."""
    scene = Scene()
    scene.join("ann")
    scene.connect("bob").sender = "127.0.0.1:50000"
    scene.events[-1] = Connected(scene.events[-1].t, "bob", "127.0.0.1:50000")
    scene.fence()
    assert scene.findings() == []


def test_a_member_whose_label_changes() -> None:
    scene = Scene(unix=True)
    peer = scene.connect("ann")
    scene.fence()
    peer.sender = "unix:77"
    scene.fence()
    assert blamed(scene) == ["MSG-2"]


def test_a_unix_socket_has_no_address() -> None:
    scene = Scene(unix=True)
    scene.connect("ann").sender = "127.0.0.1:7"
    scene.fence()
    assert blamed(scene) == ["MSG-2"]


def test_a_header_that_differs_for_one_recipient() -> None:
    assert blamed(after_a_word_of_bobs(chat(), b":39 ", b":40 ", "ann")) == ["MSG-3"]


@pytest.mark.parametrize(
    "junk", [b"Welcome!\n", b"> ", b"ann has joined\n", b" \n", b"\x1b[2J\n", b"\xff\n"]
)
def test_what_starts_like_no_unit(junk: bytes) -> None:
    scene = chat()
    scene.connect("eve").waiting.append(junk)
    scene.fence()
    assert blamed(scene) == ["TRN-2"]


def test_a_prompt_at_the_end() -> None:
    scene = chat()
    scene.peers["ann"].waiting.append(b"> ")
    scene.deliver()
    assert blamed(scene) == ["TRN-2"]


@pytest.mark.parametrize("notice", [b"!Bad\n", b"! hello\n", b"!\n", b"!bad_code\n"])
def test_a_notice_without_a_code(notice: bytes) -> None:
    scene = chat()
    scene.peers["ann"].waiting.append(notice)
    scene.fence()
    assert blamed(scene) == ["TRN-2"]


def test_a_heartbeat_inside_a_unit() -> None:
    assert blamed(after_a_word_of_bobs(chat(), b"\n", b"\n\n", "ann")) == ["HB-2"]


def test_a_notice_inside_a_unit() -> None:
    scene = after_a_word_of_bobs(chat(), b"\n", b"\n!too-slow\n", "ann")
    assert blamed(scene) == ["ERR-3"]


def test_a_text_without_its_header() -> None:
    scene = chat()
    [word] = talk(scene, ["bob"])
    for peer in scene.peers.values():
        peer.waiting = [f"{word}\n".encode()]
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["MSG-1"]


def test_a_header_out_of_form_whose_text_never_comes() -> None:
    scene = chat()
    scene.peers["bob"].waiting.append(b"2\n")
    scene.read("bob", 2)
    scene.abort("bob")
    assert blamed(scene) == ["MSG-1"]


def test_broadcasts_within_each_other() -> None:
    scene = chat()
    talk(scene, ["ann", "bob"])
    one, other = scene.peers["ann"].waiting
    scene.peers["ann"].waiting = [one[:40] + other + one[40:]]
    scene.deliver()
    scene.fence()
    assert "ROOM-6" in blamed(scene)


def test_long_broadcasts_within_each_other_whose_texts_are_alike() -> None:
    """The rest of the first shows whose it is by the word that it ends with."""
    scene = chat()
    for name in ("ann", "bob"):
        scene.say(name, f"{scene.nonce()} {'x' * 900} {scene.nonce()}")
    one, other = scene.peers["ann"].waiting
    scene.peers["ann"].waiting = [one[:500] + other[:-1] + one[500:] + b"\n"]
    scene.deliver()
    scene.fence()
    assert "ROOM-6" in blamed(scene)


@pytest.mark.parametrize("octets", [0, 500], ids=["after its header", "within its text"])
def test_the_beginning_of_a_broadcast_whose_rest_never_comes_is_no_mixture(octets: int) -> None:
    scene = chat()
    for name in ("ann", "bob", "ann"):
        scene.say(name, f"{scene.nonce()} {'x' * 900} {scene.nonce()}")
    one, *others = scene.peers["ann"].waiting
    scene.peers["ann"].waiting = [one[: one.index(b"\n") + 1 + octets], *others]
    scene.deliver()
    scene.fence()
    assert "ROOM-6" not in blamed(scene)


def test_the_first_wrong_octet_is_pointed_at() -> None:
    scene = after_a_word_of_bobs(chat(), b"20210703", b"2021/07/03")
    finding = scene.findings()[0]
    assert finding.octets[: finding.wrong] == b"2021"
    assert finding.wrong == 4


@pytest.mark.parametrize(
    ("explanation", "requirement"),
    [
        (b"it is \xff", "TXT-1"),
        (b"it is \x1b[31mred", "TXT-4"),
    ],
)
def test_an_explanation_that_is_no_text(explanation: bytes, requirement: str) -> None:
    scene = chat()
    scene.peers["ann"].waiting.append(b"!news " + explanation + b"\n")
    scene.fence()
    assert sorted(blamed(scene)) == ["TRN-2", requirement]


def test_two_broadcasts_in_one_differ_from_neither() -> None:
    """A text that lost its end at an LF of its own runs into the next broadcast."""
    dialect = Dialect(
        prefix="user:", header="{peer}", peer="{number}", infix="> ", text="verbatim", tail="",
        echo=False,
    )  # fmt: skip
    start = replace(START, dialect=dialect, addresses="unsure")
    names = ("c1", "c2", "c3")
    said = [
        (name, f"n0ddba1x{number:05}z", "\n") for number, name in enumerate((*names, "c1", "c2"))
    ]
    said[3] = (*said[3][:2], "")
    events: list[Event] = [start, *(Connected(0.0, name, None) for name in names)]
    for t, (speaker, text, end) in enumerate(said):
        events.append(Sent(float(t), speaker, f"{text}\n".encode(), ()))
        events += [
            Received(t + 0.5, name, f"user:{names.index(speaker)}> {text}{end}".encode())
            for name in names
            if name != speaker
        ]
    found = judge([*events, Finish(9.0)]).findings
    assert "MSG-3" not in {one.requirement for one in found}


def relayed(
    *reads: bytes, read_size: int = 65_536, framing: Literal["line", "read"] = "read"
) -> list[str]:
    """Return what is found if Ann says a long line and Bob a short one, and a relay of reads passes
    these parts on to Ann and Bob; to Eve, who comes late, only Bob's."""
    dialect = Dialect(
        framing=framing, read_size=read_size, header="", infix="", text="verbatim", tail="",
        controls="relayed", blank="broadcast", undecodable="relays",
    )  # fmt: skip
    scene = Scene(replace(START, dialect=dialect))
    for name in ("ann", "bob", "eve"):
        scene.connect(name)
    for turn in range(6):
        word = f"n0ddba2x{turn:05}z\n".encode()
        scene.send(("ann", "bob")[turn % 2], word)
        for name in ("ann", "bob"):
            scene.events.append(Received(scene.tick(), name, word))
    scene.send("ann", LONG)
    scene.send("bob", SHORT)
    for name in ("ann", "bob", "eve"):
        for read in reads if name != "eve" else [SHORT]:
            scene.events.append(Received(scene.tick(), name, read))
    return blamed(scene)


LONG, SHORT = b"n0ddba1x00001z" + b"y" * 200 + b"\n", b"n0ddba1x00002z\n"


def test_parts_of_a_line_of_several_reads_may_stand_apart() -> None:
    """Another member's may come between them, and then stands in one line with the first."""
    assert relayed(LONG[:100], SHORT, LONG[100:]) == []
    assert relayed(LONG[:100], SHORT, LONG[100:], read_size=100) == []


def test_parts_that_stand_apart_for_all_alike_are_no_mixture() -> None:
    """The probe has not found that reads are relayed: the server was too slow for that."""
    assert relayed(LONG[:100], SHORT, LONG[100:], framing="line") == ["FRM-1"]


def test_a_line_of_one_read_is_whole() -> None:
    assert relayed(LONG[:100], SHORT, LONG[100:], read_size=1024) == ["ROOM-6"]


@pytest.mark.parametrize("texts", [("", "", ""), ("", " <é>"), ("", "!", "")])
def test_headers_first_and_then_their_texts_are_one_mixture(texts: tuple[str, ...]) -> None:
    """A server that writes a header at once, and its text later: two or three lines of one read, of
    which one may look like a notice."""
    scene = chat("ann", "bob")
    for _ in range(2):
        lines = [f"{text}{scene.nonce()}" for text in texts]
        scene.send("ann", "".join(f"{line}\n" for line in lines).encode())
        scene.serve("ann")
        for peer in scene.peers.values():
            units = [unit.split(b"\n", 1) for unit in peer.waiting]
            peer.waiting = [header + b"\n" for header, _ in units] + [text for _, text in units]
        scene.deliver()
        scene.fence()
    [finding] = scene.findings()
    assert finding.requirement == "ROOM-6"


def test_an_lf_after_each_header_is_one_finding() -> None:
    """The last broadcast has not come to its end."""
    scene = chat("ann", "bob")
    for turn in range(3):
        word = scene.nonce()
        scene.say("ann", word)
        for peer in scene.peers.values():
            unit = peer.waiting.pop().replace(b"\n", b"\n\n", 1)
            peer.waiting.append(unit.removesuffix(b"\n") if turn == 2 else unit)
        scene.deliver()
    [finding] = scene.findings()
    assert finding.requirement == "HB-2"


def test_a_header_at_the_end_of_a_text_that_stands_alone_is_no_mixture() -> None:
    """The text of the broadcast after it then looks like another header."""
    scene = chat("ann", "bob")
    for text in ("{} 20000101 00:00:00 127.0.0.1:1", "{}"):
        scene.say("ann", text.format(scene.nonce()))
    for peer in scene.peers.values():
        peer.waiting[:] = [unit.replace(b"\n", b"\n\n", 1) for unit in peer.waiting]
    scene.deliver()
    scene.fence()
    assert "ROOM-6" not in blamed(scene)
    assert "HB-2" in blamed(scene)


@pytest.mark.parametrize(("named", "requirement"), [("u1", "TRN-2"), ("u2", "HB-1")])
def test_an_empty_broadcast_of_who_receives_no_echo_is_a_prompt(
    named: str, requirement: str
) -> None:
    dialect = Dialect(
        header="{peer}", peer="{name}", infix=": ", first_line="name", echo=False,
        blank="ignored",
    )  # fmt: skip
    events: list[Event] = [replace(START, dialect=dialect, addresses="unsure")]
    for number in (1, 2):
        events.append(Connected(0.0, f"c{number}", f"u{number}"))
        events.append(Sent(0.0, f"c{number}", f"u{number}\n".encode(), ()))
    for turn in range(6):
        speaker, other = (1, 2)[:: 1 if turn % 2 else -1]
        word = f"n0ddba1x{turn:05}z"
        events.append(Sent(turn + 1.0, f"c{speaker}", f"{word}\n".encode(), ()))
        events.append(Received(turn + 1.1, f"c{other}", f"u{speaker}: {word}\n".encode()))
    events.append(Sent(8.0, "c2", b"\n", ()))
    events.append(Received(8.1, "c1", f"{named}: \n".encode()))
    found = {one.requirement for one in judge([*events, Finish(9.0)]).findings}
    assert found & {"TRN-2", "HB-1", "ROOM-2"} == {requirement}
