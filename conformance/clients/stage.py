"""Where one scenario is played: the client's program, its connections to the suite's server, and
the transcript of both.

The server is a small correct room with one member, of whom the suite makes others speak. What a
scenario does not ask for otherwise it does as the standard has it: it sends back what the member
says, and closes when the member leaves.
"""

import json
import platform
import random
import selectors
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Final, Literal

from chatproto import __version__
from conformance.clients.program import KILL_LINE, Program
from conformance.oracle.clients.display import Display, Screen, display_for, squeezed, words
from conformance.scenarios.registry import Scenario
from conformance.standard.requirements import PROTOCOL
from conformance.transcript import events as tr

SHOWING: Final = 5.0
"""Seconds in which a client shows what it was sent, and sends what its user says."""
TELLING: Final = 3.0
"""Seconds in which a client says that it refuses what was typed."""
CONNECTING: Final = 10.0
ENDING: Final = 10.0
"""Seconds in which a client that has lost its server has ended, or connects again (CLI-7)."""
SHORTENED: Final = 1.0
"""Seconds to wait for what this client has never done when it was waited for in full."""
_TICK: Final = 0.02
_SETTLING: Final = 0.3
"""Seconds for what a client does about an end, before it is looked whether it rests."""
_MOST: Final = 5
"""How many times as long as asked for a rest may take on a machine that is busy."""
_AGAIN: Final = 1.0
"""Seconds after which Ctrl-D is pressed again."""
_UNREAD_TICK: Final = 0.005
_UNREAD: Final = 0.2
"""Seconds that a segment may lie unread before the next is sent nevertheless."""
_HOST: Final = "127.0.0.1"
_CONSONANTS: Final = "bcdfghjkmnpqrstvwxz"


class Stuck(Exception):
    """The scenario cannot go on: what it waited for is noted in the transcript."""


class BrokenOff(Exception):
    """The run was broken off."""


class Waits:
    """What this client was waited for in vain, in full, in any scenario: it is waited for less
    long from then on. Once `broken_off` is set, no stage goes on."""

    def __init__(self) -> None:
        self.broken_off = Event()
        self._vain: set[str] = set()
        self._met: set[str] = set()

    def seconds(self, kind: str, full: float) -> float:
        return min(full, SHORTENED) if kind in self._vain - self._met else full

    def note(self, kind: str, *, came: bool) -> None:
        (self._met if came else self._vain).add(kind)


@dataclass(frozen=True, slots=True)
class Use:
    """How the client under test is used. `silence`: the seconds for which the server says nothing
    after the client has left."""

    command: str
    way: tr.Way = "terminal"
    leave: str = "/quit"
    raw: bool = False
    seed: int = 0
    factor: float = 1.0
    silence: float = 8.0


@dataclass(slots=True)
class _Connection:
    """One connection of the client's. `said`: octets of a line that has not ended."""

    name: str
    socket: socket.socket
    label: str
    said: bytearray = field(default_factory=bytearray)
    lines: list[bytes] = field(default_factory=list)
    has_left: bool = False
    has_ended: bool = False
    is_shut: bool = False


