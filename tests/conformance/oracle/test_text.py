"""Altered texts, and texts that should not have been relayed, are attributed to their cause."""

from dataclasses import replace

import pytest

from conformance.dialect import Dialect
from conformance.transcript.events import Received
from tests.conformance.scene import START, Scene, blamed, chat


def say_and_hear(
    said: bytes, heard: bytes, exercises: str = "", scene: Scene | None = None
) -> Scene:
    """Ann says a line with a nonce N; both receive this text in its place."""
    scene = scene or chat()
    nonce = scene.nonce().encode()
    before = {name: len(peer.waiting) for name, peer in scene.peers.items()}
    scene.send("ann", said.replace(b"N", nonce) + b"\n", exercises=exercises.split())
    scene.serve("ann")
    header = b"20210703 17:45:39 127.0.0.1:50000\n"
    for name, peer in scene.peers.items():
        peer.waiting[before[name] :] = [header + heard.replace(b"N", nonce) + b"\n"]
    scene.deliver()
    scene.fence()
    return scene


@pytest.mark.parametrize(
    ("said", "heard", "requirement"),
    [
        pytest.param("N\r", "N\r", "FRM-3", id="CR kept"),
        pytest.param(" N ", " N ", "TXT-3", id="not trimmed"),
        pytest.param("\u3000N\xa0", "N\xa0", "TXT-3", id="no-break space kept"),
        pytest.param("N \u200b", "N", "TXT-3", id="trimmed too much"),
        pytest.param("N\x1b[31m", "N\x1b[31m", "TXT-4", id="escape kept"),
        pytest.param("N\x1b[31m", "N[31m", "TXT-4", id="escape dropped"),
        pytest.param("N\x85N", "N\x85N", "TXT-4", id="C1 kept"),
        pytest.param("N a\x1bb", "N a\\x1bb", "TXT-4", id="an escape of letters"),
        pytest.param("N e\u0301", "N \u00e9", "TXT-5", id="normalised"),
        pytest.param("N Straße", "N STRASSE", "TXT-5", id="folded"),
        pytest.param("N <b>", "N &lt;b&gt;", "TXT-5", id="escaped"),
        pytest.param("N\tb", "N    b", "TXT-5", id="tab expanded"),
        pytest.param("N é", "N \\xe9", "TXT-5", id="backslashes"),
        pytest.param("N\ra b", "N", "FRM-2", id="cut at a CR"),
        pytest.param("quit\r N", "N", "FRM-2", id="its rest behind a CR"),
        pytest.param("N\u2028a b", "N", "FRM-2", id="cut at a line separator"),
    ],
)
def test_another_text(said: str, heard: str, requirement: str) -> None:
    assert blamed(say_and_hear(said.encode(), heard.encode())) == [requirement]


def test_a_text_that_is_not_utf_8() -> None:
    assert blamed(say_and_hear("N é".encode(), "N é".encode("latin-1"))) == ["TXT-1"]


def test_another_text_is_laid_to_what_it_was_to_exercise() -> None:
    assert blamed(say_and_hear(b"N" + b"x" * 1_000, b"N" + b"x" * 480, "LIM-1")) == ["LIM-1"]


@pytest.mark.parametrize(
    ("said", "heard", "requirement"),
    [
        pytest.param(b"", b"", "HB-1", id="a blank line"),
        pytest.param(b"quit", b"quit", "QUIT-1", id="quit"),
        pytest.param(b"quit\nN", b"N", "QUIT-4", id="what follows quit"),
        pytest.param(b"N\xff", b"N\xef\xbf\xbd", "ERR-1", id="what does not decode"),
    ],
)
def test_what_should_not_be_broadcast(said: bytes, heard: bytes, requirement: str) -> None:
    assert requirement in blamed(say_and_hear(said, heard))


def test_what_follows_a_violation() -> None:
    scene = chat()
    nonce = scene.nonce().encode()
    scene.send("ann", b"\xff\n" + nonce + b"\n")
    scene.serve("ann")
    scene.peers["bob"].waiting.append(b"20210703 17:45:39 127.0.0.1:50000\n" + nonce + b"\n")
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["ERR-1"]


def test_what_does_not_decode_and_is_passed_over_was_not_decoded_otherwise() -> None:
    scene = chat()
    scene.send("ann", scene.nonce().encode() + b"\xc0\xaf\n", exercises=["TXT-1"])
    scene.wait_in_vain("ann")
    assert blamed(scene) == ["TXT-2"]


def test_an_incomplete_line() -> None:
    scene = chat()
    nonce = scene.nonce().encode()
    scene.send("ann", nonce)
    scene.half_close("ann")
    scene.serve("ann")
    scene.peers["bob"].waiting.append(b"20210703 17:45:39 127.0.0.1:50000\n" + nonce + b"\n")
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["FRM-4"]


