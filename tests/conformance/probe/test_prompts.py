"""What a probe makes of a server that prompts its members anew after whatever it says."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from conformance.dialect import Dialect
from conformance.probe.acquaintance import acquaint
from conformance.probe.guests import Guests
from conformance.probe.learning import Learnt
from conformance.probe.memberships import ask_entrance
from conformance.probe.questions import probe
from conformance.probe.talking import Room
from conformance.target.address import TcpAddress

pytestmark = pytest.mark.heavy


class Prompter:
    """Asks for a name. Whatever comes to a member later begins with an LF, since it has been
    prompted, and ends with a new prompt, which has its own name and no LF."""

    def __init__(self) -> None:
        self.door = socket.create_server(("127.0.0.1", 0))
        self._members: dict[socket.socket, str] = {}
        self._lock = threading.Lock()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self.door.accept()
                threading.Thread(target=self._hear, args=(sock,), daemon=True).start()

    def _hear(self, sock: socket.socket) -> None:
        sock.sendall(b"NAME:")
        with suppress(OSError), sock, sock.makefile("rb") as lines:
            name = lines.readline().decode().strip()
            self._say(sock, " joined")
            with self._lock:
                self._members[sock] = name
                sock.sendall(f"[{name}]:".encode())
            for line in lines:
                if line.strip():
                    self._say(sock, f"[{name}]:{line.decode(errors='replace').strip()}")
                    with self._lock:
                        sock.sendall(f"[{name}]:".encode())
        with self._lock:
            self._members.pop(sock, None)
        self._say(sock, " left")

    def _say(self, but: socket.socket, text: str) -> None:
        with self._lock:
            for member, name in self._members.items():
                if member is not but:
                    with suppress(OSError):
                        member.sendall(f"\n{text}\n[{name}]:".encode())


class SlowDoor(Prompter):
    """Greets, and relays lines; it admits a client only a second after the one before."""

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self.door.accept()
                with self._lock:
                    self._members[sock] = ""
                sock.sendall(b"hello there\n")
                threading.Thread(target=self._relay, args=(sock,), daemon=True).start()
                time.sleep(1.0)

    def _relay(self, sock: socket.socket) -> None:
        with suppress(OSError), sock, sock.makefile("rb") as lines:
            for line in lines:
                with self._lock:
                    for member in self._members:
                        with suppress(OSError):
                            member.sendall(b"> " + line)


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    prompter = Prompter()
    threading.Thread(target=prompter.serve, daemon=True).start()
    with prompter.door:
        return probe(TcpAddress(*prompter.door.getsockname()), None, 1.0)


def test_a_prompt_that_comes_with_every_message_announces_nobody(learnt: Learnt) -> None:
    assert (learnt.get("join"), learnt.get("leave")) == (" joined\n", " left\n")


def test_a_prompt_behind_a_text_is_no_part_of_its_end(learnt: Learnt) -> None:
    assert learnt.get("tail") == "\n"
    assert not any(one.startswith("tail") for one in learnt.untold)


def test_who_is_admitted_late_is_greeted_all_the_same() -> None:
    door = SlowDoor()
    threading.Thread(target=door.serve, daemon=True).start()
    with door.door, Room(TcpAddress(*door.door.getsockname()), None, 1.0, 60.0).open() as room:
        guests = Guests(room, 1.0)
        acquaint(guests)
        guests.known.dialect = Dialect(prefix="> ", header="", infix="")
        [greeting] = (one for one in ask_entrance(guests) if one.key == "greeting")
    assert greeting.value == "hello there\n"
