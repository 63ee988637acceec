"""When a client may say its next line, for servers that take each read for one message.

Two lines must not share a read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from chatproto.text import make_safe, trim
from conformance.dialect import Dialect
from conformance.dialect.forms import as_received, as_said_by
from conformance.dialect.speech import Utterance
from conformance.driver.loop import Loop
from conformance.timing.patience import Kind, Patience
from conformance.timing.policy import GAPS, MUTTERING, PATIENCE, READ, UNHEARD
from conformance.transcript.events import Start

_SPARE: Final = 131_072
_SPARE_A_CLIENT: Final = 4_096
"""Octets that a client may receive besides what can be owed to it: of heartbeats and notices, and
for each other client of what the server says when that joins and leaves."""


class Listener(Protocol):
    """What other clients need to know of a client. `label` is its name in headers, if it is known;
    `stalled`: it has stopped reading."""

    label: str | None
    received: bytearray
    ended: bool
    stalled: bool

    @property
    def is_read(self) -> bool:
        """Whether the server is known to have read all of this client's octets that reached its
        system."""


@dataclass
class Conversation:
    """What the clients of one stage share.

    `nonce_stem` is what every nonce begins with, and `last_nonce` the last one. `waits` says how
    long to wait for the server; if it is None, every wait is a full one. `most_owed` is an upper
    bound for the octets of all broadcasts so far.
    """

    loop: Loop
    start: Start
    nonce_stem: str
    waits: Patience | None = None
    most_owed: int = 0
    listeners: list[Listener] = field(default_factory=list)
    _flooded: set[Listener] = field(default_factory=set)
    last_nonce: str = ""
    _nonces: int = 0

    def nonce(self) -> str:
        """Return a word of letters and digits that nobody has said before."""
        self._nonces += 1
        self.last_nonce = f"{self.nonce_stem}x{self._nonces:05}z"
        return self.last_nonce

    @property
    def dialect(self) -> Dialect | None:
        """The server's dialect; None for the wire format."""
        return self.start.dialect

    @property
    def has_echo(self) -> bool:
        """Whether clients receive what they say themselves."""
        return self.dialect is None or self.dialect.echo

    @property
    def is_ended_by_quit(self) -> bool:
        """Whether the server ends the connection of a client that quits."""
        return self.dialect is None or self.dialect.quit.closes

    @property
    def patience(self) -> float:
        """Seconds without an octet after which what is awaited counts as lost."""
        return PATIENCE * self.start.factor

    def patience_for(self, kind: Kind) -> float:
        """Return the same for one kind of event, or less if the suite has waited for it in vain
        before."""
        if self.waits is None:
            return self.patience
        return self.waits.seconds(kind, self.start.factor)

    @property
    def patience_after_silence(self) -> float:
        """Return how long to wait for one more word once another was waited for in vain: as long as
        the server's latency justifies."""
        return self.patience if self.waits is None else self.waits.justified(self.start.factor)

    def floods(self, one: Listener) -> bool:
        """Whether a client has received far more than was owed to it; it then reads no more."""
        spare = _SPARE + _SPARE_A_CLIENT * len(self.listeners)
        if len(one.received) > self.most_owed + spare:
            self._flooded.add(one)
        return one in self._flooded

    def open(self) -> Sequence[Listener]:
        """Return the clients whose connections have not ended."""
        return [one for one in self.listeners if not one.ended]


@dataclass(frozen=True, slots=True)
class _Pause:
    """What a speaker waits for before its next line.

    It waits until one listener has received `word` (every one, if others may have said it too),
    each counted from where it was. It waits no longer than `until`, or `unheard` if nobody is left
    to listen.
    """

    word: bytes
    since: list[tuple[Listener, int]]
    until: float
    unheard: float
    every: bool

    @property
    def is_heard(self) -> bool:
        if not self.every:
            return any(self._has_come(one, at) for one, at in self.since)
        listening = self._listening()
        return bool(listening) and all(self._has_come(one, at) for one, at in listening)

    @property
    def end(self) -> float:
        """When the pause ends even if the word was not heard."""
        return self.until if self._listening() else self.unheard

    def _has_come(self, one: Listener, since: int) -> bool:
        return one.received.find(self.word, since) >= 0

    def _listening(self) -> list[tuple[Listener, int]]:
        return [(one, at) for one, at in self.since if not (one.ended or one.stalled)]