def test_an_incomplete_line_without_an_lf_is_one_incident() -> None:
    """The next octets of the server stand behind it, and a stream may end there."""
    scene = chat()
    nonce = scene.nonce().encode()
    scene.send("ann", nonce)
    scene.half_close("ann")
    scene.serve("ann")
    for peer in scene.peers.values():
        peer.waiting.append(b"20210703 17:45:39 127.0.0.1:50000\n" + nonce)
    scene.deliver()
    scene.fence()
    [finding] = scene.findings()
    assert finding.requirement == "FRM-4"


def test_a_text_without_any_header_tells_of_the_form_alone() -> None:
    """The suite cannot tell which lines a server of an unknown dialect loses or alters."""
    scene = Scene()
    for name in ("ann", "bob"):
        scene.connect(name)
    for _ in range(2):
        scene.say("ann", scene.nonce())
        lost = scene.nonce()
        scene.say("ann", lost)
        for peer in scene.peers.values():
            texts = [b"".join(unit.splitlines(keepends=True)[1:]) for unit in peer.waiting]
            peer.waiting[:] = [text for text in texts if lost.encode() not in text]
        scene.deliver()
    assert {one.removesuffix("-1") for one in blamed(scene)} <= {"MSG", "TRN-2"}


def test_an_empty_broadcast_at_the_end_of_stream() -> None:
    scene = chat()
    scene.half_close("ann")
    scene.serve("ann")
    scene.peers["bob"].waiting.append(b"20210703 17:45:39 127.0.0.1:50000\n\n")
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["QUIT-5"]


@pytest.mark.parametrize("sender", [b"127.0.0.1:50000", b"127.0.0.1:7"])
@pytest.mark.parametrize(
    ("text", "found"), [(b"ann has joined", ["TRN-2"]), (b"something else", ["ROOM-2"])]
)
def test_what_nobody_said(sender: bytes, text: bytes, found: list[str]) -> None:
    scene = chat()
    for peer in scene.peers.values():
        peer.waiting.append(b"20210703 17:45:39 " + sender + b"\n" + text + b"\n")
    scene.deliver()
    scene.fence()
    assert blamed(scene) == found


def test_two_lines_broadcast_as_one() -> None:
    scene = chat()
    one, other = scene.nonce().encode(), scene.nonce().encode()
    scene.send("ann", one + b"\n" + other + b"\n")
    scene.serve("ann")
    for peer in scene.peers.values():
        peer.waiting = [b"20210703 17:45:39 127.0.0.1:50000\n" + one + b" " + other + b"\n"]
    scene.deliver()
    scene.fence()
    assert "FRM-1" in blamed(scene)


def test_a_segment_broadcast_as_a_line() -> None:
    scene = chat()
    nonce = scene.nonce().encode()
    scene.send("ann", nonce, b" and more\n")
    scene.serve("ann")
    for peer in scene.peers.values():
        header = b"20210703 17:45:39 127.0.0.1:50000\n"
        peer.waiting = [header + nonce + b"\n" + header + b"and more\n"]
    scene.deliver()
    scene.fence()
    assert "FRM-1" in blamed(scene)


def test_blank_lines_answered() -> None:
    scene = chat()
    for _ in range(3):
        scene.send("ann", b"\n" * 30)
        scene.serve("ann")
        scene.peers["ann"].waiting += [b"\n"] * 30
        scene.fence()
        scene.fence()
    assert blamed(scene) == ["HB-1"]


@pytest.mark.parametrize("first", ["quit\r", "a\v"])
def test_a_line_that_ends_elsewhere_than_at_its_lf_is_two(first: str) -> None:
    """Each of its parts is broadcast; the first may be short."""
    scene = chat()
    scene.say("ann", f"{first} {scene.nonce()}")
    for peer in scene.peers.values():
        [unit] = peer.waiting
        header, text = unit.splitlines(keepends=True)
        parts = text.replace("\ufffd ".encode(), b"\n").splitlines(keepends=True)
        peer.waiting[:] = [header + part for part in parts]
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["FRM-2"]


def test_the_parts_of_such_a_line_may_have_their_headers_on_the_same_line() -> None:
    dialect = Dialect(prefix="[", header="{peer}", infix="]> ")
    scene = Scene(replace(START, dialect=dialect))
    for name in ("ann", "bob"):
        scene.connect(name)
    head = b"[127.0.0.1:50000]> "
    for _ in range(2):
        word = scene.nonce().encode()
        relay(scene, "ann", word, "ann", "bob", came=head + word + b"\n")
    word = scene.nonce().encode()
    parts = head + b"quit\n" + head + word + b"\n"
    relay(scene, "ann", b"quit\r " + word, "ann", "bob", came=parts)
    word = scene.nonce().encode()
    relay(scene, "ann", word, "ann", "bob", came=head + word + b"\n")
    assert "FRM-1" not in blamed(scene)
    assert "FRM-2" in blamed(scene)


