"""Compares what the client sent with what its user said: CLI-2 and CLI-4."""

from collections.abc import Iterator

from conformance.oracle.clients.facts import ClientFact, Detected
from conformance.oracle.clients.record import WORD, Record, SentLine, UserSaid
from conformance.standard.constants import MIN_LINE_LIMIT

_QUIT = "quit"


def sending(record: Record) -> Iterator[ClientFact]:
    """Yield what is wrong with what the client sent."""
    yield from _form(record)
    yield from _contents(record)
    yield from _refusals(record)


def _form(record: Record) -> Iterator[ClientFact]:
    for line in record.lines:
        if len(line.octets) > MIN_LINE_LIMIT:
            yield ClientFact(
                Detected.LINE_TOO_LONG,
                f"lines of at most {MIN_LINE_LIMIT:,} octets before the LF",
                f"a line of {len(line.octets):,} octets",
                (line.line,),
                line.octets,
            )
        try:
            line.octets.decode()
        except UnicodeDecodeError as error:
            yield ClientFact(
                Detected.LINE_NOT_UTF8,
                "lines of UTF-8",
                f"octet {error.start + 1} of a line does not decode",
                (line.line,),
                line.octets,
            )
    if record.unended.strip() and record.waited:
        yield ClientFact(
            Detected.LINE_WITHOUT_LF,
            "an LF at the end of each line",
            f"{len(record.unended)} octets without one",
            tuple(record.waited)[:1],
            record.unended,
        )


def _contents(record: Record) -> Iterator[ClientFact]:
    """Yield messages that are missing, doubled, altered or out of order, and any other line."""
    gone = min((when for when in (record.closed, record.exited, record.over) if when), default=None)
    expected = [(text, said) for said in record.said for text in said.texts if fits(text)]
    unfit = "".join(text for said in record.said for text in said.texts if not fits(text))
    found: dict[int, SentLine] = {}
    last = -1
    for line in record.lines:
        text = line.text
        if not text or (text == record.leave and record.done is not None):
            continue
        if any(word in text for word in record.piped):
            continue
        if text == _QUIT:
            if record.done is None or line.t < record.done[0]:
                yield _quit(record, line)
            continue
        place = next(
            (at for at, (one, _) in enumerate(expected) if one == text and at not in found), None
        )
        if place is not None:
            found[place] = line
            if place < last:
                yield ClientFact(
                    Detected.SENT_OUT_OF_ORDER, "messages in the order in which they were said",
                    f"{text!r} after what was said later", (expected[place][1].line, line.line),
                    line.octets,
                )  # fmt: skip
            last = max(last, place)
            said = expected[place][1]
            vain = next((record.vain_wait(word, "sent") for word in WORD.findall(text)), None)
            if vain is not None:
                yield ClientFact(
                    Detected.SENT_LATE, f"{_short(text)!r} sent while nothing comes",
                    f"it was sent {line.t - said.t:.1f} s after it was said",
                    (said.line, vain, line.line), line.octets,
                )  # fmt: skip
        elif text not in unfit or len(text) < 2:
            yield _strange(line, text, expected)
    exhausted = max(found, default=-1)
    for place, (text, said) in enumerate(expected):
        if (
            place in found
            or (gone is not None and said.line > gone[1])
            or _is_excused(record, said, text)
            or any(word in line.text for word in WORD.findall(text) for line in record.lines)
        ):
            continue
        is_decided = record.left is not None and record.left[1] > said.line
        if place < exhausted or is_decided or any(line > said.line for line in record.waited):
            yield ClientFact(
                Detected.NOT_SENT, f"{_short(text)!r}, which its user said, sent as a line",
                "it was not sent", (said.line, *_first_wait(record, said)), wanted=text.encode(),
            )  # fmt: skip


def fits(text: str) -> bool:
    """Whether a text can be sent as one message."""
    return text != _QUIT and len(text.encode()) <= MIN_LINE_LIMIT


