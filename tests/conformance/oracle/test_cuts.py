"""Texts that a server cuts for everybody are of its limit, or of what it cuts them at."""

from collections.abc import Callable

import pytest

from tests.conformance.scene import Scene, blamed, chat

_LONG = "N" + "x" * 1_500


def cut_by(cut: Callable[[str], str], lines: list[str], exercises: str = "") -> list[str]:
    """Return what is found where each line is cut so for both members, among plain ones."""
    scene = chat()
    for line in lines:
        scene.say("ann", scene.nonce())
        scene.deliver()
        _say(scene, line.replace("N", scene.nonce()), cut, exercises)
        scene.fence()
    return blamed(scene)


def _say(scene: Scene, line: str, cut: Callable[[str], str], exercises: str) -> None:
    scene.say("ann", line, exercises=exercises.split())
    for peer in scene.peers.values():
        for place, unit in enumerate(peer.waiting):
            header, text, _ = unit.decode().split("\n")
            peer.waiting[place] = f"{header}\n{cut(text)}\n".encode()
    scene.deliver()


@pytest.mark.parametrize("exercises", ["", "FRM-1", "TXT-4", "LIM-2"])
@pytest.mark.parametrize(("limit", "requirement"), [(480, "LIM-1"), (1_200, "LIM-2")])
def test_every_long_text_is_cut_at_a_limit(limit: int, requirement: str, exercises: str) -> None:
    lines = [_LONG, "N" + "é" * 700]
    assert cut_by(lambda text: text[:limit], lines, exercises) == [requirement]


def test_texts_of_lines_in_one_segment_are_cut_at_a_limit() -> None:
    scene = chat()
    segment = "".join(f"{scene.nonce()} {'x' * more}\n" for more in (10, 600, 20, 700, 496, 499))
    _say(scene, segment.removesuffix("\n"), lambda text: text[:512], "FRM-1")
    scene.fence()
    assert blamed(scene) == ["LIM-1"]


def test_one_text_in_a_segment_of_several_lines_is_cut_by_framing() -> None:
    scene = chat()
    words = [scene.nonce() for _ in range(3)]
    segment = f"{words[0]}\n{words[1]}and more\n{words[2]}and more"
    _say(scene, segment, lambda text: text.replace(f"{words[1]}and more", f"{words[1]}an"), "FRM-1")
    scene.fence()
    assert blamed(scene) == ["FRM-1"]


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        pytest.param("N;more", "TXT-5", id="a semicolon"),
        pytest.param("N é", "TXT-3", id="a space"),
        pytest.param("N\x1b[0m", "TXT-4", id="an escape"),
        pytest.param("N\x0bmore", "FRM-2", id="a line end to some"),
    ],
)
@pytest.mark.parametrize("exercises", ["", "TXT-5"])
def test_a_text_is_cut_at_a_character(line: str, requirement: str, exercises: str) -> None:
    def cut(text: str) -> str:
        return text.partition("z")[0] + "z"

    assert cut_by(cut, [line, line], exercises) == [requirement]


def test_the_last_character_of_each_text_is_no_limit() -> None:
    scene = chat()
    for _ in range(3):
        _say(scene, scene.nonce(), lambda text: text[:-1], "")
    assert "LIM-1" not in blamed(scene)


def test_texts_that_are_hardly_shorter_than_one_that_came_whole_show_no_limit() -> None:
    scene = chat()
    lines = [f"{scene.nonce()} {'x' * 30}" for _ in range(4)]
    cuts = {lines[1]: 40, lines[3]: 41}
    _say(scene, "\n".join(lines), lambda text: text[: cuts.get(text)], "FRM-1")
    scene.fence()
    assert blamed(scene) == ["FRM-1"]


@pytest.mark.parametrize("end", [1, 300])
def test_a_text_that_comes_in_pieces_for_everybody_is_one_finding(end: int) -> None:
    scene = chat()
    scene.say("ann", f"{scene.nonce()}{'x' * 900}")
    for peer in scene.peers.values():
        header, text, _ = peer.waiting[0].decode().split("\n")
        pieces = (text[:-end], text[-end:])
        peer.waiting[:] = [f"{header}\n{piece}\n".encode() for piece in pieces]
    scene.deliver()
    scene.fence()
    [finding] = scene.findings()
    assert finding.requirement == "LIM-1"


@pytest.mark.parametrize(("whole", "requirement"), [(600, "FRM-1"), (20, "LIM-1")])
def test_a_line_refused_as_too_long_is_of_framing_only_if_one_as_long_came(
    whole: int, requirement: str
) -> None:
    scene = chat("ann", "bob")
    scene.say("bob", scene.nonce() + "x" * whole)
    scene.deliver()
    scene.fence()
    line = f"{scene.nonce()}{'x' * 550}"
    scene.send("ann", f"{line}\n{scene.nonce()}\n".encode(), exercises=["FRM-1"])
    ann = scene.peers["ann"]
    ann.unread.clear()
    ann.waiting.append(b"!line-too-long\n")
    ann.member, ann.ended = False, True
    scene.deliver()
    scene.fence()
    assert blamed(scene) == [requirement]


def test_a_line_that_leaves_because_it_says_quit_before_a_nul_is_of_line_ends() -> None:
    scene = chat("ann", "bob")
    scene.send("ann", b"quit\0now\n", exercises=["QUIT-2"])
    ann = scene.peers["ann"]
    ann.unread.clear()
    ann.member, ann.ended = False, True
    scene.deliver()
    scene.fence()
    assert blamed(scene) == ["FRM-2"]