def keep_a_cr(*, alone: bool) -> list[str]:
    """Return what is found if a CR stays with the first of two lines in one segment, and of one
    that came alone or not."""
    scene = chat()
    word, *words = (scene.nonce() for _ in range(3))
    scene.send("ann", f"{word}\r\n".encode(), exercises=["FRM-3"])
    scene.serve("ann")
    if alone:
        keep_in_waiting(scene, word)
    scene.deliver()
    scene.send("ann", "".join(f"{word}\r\n" for word in words).encode(), exercises=["FRM-3"])
    scene.serve("ann")
    keep_in_waiting(scene, words[0])
    scene.deliver()
    scene.fence()
    return blamed(scene)


def keep_in_waiting(scene: Scene, word: str) -> None:
    for peer in scene.peers.values():
        peer.waiting = [
            one.replace(f"{word}\n".encode(), f"{word}\r\n".encode()) for one in peer.waiting
        ]


def test_a_cr_that_is_kept_where_lines_share_a_segment_is_of_framing() -> None:
    assert keep_a_cr(alone=False) == ["FRM-1"]
    assert keep_a_cr(alone=True) == ["FRM-3"]


def test_a_text_that_ends_at_a_nul_is_of_line_ends() -> None:
    scene = chat()
    scene.say("ann", "quit\0now", exercises=["QUIT-2"])
    for peer in scene.peers.values():
        peer.waiting = [one.replace("quit\ufffdnow".encode(), b"quit") for one in peer.waiting]
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["FRM-2"]


def test_a_quit_that_comes_as_a_broadcast_without_a_header_is_no_part_of_another_line() -> None:
    """Even if it shared a segment with other lines: it is the whole of what somebody said."""
    dialect = Dialect(header="", infix="")
    scene = Scene(replace(START, dialect=dialect))
    for name in ("ann", "bob"):
        scene.connect(name)
    words = [f"n0ddba1x{turn:05}z".encode() for turn in range(6)]
    for word in words:
        scene.send("ann", word + b"\n")
        for name in ("ann", "bob"):
            scene.events.append(Received(scene.tick(), name, word + b"\n"))
    scene.send("ann", b"n0ddba1x00009z\nquit\n")
    scene.events.append(Received(scene.tick(), "bob", b"n0ddba1x00009z\nquit\n"))
    scene.end("ann")
    assert "FRM-1" not in blamed(scene)
    assert "QUIT-1" in blamed(scene)


@pytest.mark.parametrize(
    ("said", "heard", "sign"),
    [
        pytest.param("\ufb01 N", "fi N", "normalised", id="a compatibility form"),
        pytest.param("\ufeffN\ufeff", "N", "trimmed-end", id="both ends"),
        pytest.param("\ufeffN\ufeff", "\ufeffN", "trimmed-end", id="the end"),
    ],
)
def test_how_a_text_was_altered(said: str, heard: str, sign: str) -> None:
    finding, *_ = say_and_hear(said.encode(), heard.encode()).findings()
    assert sign in finding.signs


def test_a_control_left_out_is_that_where_others_are_relayed() -> None:
    """A dialect that relays some departs from TXT-4 already."""
    scene = Scene(replace(START, dialect=Dialect(controls="relayed")))
    scene.join("ann", "bob")
    scene.fence()
    scene.say("ann", f"{scene.nonce()}\rand more")
    for peer in scene.peers.values():
        peer.waiting[-1] = peer.waiting[-1].replace("\ufffdand".encode(), b"and")
    scene.deliver()
    scene.fence()
    assert blamed(scene) == []


def test_what_is_missing_at_its_beginning_is_not_trimmed_at_its_end() -> None:
    finding, *_ = say_and_hear("\ufeffN".encode(), b"N").findings()
    assert "overtrimmed" in finding.signs
    assert "trimmed-end" not in finding.signs


def bare(*names: str) -> Scene:
    """A room in whose broadcasts nothing precedes a text."""
    scene = Scene(replace(START, dialect=Dialect(header="", infix="")))
    for name in names:
        scene.connect(name)
        relay(scene, name, scene.nonce().encode(), *names)
    return scene


