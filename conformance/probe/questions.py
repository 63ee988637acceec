"""The probe's questions: their order, and the conclusions from the answers.

Every question is asked twice. The second time the order differs, and if the suite launches the
server, several servers are asked at once. A question with two different answers is asked a third
time. If no two answers agree, nothing is concluded.
"""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from conformance.dialect import Dialect, Quit
from conformance.dialect.forms import forms
from conformance.probe.acquaintance import acquaint
from conformance.probe.guests import Guests
from conformance.probe.learning import Conclusion, Learnt, shown
from conformance.probe.memberships import ask_entrance, ask_half_close, ask_limit, ask_words
from conformance.probe.shape import Sample, common_end, common_form
from conformance.probe.talking import Gone, ProbeOutOfTime, Room
from conformance.probe.texts import (
    ask_blank,
    ask_charset,
    ask_framing,
    ask_read_size,
    ask_shape,
    ask_text,
    ask_undecodable,
    conclude_shape,
)
from conformance.target.address import Address
from conformance.target.profile import Launch

_SECONDS: Final = 60.0
"""Seconds that a probe may take; times the factor."""
_SLOW: Final = 90.0
"""Additional seconds for each second that an answer takes."""
_ENTERED: Final = 0.3
"""Seconds that joining usually takes."""
_ENTRANCES: Final = 80.0
"""Additional seconds for each second that joining takes longer."""
_FORMS: Final = ("greeting", "prompt", "welcome", "join", "leave")
"""Settings that are forms: parts that differ between answers become fields."""
_SETTINGS: Final = frozenset({*Dialect.model_fields, *(f"quit.{key}" for key in Quit.model_fields)})
_CAPABILITIES: Final = ("notices", "line-limit", "half-close")
_LATE: Final = "the time was over before every question was asked twice"

_REPEATED: Final = frozenset({"echo"})
"""Settings for which one answer is enough, since it holds several observations. Without them,
nothing would be known about a server that is too slow for all questions to be asked twice."""

_LANES: Final = 4
"""Servers that are asked at the same time. Most of the time is spent waiting."""
_BASIC: Final = 4
"""How many of the first questions come before all others, which need the answers. Who comes is
asked here, after others came, and later of a new server: numbers of members differ."""
_GENTLE: Final = 7
"""How many of the first questions end no membership. They come first both times."""

Answers = dict[str, list[Conclusion]]


def probe(
    address: Address, launch: Launch | None, factor: float, at_most: float = math.inf
) -> Learnt:
    """Find out a server's dialect.

    Args:
        address: where it listens, or will.
        launch: how to launch it; None if it is running already.
        factor: multiplies every deadline.
        at_most: the most seconds that the probe may take.

    Raises:
        Gone: Nothing at all could be learnt.
    """
    with Room(address, launch, factor, _SECONDS, at_most).open() as room:
        several = launch is not None and address.with_free_port() != address
        return _Asker(room, factor, _LANES if several else 1).ask()


@dataclass(frozen=True, slots=True)
class _Question:
    """A question.

    `what` names it for the user if it stays open; `ask` asks it. `disrupts`: the next question goes
    to a restarted server, since some servers do not survive a departure.
    """

    what: str
    ask: Callable[[Guests], list[Conclusion]]
    disrupts: bool = False
    answers: Answers = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_open(self) -> bool:
        """Whether it has two different answers, or one answer and one failure."""
        return len(self.failures) == 1 or any(
            agreed(key, found) is None for key, found in self.answers.items()
        )


