"""Ties what came to what was sent: the n-th message of a sender to its n-th broadcast.

A broadcast is tied to a line by its text, which a scenario makes unique with a nonce, and among
equal texts by the sender's label and their order. What ties to no message is tied to the line
it was made from, if it can be told which, or stands alone.
"""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from conformance.oracle.history import NONCE, ClientHistory, Fate, History, Line
from conformance.oracle.received import Junk, ReceivedBroadcast, ReceivedUnit, Rest

_LETTERS: Final = 2


@dataclass(frozen=True, slots=True)
class Tie:
    """A broadcast, or what stands in its place, as one client received it, and its line.

    `exact`: the text is what should be broadcast. Otherwise the line was altered, or should
    not have been broadcast at all.
    """

    client: str
    unit: ReceivedBroadcast | Junk | Rest
    line: Line
    exact: bool


@dataclass(slots=True)
class Matching:
    """`runs`: for each client its ties in the order they came. `stray`: what is tied to nothing.
    `labels`: each client's label, as known or as its own messages show it."""

    runs: dict[str, list[Tie]] = field(default_factory=dict)
    stray: list[tuple[str, ReceivedBroadcast | Junk | Rest]] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)

    def ties(self) -> Iterable[Tie]:
        return (tie for run in self.runs.values() for tie in run)


def match(history: History) -> Matching:
    """Tie every broadcast of a history."""
    matching = Matching()
    by_text: dict[bytes, list[Line]] = defaultdict(list)
    by_nonce: dict[bytes, Line] = {}
    for client in history.clients.values():
        for sent in client.lines:
            if sent.text is not None:
                by_text[sent.text].append(sent)
            for nonce in sent.nonces:
                by_nonce.setdefault(nonce, sent)
    matching.labels = _labels(history, by_text)
    clients = {label: name for name, label in matching.labels.items()}
    plain = {
        name: [sent for sent in client.lines if not sent.nonces]
        for name, client in history.clients.items()
    }
    for client in history.clients.values():
        run: list[Tie] = []
        used: Counter[Line] = Counter()
        latest: dict[str, int] = {}
        for unit, following in zip_longest(client.units, client.units[1:]):
            if not isinstance(unit, ReceivedBroadcast | Junk | Rest):
                continue
            if isinstance(unit, Rest) and _was_awaited(history, client, unit):
                continue
            text = unit.text if isinstance(unit, ReceivedBroadcast) else unit.octets
            sender = unit.sender if isinstance(unit, ReceivedBroadcast) else None
            author = clients.get(sender) if sender is not None else None
            said = [sent for sent in by_text.get(text, ()) if sent.begun < unit.span.last]
            if not history.has_echo:
                said = [sent for sent in said if sent.client != client.name] or said
            line = _choose(said, author, used, latest)
            exact = line is not None
            if line is None and sender is not None and author is None:
                # Somebody else's, unless it carries a nonce of ours.
                line = _by_nonce(text, by_nonce)
            elif line is None and not (not text and _is_text_of(following, by_text)):
                line = _by_nonce(text, by_nonce) or _resembling(
                    plain.get(author or "", []), text, used
                )
            if line is None:
                matching.stray.append((client.name, unit))
            else:
                used[line] += 1
                latest[line.client] = line.number
                run.append(Tie(client.name, unit, line, exact))
        matching.runs[client.name] = run
        _tie_by_place(matching, client.name, clients, plain)
    return matching


def _was_awaited(history: History, client: ClientHistory, rest: Rest) -> bool:
    """Whether a client that was still there waited in vain for more than a message's beginning."""
    dialect = history.start.dialect
    return (
        client.ended is None
        and (dialect is None or "\n" in dialect.closing)
        and any(rest.span.t <= round(waited.t - waited.seconds, 6) for _, waited in client.waits)
    )


def _tie_by_place(
    matching: Matching, name: str, clients: Mapping[str, str], plain: Mapping[str, list[Line]]
) -> None:
    """Tie a stray to the one line without a nonce that its sender said between two that came,
    where it is the one stray between these two."""
    run = matching.runs[name]
    between: dict[tuple[Tie, Tie], list[ReceivedBroadcast]] = defaultdict(list)
    for owner, unit in matching.stray:
        if owner != name or not isinstance(unit, ReceivedBroadcast):
            continue
        author = clients.get(unit.sender or "")
        own = [tie for tie in run if tie.line.client == author]
        place = bisect_left(own, unit.span.end, key=_place)
        if 0 < place < len(own):
            between[own[place - 1], own[place]].append(unit)
    for (before, after), units in between.items():
        lines = [
            line
            for line in plain[before.line.client]
            if before.line.number < line.number < after.line.number and line.fate is Fate.MESSAGE
        ]
        if len(units) == len(lines) == 1:
            matching.stray.remove((name, units[0]))
            insort(run, Tie(name, units[0], lines[0], exact=False), key=_place)


def _place(tie: Tie) -> int:
    return tie.unit.span.end


def _labels(history: History, by_text: dict[bytes, list[Line]]) -> dict[str, str]:
    """Each client's label: where its address is known, and the server uses it, that; else the
    one its own messages came back with most often."""
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for client in history.clients.values():
        for unit in client.units:
            if isinstance(unit, ReceivedBroadcast) and unit.sender is not None:
                lines = by_text.get(unit.text, [])
                if len(lines) == 1:
                    shown[lines[0].client][unit.sender] += 1
    labels = {}
    for client in history.clients.values():
        counts = shown[client.name]
        if client.label is not None and (client.label in counts or not counts):
            labels[client.name] = client.label
        elif counts:
            labels[client.name] = counts.most_common(1)[0][0]
    return labels


def _choose(
    said: list[Line], author: str | None, used: Counter[Line], latest: dict[str, int]
) -> Line | None:
    """Of several lines with this text the author's first that has not come yet and follows what
    came of the author's; when all have come, the first again: that one is doubled."""
    if len(said) < 2:
        return said[0] if said else None
    own = [line for line in said if line.client == author] or said
    return min(
        own,
        key=lambda line: (used[line], line.number < latest.get(line.client, 0), line.done),
    )


def _is_text_of(unit: ReceivedUnit | None, by_text: Mapping[bytes, list[Line]]) -> bool:
    """Whether a text stands alone, parted from the header before it."""
    return isinstance(unit, Junk) and unit.octets in by_text


def _by_nonce(text: bytes, by_nonce: dict[bytes, Line]) -> Line | None:
    return next((by_nonce[nonce] for nonce in NONCE.findall(text) if nonce in by_nonce), None)


def _resembling(plain: list[Line], text: bytes, used: Counter[Line]) -> Line | None:
    """The line that a text without a nonce was most likely made from: of those without a nonce
    of their own one that has not come yet and has something in common, more than a letter."""
    folded = text.strip().lower()
    for line in plain:
        if used[line]:
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