class Stage:
    """The stage of one scenario. Close it: the client ends with it."""

    def __init__(self, use: Use, scenario: Scenario, waits: Waits) -> None:
        self.use = use
        self.transcript: list[tr.Event] = []
        self.echoes = True
        self.lets_go = True
        self.interrupted: str | None = None
        self._waits = waits
        self._began = time.monotonic()
        self._random = random.Random(f"{use.seed}/{scenario.id}")  # noqa: S311  # words, no secrets
        self._program: Program | None = None
        self._display: Display | None = None
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((_host_for(use.command, self._random), 0))
        self._connections: list[_Connection] = []
        self._is_listening = False
        self._is_refused = False
        self._exited = False
        self._was_in_vain = False
        self._words_before: set[str] = set()
        self._typed = ""
        self._has_pasted = False
        self._status: int | None = None
        self.transcript.append(
            tr.Start(
                t=0.0, scenario=scenario.id, requirements=scenario.requirements, protocol=PROTOCOL,
                suite=__version__, seed=use.seed, target=use.command, wall=time.time(),
                same_clock=True, exclusive=True, addresses="translated", capacity=None, stops=(),
                factor=use.factor, earlier=(),
            )
        )  # fmt: skip

    # The client's program

    def launch(
        self, size: tuple[int, int] = (80, 24), *, refused: bool = False, ready: bool = True
    ) -> None:
        """Start the client, and let it connect; with `refused`, nothing listens there.

        Another member speaks then, unless it is not to be `ready`: once that is shown, the client
        takes what is typed.
        """
        use = self.use
        if not refused:
            self.listen()
        columns, rows = size
        self._display = display_for(use.way, columns, rows)
        host, port = self._listener.getsockname()
        self._program = Program(use.command, host, port, use.way, size)
        self._note(
            tr.Launched(self.now(), "c1", use.command, use.way, columns, rows, use.leave, use.raw)
        )
        if refused:
            self._is_refused = True
            self._note(tr.Refused(self.now(), "c1", "nobody listens there"))
        elif not self.until(lambda: bool(self._connections), "a connection", CONNECTING):
            raise Stuck("the client did not connect")
        elif ready:
            self.fence()

    def listen(self) -> None:
        """Let the client connect from now on."""
        self._listener.listen()
        self._listener.setblocking(False)
        self._is_listening = True

    def say(self, text: str) -> None:
        """Type a line."""
        self._type(text, "line")

    def type_part(self, text: str) -> None:
        """Type what is no whole line yet."""
        self._type(text, "part")

    def complete(self, part: str, rest: str) -> None:
        """Type the rest of a line, and its end, after a part of it."""
        program = self.program
        self._note(tr.Typed(self.now(), "c1", part + rest, "line"))
        program.write(rest.encode() + (b"\r" if program.way == "terminal" else b"\n"))
        self.look()

    def paste(self, *lines: str) -> None:
        """Type several lines at once."""
        self._type("\n".join(lines), "pasted")

    def leave(self) -> None:
        """Type the client's way to leave."""
        self._type(self.use.leave, "leave")

    def depart(self) -> None:
        """Leave as the client says that it is left, or by the end of its input where that is no
        more to it than a message."""
        self.leave()
        self.until(
            lambda: self.connection.has_left or self.has_said(self.use.leave),
            "the client to leave", SHOWING, "left",
        )  # fmt: skip
        if not self.connection.has_left and self.has_said(self.use.leave):
            self.end_input()
            self.await_left()

    def end_input(self, unended: str = "") -> None:
        """Bring the client's input to its end, after a line without its own."""
        if unended:
            self._type(unended, "unended")
        self._note(tr.InputEnded(self.now(), "c1"))
        self.program.end_input()

    def _type(self, text: str, how: Literal["line", "part", "pasted", "unended", "leave"]) -> None:
        program = self.program
        self._words_before, self._typed = words(self.rows()), text.lower()
        self._note(tr.Typed(self.now(), "c1", text, how))
        enter = b"\r" if program.way == "terminal" else b"\n"
        octets = enter.join(line.encode() for line in text.split("\n"))
        if program.way == "jsonl":
            octets = _as_json(text, how)
        else:
            if how == "pasted" and isinstance(self._display, Screen) and self._display.takes_pastes:
                octets = b"\x1b[200~" + octets + b"\x1b[201~"
            if how in ("line", "pasted", "leave"):
                octets += enter
            if program.way == "terminal" and how != "unended":
                octets = KILL_LINE * (4 if self._has_pasted else 1) + octets
            self._has_pasted = how == "pasted"
        program.write(octets)
        self.look()

    @property
    def program(self) -> Program:
        assert self._program is not None
        return self._program

    # The server's side

    @property
    def connection(self) -> _Connection:
        """The client's connection, the last where it has made several."""
        return self._connections[-1]

    @property
    def connections(self) -> int:
        return len(self._connections)

    def word(self) -> str:
        """A word that is nowhere else: how what is shown and sent is known again."""
        letters = "".join(self._random.choices(_CONSONANTS, k=4))
        digits = "".join(self._random.choices("23456789", k=2))
        return f"zq{letters}{digits}"

    def word_in(self, text: str) -> str:
        """The first of the suite's words in a text."""
        return text[text.index("zq") :].split()[0]

    def somebody(self) -> str:
        """The SENDER of another member."""
        number = self._random.randrange
        return f"198.51.100.{number(100, 255)}:{number(41_000, 59_999)}"

    def hear(self, text: str, sender: str | None = None, *, cuts: tuple[int, ...] = ()) -> None:
        """Let another member say something. `cuts`: where its octets are cut into segments."""
        self.send(self.unit(text, sender), cuts=cuts)

    def unit(self, text: str, sender: str | None = None) -> bytes:
        """The octets of a broadcast."""
        now = datetime.now(UTC)
        return f"{now:%Y%m%d %H:%M:%S} {sender or self.somebody()}\n{text}\n".encode()

    def send(self, octets: bytes, *, cuts: tuple[int, ...] = ()) -> None:
        """Send octets to the client, in segments cut so; each is read before the next is sent."""
        ends = [*cuts, len(octets)]
        starts = [0, *cuts]
        for start, end in zip(starts, ends, strict=True):
            self._send(self.connection, octets[start:end])
            if end < len(octets):
                self._until_read()

    def end_stream(self) -> None:
        """End the server's stream in order."""
        self._shut(self.connection)

    def reset(self) -> None:
        """Reset the connection."""
        connection = self.connection
        linger = struct.pack("ii", 1, 0)
        with suppress(OSError):
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.socket.close()
        connection.has_left = connection.is_shut = True
        self._note(tr.Reset(self.now(), connection.name))

    # Waiting

    def await_shown(self, word: str, kind: str = "shown") -> bool:
        """Wait until a word is shown; whether it was."""
        return self.until(lambda: self.shows(word), f"{word} to be shown", SHOWING, kind)

    def await_said(self, word: str, kind: str = "said") -> bool:
        """Wait until the client has sent a line with this word; whether it did."""
        return self.until(lambda: self.has_said(word), f"{word} to be sent", SHOWING, kind)

    def await_left(self) -> bool:
        """Wait until the client has left, by `quit` or by its end of stream.

        A Ctrl-D that comes while an editor takes hold of the terminal is lost: a person would press
        it again, and so is done here.
        """
        if not self.program.reads_input:
            self.until(lambda: self.connection.has_left, "", _AGAIN, "again", noted=False)
            if not self.connection.has_left and not self._exited:
                self.program.press_end_of_input()
        return self.until(lambda: self.connection.has_left, "the client to leave", SHOWING, "left")

    def await_over(self) -> bool:
        """Wait until the client has ended, or has connected again."""
        return self.until(
            lambda: self._exited or (self._was_shut and self._is_connected),
            "the client to end, or to connect again", ENDING, "over",
        )  # fmt: skip

    @property
    def _was_shut(self) -> bool:
        """Whether there was a connection that the server has ended, or refused."""
        return self._is_refused or any(one.is_shut for one in self._connections)

    @property
    def _is_connected(self) -> bool:
        """Whether there is a connection that the server has not ended."""
        return bool(self._connections) and not self.connection.is_shut

    def await_told(self) -> bool:
        """Wait until words are shown that were not there when something was typed last."""
        return self.until(lambda: bool(self._told()), "its user to be told", TELLING, "told")

    def await_said_or_told(self, word: str) -> bool:
        """Wait until the client has sent a line with this word, or told its user why not."""
        return self.until(
            lambda: self.has_said(word) or bool(self._told()),
            f"{word} to be sent, or its user to be told", SHOWING, "said",
        )  # fmt: skip

    def _told(self) -> set[str]:
        return {
            word
            for word in words(self.rows()) - self._words_before
            if word not in self._typed and not word.startswith("zq")
        }

    def fence(self) -> bool:
        """Let another member say something, and wait until that is shown: all that was sent before
        has been read by then."""
        word = self.word()
        self.hear(word)
        return self.await_shown(word)

    def settle(self) -> bool:
        """A fence each way: what was typed before has been sent by then, too."""
        word = self.word()
        self.say(word)
        return self.await_said(word) and self.fence()

    def shows(self, word: str) -> bool:
        """Whether a word is on the display."""
        return self._display is not None and squeezed(word) in squeezed(
            "".join(self._display.rows())
        )

    def rows(self) -> list[str]:
        assert self._display is not None
        return self._display.rows()

    def has_said(self, word: str) -> bool:
        return any(word.encode() in line for one in self._connections for line in one.lines)

    @property
    def has_exited(self) -> bool:
        return self._exited

    def rest(self, seconds: float) -> None:
        """Let nothing happen for a while, and note how much of a processor the client took, once it
        has done what the event before made it do. Time in which the machine did not let it run does
        not count."""
        self._pass(_SETTLING)
        taken = self.program.processor_time()
        passed = self._pass(seconds * self.use.factor)
        if not self._exited:
            spent = max(0.0, self.program.processor_time() - taken)
            self._note(tr.Rested(self.now(), round(passed, 3), round(spent, 3), "c1"))

    def _pass(self, seconds: float) -> float:
        """Let so many seconds pass in which the client could run; how many did before it ended."""
        began, starved = time.monotonic(), self.program.starved()
        passed, most = 0.0, began + _MOST * seconds
        while not self._exited and passed < seconds and time.monotonic() < most:
            self.look(seconds - passed)
            passed = time.monotonic() - began - (self.program.starved() - starved)
        return max(0.0, passed)

    def until(
        self,
        is_so: Callable[[], bool],
        what: str,
        seconds: float,
        kind: str | None = None,
        *,
        noted: bool = True,
    ) -> bool:
        """Look until something is so; whether it was within so many seconds. Time in which the
        machine did not let the client run does not count."""
        kind = kind or what
        full = seconds * self.use.factor
        seconds = self._waits.seconds(kind, full)
        if self._was_in_vain and kind in ("shown", "said"):
            seconds = min(seconds, SHORTENED)
        began, starved = time.monotonic(), None if self._program is None else self.program.starved()
        while not is_so():
            if self._exited and not self._program_is_read():
                self.look(0)
                if is_so():
                    break
                if noted:
                    self._note(tr.Waited(self.now(), "c1", what, 0.0))
                    self._was_in_vain = True
                return False
            passed = time.monotonic() - began
            if passed > seconds:
                excused = 0.0 if starved is None else min(full, self.program.starved() - starved)
                if passed > seconds + excused and not noted:
                    return False
                if passed > seconds + excused:
                    self._waits.note(kind, came=False)
                    self._was_in_vain = True
                    shortened = seconds < full
                    self._note(
                        tr.Waited(self.now(), "c1", what, round(passed, 3), shortened=shortened)
                    )
                    return False
            self.look()
        self._waits.note(kind, came=True)
        return True

    def _program_is_read(self) -> bool:
        return bool(self.program.outputs)

    def look(self, seconds: float = _TICK) -> None:
        """See what the client has done; wait for it so long."""
        if self._waits.broken_off.is_set():
            raise BrokenOff
        readable: dict[int, Callable[[], None]] = {}
        if self._is_listening:
            readable[self._listener.fileno()] = self._accept
        for connection in self._connections:
            if connection.socket.fileno() >= 0 and not connection.has_ended:
                readable[connection.socket.fileno()] = lambda one=connection: self._hear(one)  # type: ignore[misc]  # mypy infers no lambda with a default
        if self._program is not None:
            for descriptor in list(self._program.outputs):
                readable[descriptor] = lambda one=descriptor: self._see(one)  # type: ignore[misc]  # as above
        for descriptor in _readable(list(readable), min(max(seconds, 0.0), _TICK)):
            if descriptor in readable:
                readable[descriptor]()
        if self._program is not None and not self._exited:
            status = self._program.poll()
            if status is not None:
                self._read_the_rest()
                self._exited, self._status = True, status
                self._note(tr.Exited(self.now(), status, "c1"))

    def _read_the_rest(self) -> None:
        """What an ended program printed last, and sent last."""
        deadline = time.monotonic() + 1.0
        while self.program.outputs and time.monotonic() < deadline:
            ready = _readable(list(self.program.outputs), 0.0)
            if not ready:
                break
            for descriptor in ready:
                self._see(descriptor)
        for connection in self._connections:
            while (
                not connection.has_ended
                and connection.socket.fileno() >= 0
                and _readable([connection.socket.fileno()], 0)
            ):
                self._hear(connection)

    def _see(self, descriptor: int) -> None:
        stream = self.program.outputs[descriptor]
        octets = self.program.read(descriptor)
        if octets:
            assert self._display is not None
            self._display.feed(octets, stream)
            self._note(tr.Shown(self.now(), "c1", octets, stream))
            if isinstance(self._display, Screen) and (answers := self._display.take_answers()):
                self.program.write(answers)

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            sock, _ = self._listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = f"c{len(self._connections) + 1}"
            number = self._random.randrange
            label = f"203.0.113.{number(100, 255)}:{number(20_000, 39_999)}"
            self._connections.append(_Connection(name, sock, label))
            self._note(tr.Connected(self.now(), name, label))

    def _hear(self, connection: _Connection) -> None:
        """One read of what the client sent, and what a server does about it."""
        try:
            octets = connection.socket.recv(1 << 16)
        except OSError:
            connection.socket.close()
            connection.has_left = True
            self._note(tr.Aborted(self.now(), connection.name))
            return
        if not octets:
            connection.has_left = connection.has_ended = True
            self._note(tr.HalfClosed(self.now(), connection.name))
            if connection.is_shut:
                connection.socket.close()
            elif self.lets_go:
                self._shut(connection)
            return
        self._note(tr.Sent(self.now(), connection.name, octets))
        connection.said += octets
        *lines, rest = connection.said.split(b"\n")
        connection.said = bytearray(rest)
        for line in lines:
            connection.lines.append(bytes(line))
            self._answer(connection, bytes(line))

    def _answer(self, connection: _Connection, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        if connection.has_left:
            return
        if text == "quit":
            connection.has_left = True
            if self.lets_go:
                self._shut(connection)
        elif text and self.echoes:
            self._send(connection, self.unit(text, connection.label))

    def _send(self, connection: _Connection, octets: bytes) -> None:
        if connection.is_shut or connection.socket.fileno() < 0:
            return
        self._note(tr.Received(self.now(), connection.name, octets))
        view = memoryview(octets)
        deadline = time.monotonic() + SHOWING * self.use.factor
        connection.socket.setblocking(False)
        while view and time.monotonic() < deadline:
            try:
                view = view[connection.socket.send(view) :]
            except BlockingIOError:
                self.look()
            except OSError:
                return

    def _shut(self, connection: _Connection) -> None:
        if not connection.is_shut:
            connection.is_shut = True
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_WR)
            self._note(tr.Ended(self.now(), connection.name))
            if connection.has_ended:
                connection.socket.close()

    def _until_read(self) -> None:
        """Wait until the client has read all it was sent, where the system tells, or a little."""
        sock = self.connection.socket
        deadline = time.monotonic() + _UNREAD
        while time.monotonic() < deadline:
            self.look(_UNREAD_TICK)
            if sock.fileno() < 0 or _unread(sock) == 0:
                return

    def now(self) -> float:
        return round(time.monotonic() - self._began, 6)

    def _note(self, event: tr.Event) -> None:
        self.transcript.append(event)

    def finish(self) -> None:
        """Note that the scenario is over."""
        self._note(tr.Finish(self.now(), self.interrupted))

    def close(self) -> None:
        """End the client, and let go of every connection."""
        if self._program is not None:
            self._program.close()
        for connection in self._connections:
            connection.socket.close()
        self._listener.close()