class _Asker:
    def __init__(self, room: Room, factor: float, lanes: int) -> None:
        self.room = room
        self.guests = Guests(room, factor)
        self.samples: list[Sample] = []
        self.restarts = 0
        self._lanes = lanes
        self.questions = (
            _Question("what its sender receives", lambda one: ask_shape(one, self.samples)),
            _Question("framing", ask_framing),
            _Question("what is said of who comes", ask_entrance),
            _Question("the charset", ask_charset),
            _Question("the size of a read", ask_read_size),
            _Question("how a text is trimmed, and controls", ask_text),
            _Question("what a blank line is", ask_blank),
            _Question("what leaves", ask_words, disrupts=True),
            _Question("what a half-close does", ask_half_close, disrupts=True),
            _Question("whether there is a line limit", ask_limit),
            _Question("what does not decode", ask_undecodable, disrupts=True),
        )

    def ask(self) -> Learnt:
        learnt = Learnt()
        gentle, rough = self.questions[:_GENTLE], self.questions[_GENTLE:]
        try:
            acquaint(self.guests)
            self.room.extend(_SLOW * min(self.room.slowest or 0.0, 2.0))
            self.room.extend(_ENTRANCES * max(0.0, self.guests.known.entering - _ENTERED))
            for question in gentle[:_BASIC]:
                self._put(question, self.guests)
                if self._know(learnt):
                    with suppress(Gone):
                        self.guests.learn_noise()
            # Who asks several servers at once is not done before the longest question is.
            once = [*gentle[_BASIC:], *rough] if self._lanes < 2 else [*rough, *gentle[_BASIC:]]
            self._put_all([*once, *gentle[::-1], *rough[::-1]])
            self._know(learnt)
            self._put_all([question for question in self.questions if question.is_open])
        except ProbeOutOfTime:
            learnt.untold.append(_LATE)
            self._forget_what_was_not_repeated()
        self._know(learnt)
        learnt.restarts = self.restarts + self.room.restarts
        return learnt

    def _forget_what_was_not_repeated(self) -> None:
        for question in self.questions:
            once = [key for key, found in question.answers.items() if len(found) == 1]
            for key in set(once) - _REPEATED:
                del question.answers[key]

    def _put_all(self, questions: Sequence[_Question]) -> None:
        """Ask questions, one after the other, or of several servers at once."""
        lanes = min(self._lanes, len(questions))
        if lanes < 2:
            for question in questions:
                self._put(question, self.guests)
            return
        left, rooms = deque(questions), [self.room.another() for _ in range(lanes)]

        def put_some(room: Room) -> None:
            with room.open(), suppress(IndexError):
                guests = Guests(room, self.guests.factor, self.guests.known)
                while True:
                    self._put(left.popleft(), guests)

        with ThreadPoolExecutor(lanes) as pool:
            try:
                for done in [pool.submit(put_some, room) for room in rooms]:
                    done.result()
            finally:
                left.clear()
                for room in rooms:
                    room.break_off()
        self.restarts += sum(room.restarts for room in rooms)

    def _put(self, question: _Question, guests: Guests) -> None:
        """Ask a question; if the server died or hung, restart it and ask once more.

        Nobody else asks it meanwhile: what it learns the first time shortens the second.
        """
        with question.lock:
            self._put_alone(question, guests)

    def _put_alone(self, question: _Question, guests: Guests) -> None:
        for again in (False, True):
            try:
                found = question.ask(guests)
                for one in found:
                    question.answers[one.key].append(one)
                if question.disrupts:
                    guests.room.end(counted=any(one.value == "kills" for one in found))
                    guests.forget()
                return
            except Gone as gone:
                guests.forget()
                if again or not guests.room.restart():
                    question.failures.append(str(gone))
                    return

    def _know(self, learnt: Learnt) -> bool:
        """Draw all conclusions that are possible so far, for use by the next questions.

        Returns:
            Whether there was anything new about what surrounds a text.
        """
        late = [one for one in learnt.untold if one.startswith(_LATE)]
        found, learnt.untold[:] = self._found(), late + self._untold()
        learnt.conclusions = {one.key: one for one in found}
        _leave_out_labels(learnt)
        known = self.guests.known
        before = known.dialect, known.after, known.shaped
        known.dialect = learnt.dialect
        known.by_read = known.dialect.by_read
        if self.samples:
            known.shaped = True
            after = common_end(self.samples) or self.samples[-1].after
            known.after = after.encode("utf-8", "surrogateescape")
        return known.shaped and before != (known.dialect, known.after, known.shaped)

    def _found(self) -> list[Conclusion]:
        # Of two equal answers, the later one has the better evidence.
        answers = {
            key: one
            for question in self.questions
            for key, found in question.answers.items()
            if (one := agreed(key, found)) is not None
        }
        for one in conclude_shape(self.samples, self.guests.known.strange):
            answers.setdefault(one.key, one)
        if self.guests.known.time is not None:
            why = "so a line other than a broadcast tells the time"
            answers.setdefault("time", Conclusion("time", self.guests.known.time, why))
        if self.guests.known.login:
            why = "the first line of a connection is not a message"
            answers["first_line"] = Conclusion("first_line", "name", why)
        return settings(answers)

    def _untold(self) -> list[str]:
        untold = []
        for question in self.questions:
            if question.failures and not question.answers:
                untold.append(f"{question.what}: {question.failures[-1]}")
            for key, found in question.answers.items():
                if agreed(key, found) is None:
                    values = " and then ".join(repr(one.value) for one in found)
                    untold.append(f"{key}: it was {values}")
        if self.samples:
            concluded = {one.key for one in conclude_shape(self.samples)}
            came = shown((self.samples[-1].before + "..." + self.samples[-1].after).encode())
            why = f"a word came as {came}, and at other times differently"
            untold += [f"{key}: {why}" for key in sorted({"header", "tail"} - concluded)]
        asked = {key for question in self.questions for key in question.answers}
        if self.guests.known.by_read and "read_size" not in asked:
            untold.append("read_size: nothing that came tells one read from the next")
        if "framing" in asked and not self.guests.known.dialect.is_repr:
            untold += [
                f"{key}: not one of the known ways"
                for key in ("text", "controls")
                if key not in asked
            ]
        return untold


