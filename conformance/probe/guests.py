"""The probe's clients in a server's room: how they join, make sure that they hear each other, and
separate what others said from what the server says itself."""

import re
import time
from dataclasses import dataclass, field
from typing import Final

from conformance.dialect import Dialect
from conformance.dialect.forms import forms
from conformance.probe.shape import Who
from conformance.probe.talking import FIRST, Gone, Room, Speaker

_STEP: Final = 0.04
"""Seconds after which somebody who was not heard speaks again, at first."""
_TRIES: Final = 3
_ENTERING: Final = 3.0
"""How many times longer than any before an entrance may take."""
_GREETING: Final = 0.3
"""Seconds in which a greeting begins, if nobody knows of one; times the factor."""
_ALONE: Final = 0.15
"""Seconds that who comes to a fragile server is given before anything else happens there; times the
factor."""
_LONGEST_OPENING: Final = 300
_WORD: Final = re.compile(rb"w\d{8,}k")


@dataclass(slots=True)
class Manners:
    """What is known so far of how to talk there: whether a first line is a name; whether somebody
    was lost who came together with others, or while others spoke; which words leave, once that was
    asked; whether anything is said to who connects and to who gives a name; what comes after a word
    as a text, and whether it is known at all what stands around one; what lines come with any
    message besides; and how many seconds an entrance, and a greeting, has taken at most."""

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
    noise: frozenset[bytes] = frozenset()


class Guests:
    """Everybody who is in the room, and two of them who hear each other."""

    def __init__(self, room: Room, factor: float, known: Manners | None = None) -> None:
        self.room = room
        self.known = known or Manners()
        self.factor = factor
        self._pair: tuple[Speaker, Speaker] | None = None

    def anew(self) -> None:
        """Begin with new connections, and with a restarted server if the suite launched it."""
        if not self.room.restart(counted=False):
            self.room.drop_all()
        self._pair = None

    def pair(self) -> tuple[Speaker, Speaker]:
        """Two who hear each other; `Gone` where nobody does."""
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
        raise Gone("what one says comes to nobody")

    def forget(self) -> None:
        """Let the next question have a pair of its own."""
        self._pair = None

    def newcomer(self, host: Speaker) -> Speaker:
        """One more, who hears a host, and is heard by it."""
        return self.newcomers(host, 1)[0]

    def newcomers(self, host: Speaker, count: int) -> list[Speaker]:
        """So many more; `Gone` where one of them is not heard, or hears nobody."""
        talkers = self._enter(count)
        if not self._have_met(host, *talkers):
            self.known.fragile = True
            raise Gone("who comes third hears nobody, or is heard by nobody")
        self.room.settle(host, *talkers)
        return talkers

    def enter(self) -> Speaker:
        """Connect; with a name, where one is asked for."""
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
        """Let each be greeted, and give a name where one is asked for."""
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
        """Wait until each is greeted, for several times as long as that has taken before. Some
        servers greet nobody until the last has given a name."""
        usual = max(FIRST / 4 * self.factor, _ENTERING * self.known.greeted)
        began = time.monotonic()
        most = min(self.room.patience, usual)
        if self.room.wait(lambda: all(one.came or one.ended for one in talkers), most):
            self.known.greeted = max(self.known.greeted, time.monotonic() - began)

    def introduce(self, *talkers: Speaker) -> None:
        """Give names, and wait for what is said to that."""
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
        """Let two speak until each has heard the other, and all that they said has come; whether
        that happened."""
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
        # What was said so far may have shared a read, and some of it be lost with that.
        return all(
            any(self._is_heard(speaker, listener) for _ in range(_TRIES))
            for speaker in everyone
            for listener in (others if speaker is host else (host,))
        )

    def _is_heard(self, speaker: Speaker, listener: Speaker) -> bool:
        word, mark = self.room.word(), len(listener.came)
        self.room.say(speaker, word + b"\n")
        return self.room.hears(listener, word, mark)

    def await_hearing(
        self, listener: Speaker, speaker: Speaker, seconds: float | None = None
    ) -> bool:
        """Let one speak until another hears it, for as long as an answer may take at first, or so
        many seconds."""
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
        """See how long what one says again and again takes to come."""
        for _ in range(3):
            word = self.room.word()
            self.room.say(one, word + b"\n")
            self.room.hears(other, word)
        self.room.settle(one, other)

    def fence(self, speaker: Speaker, listener: Speaker) -> bool:
        """Whether a word still comes from one to another: all before it has come then."""
        came = self._is_heard(speaker, listener)
        self.room.settle(listener)
        return came

    def besides(self, came: bytes) -> bytes:
        """What came without the broadcasts in it, each known by the word that is its text."""
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

    def news(self, came: bytes) -> bytes:
        """What came besides broadcasts, and besides what comes with any of them."""
        lines = self.besides(came).splitlines(keepends=True)
        return b"".join(one for one in lines if _digitless(one) not in self.known.noise)

    def without_message(self, came: bytes, text: bytes) -> tuple[bytes, bool]:
        """What came without the broadcast whose text this is, and whether there was one."""
        start = came.find(text)
        begin = self._opened(came, 0, start) if start >= 0 else 0
        closing = self.known.after
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
        """See what comes with a message besides."""
        ann, bob = self.pair()
        mark = len(bob.came)
        self.fence(ann, bob)
        lines = self.besides(bob.since(mark)).splitlines(keepends=True)
        self.known.noise = frozenset(map(_digitless, lines))

    def _opened(self, came: bytes, at: int, start: int) -> int:
        """Where the broadcast begins whose text does at `start`."""
        opening = forms(self.known.dialect).opening
        if opening is None:
            return start
        for begin in range(max(at, start - _LONGEST_OPENING), start):
            if opening.fullmatch(came, begin, start):
                return begin
        return start


def _digitless(octets: bytes) -> bytes:
    return re.sub(rb"\d+", b"0", octets)


def who(talker: Speaker) -> Who:
    """Whom a talker's messages may be about."""
    return Who(talker.host, talker.port, talker.name)
