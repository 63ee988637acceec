"""The probe's clients: they join, make sure that they hear each other, and separate broadcasts from
what the server sends by itself."""

import re
import time
from dataclasses import dataclass, field
from typing import Final

from conformance.dialect import Dialect
from conformance.dialect.forms import forms
from conformance.probe.shape import Sample, Who
from conformance.probe.talking import FIRST, Gone, Room, Speaker

_STEP: Final = 0.04
"""Seconds before the first repetition of a message that was not heard."""
_TRIES: Final = 3
_ENTERING: Final = 3.0
"""How many times as long as the slowest so far joining may take."""
_GREETING: Final = 0.3
"""Seconds in which a greeting must begin, if it is not known whether there is one; times the
factor."""
_ALONE: Final = 0.15
"""Seconds for which a client that joins a fragile server is left alone; times the factor."""
_LONGEST_OPENING: Final = 300
_STRANGE: Final = 8
"""How many openings that differ from the others are noted."""
_WORD: Final = re.compile(rb"w\d{8,}k")


@dataclass(slots=True)
class Manners:
    """What is known so far about talking to the server.

    `login`: the first line is a name. `fragile`: a client was lost that joined together with others
    or while others talked. `leaving`: the words that leave, once that was asked. `greets` and
    `welcomes`: the server sends something to a client that connects, and to one that gives a name;
    None if unknown. `by_read`: a read is a message. `entering` and `greeted`: the longest time, in
    seconds, that joining and a greeting took. `after`: what follows the text of a broadcast.
    `shaped`: it is known what surrounds a text. `strange`: what came before a text, and differs
    from that. `noise`: the lines that come with every message, without their digits. `time`: the
    format of times in lines, if no header has one.
    """

    login: bool = False
    fragile: bool = False
    leaving: frozenset[str] | None = None
    greets: bool | None = None
    welcomes: bool | None = None
    by_read: bool = False
    entering: float = 0.0
    greeted: float = 0.0
    dialect: Dialect = field(default_factory=Dialect)
    after: bytes = b"\n"
    shaped: bool = False
    strange: list[Sample] = field(default_factory=list)
    noise: frozenset[bytes] = frozenset()
    time: str | None = None


