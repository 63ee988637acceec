"""Ties each broadcast that came to the line that it was made from.

They are tied by the text, which a scenario makes unique with a nonce. Of several lines with one
text, the sender's label and the order decide. What has no message's text is tied to the line that
it was made from if that can be known, and otherwise is a stray.
"""

import re
from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from conformance.dialect.forms import forms
from conformance.oracle.reading.history import ClientHistory, History
from conformance.oracle.reading.lines import Fate, Line
from conformance.oracle.reading.units import (
    Junk,
    ReceivedBroadcast,
    ReceivedNotice,
    ReceivedUnit,
    Rest,
)
from conformance.oracle.said import Said

_LETTERS: Final = 2
_MOST: Final = 300
"""How many texts that came again are looked at, to each client."""
_MEANT: Final = 0.75
"""From what part of the texts with a label on it means who said them."""
_NONE: Final[Sequence[Line]] = ()


@dataclass(slots=True, eq=False)
class Tie:
    """A broadcast, or what came in its place, as one client received it, and its line.

    `exact`: the text is what should be broadcast. Otherwise the line was altered, or should not
    have been broadcast.
    """

    client: str
    unit: ReceivedBroadcast | Junk | Rest
    line: Line
    exact: bool


@dataclass(slots=True)
class Matching:
    """What the matching found. `runs`: each client's ties, in the order in which they came.
    `stray`: what is tied to no line. `labels`: each client's label, if it is known or its messages
    show it. `opening`: what begins a broadcast in the server's dialect; None in chatproto/1."""

    said: Said
    opening: re.Pattern[bytes] | None = None
    runs: dict[str, list[Tie]] = field(default_factory=dict)
    stray: list[tuple[str, ReceivedBroadcast | Junk | Rest]] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)

    def ties(self) -> Iterable[Tie]:
        return chain.from_iterable(self.runs.values())

    def author_of(self, broadcast: bytes) -> str | None:
        """Return the client whose label a broadcast has, if it is known."""
        opened = None if self.opening is None else self.opening.search(broadcast)
        peer = None if opened is None else opened.groupdict().get("peer")
        for name, label in self.labels.items():
            if label.encode() == peer or label.encode() + b"\n" in broadcast:
                return name
        return None


def match(history: History) -> Matching:
    """Tie every broadcast of a history."""
    said = Said(history)
    matching = Matching(said, labels=_labels(history, said.by_text))
    if history.start.dialect is not None:
        matching.opening = forms(history.start.dialect).opening
    owners: dict[str | None, str] = {label: name for name, label in matching.labels.items()}
    for client in history.clients.values():
        matching.runs[client.name] = []
        told = len(matching.stray)
        authors: dict[str | None, str | None] = {**owners}
        authors.update(_authors(client, said.by_text))
        _tie(matching, history, client, said, authors)
        strays = [unit for _, unit in matching.stray[told:]]
        _tie_by_place(matching, client, strays, authors, said.without_nonce)
        _untie_from_namesakes(matching.runs[client.name], said.without_nonce)
    return matching


def _tie(
    matching: Matching,
    history: History,
    client: ClientHistory,
    said: Said,
    authors: Mapping[str | None, str | None],
) -> None:
    """Tie what came to one client, as far as its text shows the line."""
    run = matching.runs[client.name]
    used: dict[Line, int] = {}
    latest: dict[str, int] = {}
    over = _all_over_before(history, client)
    for at, unit in enumerate(client.units):
        if isinstance(unit, ReceivedBroadcast):
            text, author = unit.text, authors.get(unit.sender)
        elif isinstance(unit, Junk) or (
            isinstance(unit, Rest) and not _was_awaited(history, client, unit)
        ):
            text, author = unit.octets, None
        elif isinstance(unit, ReceivedNotice) and said.is_text(unit.octets):
            unit = Junk(unit.span, unit.octets)
            text, author = unit.octets, None
        else:
            continue
        lines = said.by_text.get(text, _NONE)
        line: Line | None = None
        if len(lines) == 1 and lines[0].begun < unit.span.last:
            line = lines[0]
        elif lines:
            lines = [line for line in lines if line.begun < unit.span.last]
            lines = [line for line in lines if line.done > over] or lines
            if not history.has_echo:
                lines = [line for line in lines if line.client != client.name] or lines
            line = _choose(lines, author, used, latest)
        exact = line is not None
        if line is None and (text or not _stands_alone(client.units[at + 1 : at + 2], said)):
            line = said.with_nonce_of(text)
            if line is None and not text.isascii():
                line = _misread(said.misread.get(text, _NONE), author, unit.span.last)
            if line is None and author is not None:
                line = _resembling(said.without_nonce[author], text, used)
        if line is None:
            matching.stray.append((client.name, unit))
        else:
            used[line] = used.get(line, 0) + 1
            latest[line.client] = line.number
            run.append(Tie(client.name, unit, line, exact))


