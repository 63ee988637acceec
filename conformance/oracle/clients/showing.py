"""Compares what the client showed with what it was sent: CLI-1, CLI-3, CLI-9 and CLI-12."""

import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from conformance.oracle.clients.display import compact, is_laid_out, squeezed
from conformance.oracle.clients.facts import ClientFact, Detected
from conformance.oracle.clients.record import WORD, Heard, Record


def showing(record: Record) -> Iterator[ClientFact]:
    """Yield what is wrong with what the client showed."""
    owed = [one for one in record.heard if one.kind == "broadcast" and one.words]
    owed = [one for one in owed if one.is_safe and not one.is_own and is_owed(record, one)]
    owed = [one for one in owed if _is_decided(record, one)]
    for one in owed:
        yield from _each(record, one)
    yield from _repeated(record, owed)
    yield from _order(record, owed)
    yield from _notices(record)
    yield from _heartbeats(record)
    yield from _own(record)
    yield from _made_up(record)


def is_owed(record: Record, one: Heard) -> bool:
    """Whether the client must show a unit: it had not ended, nor received what is no unit,
    before."""
    gone = min((when[1] for when in (record.closed, record.exited) if when), default=one.line + 1)
    return one.line < gone and (record.lost is None or one.line < record.lost)


def _is_decided(record: Record, one: Heard) -> bool:
    """Whether the client had time to show a unit: there was a wait, or a later unit was shown."""
    return any(line > one.line for line in record.waited) or any(
        later.line > one.line and not later.is_own and record.first_shown(word) is not None
        for later in record.heard
        for word in later.words[:1]
    )


def _each(record: Record, one: Heard) -> Iterator[ClientFact]:
    seen = record.first_shown(one.words[0])
    if len(one.text) > _room(record) and any(record.first_shown(word) for word in one.words):
        return
    vain = record.vain_wait(one.words[0], "shown")
    wait = tuple(line for line in record.waited if line > one.line)[:1]
    if seen is None:
        yield ClientFact(
            Detected.NOT_SHOWN, f"the broadcast {_short(one.text)!r} of {one.sender} shown",
            "it was not shown", (one.line, *wait), wanted=one.text.encode(),
        )  # fmt: skip
        return
    if vain is not None:
        yield ClientFact(
            Detected.SHOWN_LATE, f"{_short(one.text)!r} shown while its user says nothing",
            f"it was shown {record.snapshots[seen[0]].t - one.t:.1f} s after it came",
            (one.line, vain, record.snapshots[seen[0]].line),
        )  # fmt: skip
    missing = next((word for word in one.words if record.first_shown(word) is None), None)
    if missing is not None:
        yield ClientFact(
            Detected.TEXT_ALTERED, f"the whole text of {len(one.text.encode()):,} octets shown",
            f"its word {missing} was not shown", (one.line, *wait), wanted=one.text.encode(),
        )  # fmt: skip
        return
    later = record.snapshots[seen[0] :]
    if _is_plain(one.text) and not any(is_laid_out(one.text, snapshot.rows) for snapshot in later):
        row = next((row for row in later[-1].rows if one.words[0] in row), "")
        yield ClientFact(
            Detected.TEXT_ALTERED, f"the text {_short(one.text)!r} as it came",
            f"another is shown: {_short(row.rstrip())!r}", (one.line, later[0].line),
            row.encode(), one.text.encode(),
        )  # fmt: skip
    elif not any(compact(one.sender) in compact("".join(snapshot.rows)) for snapshot in later):
        yield ClientFact(
            Detected.SENDER_NOT_SHOWN, f"the SENDER {one.sender} shown with {_short(one.text)!r}",
            "it was not shown", (one.line, later[0].line), wanted=one.sender.encode(),
        )  # fmt: skip


def _room(record: Record) -> float:
    """Return how long a text may be that must be seen whole: a quarter of the screen if the client
    clears it, for then what does not fit cannot be seen."""
    launched = record.launched
    if launched is None or not record.clears:
        return math.inf
    return launched.columns * launched.rows / 4


def _is_plain(text: str) -> bool:
    """Whether every display shows these characters as they are."""
    return all(
        char.isprintable() and not unicodedata.combining(char) and char not in "\ufffd|"
        for char in text
    )


def _repeated(record: Record, owed: list[Heard]) -> Iterator[ClientFact]:
    """Yield texts that are shown more often than they were sent and echoed."""
    shown = squeezed("".join(record.rows()))
    sent = [line.text for line in record.lines]
    own = [one for one in record.heard if one.is_own]
    for one in [*owed, *own]:
        word = one.words[0] if one.words else ""
        if not word:
            continue
        came = sum(other.text.count(word) for other in record.heard)
        # What is typed before an editor has begun is echoed by the terminal, and by the editor.
        typed = sum(said.text.count(word) for said in record.said)
        echoed = 2 * typed if record.is_terminal else 0
        if echoed and not any(word in text for text in sent):
            continue
        times = shown.count(word)
        if times > came + echoed:
            yield ClientFact(
                Detected.SHOWN_TWICE, f"{_short(one.text)!r} shown once",
                f"it is shown {times} times" + (", what was typed among them" if echoed else ""),
                (one.line,), one.text.encode(),
            )  # fmt: skip


