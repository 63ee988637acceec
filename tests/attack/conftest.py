"""Sieges, of the size that the environment asks for."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from tests.attack.siege import FULL, SLICE, Chat, Siege, Size

LaySiege = Callable[..., Siege]


@pytest.fixture(scope="session")
def size() -> Size:
    """`CHATPROTO_ATTACK=full` is what `make attack` sets."""
    return FULL if os.environ.get("CHATPROTO_ATTACK") == "full" else SLICE


@pytest.fixture(scope="session")
def calm() -> Iterator[Chat]:
    """A server that is not attacked."""
    with closing(Chat()) as chat:
        yield chat


@pytest.fixture
def lay_siege(size: Size, calm: Chat) -> Iterator[LaySiege]:
    """Start a siege of a server with these options, and end it when the test is over."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(closing(Siege(size, calm, *options)))
