"""What a probe makes of servers that relay reads as they come, and say what has no LF."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from conformance.dialect import Dialect
from conformance.probe.acquaintance import acquaint
from conformance.probe.guests import Guests
from conformance.probe.learning import Conclusion
from conformance.probe.memberships import ask_entrance, ask_half_close
from conformance.probe.talking import Room
from conformance.probe.texts import ask_blank, ask_framing, ask_read_size, ask_undecodable
from conformance.target.address import TcpAddress, parse_address
from conformance.target.profile import Launch

pytestmark = pytest.mark.heavy


class Relay:
    """Passes on each read to all. If it `asks` for a name, the first read is the name, and no
    message has it; a client that resets has left. One that `forgets` admits the last to connect,
    whoever gives a name. One that `floods` goes on sending nothing for a client that has ended its
    side. `welcome` makes up what it says to who has given a name."""

    def __init__(
        self,
        *,
        asks: bool = False,
        cuts: bool = False,
        forgets: bool = False,
        floods: bool = False,
        welcome: Callable[[], str] | None = None,
    ) -> None:
        self._asks = asks
        self._welcome = welcome or (lambda: f"Here: {', '.join(self._names)}!")
        self._cuts = cuts
        self._forgets = forgets
        self._floods = floods
        self._members: list[socket.socket] = []
        self._names: list[str] = []
        self._lock = threading.Lock()
        self.is_over = False
        """Whether nobody listens any more: what never learns of an end would go on for ever."""
        self.door = socket.create_server(("127.0.0.1", 0))

    def serve(self) -> None:
        while True:
            try:
                sock, _ = self.door.accept()
            except OSError:
                return
            self._latest = sock
            threading.Thread(target=self._hear, args=(sock,), daemon=True).start()

    def _hear(self, sock: socket.socket) -> None:
        name = b""
        with sock:
            if self._asks:
                sock.sendall(b"NICKNAME")
                name = sock.recv(1024)
            with self._lock:
                self._members.append(self._latest if self._forgets else sock)
            if self._asks:
                self._tell(name + b" joined!")
                sock.sendall(f"{self._welcome()}\n".encode())
                self._names.append(name.decode().strip())
            try:
                while (read := sock.recv(1024)) or (
                    (self._asks or self._floods) and not self.is_over
                ):
                    if not read and self._floods:
                        self._tell(b"\n")
                        time.sleep(0.001)
                    if not read:
                        # It never notices an end of stream, but a broken connection.
                        sock.sendall(b"")
                        continue
                    self._tell(read[:-1] + b"\n" if self._cuts else read)
            except OSError:
                pass
            with self._lock, suppress(ValueError):
                self._members.remove(sock)
        if self._asks:
            self._tell(name + b" left!")

    def _tell(self, octets: bytes) -> None:
        with self._lock:
            for member in self._members:
                with suppress(OSError):
                    member.sendall(octets)


@contextmanager
def guests_of(relay: Relay) -> Iterator[Guests]:
    """Guests in its room, who know whether they are asked for a name."""
    threading.Thread(target=relay.serve, daemon=True).start()
    address = TcpAddress(*relay.door.getsockname())
    try:
        with relay.door, Room(address, None, 1.0, 60.0).open() as room:
            guests = Guests(room, 1.0)
            acquaint(guests)
            yield guests
    finally:
        relay.is_over = True


@contextmanager
def guests_of_launched(way: str) -> Iterator[Guests]:
    launch = Launch(command=f"{sys.executable} -m tests.conformance.probe.probed {way} {{port}}")
    with Room(parse_address("tcp://127.0.0.1:0"), launch, 1.0, 60.0).open() as room:
        guests = Guests(room, 1.0)
        acquaint(guests)
        yield guests


def told(found: list[Conclusion]) -> dict[str, object]:
    return {one.key: one.value for one in found}


def test_a_name_that_no_message_has_is_known_by_what_is_said_to_it() -> None:
    with guests_of(Relay(asks=True)) as guests:
        assert guests.known.login
        found = told(ask_entrance(guests))
        assert found["prompt"] == "NICKNAME"
        assert found["welcome"] == "Here: {any}!\n"
        assert found["join"] == "{name}\n joined!"


def test_a_time_in_a_welcome_is_no_constant() -> None:
    with guests_of(Relay(asks=True, welcome=lambda: f"{time.ctime()} : come in")) as guests:
        assert told(ask_entrance(guests))["welcome"] == "{time} : come in\n"
        assert guests.known.time == "%a %b %e %H:%M:%S %Y"


def test_a_first_line_that_is_a_message_is_none() -> None:
    with guests_of(Relay()) as guests:
        assert not guests.known.login


def test_who_is_lost_without_a_name_before_the_next_comes_gives_one_first() -> None:
    with guests_of(Relay(asks=True, forgets=True)) as guests:
        assert guests.known.login
        host, _ = guests.pair()
        assert len(guests.newcomers(host, 3)) == 3


def test_what_does_not_decode_is_not_blamed_for_what_an_end_of_stream_does() -> None:
    with guests_of_launched("hangs-at-an-end") as guests:
        assert told(ask_undecodable(guests)) == {"undecodable": "mutes"}


@pytest.mark.parametrize(
    ("way", "size"), [("relays-reads", 256), ("sends-two-reads", 256), ("reads-all", None)]
)
def test_a_read_is_not_what_a_pure_relay_sends_at_once(way: str, size: int | None) -> None:
    with guests_of_launched(way) as guests:
        guests.known.by_read = guests.known.shaped = True
        guests.known.dialect = Dialect(header="", infix="")
        assert told(ask_read_size(guests)) == ({} if size is None else {"read_size": size})


def test_a_long_segment_that_puts_everybody_out_is_followed_by_a_shorter_one() -> None:
    with guests_of_launched("puts-out-laggards") as guests:
        guests.known.by_read = True
        assert told(ask_read_size(guests)) == {"read_size": 512}


def test_octets_that_come_back_as_they_were_are_passed_on() -> None:
    with guests_of_launched("relays-reads") as guests:
        assert told(ask_undecodable(guests)) == {"undecodable": "passes"}


def test_what_never_ends_is_a_flood_though_it_says_nothing() -> None:
    with guests_of(Relay(floods=True)) as guests:
        assert [one.key for one in ask_half_close(guests)] == ["QUIT-5"]


def test_who_breaks_off_is_told_of_though_who_ends_its_side_is_not() -> None:
    with guests_of(Relay(asks=True)) as guests:
        assert told(ask_half_close(guests))["half-close/leave"] == "{name}\n left!"


def test_a_read_whose_last_octet_is_lost_is_a_read() -> None:
    with guests_of(Relay(cuts=True)) as guests:
        assert told(ask_framing(guests))["framing"] == "read"


def test_a_blank_read_that_is_relayed_tells_nothing_before_the_shape_is_known() -> None:
    with guests_of(Relay()) as guests:
        assert ask_blank(guests) == []
        guests.known.shaped, guests.known.dialect = True, Dialect(header="", infix="")
        assert told(ask_blank(guests)) == {"blank": "broadcast"}
