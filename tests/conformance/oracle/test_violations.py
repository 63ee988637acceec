"""What is broadcast of a violation that was recognised, or of what follows it, is one finding."""

import pytest

from tests.conformance.scene import Scene, blamed, chat

LINE_END = b"20210703 17:45:39 127.0.0.1:50000\n"


def offend(line: bytes, *texts: bytes) -> Scene:
    """Ann sends a violation and is told so; bob receives these texts as hers."""
    scene = chat()
    scene.send("ann", line)
    scene.serve("ann")
    scene.deliver()
    scene.peers["bob"].waiting += [LINE_END + text + b"\n" for text in texts]
    scene.deliver()
    scene.fence()
    return scene


@pytest.mark.parametrize("line", [b"\xff\n", b"x" * 1_100_000, b"\xff\nand more\n"])
@pytest.mark.parametrize(
    "texts",
    [[b""], [b"", b"\xef\xbf\xbd"], [b"xxxx"], [b"xx", b"", b"and more"], [b"something else"]],
)
def test_what_comes_of_a_violation_is_one_finding(line: bytes, texts: list[bytes]) -> None:
    [finding] = offend(line, *texts).findings()
    assert finding.requirement == "ERR-1"


def test_a_line_that_is_refused_and_broadcast_in_part_was_not_taken() -> None:
    scene = chat()
    nonce = scene.nonce().encode()
    line = nonce + b"x" * 20_000
    for peer in scene.peers.values():
        peer.waiting.append(LINE_END + line[:16_384] + b"\n")
    scene.send("ann", line + b"\n")
    scene.serve("ann")
    scene.deliver()
    scene.fence()
    assert {finding.requirement for finding in scene.findings()} == {"ERR-1"}


def test_a_long_line_before_an_endless_one_was_taken() -> None:
    scene = chat()
    scene.say("ann", scene.nonce() + "x" * 10_000)
    scene.deliver()
    scene.send("ann", b"x" * 20_000)
    scene.serve("ann")
    scene.deliver()
    scene.fence()
    assert scene.findings() == []


@pytest.mark.parametrize(("first", "found"), [(b"", True), (b"!line-too-long\n", False)])
def test_what_is_refused_for_its_text_after_its_length_was_refused_for_its_length(
    first: bytes, found: bool
) -> None:
    scene = chat()
    scene.send("ann", b"\xff" * 1_100_000)
    scene.serve("ann")
    scene.peers["ann"].waiting[:] = [first, b"!invalid-text\n"]
    scene.deliver()
    scene.fence()
    assert ("TXT-2" in blamed(scene)) is found