def _host_for(command: str, chance: random.Random) -> str:
    """An address of this machine's own to listen on. Where the client is told it, and the system
    has many, it is one that nobody else uses: who looks for another server finds none there."""
    if platform.system() != "Linux" or not any(
        field in command for field in ("{host}", "{address}")
    ):
        return _HOST
    number = chance.randrange
    return f"127.{number(1, 255)}.{number(1, 255)}.{number(1, 255)}"


def _readable(descriptors: list[int], seconds: float) -> list[int]:
    """Those of these descriptors that can be read within so many seconds."""
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        return [key.fd for key, _ in selector.select(seconds)]


def _as_json(text: str, how: str) -> bytes:
    """What an adapter is told: a text to say, or to leave."""
    told: dict[str, object] = {"leave": True} if how == "leave" else {"say": text}
    return json.dumps(told).encode() + b"\n"


def _unread(sock: socket.socket) -> int | None:
    """Octets that the peer, on this machine, has not read; None where the system does not tell."""
    try:
        rows = Path("/proc/net/tcp").read_text().splitlines()
        (_, own), (_, port) = sock.getsockname(), sock.getpeername()
    except (OSError, ValueError):
        return None
    ends = (f":{port:04X}", f":{own:04X}")
    for row in rows[1:]:
        _, local, remote, _, queues, *_ = row.split()
        if local.endswith(ends[0]) and remote.endswith(ends[1]):
            return int(queues.partition(":")[2], 16)
    return None