def _all_over_before(history: History, client: ClientHistory) -> int:
    """Return the transcript's line up to which what was said had come to all, or its sender had
    broken off, before a client connected."""
    settled = [at for at, _ in history.settled if at < client.connected]
    others = [one for one in history.clients.values() if one.connected < client.connected]
    gone = [one.aborted for one in others if one.aborted is not None]
    if len(gone) == len(others):
        settled += [at for at in gone if at < client.connected]
    return max(settled, default=0)


def _was_awaited(history: History, client: ClientHistory, rest: Rest) -> bool:
    """Whether a client waited in vain for the rest of a message, and was still connected."""
    dialect = history.start.dialect
    return (
        client.ended is None
        and (dialect is None or "\n" in dialect.closing)
        and any(rest.span.t <= round(waited.t - waited.seconds, 6) for _, waited in client.waits)
    )


def _tie_by_place(
    matching: Matching,
    client: ClientHistory,
    strays: Sequence[ReceivedBroadcast | Junk | Rest],
    authors: Mapping[str | None, str | None],
    plain: Mapping[str, list[Line]],
) -> None:
    """Tie a stray to the only line without a nonce that its sender said between two that came, if
    it is the only stray between these two. A client's first one may be what was said since it
    connected.

    Where broadcasts name nobody, the sender is the only one who said lines without a nonce at all.
    """
    run = matching.runs[client.name]
    by_author: dict[str | None, list[Tie]] = defaultdict(list)
    places: dict[str | None, list[int]] = defaultdict(list)
    for tie in run if strays else ():
        by_author[tie.line.client].append(tie)
        places[tie.line.client].append(_place(tie))
    speakers = [speaker for speaker, lines in plain.items() if lines]
    only = speakers[0] if len(speakers) == 1 else None
    between: dict[tuple[Tie | None, Tie], list[ReceivedBroadcast]] = defaultdict(list)
    for unit in strays:
        if not isinstance(unit, ReceivedBroadcast):
            continue
        author = only if unit.sender is None else authors.get(unit.sender)
        own, place = by_author[author], bisect_left(places[author], unit.span.end)
        if place < len(own):
            between[own[place - 1] if place else None, own[place]].append(unit)
    for (before, after), units in between.items():
        first, since = (0, client.connected) if before is None else (before.line.number, 0)
        lines = [
            line
            for line in plain[after.line.client]
            if first < line.number < after.line.number
            and line.begun > since
            and line.fate is Fate.MESSAGE
        ]
        if len(units) == len(lines) == 1:
            matching.stray.remove((client.name, units[0]))
            insort(run, Tie(client.name, units[0], lines[0], exact=False), key=_place)


