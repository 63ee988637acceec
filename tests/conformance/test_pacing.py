"""Where a read is a message, a client says its next line only when the last has been read."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from conformance.address import parse_address
from conformance.client import Client
from conformance.dialect.forms import as_said_by
from conformance.shipped import shipped_profile
from conformance.stage import Stage
from tests.conformance.scene import START

DIALECT = shipped_profile("dashed-dates").dialect


class Room:
    """A stage in the dialect, and the server's ends of its clients' connections."""

    def __init__(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()
        start = replace(START, dialect=DIALECT, factor=20.0)
        self.stage = Stage(parse_address(f"tcp://{host}:{port}"), start)
        self._listener = listener
        self._ends: dict[Client, socket.socket] = {}

    def join(self) -> Client:
        client = self.stage.connect()
        self._ends[client], _ = self._listener.accept()
        return client

    def has_read(self, client: Client) -> bytes:
        """What has come from it, without waiting."""
        try:
            return self._ends[client].recv(4_096, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""

    def broadcast(self, sender: Client, text: str, *listeners: Client) -> None:
        assert sender.label is not None
        octets = as_said_by(DIALECT, sender.label, text) + b"\\n'\n"
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


@pytest.fixture
def room() -> Iterator[Room]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        room = Room(listener)
        yield room
        room.close()


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
    """That nobody can hear it tells nothing of what the server has read."""
    ann = room.join()
    ann.send(b"QUIT\nand more\n")
    ann.stall()
    ann.go_on()
    assert room.has_read(ann) == b"QUIT\n"
    assert ann.pause is not None
    assert 0 < ann.pause < room.stage.patience / 2


def test_who_is_heard_line_by_line_may_take_long(room: Room) -> None:
    ann = room.join()
    ann.send(b"QUIT\nand more\n")
    speaking = [ann.is_speaking]
    room.broadcast(ann, "QUIT", ann)
    speaking.append(ann.is_speaking)
    assert speaking == [True, False]
