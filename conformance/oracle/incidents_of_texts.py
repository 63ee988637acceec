"""Gathers what is wrong with texts and their headers into incidents.

What a line or a mixture was broken into follows from it, and so does what stands there without its
header, or without its LF.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from conformance.oracle.case import Case
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.incident import OF_STREAMS, Found, Incident, Unclaimed, gathered_in
from conformance.oracle.mixture import HEADER_INSIDE
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import NONCE, Fate, Line

_OF_MIXTURES: Final = (
    Kind.NO_HEADER, Kind.SHARED_HEADER, Kind.NO_UNIT, Kind.MADE_UP, Kind.ALTERED, Kind.HEADER,
    Kind.LABEL, Kind.DIFFERS, Kind.NOTICE_WITHIN, Kind.CUT_OFF,
)  # fmt: skip


def unfinished(case: Case, rest: Unclaimed) -> Found:
    """The server broadcasts incomplete lines without adding an LF: what it sends next continues the
    same line, and a stream may end there."""
    heads = [fact for fact in rest.of(Kind.UNWANTED) if Sign.INCOMPLETE in fact.signs]
    if not heads:
        return
    spans = []
    for client in case.clients:
        if client.left is not None and any(one.fate is Fate.INCOMPLETE for one in client.lines):
            left = client.left
            settled = (at for at, _ in case.history.settled if at > left)
            spans.append((left, next(settled, len(case.history.transcript) + 1)))
    follows = rest.take(
        heads[0],
        lambda fact: (
            (
                (fact.kind in OF_STREAMS or fact.kind is Kind.RUN_TOGETHER)
                and any(left <= max(fact.evidence, default=0) <= until for left, until in spans)
            )
            or (fact.kind is Kind.LOST and any(_is_in(fact.line, head.octets) for head in heads))
        ),
    )
    yield heads[0], Incident(heads[0], None, follows)


def run_together(_: Case, rest: Unclaimed) -> Found:
    """Broadcasts lack their last LF: each runs into the header of the next."""
    together = rest.of(Kind.RUN_TOGETHER)
    if together:
        kinds = (Kind.RUN_TOGETHER, Kind.NO_HEADER, Kind.LOST, Kind.CUT_OFF)
        follows = rest.take(together[0], lambda fact: fact.kind in kinds)
        yield together[0], Incident(together[0], None, follows)


def headed_otherwise(_: Case, rest: Unclaimed) -> Found:
    """Headers have another form, so that each is a line that starts no unit."""
    heads = [fact for fact in rest.of(Kind.HEADER) if Sign.OTHER_HEADER in fact.signs]
    if heads:
        follows = rest.take(
            heads[0],
            lambda fact: fact.kind is Kind.NO_UNIT and Sign.OTHER_HEADER in fact.signs,
        )
        yield heads[0], Incident(heads[0], None, follows)


def parted(_: Case, rest: Unclaimed) -> Found:
    """An LF comes between headers and their texts: each header is a broadcast of nothing, and each
    text stands alone."""
    heads = rest.of(Kind.LF_WITHIN)
    if heads:
        apart = rest.of(Kind.LF_WITHIN, Kind.EMPTY, Kind.NO_HEADER)
        apart += [fact for fact in rest.of(Kind.NO_UNIT) if Sign.SAID in fact.signs]
        yield heads[0], Incident(heads[0], None, rest.take(heads[0], gathered_in(apart)))


def mixed(case: Case, rest: Unclaimed) -> Found:
    """A text stands within another's, or joined to it: the other's rest or its LF follows by
    itself, and what can be read in the mixture is not lost.

    Where broadcasts are mixed, all of them are one incident, and what stands without its header, or
    under another's, is of it too.
    """
    mixed, joined = rest.of(Kind.MIXED), rest.of(Kind.JOINED)
    mixtures: dict[str | None, bytes] = defaultdict(bytes)
    for head in mixed + joined:
        mixtures[head.client] += head.octets
    for heads in ([mixed] if mixed else []) + [[head] for head in joined]:
        follows = list(_left_of(case, rest, heads, mixtures))
        if heads is mixed:
            follows += mixed + [fact for fact in rest.of(*_OF_MIXTURES) if _is_apart(fact)]
        yield heads[0], Incident(heads[0], None, rest.take(heads[0], gathered_in(follows)))


def _left_of(
    case: Case, rest: Unclaimed, heads: Sequence[Fact], mixtures: Mapping[str | None, bytes]
) -> Iterator[Fact]:
    """Yield what is left of the texts in mixtures."""
    names = {head.client for head in heads}
    for fact in rest.of(Kind.LOST):
        if names.intersection(fact.losers) and all(
            _is_in(fact.line, mixtures[name]) for name in fact.losers
        ):
            yield fact
    empty = rest.of(Kind.EMPTY)
    parts = [fact for fact in rest.of(Kind.NO_UNIT) if Sign.SAID in fact.signs]
    for head in heads:
        texts = NONCE.findall(head.octets)
        ends = [fact for fact in empty if fact.client == head.client]
        ends = [fact for fact in ends if fact.evidence[-1] >= head.evidence[-1]]
        yield from ends[: max(len(texts) - 1, 0)]
        said = [case.matching.said.by_nonce.get(nonce) for nonce in texts]
        for fact in parts:
            is_rest = any(line and line.octets.endswith(fact.octets) for line in said)
            if is_rest and fact.client == head.client:
                yield fact


def _is_apart(fact: Fact) -> bool:
    """Whether this is a header without its text, or a part of a text without its header."""
    match fact.kind:
        case Kind.NO_UNIT:
            return Sign.SAID in fact.signs
        case Kind.MADE_UP | Kind.ALTERED | Kind.HEADER:
            return HEADER_INSIDE.search(fact.octets, 1) is not None
        case _:
            return True


def after_violation(case: Case, rest: Unclaimed) -> Found:
    """A violation is broadcast in part, or what follows it is: all of it is one finding."""
    for client in case.clients:
        bad = next((line for line in client.lines if line.fate is Fate.VIOLATION), None)
        if bad is None:
            continue
        its = [
            fact
            for fact in rest.of(Kind.UNWANTED, Kind.MADE_UP, Kind.EMPTY, Kind.ANNOUNCED)
            if max(fact.evidence) >= bad.begun and _is_of_a_violation(case, fact, client)
        ]
        if its:
            head = min(its, key=lambda fact: (fact.kind is not Kind.UNWANTED, fact.at))
            yield head, Incident(head, None, rest.take(head, gathered_in(its)))


def _is_of_a_violation(case: Case, fact: Fact, client: ClientHistory) -> bool:
    """Whether a broadcast is of a line that is a violation or follows one, or names the client that
    sent one."""
    if fact.kind is Kind.UNWANTED and fact.line is not None:
        return Sign.VIOLATION in fact.signs and fact.line.client == client.name
    return case.matching.author_of(fact.octets) == client.name


def misread(_: Case, rest: Unclaimed) -> Found:
    """A quit is read in another charset, and broadcast: its sender does not leave."""
    for head in rest.of(Kind.UNWANTED):
        if Sign.OTHER_CHARSET in head.signs and head.line is not None:
            kept = [one for one in rest.of(Kind.KEPT) if one.client == head.line.client]
            if Sign.QUIT in head.signs and kept:
                yield head, Incident(head, None, rest.take(head, gathered_in(kept[:1])))


def _is_in(line: Line | None, octets: bytes) -> bool:
    return line is not None and any(nonce in octets for nonce in line.nonces)


def pieces(_: Case, rest: Unclaimed) -> Found:
    """A line is cut, perhaps into pieces of which each is broadcast."""
    pieces: dict[Line, list[Fact]] = defaultdict(list)
    for fact in rest.of(Kind.ALTERED, Kind.MADE_UP):
        if fact.line is not None and (fact.kind is Kind.MADE_UP or Sign.CUT in fact.signs):
            pieces[fact.line].append(fact)
    for head in rest.of(Kind.ALTERED, Kind.UNWANTED, Kind.CUT_AT_SEGMENT, Kind.UNNOTICED):
        its = pieces.pop(head.line, []) if head.line is not None else []
        if any(fact is not head for fact in its):
            yield head, Incident(head, None, rest.take(head, gathered_in(its)))
