"""What comes twice is told from what two members said, whatever label stands over it."""

from collections.abc import Callable

import pytest

from tests.conformance.scene import Scene, blamed

ANN, BOB, SERVER = b"127.0.0.1:50000", b"127.0.0.1:50001", b"127.0.0.1:9999"


def label(scene: Scene, labelled: Callable[[str, bytes], bytes]) -> None:
    """Let broadcasts have the labels that a member is shown in place of the right ones."""
    for name, peer in scene.peers.items():
        units = [unit.split(b"\n", 1) for unit in peer.waiting]
        peer.waiting[:] = [
            header.rpartition(b" ")[0]
            + b" "
            + labelled(name, header.rpartition(b" ")[2])
            + b"\n"
            + rest
            for header, rest in units
        ]
    scene.deliver()


def said_by_both(labelled: Callable[[str, bytes], bytes], *, doubled: bool = False) -> list[str]:
    """Return what is found where both members say words, and the same words."""
    scene = Scene()
    for name in ("ann", "bob"):
        scene.connect(name)
        scene.say(name, scene.nonce())
        label(scene, labelled)
    for word in ("one", "two", "three"):
        for name in ("ann", "bob"):
            scene.send(name, f"both say {word}\n".encode())
        for name in ("bob", "ann"):
            scene.serve(name)
        if doubled and word == "two":
            for peer in scene.peers.values():
                peer.waiting.append(peer.waiting[-1])
        label(scene, labelled)
        for name in ("ann", "bob"):
            scene.say(name, scene.nonce())
        label(scene, labelled)
    return blamed(scene)


@pytest.mark.parametrize(
    ("labelled", "found"),
    [
        pytest.param(lambda _, label: label, [], id="right"),
        pytest.param(lambda *_: SERVER, ["MSG-2"], id="the server's"),
        pytest.param(lambda *_: BOB, ["MSG-2"], id="the newest member's"),
        pytest.param(
            lambda name, label: b"me" if (name == "ann") == (label == ANN) else label,
            ["MSG-2", "MSG-3"],
            id="each member's own, to itself",
        ),
    ],
)
def test_two_lines_with_one_text_are_not_one_that_came_twice(
    labelled: Callable[[str, bytes], bytes], found: list[str]
) -> None:
    assert said_by_both(labelled) == found
    assert "ROOM-2" in said_by_both(labelled, doubled=True)
