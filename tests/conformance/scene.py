"""A tiny correct room without sockets: it writes the transcripts that the oracle is tested with.

What the server has written and a client has not yet read stands in that client's `waiting`, a
unit each, for a test to spoil before it is delivered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from chatproto import (
    Broadcast,
    EndOfStream,
    MessageReceived,
    Notice,
    QuitReceived,
    ServerConnection,
    Violation,
    encode,
)
from conformance.oracle import Finding, judge
from conformance.transcript.events import (
    Aborted,
    Connected,
    Ended,
    Event,
    Finish,
    HalfClosed,
    Received,
    Reset,
    Resumed,
    Sent,
    Stalled,
    Start,
    Waited,
)

LIMIT: Final = 16_384
WALL: Final = datetime(2021, 7, 3, 17, 45, 39, tzinfo=UTC).timestamp()
START: Final = Start(
    t=0.0,
    scenario="room/test",
    requirements=("ROOM-2",),
    protocol="chatproto/1",
    suite="0",
    seed=0,
    target="tcp://127.0.0.1:9999",
    wall=WALL,
    same_clock=True,
    exclusive=True,
    addresses="same",
    capacity=None,
    stops=(),
    factor=1.0,
    earlier=(),
)
TICK: Final = 0.001


def moment(t: float) -> datetime:
    """Return what the server's clock shows this many seconds after the start."""
    return datetime.fromtimestamp(WALL + t, UTC).replace(tzinfo=None, microsecond=0)


@dataclass
class Peer:
    """One connection, seen from both sides. `unread` is what the server has not read yet; an empty
    segment stands for the end of stream. `ended`: the server has nothing more to write."""

    name: str
    sender: str
    connection: ServerConnection = field(default_factory=lambda: ServerConnection(LIMIT))
    unread: list[bytes] = field(default_factory=list)
    waiting: list[bytes] = field(default_factory=list)
    member: bool = False
    gone: bool = False
    ended: bool = False
    over: bool = False


class Scene:
    """A correct server and its clients, and the transcript of what they do."""

    def __init__(self, start: Start = START, *, unix: bool = False) -> None:
        self.events: list[Event] = [start]
        self.peers: dict[str, Peer] = {}
        self.now = 0.0
        self._unix = unix
        self._nonces = 0

    def nonce(self) -> str:
        self._nonces += 1
        return f"n0ddba1x{self._nonces:05}z"

    def tick(self, seconds: float = TICK) -> float:
        self.now = round(self.now + seconds, 6)
        return self.now

    def connect(self, name: str, *, accepted: bool = True, node: int | None = None) -> Peer:
        number = len(self.peers)
        label = None if self._unix else f"127.0.0.1:{50_000 + number}"
        peer = self.peers[name] = Peer(name, label or f"unix:{number}")
        self.events.append(Connected(self.tick(), name, label, node))
        peer.member = accepted
        return peer

    def join(self, *names: str, node: int | None = None) -> None:
        """Connect clients, at one of several nodes, and let each say a word and receive it."""
        for name in names:
            self.connect(name, node=node)
            self.say(name, self.nonce())
            self.deliver()

    def send(self, name: str, *segments: bytes, exercises: Sequence[str] = ()) -> None:
        for segment in segments:
            self.events.append(Sent(self.tick(), name, segment, tuple(exercises)))
            self.peers[name].unread.append(segment)

    def say(self, name: str, text: str, exercises: Sequence[str] = ()) -> None:
        """Send a line, which the server reads at once."""
        self.send(name, text.encode() + b"\n", exercises=exercises)
        self.serve(name)

    def half_close(self, name: str) -> None:
        self.events.append(HalfClosed(self.tick(), name))
        self.peers[name].gone = True
        self.peers[name].unread.append(b"")

    def abort(self, name: str, *, after_end: bool = False) -> None:
        """Let a client reset its connection; what the server has not read is lost."""
        self.events.append(Aborted(self.tick(), name, after_end))
        peer = self.peers[name]
        peer.gone, peer.over, peer.member = True, True, False
        peer.unread.clear()
        peer.waiting.clear()

    def stall(self, name: str) -> None:
        self.events.append(Stalled(self.tick(), name))

    def resume(self, name: str) -> None:
        self.events.append(Resumed(self.tick(), name))

    def serve(self, name: str, reads: int | None = None) -> None:
        """Let the server read from a client: everything, or this many segments."""
        peer = self.peers[name]
        now, peer.unread = peer.unread[:reads], [] if reads is None else peer.unread[reads:]
        for octets in now:
            connection = peer.connection
            for event in connection.receive(octets) if octets else connection.receive_eof():
                match event:
                    case MessageReceived(text=text):
                        self._broadcast(peer, text)
                    case Violation(code=code):
                        peer.waiting.append(encode(Notice(code)))
                        self._let_go(peer)
                    case QuitReceived() | EndOfStream():
                        self._let_go(peer)
                    case _:
                        pass

    def _broadcast(self, peer: Peer, text: str) -> None:
        unit = encode(Broadcast(moment(self.now), peer.sender, text))
        for one in self.peers.values():
            if one.member:
                one.waiting.append(unit)

    def _let_go(self, peer: Peer) -> None:
        peer.member, peer.ended = False, True

    def deliver(self, *names: str) -> None:
        """Let clients read all that waits for them, and the end if there is one."""
        for peer in [self.peers[name] for name in names] or list(self.peers.values()):
            if peer.waiting:
                self.read(peer.name, sum(map(len, peer.waiting)))
            if peer.ended and not peer.over:
                self.end(peer.name)

    def read(self, name: str, octets: int) -> None:
        """Let a client read this many octets at once."""
        peer = self.peers[name]
        stream = b"".join(peer.waiting)
        peer.waiting = [stream[octets:]] if stream[octets:] else []
        if stream[:octets]:
            self.events.append(Received(self.tick(), name, stream[:octets]))

    def end(self, name: str) -> None:
        self.events.append(Ended(self.tick(), name))
        self.peers[name].over = True

    def reset(self, name: str) -> None:
        self.events.append(Reset(self.tick(), name))
        self.peers[name].over, self.peers[name].member = True, False

    def wait_in_vain(self, name: str, what: str = "a word", exercises: Sequence[str] = ()) -> None:
        self.tick(3.0)
        self.events.append(Waited(self.now, name, what, 3.0, tuple(exercises)))

    def fence(self) -> None:
        """Let each member say a word, and let all of them receive all of it."""
        for peer in list(self.peers.values()):
            if peer.member:
                self.say(peer.name, self.nonce())
        self.deliver()

    def findings(self) -> list[Finding]:
        """Return the oracle's judgement of all of it."""
        return judge([*self.events, Finish(self.now)]).findings


def blamed(scene: Scene) -> list[str]:
    """Return the requirements that the oracle finds broken, each once."""
    return sorted({finding.requirement for finding in scene.findings()})


def chat(*names: str, start: Start = START) -> Scene:
    """A room whose members, ann and bob if not others, have joined."""
    scene = Scene(start)
    scene.join(*(names or ("ann", "bob")))
    return scene


def talk(scene: Scene, speakers: Iterable[str]) -> list[str]:
    """Let members say a word each; the broadcasts wait for everyone."""
    words = []
    for name in speakers:
        words.append(scene.nonce())
        scene.say(name, words[-1])
    return words