class Guests:
    """The clients in the room, and two of them that hear each other."""

    def __init__(self, room: Room, factor: float, known: Manners | None = None) -> None:
        self.room = room
        self.known = known or Manners()
        self.factor = factor
        self._pair: tuple[Speaker, Speaker] | None = None

    def start_over(self) -> None:
        """Start over with new connections, and with a restarted server if the suite launched it."""
        if not self.room.restart(counted=False):
            self.room.drop_all()
        self._pair = None

    def pair(self) -> tuple[Speaker, Speaker]:
        """Return two clients that hear each other; raises `Gone` if there are none."""
        if self._pair is not None and self.meet(*self._pair):
            return self._pair
        self._pair = None
        for again in (False, True):
            if again:
                self.room.drop_all()
            pair = self.enter(), self.enter()
            if self.meet(*pair):
                self._pair = pair
                return pair
            self.known.fragile = True
        raise Gone("clients do not receive each other's messages")

    def forget(self) -> None:
        """Forget the pair, so that the next question gets a new one."""
        self._pair = None

    def newcomer(self, host: Speaker) -> Speaker:
        """Return one more client, which hears the host and is heard by it."""
        return self.newcomers(host, 1)[0]

    def newcomers(self, host: Speaker, count: int) -> list[Speaker]:
        """Return several more; raises `Gone` if one of them does not hear or is not heard."""
        talkers = self._enter(count)
        if not self._have_met(host, *talkers):
            self.known.fragile = True
            raise Gone("a third client does not hear others, or is not heard")
        self.room.settle(host, *talkers)
        return talkers

    def enter(self) -> Speaker:
        """Connect a client, and give a name if the server asks for one."""
        return self._enter(1)[0]

    def _enter(self, count: int) -> list[Speaker]:
        known, room = self.known, self.room
        talkers: list[Speaker] = []
        for _ in range(count):
            talkers.append(room.connect())
            if known.fragile:
                room.settle(talkers[-1], first=_ALONE * self.factor)
                self._arrive(talkers[-1])
        if not known.fragile:
            self._arrive(*talkers)
        return talkers

    def _arrive(self, *talkers: Speaker) -> None:
        """Wait until each is greeted, and give a name if the server asks for one."""
        known = self.known
        if known.greets:
            self.await_greeting(*talkers)
        if known.greets is not False:
            self.room.settle(*talkers, first=self._greeting if known.greets is None else 0.0)
        if known.greets is None:
            known.greets = any(one.came for one in talkers)
        if known.login:
            self.introduce(*talkers)

    def await_greeting(self, *talkers: Speaker) -> None:
        """Wait until each is greeted, for several times as long as that took before.

        Some servers greet no client until the last one has given a name.
        """
        usual = max(FIRST / 4 * self.factor, _ENTERING * self.known.greeted)
        began = time.monotonic()
        most = min(self.room.patience, usual)
        if self.room.wait(lambda: all(one.came or one.ended for one in talkers), most):
            self.known.greeted = max(self.known.greeted, time.monotonic() - began)

    def introduce(self, *talkers: Speaker) -> None:
        """Give names, and wait for the server's answer."""
        known, room = self.known, self.room
        marks = {one: len(one.came) for one in talkers}
        for one in talkers:
            room.say(one, one.name.encode() + b"\n")
        if known.welcomes:
            room.wait(lambda: all(len(one.came) > marks[one] or one.ended for one in talkers))
        room.settle(*talkers, first=0.0 if known.welcomes is not None else self._greeting)

    @property
    def _greeting(self) -> float:
        return max(_GREETING * self.factor, self.room.quiet)

    def meet(self, one: Speaker, other: Speaker) -> bool:
        """Let two clients talk until each has heard the other and all their messages have come.

        Returns:
            Whether that happened.
        """
        met = self._have_met(one, other)
        self.room.settle(one, other)
        return met

    def _have_met(self, host: Speaker, *others: Speaker) -> bool:
        everyone, room = (host, *others), self.room
        marks = {one: len(one.came) for one in everyone}
        words: dict[Speaker, list[bytes]] = {one: [] for one in everyone}
        began = time.monotonic()
        entering = _ENTERING * self.known.entering * len(others)
        step, end = _STEP * self.factor, began + max(room.patience, FIRST / 4, entering)

        def has_heard(listener: Speaker, speaker: Speaker) -> bool:
            came, mark = listener.came, marks[listener]
            return any(came.find(word, mark) >= 0 for word in words[speaker])

        def unheard() -> list[Speaker]:
            missing = [one for one in others if not has_heard(host, one)]
            return missing + [host] * any(not has_heard(one, host) for one in others)

        while speakers := unheard():
            if any(one.ended for one in everyone) or time.monotonic() > end:
                return False
            for speaker in speakers:
                words[speaker].append(room.word())
                room.say(speaker, words[speaker][-1] + b"\n")
            room.wait(lambda: not unheard() or any(one.ended for one in everyone), step)
            step = min(1.5 * step, 1.0)
        took = (time.monotonic() - began) / len(others)
        self.known.entering = max(self.known.entering, took)
        # Messages sent so far may have shared a read, and some may have been lost by that.
        return all(
            any(self.is_heard(speaker, listener) for _ in range(_TRIES))
            for speaker in everyone
            for listener in (others if speaker is host else (host,))
        )

    def is_heard(self, speaker: Speaker, listener: Speaker) -> bool:
        """Send a word and wait for it; return whether it came."""
        word, mark = self.room.word(), len(listener.came)
        self.room.say(speaker, word + b"\n")
        if not self.room.hears(listener, word, mark):
            return False
        if self.known.shaped and len(self.known.strange) < _STRANGE:
            self._look_at(listener.since(mark).partition(word)[0], speaker)
        return True

    def _look_at(self, before: bytes, speaker: Speaker) -> None:
        """Note what came before a word if nothing else did and it does not open a broadcast."""
        opening = self.known.dialect.opening
        text = before.decode("utf-8", "surrogateescape")
        alone = text.count("\n") == opening.count("\n") and not _WORD.search(before)
        if opening and text and alone and self._opened(before, 0, len(before)) == len(before):
            self.known.strange.append(Sample(who(speaker), text, ""))

    def await_hearing(
        self, listener: Speaker, speaker: Speaker, seconds: float | None = None
    ) -> bool:
        """Let one client talk until another hears it, for at most `seconds`; return whether it
        does.

        By default this is as long as a first answer may take.
        """
        words: list[bytes] = []
        mark = len(listener.came)
        end = time.monotonic() + (seconds or max(self.room.patience, FIRST / 4))
        while time.monotonic() < end and not listener.ended:
            words.append(self.room.word())
            self.room.say(speaker, words[-1] + b"\n")
            if self.room.wait(
                lambda: any(listener.came.find(one, mark) >= 0 for one in words), 0.1
            ):
                return True
        return False

    def measure(self, one: Speaker, other: Speaker) -> None:
        """Measure how long messages take to come."""
        for _ in range(3):
            word = self.room.word()
            self.room.say(one, word + b"\n")
            self.room.hears(other, word)
        self.room.settle(one, other)

    def fence(self, speaker: Speaker, listener: Speaker) -> bool:
        """Send a word and wait for it; return whether it came. All before it has come then."""
        came = self.is_heard(speaker, listener)
        self.room.settle(listener)
        return came

    def besides(self, came: bytes) -> bytes:
        """Return octets without the broadcasts in them, which are found by the words in them."""
        left, at, after = b"", 0, self.known.after
        for word in _WORD.finditer(came):
            start, end = word.span()
            if start < at:
                continue
            if came[start - 2 : start] in (b"b'", b'b"'):
                start -= 2
            left += came[at : self._opened(came, at, start)]
            at = end + len(after) if came.startswith(after, end) else end
        return left + came[at:]

    def before_all(self, came: bytes) -> bytes:
        """Return the octets before the first broadcast."""
        word = _WORD.search(came)
        return came if word is None else came[: self._opened(came, 0, word.start())]

    def news(self, came: bytes) -> bytes:
        """Return octets without broadcasts and without the lines that come with every message."""
        lines = self.besides(came).splitlines(keepends=True)
        noise = b"|".join(map(re.escape, self.known.noise)) or b"(?!)"
        # Where a message stood between two prompts, they now stand in one line.
        every = re.compile(b"(?:%b)+" % noise)
        return b"".join(one for one in lines if not every.fullmatch(_digitless(one)))

    def without_message(
        self, came: bytes, text: bytes, *, has_lf: bool = True
    ) -> tuple[bytes, bool]:
        """Return octets without the broadcast of this text, and whether there was one. A text that
        was said without an LF may come without one."""
        start = came.find(text)
        begin = self._opened(came, 0, start) if start >= 0 else 0
        closing = self.known.after
        if not has_lf and not came.startswith(closing, start + len(text)):
            closing = closing.removesuffix(b"\n")
        end = start + len(text) + len(closing)
        opened = begin < start or came[:start].endswith(b"\n") or not start
        if (
            start < 0
            or not self.known.shaped
            or not opened
            or came[end - len(closing) : end] != closing
        ):
            return came, False
        if forms(self.known.dialect).opening is not None and begin == start:
            return came, False
        return came[:begin] + came[end:], True

    def learn_noise(self) -> None:
        """Find out which lines come with every message."""
        ann, bob = self.pair()
        mark = len(bob.came)
        self.fence(ann, bob)
        lines = self.besides(bob.since(mark)).splitlines(keepends=True)
        self.known.noise = frozenset(map(_digitless, lines))

    def _opened(self, came: bytes, at: int, start: int) -> int:
        """Return where the broadcast begins whose text begins at `start`."""
        opening = forms(self.known.dialect).opening
        if opening is None:
            return start
        for begin in range(max(at, start - _LONGEST_OPENING), start):
            if opening.fullmatch(came, begin, start):
                return begin
        return start


def _digitless(octets: bytes) -> bytes:
    """Return a line without its digits and its LF, which a prompt gets from what comes next."""
    return re.sub(rb"\d+", b"0", octets.removesuffix(b"\n"))


def who(talker: Speaker) -> Who:
    """Return the address and the name of a client, which messages may contain."""
    return Who(talker.host, talker.port, talker.name)