def _order(record: Record, owed: list[Heard]) -> Iterator[ClientFact]:
    """Yield pairs of broadcasts that are shown the other way round.

    Within one snapshot, order counts only if broadcasts that came one by one show that the newest
    is last on this display.
    """
    places = [(record.first_shown(one.words[0]), one) for one in owed]
    shown = [(place, one) for place, one in places if place is not None and place[1] >= 0]
    last = squeezed("".join(record.rows()))
    ends = [
        (last.find(one.words[0]), last.find(other.words[0]))
        for (place, one), (next_place, other) in pairwise(shown)
        if place[0] < next_place[0]
    ]
    grows = {at < then for at, then in ends if min(at, then) >= 0}
    for (place, one), (next_place, next_one) in pairwise(shown):
        inside = place[0] == next_place[0] and grows == {True}
        if place[0] > next_place[0] or (inside and place[1] > next_place[1]):
            yield ClientFact(
                Detected.OUT_OF_ORDER, f"{_short(one.text)!r} before {_short(next_one.text)!r}",
                "they are shown the other way round", (one.line, next_one.line),
            )  # fmt: skip


def _notices(record: Record) -> Iterator[ClientFact]:
    for one in record.heard:
        if one.kind != "notice" or not is_owed(record, one):
            continue
        keys = [one.sender, *([one.text] if one.text else [])]
        if all(record.first_shown(key, after=one.t) is None for key in keys):
            said = f"!{one.sender} {one.text}".rstrip()
            yield ClientFact(
                Detected.NOTICE_NOT_SHOWN, f"the notice {said!r} shown", "it was not shown",
                (one.line,), wanted=said.encode(),
            )  # fmt: skip


def _heartbeats(record: Record) -> Iterator[ClientFact]:
    """Yield a heartbeat that is shown: it adds rows between two broadcasts."""
    if record.is_raw:
        return
    units = [one for one in record.heard if not one.is_own]
    usual: set[int] = set()
    beaten: list[tuple[int, Heard]] = []
    previous: Heard | None = None
    beats = 0
    for one in units:
        if one.kind == "heartbeat":
            beats += 1
        elif one.kind == "broadcast" and one.words:
            gap = None if previous is None else _gap(record, previous, one)
            if gap is not None and beats:
                beaten.append((gap, one))
            elif gap is not None:
                usual.add(gap)
            previous, beats = one, 0
    for gap, one in beaten:
        if usual and gap > max(usual):
            yield ClientFact(
                Detected.HEARTBEAT_SHOWN, "nothing shown for a heartbeat",
                f"{gap - max(usual)} rows more between two broadcasts with heartbeats between them",
                (one.line,),
            )  # fmt: skip
            return


def _gap(record: Record, one: Heard, other: Heard) -> int | None:
    rows = record.rows()
    places = [
        next((at for at, row in enumerate(rows) if unit.words[0] in row), None)
        for unit in (one, other)
    ]
    if places[0] is None or places[1] is None:
        return None
    return places[1] - places[0]


def _own(record: Record) -> Iterator[ClientFact]:
    """Yield the client's own messages if some are shown and others are not."""
    own = [one for one in record.heard if one.is_own and one.words and is_owed(record, one)]
    own = [one for one in own if _is_decided(record, one)]
    if not own or record.clears:
        return
    rows = squeezed("".join(record.rows()))
    if record.is_terminal:
        # What was typed stands there too: but not with the SENDER that the server gave it.
        # A display may head several in a row once.
        times = rows.count(squeezed(own[0].sender))
        times = len(own) if times >= _runs(record) else times
    else:
        times = sum(one.words[0] in rows for one in own)
    if 0 < times < len(own):
        yield ClientFact(
            Detected.OWN_WORDS, f"all {len(own)} of its own messages shown, or none",
            f"{times} of them are", tuple(one.line for one in own),
        )  # fmt: skip


def _runs(record: Record) -> int:
    """Return into how many runs others' messages part the client's own."""
    units = [one for one in record.heard if one.kind == "broadcast"]
    before = [False, *(one.is_own for one in units)]
    return sum(
        one.is_own and not was_own and one.words != [] and _is_decided(record, one)
        for was_own, one in zip(before, units, strict=False)
    )


def _made_up(record: Record) -> Iterator[ClientFact]:
    """Yield a part of a text that is shown as a broadcast of its own."""
    model = next(
        (one for one in record.heard if one.kind == "broadcast" and len(one.words) == 1
         and one.text == one.words[0] and not one.is_own), None,
    )  # fmt: skip
    if model is None:
        return
    rows = record.rows()
    stands_apart = not any(model.words[0] in row and model.sender in row for row in rows)
    form = form_of(rows, model.words[0], stands_apart=stands_apart)
    for one in record.heard:
        if one.kind != "broadcast" or len(one.words) < 2 or "\u2028" not in one.text:
            continue
        if form is not None and form == form_of(rows, one.words[-1], stands_apart=stands_apart):
            yield ClientFact(
                Detected.MADE_UP, "one message, which LF alone ends",
                f"its end {one.words[-1]} is shown as another member's message", (one.line,),
                one.text.encode(),
            )  # fmt: skip


def form_of(rows: tuple[str, ...], word: str, *, stands_apart: bool) -> tuple[str, ...] | None:
    """Return how a message of this one word is shown, numbers and words replaced.

    If the header stands apart, the row before it belongs to it. None if no row shows the word.
    """
    at = next((at for at, row in enumerate(rows) if word in row), None)
    if at is None:
        return None
    return tuple(general(row) for row in rows[max(0, at - stands_apart) : at + 1])


def general(row: str) -> str:
    """Return a row with numbers and the suite's words replaced."""
    return re.sub(r"\d+", "N", WORD.sub("WORD", row.rstrip()))


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:40]}… ({len(text.encode()):,} octets)"
