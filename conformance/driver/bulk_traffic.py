"""Bulk traffic for scenarios about backlogs: many octets, in as few lines as the server takes."""

import math
from functools import partial
from typing import Final

from conformance.driver.client import Client
from conformance.driver.fences import Losses
from conformance.driver.interruption import TOO_SLOW, TooSlow
from conformance.driver.stage import Stage
from conformance.target.address import STEADY, Side
from conformance.timing.policy import BULK

_LONGEST: Final = (16_000, 4_000)
_CERTAIN: Final = (1_000, 250, 90, 60)
"""Octets of lines that need not be tried; the longest that is one read, if that is a message."""
_BURST: Final = 128_000
_LOSSES: Final = 15
"""After how many lost words bulk traffic goes on."""
_A_MOMENT: Final = 0.5


SIZES: Final = tuple(2**power + 1 for power in range(11, 21))
"""Octets of lines, from ones that a server may take to one that every server refuses."""


class Talker:
    """Two members who keep a room busy.

    Their lines are as long as the server takes. Unless a read is a message, a short line follows
    each: whatever becomes of the long one, the short one can be heard. Other members get time to
    read, so only those that have stopped reading lag. First the two talk while everybody reads,
    which shows how long that takes. `TooSlow` if the server is too slow to learn anything in time.
    A server that loses what shares a read loses a word of each burst; they talk on, for a while.
    """

    def __init__(self, stage: Stage, *pair: Client) -> None:
        self._stage = stage
        self._speaker, self._listener = pair
        self._octets = _longest_line(stage)
        self._by_read = stage.dialect is not None and stage.dialect.by_read
        self._given_up: set[Client] = set()
        self.seconds = max(BULK * stage.start.factor, stage.limit.left_to_play / 3)
        self._end = stage.now() + self.seconds
        self._began = math.inf
        self._losses = Losses(_LOSSES, BULK * stage.start.factor / 2)
        stage.fence(*pair)

    def say(self, octets: int, exercises: tuple[str, ...] = (), seconds: float = math.inf) -> int:
        """Say so many octets, or as many as the server carries in so many seconds, and wait until
        both members have received them.

        Returns:
            The octets said.
        """
        said, end = 0, self._stage.now() + seconds * self._stage.start.factor
        self._began = min(self._began, self._stage.now())
        usual, self._stage.losses = self._stage.losses, self._losses
        try:
            while said < octets and self._stage.now() < end:
                self._check_time()
                said += self._burst(self._speaker, min(_BURST, octets - said), exercises)
                self._stage.fence(self._speaker, self._listener, exercises=exercises)
                # A word that comes after all of it, whatever the others said meanwhile.
                self._stage.greet(self._speaker, exercises)
                self._let_others_read()
        finally:
            self._stage.losses = usual
        return said

    def check_pace(self, said: int, octets: int) -> None:
        """Give up if what was said so far leaves no hope of all these octets: a server that carries
        half as many as it must in the time is given half of it, and so on."""
        passed = (self._stage.now() - self._began) / (self._end - self._began)
        if said < octets * passed**2:
            raise TooSlow(f"{TOO_SLOW} within {self.seconds:.0f} s")

    def flood(self, flooder: Client, octets: int, exercises: tuple[str, ...] = ()) -> int:
        """Let a third member say so many octets, or as many as reach the two, who say nothing.

        Returns:
            The octets that came.
        """
        said = 0
        self._began = min(self._began, self._stage.now())
        while said < octets:
            self._check_time()
            burst = self._burst(flooder, min(_BURST, octets - said), exercises)
            word = self._stage.nonce()
            flooder.say(word, exercises)
            if not self._hear(word):
                break
            said += burst
            self.check_pace(said, octets)
        return said

    def _check_time(self) -> None:
        if self._stage.now() > self._end:
            raise TooSlow(f"{TOO_SLOW} within {self.seconds:.0f} s")

    def _hear(self, word: str) -> bool:
        """Wait while the two hear anything that was said. Whether they have heard this word."""
        heard = -1.0
        while not self._have_heard(word) and heard < self._listener.heard_at:
            heard = self._listener.heard_at
            self._stage.let(partial(self._have_heard, word), _A_MOMENT)
        return self._have_heard(word)

    def _have_heard(self, word: str) -> bool:
        return self._speaker.has_lately(word) and self._listener.has_lately(word)

    def _burst(self, speaker: Client, octets: int, exercises: tuple[str, ...]) -> int:
        lines: list[str] = []
        while sum(map(len, lines)) < octets:
            word = self._stage.nonce()
            lines.append(f"{word} {'x' * (self._octets - len(word) - 1)}\n")
            if not self._by_read:
                lines.append(f"{self._stage.nonce()}\n")
        speaker.send("".join(lines).encode(), exercises=exercises)
        return sum(map(len, lines))

    def _let_others_read(self) -> None:
        word = self._stage.last_nonce

        def lagging() -> list[Client]:
            readers = set(self._stage.open_clients()) - self._given_up
            reading = [one for one in readers if not (one.stalled or one.has_shut)]
            return [one for one in reading if not one.has_lately(word)]

        self._stage.let(lambda: not lagging(), _A_MOMENT)
        self._given_up.update(lagging())