def _untie_from_namesakes(run: Sequence[Tie], plain: Mapping[str, list[Line]]) -> None:
    """Tie what came again, of a line without a nonce, to the only other such line that its sender
    said between two that came, if that has not come: it was altered, and now says what the first
    did."""
    seen: set[Line] = set()
    own: dict[str, list[Tie]] = defaultdict(list)
    again = []
    for tie in run:
        if tie.line not in seen:
            own[tie.line.client].append(tie)
        elif not tie.line.nonces:
            again.append(tie)
        seen.add(tie.line)
    for tie in again[:_MOST]:
        others = own[tie.line.client]
        place = bisect_left(others, _place(tie), key=_place)
        if not 0 < place < len(others):
            continue
        first, last = others[place - 1].line.number, others[place].line.number
        lines = plain[tie.line.client]
        lines = lines[
            bisect_right(lines, first, key=_number) : bisect_left(lines, last, key=_number)
        ]
        lines = [line for line in lines if line.fate is Fate.MESSAGE and line not in seen]
        if len(lines) == 1:
            tie.line, tie.exact = lines[0], False
            seen.add(lines[0])


def _number(line: Line) -> int:
    return line.number


def _place(tie: Tie) -> int:
    return tie.unit.span.end


def _labels(history: History, by_text: Mapping[bytes, list[Line]]) -> dict[str, str]:
    """Find each client's label: its address, if that is known and the server uses it; else the
    label with which its own messages came back most often."""
    came = Counter(
        (unit.text, unit.sender)
        for client in history.clients.values()
        for unit in client.units
        if isinstance(unit, ReceivedBroadcast)
    )
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for (text, sender), times in came.items():
        lines = by_text.get(text, _NONE)
        if sender is not None and len(lines) == 1:
            shown[lines[0].client][sender] += times
    labels = {}
    for client in history.clients.values():
        counts = shown[client.name]
        if client.label is not None and (client.label in counts or not counts):
            labels[client.name] = client.label
        elif counts:
            labels[client.name] = counts.most_common(1)[0][0]
    return labels


def _authors(client: ClientHistory, by_text: Mapping[bytes, list[Line]]) -> dict[str, str | None]:
    """Find whom each label means to one client, by the texts that only one line has: whoever said
    most of them, or nobody, if several did."""
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for unit in client.units:
        if isinstance(unit, ReceivedBroadcast) and unit.sender is not None:
            lines = by_text.get(unit.text, _NONE)
            if len(lines) == 1:
                shown[unit.sender][lines[0].client] += 1
    authors: dict[str, str | None] = {}
    for label, counts in shown.items():
        [(author, times)] = counts.most_common(1)
        authors[label] = author if times >= _MEANT * counts.total() else None
    return authors


def _choose(
    lines: Sequence[Line], author: str | None, used: Mapping[Line, int], latest: Mapping[str, int]
) -> Line | None:
    """Choose one of several lines with the same text: the author's first that has not come yet and
    follows what has come. If all have come, choose the first again: it was doubled."""
    own = [line for line in lines if line.client == author] or lines
    return min(
        own,
        key=lambda line: (
            used.get(line, 0),
            line.number < latest.get(line.client, 0),
            line.done,
        ),
        default=None,
    )


def _misread(lines: Sequence[Line], author: str | None, at: int) -> Line | None:
    """Choose the line that was read in another charset: the last that its author had said."""
    lines = [line for line in lines if line.begun < at and author in (None, line.client)]
    return max(lines, key=lambda line: line.done, default=None)


def _stands_alone(following: Sequence[ReceivedUnit], said: Said) -> bool:
    """Whether the next unit is a text alone, separated from the header before it."""
    return any(isinstance(unit, Junk) and unit.octets in said.by_text for unit in following)


def _resembling(plain: list[Line], text: bytes, used: Mapping[Line, int]) -> Line | None:
    """Find the line that a text without a nonce was most likely made from: a line without a nonce
    that has not come yet and shares more than a letter with the text."""
    folded = text.strip().lower()
    for line in plain:
        if line in used:
            continue
        octets = line.octets.strip()
        if line.fate is Fate.BLANK or not octets or not folded:
            if not folded and (line.fate is Fate.BLANK or not octets):
                return line
        elif octets.lower() == folded or (
            min(len(octets), len(folded)) > _LETTERS
            and (octets.lower() in folded or folded in octets.lower())
        ):
            return line
    return None