class Pacer:
    """The pace of one speaker. `paced_at` is when it last spoke."""

    def __init__(self, conversation: Conversation, speaker: Listener, dialect: Dialect) -> None:
        self.paced_at = 0.0
        self._unheard = 0
        self._conversation = conversation
        self._speaker = speaker
        self._dialect = dialect
        self._pause: _Pause | None = None

    @property
    def goes_unheard(self) -> bool:
        """Whether its last line was not heard in time."""
        return self._unheard > 0

    @property
    def is_given_up(self) -> bool:
        """Whether it goes on speaking although none of its lines is heard."""
        return self._unheard > MUTTERING

    @property
    def is_pausing(self) -> bool:
        """Whether its last line is not known to have been read."""
        return self._pause is not None

    @property
    def left(self) -> float | None:
        """Seconds until the next line may be said even if the last is not heard; None if nothing
        waits for that."""
        if self._pause is None:
            return None
        return max(0.0, self._pause.end - self._conversation.loop.now())

    def must_wait(self) -> bool:
        """Whether the next line must still wait."""
        pause = self._pause
        if pause is None:
            return False
        waits, now = self._conversation.waits, self._conversation.loop.now()
        if pause.is_heard:
            self._pause = None
            self._unheard = 0
            if waits is not None:
                waits.note("read", now - self.paced_at)
        elif now >= pause.end or self._is_read(now - self.paced_at):
            self._pause = None
            self._unheard += 1
            if waits is not None and now - self.paced_at >= self._conversation.patience:
                waits.note_vain("read")
        return self._pause is not None

    def _is_read(self, seconds: float) -> bool:
        """Whether the server is known to have read an unheard line that was said so many seconds
        ago. That must be longer ago than a line takes to be heard: a server may read ahead."""
        waits, factor = self._conversation.waits, self._conversation.start.factor
        latest = 0.0 if waits is None else waits.latest("read")
        enough = min(UNHEARD * factor, max(READ * factor, GAPS * latest))
        return seconds >= enough and self._speaker.is_read

    def begin(self, said: Utterance, *, is_last: bool) -> None:
        """Begin the pause after a line; `is_last`: its speaker leaves by it."""
        if not said.line:
            return
        self.paced_at = self._conversation.loop.now()
        self._pause = self._pause_after(said, is_last=is_last)

    def _pause_after(self, said: Utterance, *, is_last: bool) -> _Pause:
        conversation, dialect, speaker = self._conversation, self._dialect, self._speaker
        until = self.paced_at + conversation.patience_for("read")
        if is_last:
            # Only its end tells that this has been read; others may have said the same.
            return _Pause(b"", [], until, until, every=False)
        since = [
            (one, len(one.received))
            for one in conversation.open()
            if not one.stalled and (conversation.has_echo or one is not speaker)
        ]
        every = bool(since) and conversation.nonce_stem.encode() not in said.line
        text = trim(said.line.decode("utf-8", "replace"))
        if dialect.controls == "replaced" and not dialect.is_repr:
            text = make_safe(text)
        if every and speaker.label is not None:
            word = as_said_by(dialect, speaker.label, text)
        else:
            word = as_received(dialect, text)
        if dialect.text in ("stripped", "right-stripped") and not said.leaves:
            word += dialect.closing.encode(dialect.sends)
        unheard = self.paced_at + UNHEARD * conversation.start.factor
        return _Pause(word, since, unheard if said.leaves else until, unheard, every)