def _is_excused(record: Record, said: UserSaid, text: str) -> bool:
    """Whether the client may refuse a text, and has told its user so.

    It may refuse several lines that are pasted, what its input holds after the last LF, and, if it
    ends lines with CR LF, a line of just the limit.
    """
    may_refuse = said.how != "line" or len(text.encode()) + 1 > MIN_LINE_LIMIT
    sent = {line.text for line in record.lines}
    whole = said.how != "pasted" or sent.isdisjoint(said.texts)
    return may_refuse and whole and bool(record.new_words(said.t, _told_by(record, said)))


def _told_by(record: Record, said: UserSaid) -> float | None:
    """Return until when what is shown can be about this text; None if until the end."""
    later = [event for event in (record.done, record.over) if event and event[0] > said.t]
    if said.how == "unended":
        return None
    return min(event[0] for event in later) if later else None


def _first_wait(record: Record, said: UserSaid) -> tuple[int, ...]:
    return tuple(line for line in record.waited if line > said.line)[:1]


def _quit(record: Record, line: SentLine) -> ClientFact:
    said = next((one for one in record.said if _QUIT in one.texts), None)
    if said is None:
        return ClientFact(
            Detected.LEFT_UNASKED, "no `quit` before its user leaves", "it sent `quit`",
            (line.line,), line.octets,
        )  # fmt: skip
    return ClientFact(
        Detected.QUIT_SENT,
        f"the word `quit` refused, since its user leaves by {record.leave!r}",
        "it was sent, and left; if that is its stated way to leave, say --leave quit",
        (said.line, line.line),
        line.octets,
    )


def _strange(line: SentLine, text: str, expected: list[tuple[str, UserSaid]]) -> ClientFact:
    """Return what is wrong with a line that equals nothing that was said."""
    inside = [
        (one, said) for one, said in expected if set(WORD.findall(one)) & set(WORD.findall(text))
    ]
    if not inside:
        return ClientFact(
            Detected.SENT_UNASKED, "nothing sent but what its user says, blank lines and `quit`",
            f"it sent {_short(text)!r}", (line.line,), line.octets,
        )  # fmt: skip
    one, said = inside[0]
    if one == text:
        return ClientFact(
            Detected.SENT_TWICE, "each message once", f"{_short(text)!r} was sent again",
            (said.line, line.line), line.octets,
        )  # fmt: skip
    return ClientFact(
        Detected.SENT_ALTERED, f"{_short(one)!r} as its user said it",
        f"it sent {_short(text)!r}" + (", two messages in one" if len(inside) > 1 else ""),
        (said.line, line.line), line.octets, one.encode(),
    )  # fmt: skip


def _refusals(record: Record) -> Iterator[ClientFact]:
    """Yield texts that were refused or parted without a word, or not wholly sent."""
    for said in record.said:
        told = record.new_words(said.t, _told_by(record, said))
        for text in said.texts:
            if fits(text):
                continue
            if text == _QUIT:
                has_left = record.left is not None and record.done is None
                if not told and not has_left and record.leave != _QUIT:
                    yield ClientFact(
                        Detected.REFUSED_SILENTLY, "its user told that `quit` was not sent",
                        "nothing was shown that says so", (said.line,),
                    )  # fmt: skip
                continue
            parts = [line for line in record.lines if line.text and line.text in text]
            if any(len(line.octets) > MIN_LINE_LIMIT for line in record.lines):
                continue
            if parts and _joined(parts) != _without_space(text):
                yield ClientFact(
                    Detected.UNFIT_LOST, "all of a text that does not fit, in parts, or none of it",
                    f"{len(parts)} parts that are not all of it", (said.line, parts[-1].line),
                    parts[-1].octets,
                )  # fmt: skip
            elif not told:
                done = f"split into {len(parts)} messages" if parts else "not sent"
                yield ClientFact(
                    Detected.UNFIT_UNTOLD,
                    f"its user told in words that a text of {len(text.encode()):,} octets does not "
                    "fit in a line",
                    f"it was {done}, and nothing was shown that says so",
                    (said.line, *(line.line for line in parts[:1])),
                )  # fmt: skip


def _joined(parts: list[SentLine]) -> str:
    return _without_space("".join(line.text for line in parts))


def _without_space(text: str) -> str:
    return "".join(text.split())


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:50]}… ({len(text.encode()):,} octets)"