def relay(scene: Scene, sender: str, text: bytes, *listeners: str, came: bytes = b"") -> None:
    """Let a client say a text, and let others receive it, or what came in its place."""
    scene.send(sender, text + b"\n")
    for name in listeners:
        if name in scene.peers:
            scene.events.append(Received(scene.tick(), name, came or text + b"\n"))


@pytest.mark.parametrize("beside", [b"Connected!%s\n", b"%s joined\n"])
def test_what_stands_beside_a_whole_text_is_what_the_server_says(beside: bytes) -> None:
    scene = bare("ann", "bob")
    word = scene.nonce().encode()
    relay(scene, "ann", word, "ann", "bob", came=beside % word)
    relay(scene, "bob", scene.nonce().encode(), "ann", "bob")
    assert {"TRN-2", "TXT-5"}.intersection(blamed(scene)) == {"TRN-2"}


def test_what_is_left_of_a_line_before_another_broadcast_is_not_mixed_with_it() -> None:
    """A server in C ends a text at a NUL, and loses the LF with the rest."""
    scene = bare("ann", "bob")
    word, next_word = scene.nonce().encode(), scene.nonce().encode()
    scene.send("ann", word + b"\0rest\n")
    relay(scene, "bob", next_word, "ann", "bob", came=word + next_word + b"\n")
    relay(scene, "ann", scene.nonce().encode(), "ann", "bob")
    assert {"FRM-2", "ROOM-6", "FRM-1"}.intersection(blamed(scene)) == {"FRM-2"}


def test_what_came_of_a_line_that_was_broken_off_is_incomplete() -> None:
    scene = chat("ann", "bob", "eve")
    word = scene.nonce()
    scene.send("eve", f"{word} and more\n".encode())
    scene.serve("eve")
    scene.abort("eve")
    for peer in scene.peers.values():
        peer.waiting = [one.replace(b"and more\n", b"and\n") for one in peer.waiting]
    scene.deliver("ann", "bob")
    scene.peers["eve"].over = True
    scene.fence()
    assert blamed(scene) == ["FRM-4"]


def test_two_texts_that_run_together_for_one_member_are_one_mixture() -> None:
    """Two threads write a text and its end in two steps: to one member both texts come first, and
    then both ends. The others receive the two apart, one after the other."""
    names = ("ann", "bob", "eve", "zoe")
    scene = bare(*names)
    first, second = scene.nonce().encode(), scene.nonce().encode()
    scene.send("ann", first + b"\n")
    scene.send("bob", second + b"\n")
    for name in names[2:]:
        came = first + second + b"\n\n"
        scene.events.append(Received(scene.tick(), name, came))
    for name in names[:2]:
        scene.events.append(Received(scene.tick(), name, first + b"\n" + second + b"\n"))
    for speaker in names:
        relay(scene, speaker, scene.nonce().encode(), *names)
    assert blamed(scene) == ["ROOM-6"]


def test_what_was_altered_into_what_came_before_did_not_come_twice() -> None:
    """The server replaces each run of controls by one U+FFFD."""
    scene = chat()
    for text in ("\x1b", "\x1b\x1b", "\x1b\x1b\x1b"):
        scene.say("ann", text, exercises=["TXT-4"])
        for peer in scene.peers.values():
            header = peer.waiting.pop().split(b"\n")[0]
            peer.waiting.append(header + "\n\ufffd\n".encode())
        scene.deliver()
        scene.fence()
    assert blamed(scene) == ["TXT-4"]


@pytest.mark.parametrize(
    ("beside", "found"),
    [("and more", "FRM-1"), ("more\ufffd", "FRM-1"), ("more\ufffdsays ", "TXT-5"), ("re", "TXT-5")],
)
def test_what_stands_beside_a_text_is_of_framing_if_somebody_said_it(
    beside: str, found: str
) -> None:
    scene = chat()
    scene.say("bob", f"{scene.nonce()} and more")
    scene.deliver()
    word = scene.nonce()
    scene.say("ann", word)
    for peer in scene.peers.values():
        peer.waiting = [
            one.replace(word.encode(), f"{beside}{word}".encode()) for one in peer.waiting
        ]
    scene.deliver()
    scene.fence()
    assert blamed(scene) == [found]


@pytest.mark.parametrize("came", ["\\x1b", ""])
def test_what_a_newcomer_receives_first_may_be_an_altered_line(came: str) -> None:
    """Nothing of ann's came to eve before it, and it has no nonce."""
    scene = chat()
    scene.say("ann", "x")
    scene.deliver()
    scene.connect("eve")
    scene.say("ann", "\x1b", exercises=["TXT-4"])
    for peer in scene.peers.values():
        header = peer.waiting.pop().split(b"\n")[0]
        peer.waiting.append(header + f"\n{came}\n".encode())
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["TXT-4"]