def is_taken(stage: Stage, octets: int) -> bool:
    """Whether the server takes a line of so many octets, before its LF, as a message."""
    word, eve = stage.nonce(), stage.connect()
    eve.send(word.encode() + b"x" * (octets - len(word)) + b"\n", exercises=["LIM-2"])
    stage.wait([eve], partial(has_or_is_over, stage, eve, word), word, ["LIM-2"])
    eve.half_close()
    if stage.knows_the_end:
        stage.await_end(eve)
    return any(word.encode() in line for line in eve.received.split(b"\n") if line[:1] != b"!")


def _longest_line(stage: Stage) -> int:
    """Find the octets of the longest line that the server takes, of a few lengths."""
    for octets in filter(stage.can_say, _LONGEST):
        [probe] = stage.join(1)
        begin, end = stage.nonce(), stage.nonce()
        probe.say(f"{begin}{'x' * (octets - len(begin) - len(end))}{end}")
        stage.let(partial(has_or_is_over, stage, probe, end), 1.0)
        taken = stage.has(probe, end)
        probe.half_close()
        stage.let(partial(_is_over, probe), _A_MOMENT if stage.knows_the_end else 0)
        if taken:
            return octets
    return next(filter(stage.can_say, _CERTAIN))


def _is_over(client: Client) -> bool:
    return client.ended


def has_or_is_over(stage: Stage, client: Client, text: str) -> bool:
    """Whether a client has received a text, or its connection has ended."""
    return client.ended or stage.has(client, text)


def stall_one(stage: Stage, side: Side = STEADY) -> Client:
    """Connect a member that stops reading, and whose kernel holds little for it."""
    client = stage.connect(side)
    stage.greet(client)
    client.stall()
    return client


def talk(stage: Stage, members: list[Client], lines: int, window: int) -> None:
    """Let every member say so many lines, with at most `window` of its own unanswered."""
    unanswered: dict[Client, list[str]] = {member: [] for member in members}
    left = dict.fromkeys(members, lines)

    def something_came(waiting: list[Client]) -> bool:
        return any(member.ended or stage.has(member, unanswered[member][0]) for member in waiting)

    while any(left.values()) or any(unanswered.values()):
        waiting = [member for member in members if unanswered[member]]
        if waiting:
            stage.wait(waiting, partial(something_came, waiting), "an echo")
        for member in members:
            words = unanswered[member]
            while words and stage.has(member, words[0]):
                words.pop(0)
            while left[member] and len(words) < window:
                left[member] -= 1
                words.append(stage.nonce())
                member.say(words[-1])
        stage.check(*members)
