"""One correct chatproto/1 server, cut into small steps so that a fault is one step done wrong."""

import errno
import selectors
import socket
import struct
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial

from conformance.specimens.loop import ServerLoop
from conformance.specimens.member import Member
from conformance.specimens.text import UNSAFE, WHITE_SPACE

if sys.platform == "win32":

    def _unacknowledged(_: socket.socket) -> int:
        """Octets that the peer's system has not acknowledged; this one does not tell."""
        return 0

else:
    import fcntl
    import termios

    def _unacknowledged(sock: socket.socket) -> int:
        """Octets that the peer's system has not acknowledged."""
        return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


HOST = "127.0.0.1"
EXPLANATIONS = {
    "invalid-text": "the line is not UTF-8",
    "line-too-long": "the line is longer than this server takes",
    "shutting-down": "the server is stopping",
}


class BaseServer(ServerLoop):
    """The conformant server; subclasses override one method or one number each."""

    limit = 16_384
    bound = 4_194_304
    ease = 65_536
    read_size = 8_192
    accepts_per_turn = 1_024
    drain = 1.0
    patience = 2.5
    heartbeat: float | None = None
    capacity: int | None = None
    send_buffer: int | None = None
    zone: tzinfo = UTC
    clock_error = timedelta(0)

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.listener = socket.socket()
        self.connections: dict[Member, None] = {}
        self.members: dict[Member, None] = {}
        self.touched: dict[Member, None] = {}
        self.joined = 0
        self.stopping = False

    # Running

    def serve(self) -> int:
        """Serve until stopped; return the exit status."""
        self.heed_signals()
        try:
            self.listen()
        except OSError as error:
            return self.on_refused(error)
        self.watch_listener()
        if self.heartbeat is not None:
            self.later(self.heartbeat, self.beat)
        while self.connections or not self.stopping:
            self.turn()
        return self.status()

    def status(self) -> int:
        return 0

    def on_refused(self, error: OSError) -> int:
        sys.stderr.write(f"cannot listen on {HOST}:{self.port}: {error.strerror}\n")
        return 1

    def listen(self) -> None:
        self.prepare_listener()
        self.listener.bind((HOST, self.port))
        self.listener.listen(1024)
        self.listener.setblocking(False)

    def prepare_listener(self) -> None:
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def watch_listener(self) -> None:
        if not self.stopping and self.listener not in self.selector.get_map():
            self.selector.register(self.listener, selectors.EVENT_READ, self.on_connections)

    def ignore_listener(self) -> None:
        if self.listener in self.selector.get_map():
            self.selector.unregister(self.listener)

    def turn(self) -> None:
        self.handle_events()
        while self.touched:
            self.settle(self.touched.popitem()[0])

    def precedence(self, ready: tuple[selectors.SelectorKey, int]) -> int:
        if ready[0].fileobj is not self.listener:
            return 0
        # Who connected before a message was sent hears it; but a place must be left to be taken.
        return 1 if self.is_full() else -1

    def is_full(self) -> bool:
        return self.capacity is not None and len(self.members) >= self.capacity

    def beat(self) -> None:
        for member in self.members:
            if not member.outgoing:
                self.deliver(member, b"\n")
        if self.heartbeat is not None:
            self.later(self.heartbeat, self.beat)

    # Joining

    def on_connections(self, _events: int) -> None:
        self.accept_waiting(self.accepts_per_turn)

    def accept_waiting(self, most: int) -> None:
        for _ in range(most):
            try:
                sock, address = self.listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self.on_no_descriptor()
                return
            self.accept(sock, address)

    def on_no_descriptor(self) -> None:
        """Leave who waits alone for a moment: the listener stays ready all the time."""
        self.ignore_listener()
        self.later(0.1, self.watch_listener)

    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self.send_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer)
        full = self.is_full()
        member = Member(sock, self.label(sock, address), self.joined)
        self.joined += 1
        self.connections[member] = None
        self.members[member] = None
        self.touched[member] = None
        if full:
            self.on_full(member)
        else:
            self.on_join(member)

    def label(self, _sock: socket.socket, address: tuple[str, int]) -> str:
        return f"{address[0]}:{address[1]}"

    def on_join(self, member: Member) -> None:
        """Nothing is said to a new member."""

    def on_full(self, member: Member) -> None:
        self.leave(member, self.notice("room-full", f"there are {self.capacity} members already"))

    # Reading

    def on_ready(self, member: Member, events: int) -> None:
        if events & selectors.EVENT_READ and not member.closed and not member.ended:
            self.read(member)
        if not member.closed:
            self.touched[member] = None

    def read(self, member: Member) -> None:
        try:
            octets = member.sock.recv(self.read_size)
        except BlockingIOError:
            return
        except OSError:
            self.on_reset(member)
            return
        if not octets:
            member.ended = True
            if member.present:
                self.on_end_of_stream(member)
        elif member.present:
            self.on_octets(member, octets)
        else:
            self.on_discarded(member, octets)

    def on_octets(self, member: Member, octets: bytes) -> None:
        for line in self.frame(member, octets):
            self.on_line(member, line)
            if not member.present:
                return
        if len(member.tail) > self.limit:
            self.on_long_tail(member)

    def on_discarded(self, member: Member, octets: bytes) -> None:
        """What a leaver still sends means nothing."""

    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        end = octets.rfind(b"\n")
        if end < 0:
            member.tail += octets
            return []
        lines = (bytes(member.tail) + octets[:end]).split(b"\n")
        member.tail = bytearray(octets[end + 1 :])
        return lines

    def on_long_tail(self, member: Member) -> None:
        self.violation(member, "line-too-long", bytes(member.tail))

    def on_line(self, member: Member, line: bytes) -> None:
        if len(line) > self.limit:
            self.violation(member, "line-too-long", line)
            return
        try:
            text = self.decode(line)
        except UnicodeDecodeError:
            self.violation(member, "invalid-text", line)
            return
        self.on_text(member, text)

    def decode(self, line: bytes) -> str:
        return line.decode("utf-8")

    def on_text(self, member: Member, text: str) -> None:
        trimmed = self.trim(text)
        if not trimmed:
            self.on_blank(member)
        elif self.is_quit(trimmed):
            self.on_quit(member)
        else:
            member.sent += 1
            self.on_message(member, self.make_safe(trimmed))

    def trim(self, text: str) -> str:
        return text.strip(WHITE_SPACE)

    def is_quit(self, text: str) -> bool:
        return text == "quit"

    def make_safe(self, text: str) -> str:
        return UNSAFE.sub("\ufffd", text)

    # Broadcasting

    def on_blank(self, member: Member) -> None:
        """A heartbeat asks for nothing."""

    def on_message(self, sender: Member, text: str) -> None:
        self.broadcast(sender, self.compose(sender, text))

    def compose(self, sender: Member, text: str) -> bytes:
        return f"{self.header(self.now(), sender)}\n{text}\n".encode()

    def now(self) -> datetime:
        return datetime.now(self.zone) + self.clock_error

    def header(self, moment: datetime, sender: Member) -> str:
        return f"{moment:%Y%m%d %H:%M:%S} {sender.label}"

    def broadcast(self, sender: Member, unit: bytes) -> None:
        sender.flood += len(unit)
        for member in tuple(self.recipients(sender)):
            member.received += 1
            self.deliver_from(sender, member, unit)

    def recipients(self, _sender: Member) -> Iterable[Member]:
        return self.members

    def deliver_from(self, _sender: Member, member: Member, unit: bytes) -> None:
        self.deliver(member, unit)

    def deliver(self, member: Member, octets: bytes) -> None:
        if member.deaf or member.closed:
            return
        member.outgoing += octets
        self.touched[member] = None
        if len(member.outgoing) > self.bound:
            self.flush(member)
            if len(member.outgoing) > self.bound:
                self.evict(member)

    def notice(self, code: str, explanation: str = "") -> bytes:
        return f"!{code} {explanation or EXPLANATIONS[code]}\n".encode()

    # Writing

    def settle(self, member: Member) -> None:
        """Send what can be sent, take a leaver one step further, and say what to wait for."""
        if member.closed:
            return
        self.flush(member)
        if not member.present and not member.outgoing:
            self.on_flushed(member)
        self.watch(member)

    def flush(self, member: Member) -> None:
        while member.outgoing:
            try:
                sent = self.write(member)
            except BlockingIOError:
                return
            except OSError:
                # What it sent before it vanished may still wait to be read.
                member.deaf = True
                member.outgoing.clear()
                return
            del member.outgoing[:sent]
        member.flood = 0

    def write(self, member: Member) -> int:
        return member.sock.send(member.outgoing)

    def on_flushed(self, leaver: Member) -> None:
        if leaver.ended or leaver.deaf:
            self.close(leaver)
        elif not leaver.shut:
            leaver.shut = True
            try:
                leaver.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self.close(leaver)
            self.linger(leaver)

    def linger(self, leaver: Member, was_acknowledged: bool = False) -> None:
        """Let it go when all that it was sent has been acknowledged for as long as `drain`."""
        is_acknowledged = self.is_acknowledged(leaver)
        if is_acknowledged and was_acknowledged:
            self.on_drained(leaver)
        elif not leaver.closed:
            self.later(self.drain, partial(self.linger, leaver, is_acknowledged))

    def is_acknowledged(self, leaver: Member) -> bool:
        """Whether its system has all that it was sent."""
        return leaver.closed or not _unacknowledged(leaver.sock)

    def on_drained(self, leaver: Member) -> None:
        self.close(leaver)

    def watch(self, member: Member) -> None:
        if member.closed:
            return
        events = 0 if member.ended or self.is_paused(member) else selectors.EVENT_READ
        events |= selectors.EVENT_WRITE if member.outgoing else 0
        if events == member.events:
            return
        if not events:
            self.selector.unregister(member.sock)
        elif member.events:
            self.selector.modify(member.sock, events, partial(self.on_ready, member))
        else:
            self.selector.register(member.sock, events, partial(self.on_ready, member))
        member.events = events

    def is_paused(self, member: Member) -> bool:
        return member.present and min(member.flood, len(member.outgoing)) > self.ease

    # Leaving

    def on_quit(self, member: Member) -> None:
        self.leave(member)

    def on_end_of_stream(self, member: Member) -> None:
        self.leave(member)

    def on_reset(self, member: Member) -> None:
        self.close(member)

    def violation(self, member: Member, code: str, _line: bytes) -> None:
        self.leave(member, self.notice(code))

    def evict(self, member: Member) -> None:
        self.reset(member)

    def leave(self, member: Member, last: bytes = b"") -> None:
        """End the membership; what is owed, then `last`, is still sent before the closing."""
        member.present = False
        member.tail.clear()
        self.members.pop(member, None)
        if not member.deaf:
            member.outgoing += last
        self.touched[member] = None

    def reset(self, member: Member) -> None:
        if not member.closed:
            no_linger = struct.pack("ii", 1, 0)
            member.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self.close(member)

    def close(self, member: Member) -> None:
        if member.closed:
            return
        member.present = False
        if member.events:
            self.selector.unregister(member.sock)
        member.sock.close()
        for table in (self.connections, self.members, self.touched):
            table.pop(member, None)

    # Stopping

    def on_signal(self) -> None:
        if not self.stopping:
            self.stop()

    def stop(self) -> None:
        self.stopping = True
        # Whoever is connected already gets an orderly end; closing the listener would reset them.
        self.accept_waiting(self.accepts_per_turn)
        self.ignore_listener()
        self.listener.close()
        for member in tuple(self.members):
            self.leave(member, self.notice("shutting-down"))
        self.later(self.patience, self.abort)

    def abort(self) -> None:
        for member in tuple(self.connections):
            self.reset(member)
