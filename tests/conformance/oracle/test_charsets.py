"""What a server reads in another charset is of that line, whatever the line and the charset are."""

import pytest

from chatproto.text import make_safe
from conformance.oracle.charsets import readings_of
from conformance.transcript.events import Waited
from tests.conformance.scene import blamed, chat

LINE_END = b"20210703 17:45:39 127.0.0.1:50000\n"


@pytest.mark.parametrize("charset", ["latin-1", "cp1252", "gbk"])
@pytest.mark.parametrize(
    "line",
    [
        pytest.param("\u3000quit\x85", id="quit"),
        pytest.param("\xa0\u3000", id="a blank line"),
        pytest.param(
            "\ufeffn0ddba1x00099z joined", id="a nonce that is read as part of a character"
        ),
        pytest.param("\x85a\x85", id="controls"),
    ],
)
def test_a_line_that_is_misread(line: str, charset: str) -> None:
    scene = chat()
    octets = line.encode()
    misread = octets.decode(charset, "replace").strip()
    for peer in scene.peers.values():
        peer.waiting.append(LINE_END + make_safe(misread).encode() + b"\n")
    scene.send("ann", octets + b"\n", exercises=["TXT-3"])
    scene.deliver()
    scene.fence()
    if "quit" in line:
        scene.events.append(Waited(scene.tick(), "ann", "the end", 3.0, ("QUIT-1",)))
    assert blamed(scene) == ["TXT-1"]


def test_what_is_the_same_in_each_charset_is_not_misread() -> None:
    assert readings_of(b"quit") == frozenset()
    assert b"a" not in readings_of("\u3000a\u3000".encode())


def test_a_control_that_is_replaced_octet_by_octet_is_no_charset() -> None:
    assert "\ufffd\ufffd".encode() not in readings_of("\x85".encode())
