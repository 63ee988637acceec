"""What a typed line is to do: CLI-2, from the user's side."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.composing import Blank, Help, Leave, Refused, Say, read, read_octets
from chatproto import ClientConnection
from tests.chatproto import models
from tests.chatproto.helpers import receive, say
from tests.chatproto.strategies import good_lines, points

typed = st.one_of(
    st.text(points, max_size=12),
    st.sampled_from(["quit", " quit\t", "/quit", "/help ", "//quit", "///quit", "\x1cquit"]),
)


@given(typed)
def test_cli_2_what_is_said_arrives_as_it_was_typed_but_for_white_space_at_its_ends(
    line: str,
) -> None:
    trimmed = models.trim(line)
    match read(line):
        case Say(text):
            assert text == (trimmed[1:] if trimmed in ("//quit", "//help") else trimmed)
            assert say(receive([ClientConnection().say(text)])) == [("message", 1, text)]
        case Blank():
            assert not trimmed
        case Leave():
            assert trimmed == "/quit"
        case Help():
            assert trimmed == "/help"
        case Refused(reason):
            assert trimmed == "quit" or not models.is_text(trimmed)
            assert reason


@given(st.one_of(good_lines, st.binary(max_size=8)))
def test_octets_are_read_as_the_text_they_are(line: bytes) -> None:
    intention = read_octets(line)
    if isinstance(intention, Refused) and "is not UTF-8" in intention.reason:
        with pytest.raises(UnicodeDecodeError):
            line.decode()
    else:
        assert intention == read(line.decode())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("quit", "quit alone would make you leave"),
        ("a\nb", "character 2 is a line feed"),
        ("a\x1b[2J", r"character 2 is U\+001B, a control character"),
        ("x" * 1_025, "1025 octets; a line may have 1024"),
    ],
)
def test_a_refusal_says_why(line: str, reason: str) -> None:
    refused = read(line)
    assert isinstance(refused, Refused)
    assert re.search(reason, refused.reason)