def _leave_out_labels(learnt: Learnt) -> None:
    """Leave out lines that are what opens a broadcast of one member, whose text was taken away."""
    opening, said = forms(learnt.dialect).opening, learnt.conclusions.get("lines")
    if opening is not None and said is not None and isinstance(said.value, list):
        lines = [
            one for one in said.value if "{" in one or not opening.fullmatch(str(one).encode())
        ]
        learnt.conclusions["lines"] = Conclusion("lines", lines, said.why)


def agreed(key: str, found: Sequence[Conclusion]) -> Conclusion | None:
    """Return what the answers to one question have in common; None if they contradict each
    other."""
    values = [one.value for one in found]
    last = key.removeprefix("half-close/")
    if last in _FORMS or last.startswith("lines/"):
        texts = [value for value in values if isinstance(value, str)]
        form = common_form(texts)
        if form is not None:
            return Conclusion(key, form, found[-1].why)
    if key == "read_size":
        # Several reads may come together, which shows as a multiple.
        sizes = [one.value for one in found if isinstance(one.value, int)]
        if sizes and all(size % min(sizes) == 0 for size in sizes):
            return found[sizes.index(min(sizes))]
    for one in found:
        if values.count(one.value) * 2 > len(values):
            return one
    return None


def settings(answers: dict[str, Conclusion]) -> list[Conclusion]:
    """Derive the settings of a profile from the answers."""
    found = [one for key, one in answers.items() if key in _SETTINGS or one.is_fault]
    said = {one.key: one for one in found}
    leave, other = answers.get("leave"), answers.get("half-close/leave")
    lines = {
        str(one.value): one.why
        for key, one in answers.items()
        if key.partition("/")[0] == "lines" or key.startswith("half-close/lines")
    }
    if other is not None and (leave is None or not leave.value):
        said["leave"] = Conclusion("leave", other.value, other.why)
    elif other is not None and leave is not None and other.value not in ("", leave.value):
        lines[str(other.value)] = other.why
    known = {str(said[key].value) for key in _FORMS if key in said}
    lines = {line: why for line, why in lines.items() if line and line not in known}
    peer = str(said["peer"].value) if "peer" in said else ""
    if "{host}" in peer:
        lines = {line.replace(peer, "{peer}"): why for line, why in lines.items()}
        for key in said.keys() & set(_FORMS):
            form = str(said[key].value).replace(peer, "{peer}")
            said[key] = Conclusion(key, form, said[key].why)
    said["lines"] = Conclusion(
        "lines", list(lines), "; ".join(dict.fromkeys(lines.values())) or "no"
    )
    absent = {
        key: answers[key].why
        for key in _CAPABILITIES
        if key in answers and answers[key].value is False
    }
    if "notices" not in answers and "undecodable" in answers:
        absent["notices"] = "no notice came"
    if absent or "undecodable" in answers:
        said["absent"] = Conclusion("absent", sorted(absent), "; ".join(absent.values()))
    tail, text = said.get("tail"), said.get("text")
    if text is not None and text.value == "verbatim" and tail is not None:
        if str(tail.value).startswith("\n"):
            why = f"{tail.why}; a text brings its own LF"
            said["tail"] = Conclusion("tail", str(tail.value)[1:], why)
        else:
            del said["text"]
    elif text is None and tail is not None and str(tail.value).startswith("\n"):
        # It is not known whether this LF belongs to the text.
        del said["tail"]
    return list(said.values())
