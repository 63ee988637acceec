"""Addresses, read and written."""

import pytest

from chat_client.address import Address, parse
from chatproto.address import Tcp, Unix


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://127.0.0.1:9999", Tcp("127.0.0.1", 9999)),
        ("tcp://[::1]:9999", Tcp("::1", 9999)),
        ("tcp://localhost:1", Tcp("localhost", 1)),
        ("unix:/run/chat", Unix("/run/chat")),
    ],
)
def test_an_address_is_read_and_written_again(text: str, address: Address) -> None:
    assert parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "unix:", "tcp://", "tcp://host", "tcp://::1:9", "tcp://h:x", "tcp://h:65536", "h:1"],
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"write tcp://127\.0\.0\.1:9999"):
        parse(text)
