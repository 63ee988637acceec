"""Where a read is a message, a client says its next line only when the last has been read."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from conformance.dialect import Dialect
from conformance.dialect.forms import as_said_by
from conformance.driver.client import Client
from conformance.driver.interruption import Stuck
from conformance.driver.stage import Stage
from conformance.target.address import parse_address
from conformance.target.bundled_profiles import shipped_profile
from conformance.timing.policy import READ
from tests.conformance.scene import START

DIALECT = shipped_profile("dashed-dates").dialect
BY_READ = ("dashed-dates", "say", "slash-dates", "stage-2", "stage-4")


class Room:
    """A stage in the dialect, and the server's ends of its clients' connections."""

    def __init__(self, listener: socket.socket, dialect: Dialect, factor: float) -> None:
        host, port = listener.getsockname()
        start = replace(START, dialect=dialect, factor=factor)
        self.stage = Stage(parse_address(f"tcp://{host}:{port}"), start)
        self._listener = listener
        self._ends: dict[Client, socket.socket] = {}

    def join(self) -> Client:
        client = self.stage.connect()
        self._ends[client], _ = self._listener.accept()
        return client

    def has_read(self, client: Client) -> bytes:
        """Return what has come from it, without waiting."""
        try:
            return self._ends[client].recv(4_096, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""

    def broadcast(self, sender: Client, text: str, *listeners: Client) -> None:
        dialect = self.stage.dialect
        assert sender.label is not None
        assert dialect is not None
        rest = "\\n'" if dialect.text == "repr" else ""
        closing = (rest + dialect.closing).encode(dialect.sends)
        octets = as_said_by(dialect, sender.label, text) + closing
        for one in listeners:
            self._ends[one].sendall(octets)
        self.stage.wait(listeners, lambda: all(octets in one.received for one in listeners), text)

    def end(self, client: Client) -> None:
        self._ends[client].shutdown(socket.SHUT_WR)
        self.stage.wait([client], lambda: client.ended, "its end")

    def close(self) -> None:
        self.stage.close()
        for end in self._ends.values():
            end.close()


@contextmanager
def room_of(dialect: Dialect, factor: float = 20.0) -> Iterator[Room]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        room = Room(listener, dialect, factor)
        try:
            yield room
        finally:
            room.close()


@pytest.fixture
def room() -> Iterator[Room]:
    with room_of(DIALECT) as room:
        yield room


def test_what_another_says_does_not_tell_that_a_line_was_read(room: Room) -> None:
    ann, bob = room.join(), room.join()
    ann.send(b"QUIT\nand more\n")
    assert room.has_read(ann) == b"QUIT\n"
    room.broadcast(bob, "QUIT now", ann, bob)
    assert room.has_read(ann) == b""
    room.broadcast(ann, "QUIT", ann, bob)
    assert room.has_read(ann) == b"and more\n"


def test_only_its_end_tells_that_the_word_that_leaves_was_read(room: Room) -> None:
    ann, bob = room.join(), room.join()
    ann.send(b"quit\nand more\n")
    assert room.has_read(ann) == b"quit\n"
    room.broadcast(bob, "quit now", ann, bob)
    assert room.has_read(ann) == b""
    assert ann.pause is not None
    assert ann.pause > room.stage.patience / 2
    room.end(ann)
    assert room.has_read(ann) == b"and more\n"


@pytest.mark.parametrize("how", ["ends", "stalls"])
def test_who_hears_no_more_is_not_waited_for(room: Room, how: str) -> None:
    ann, bob = room.join(), room.join()
    ann.send(b"QUIT\nand more\n")
    assert room.has_read(ann) == b"QUIT\n"
    if how == "ends":
        room.end(bob)
    else:
        bob.stall()
    room.broadcast(ann, "QUIT", ann)
    assert room.has_read(ann) == b"and more\n"


def test_whoever_hears_it_no_more_itself_does_not_say_on_at_once(room: Room) -> None:
    """A broadcast that nobody can hear says nothing about what the server has read."""
    ann = room.join()
    ann.send(b"QUIT\nand more\n")
    ann.stall()
    ann.wake()
    assert room.has_read(ann) == b"QUIT\n"
    assert ann.pause is not None
    assert 0 < ann.pause < room.stage.patience / 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a peer has not read")
@pytest.mark.parametrize("reads", [True, False])
def test_what_was_read_and_is_not_heard_holds_nobody_up(reads: bool) -> None:
    with room_of(DIALECT, factor=1.0) as room:
        ann = room.join()
        ann.send(b"QUIT\nand more\n")
        if reads:
            assert room.has_read(ann) == b"QUIT\n"
        room.stage.pass_time(4 * READ)
        assert room.has_read(ann) == (b"and more\n" if reads else b"QUIT\n")


def test_who_is_heard_line_by_line_may_take_long(room: Room) -> None:
    ann = room.join()
    ann.send(b"QUIT\nand more\n")
    speaking = [ann.is_speaking]
    room.broadcast(ann, "QUIT", ann)
    speaking.append(ann.is_speaking)
    assert speaking == [True, False]


def test_who_is_never_heard_is_not_waited_for_until_all_is_said() -> None:
    """Even if each line takes the server as long as patience lasts."""
    with room_of(DIALECT, factor=0.2) as room:
        ann = room.join()
        ann.send(b"".join(b"line %d\n" % number for number in range(20)))
        with pytest.raises(Stuck):
            room.stage.wait([ann], lambda: False, "an echo")
        assert ann.sending
        assert room.stage.now() < 4.8 * room.stage.patience


@pytest.mark.parametrize("name", BY_READ)
@pytest.mark.parametrize("text", ["quit\x1f", "\x1cquit", "quit\0now"])
def test_a_line_is_heard_whatever_is_in_it(text: str, name: str) -> None:
    """Of the code points that are not printed, `str.strip()` removes more than a server trims."""
    with room_of(shipped_profile(name).dialect) as room:
        ann = room.join()
        ann.send(text.encode() + b"\nand more\n")
        room.broadcast(ann, text, ann)
        assert room.has_read(ann).endswith(b"and more\n")


def test_who_is_heard_again_may_take_long_again() -> None:
    """Otherwise the wait would end in the moment in which the word is said."""
    with room_of(DIALECT, factor=0.02) as room:
        ann = room.join()
        ann.send(b"QUIT\nQuit\nquiT\nand more\n")
        room.stage.start = replace(room.stage.start, factor=20.0)
        room.stage.let(lambda: not ann.is_speaking, 1.0)
        assert not ann.is_speaking
        room.broadcast(ann, "Quit", ann)
        assert ann.is_speaking
