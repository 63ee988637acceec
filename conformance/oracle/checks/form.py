"""Checks that every octet belongs to a unit, and that every unit has its form."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from math import inf
from typing import Final

from chatproto.text import make_safe
from chatproto.wire import Code
from conformance.oracle.alteration import alteration_of, is_of_characters, text_signs
from conformance.oracle.case import Case
from conformance.oracle.checks.strays import is_about_members, is_heading
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.findings import Outcome
from conformance.oracle.matching import Tie
from conformance.oracle.mixture import HEADER_INSIDE, Mixtures
from conformance.oracle.reading.history import ClientHistory, Ending
from conformance.oracle.reading.lines import NONCE
from conformance.oracle.reading.units import (
    Junk,
    ReceivedBroadcast,
    ReceivedHeartbeat,
    ReceivedNotice,
    ReceivedUnit,
    Rest,
)

_HEADER_SHAPE: Final = b"00000000 00:00:00 "
_CODE: Final = re.compile(r"[a-z0-9-]+")
_JUDGED_BY_THEIR_CLOSING: Final = frozenset(map(str, Code))
"""Codes that announce a closing. If the closing does not come, other checks report that."""
_FRAGMENT: Final = 3
_SHOWN: Final = 40
_MOST: Final = 100
"""The most facts of one kind about one client: a server that sends endless garbage has more."""


def check_units(case: Case) -> Iterator[Fact]:
    """Detect octets that belong to no unit, and units of a wrong form."""
    tied = {id(tie.unit) for tie in case.matching.ties() if isinstance(tie.unit, Junk)}
    sound: set[bytes] = set()
    for client in case.clients:
        told: Counter[Kind] = Counter()
        for fact in _of_client(case, client, tied, sound):
            told[fact.kind] += 1
            yield fact
            if told[fact.kind] >= _MOST:
                break
    yield from _headers_agree(case)
    yield from _labels(case)


def _of_client(
    case: Case, client: ClientHistory, tied: set[int], sound: set[bytes]
) -> Iterator[Fact]:
    first = next(
        (one.span.start for one in client.units if isinstance(one, ReceivedBroadcast)), inf
    )
    followed = [*client.units[1:], None]
    for unit, next_unit in zip(client.units, followed, strict=False):
        match unit:
            case ReceivedBroadcast(header=header):
                if header not in sound:
                    fact = _header(case, client, unit)
                    if fact is None:
                        sound.add(header)
                    else:
                        yield fact
            case ReceivedNotice(octets=octets) if case.matching.said.is_text(octets):
                pass
            case ReceivedNotice(span=span, octets=octets, code=code):
                if _CODE.fullmatch(code) is None:
                    yield Fact(
                        Kind.NOTICE_CODE,
                        "a notice: !CODE, CODE of lower-case letters, digits and hyphens",
                        f"the code {code!r}",
                        (span.first, span.last),
                        client.name,
                        octets,
                    )
                elif case.history.start.dialect is None:
                    yield from _explanation(client, unit)
                    if code not in _JUDGED_BY_THEIR_CLOSING and next_unit is not None:
                        yield _no_closing(client, unit, next_unit)
            case Junk(span=span, octets=octets):
                if id(unit) not in tied:
                    yield _no_unit(case, client, octets, (span.first, span.last), span.end <= first)
            case Rest():
                yield from _rest(case, client, unit)
            case ReceivedHeartbeat():
                pass


def _no_unit(
    case: Case, client: ClientHistory, octets: bytes, where: tuple[int, ...], is_greeting: bool
) -> Fact:
    said = _is_fragment(case, octets)
    signs = [Sign.SAID] if said else []
    signs += [Sign.DIGIT_FIRST] if octets[:1].isdigit() else []
    if is_heading(octets) and not said:
        signs.append(Sign.OTHER_HEADER)
    else:
        signs += [Sign.GREETING] if is_greeting else []
        signs += [Sign.ABOUT_MEMBERS] if is_about_members(case, octets) else []
    return Fact(
        Kind.NO_UNIT,
        "a broadcast, a notice or a heartbeat: a digit, '!' or LF first",
        "a line that is none of them" + (", but a part of what somebody said" if said else ""),
        where,
        client.name,
        octets,
        b"",
        signs=tuple(signs),
    )


def _no_closing(client: ClientHistory, notice: ReceivedNotice, after: ReceivedUnit) -> Fact:
    return Fact(
        Kind.NOTICE_ALONE,
        "nothing after a notice but the end of stream",
        "a notice, and then something else",
        (notice.span.first, notice.span.last, after.span.last),
        client.name,
        notice.octets,
    )


def _explanation(client: ClientHistory, notice: ReceivedNotice) -> Iterator[Fact]:
    """Detect an explanation of a notice that is not UTF-8 or could drive a terminal."""
    _, parted, octets = notice.octets.partition(b" ")
    where = (notice.span.first, notice.span.last)
    if not parted:
        return
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        kind, wanted = Kind.EXPLANATION_CHARSET, "an explanation in UTF-8"
    else:
        if make_safe(text) == text:
            return
        kind, wanted = Kind.EXPLANATION_CONTROLS, "an explanation that drives no terminal"
    yield Fact(kind, wanted, "a notice with another", where, client.name, notice.octets)


def _is_fragment(case: Case, octets: bytes) -> bool:
    """Whether this is a part of what some client said."""
    piece = octets.strip()
    return len(piece) > _FRAGMENT and piece in case.matching.said.octets


def _header(case: Case, client: ClientHistory, unit: ReceivedBroadcast) -> Fact | None:
    where = (unit.span.first, unit.span.last)
    if not (unit.sender and case.is_sender(unit.sender)) and _is_torn(unit.header):
        return Fact(
            Kind.MIXED,
            "a broadcast's octets with nothing else between them",
            "a header begun, and another within it",
            where,
            client.name,
            unit.header,
        )
    if unit.time is None and case.shows_times:
        return Fact(
            Kind.HEADER,
            "a header YYYYMMDD HH:MM:SS SENDER: a real date, a 24-hour time, single spaces",
            f"the header {unit.header.decode('latin-1')!r}",
            where,
            client.name,
            unit.header,
            _nearest_header(unit.header),
            signs=(Sign.CUT,) if HEADER_INSIDE.fullmatch(unit.header + unit.text) else (),
        )
    if unit.sender is None or not case.is_sender(unit.sender):
        more = unit.sender is not None and any(map(case.is_sender, unit.sender.split()))
        return Fact(
            Kind.HEADER if more else Kind.SENDER,
            "the sender's address: 127.0.0.1:52012, [2001:db8::1]:52012 or unix:N",
            f"{unit.header[18:].decode('latin-1')!r}",
            where,
            client.name,
            unit.header,
        )
    return None


def _is_torn(header: bytes) -> bool:
    """Whether a header is the beginning of another header, with that one after it."""
    inner = HEADER_INSIDE.search(header, 1)
    if inner is None:
        return False
    begun = header[: min(inner.start(), len(b"YYYYMMDD"))]
    return inner[0].startswith(begun)


def _nearest_header(header: bytes) -> bytes:
    """Return a well-formed header that agrees with this one as far as possible."""
    nearest = bytearray()
    for index, shape in enumerate(_HEADER_SHAPE):
        came = header[index : index + 1]
        fits = came.isdigit() if chr(shape).isdigit() else came == bytes([shape])
        if not fits:
            return bytes(nearest) + _HEADER_SHAPE[index:]
        nearest += came
    return header if header[18:19].strip() else bytes(nearest) + b"127.0.0.1:52012"


def _rest(case: Case, client: ClientHistory, unit: Rest) -> Iterator[Fact]:
    where = (unit.span.first, client.ended or unit.span.last)
    if not unit.is_unit:
        signs = (Sign.PROMPT, Sign.SAID) if _is_fragment(case, unit.octets) else (Sign.PROMPT,)
        yield Fact(
            Kind.NO_UNIT,
            "a broadcast, a notice or a heartbeat: a digit, '!' or LF first",
            "octets that start none of them, without an LF",
            where,
            client.name,
            unit.octets,
            b"",
            signs=signs,
        )
        return
    if unit.begun is not None and (fact := _header(case, client, unit.begun)) is not None:
        yield fact
    sound = all(
        one.sender is not None and case.is_sender(one.sender)
        for one in client.units
        if isinstance(one, ReceivedBroadcast)
    )
    whole = client.ending is Ending.ORDERLY and not client.stalls and sound
    if whole and case.died is None:
        yield Fact(
            Kind.CUT_OFF,
            "a stream that ends where a unit ends",
            "an end of stream within a unit",
            where,
            client.name,
            unit.octets,
        )


def _headers_agree(case: Case) -> Iterator[Fact]:
    mixtures = Mixtures(case)
    by_text = case.matching.said.by_text
    for line, ties in case.came.items():
        alike = by_text.get(line.text or b"", ())
        if not line.nonces and len({one.client for one in alike}) > 1:
            continue  # only the header says which member sent it
        first: ReceivedBroadcast | None = None
        for tie in ties.values():
            unit = tie.unit
            if not isinstance(unit, ReceivedBroadcast) or tie.line.text is None:
                continue
            if first is not None and unit.octets == first.octets:
                continue
            if tie.client in case.given_pieces or not _is_whole(case, tie, unit.text):
                continue
            if first is None:
                first = unit
            else:
                if unit.octets.endswith(first.octets) or first.octets.endswith(unit.octets):
                    continue  # what stands before it is no part of the broadcast
                if any(mixtures.header_in(one.text) is not None for one in (first, unit)):
                    continue  # it holds two broadcasts, and the first lacks its LF
                one, other = first.header, unit.header
                if one == other:
                    one, other = _parting(first.text, unit.text)
                yield Fact(
                    Kind.DIFFERS,
                    "the same octets for every recipient",
                    f"{one.decode('latin-1')!r} for one and "
                    f"{other.decode('latin-1')!r} for {tie.client}",
                    (first.span.last, unit.span.last),
                    tie.client,
                    unit.octets,
                    first.octets,
                    case.segments(tie.line),
                    text_signs(tie.line),
                    tie.line,
                )
                break


def _is_whole(case: Case, tie: Tie, came: bytes) -> bool:
    """Whether the text that came with a tie is whole, exact or altered.

    It is not if it is torn or holds other messages. In a dialect without headers, another message
    may stand beside it.
    """
    if tie.exact:
        return True
    dialect = case.history.start.dialect
    if dialect is not None and not dialect.opening and (tie.line.text or b"") in came:
        return False
    others = not tie.line.nonces.issuperset(NONCE.findall(came))
    return bool(came) and not others and is_of_characters(alteration_of(tie.line, came))


def _parting(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """Return a few octets of two texts around the first difference."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    start = max(0, same - _SHOWN // 2)
    return one[start : start + _SHOWN], other[start : start + _SHOWN]


def _labels(case: Case) -> Iterator[Fact]:
    start = case.history.start
    shown: dict[str, dict[str, ReceivedBroadcast]] = defaultdict(dict)
    for tie in case.matching.ties():
        unit = tie.unit
        if tie.exact and isinstance(unit, ReceivedBroadcast) and unit.sender is not None:
            shown[tie.line.client].setdefault(unit.sender, unit)
    owners: dict[str, str] = {}
    for name, senders in shown.items():
        client = case.history.clients[name]
        for sender, unit in senders.items():
            where = (client.connected, unit.span.first, unit.span.last)
            if not case.is_sender(sender):
                continue
            if client.label is not None and sender != client.label:
                if start.addresses != "translated":
                    unsure = start.addresses == "unsure"
                    yield Fact(
                        Kind.LABEL,
                        f"the sender's address, {client.label}",
                        f"{sender}"
                        + (
                            "; if addresses are translated on the way, say so in the profile: "
                            "address_translation = true"
                            if unsure
                            else ""
                        ),
                        where,
                        name,
                        unit.header,
                        unit.header[:18] + client.label.encode(),
                        outcome=Outcome.UNKNOWN if unsure and len(senders) == 1 else Outcome.FAIL,
                    )
            elif client.label is None and not sender.startswith("unix:"):
                yield Fact(
                    Kind.LABEL, "unix:N on a Unix-domain socket", sender, where, name, unit.header
                )
        for sender, unit in senders.items():
            owner = owners.setdefault(sender, name)
            other = case.history.clients[owner]
            # A system reuses an address only after its connection is over, though no end was seen.
            if owner == name or sender == client.label == other.label:
                continue
            if _together(other, client):
                yield Fact(
                    Kind.LABEL,
                    "labels that differ between members",
                    f"{sender} for {owner} and for {name}",
                    (client.connected, unit.span.first, unit.span.last),
                    name,
                    unit.header,
                )
        if len(senders) > 1 and client.label is None:
            yield Fact(
                Kind.LABEL,
                "one label for one member",
                f"{', '.join(sorted(senders))} for {name}",
                (client.connected,),
                name,
            )


def _together(one: ClientHistory, other: ClientHistory) -> bool:
    """Whether two clients were certainly members at the same time.

    A client is known to be a member when it receives a broadcast, not when it connects (ROOM-1).
    """
    seen = [(_first_broadcast(client), client) for client in (one, other)]
    (_, earlier), (later, _) = sorted(seen, key=lambda pair: pair[0])
    gone = earlier.left or earlier.ended
    return later < (inf if gone is None else gone)


def _first_broadcast(client: ClientHistory) -> float:
    units = (unit for unit in client.units if isinstance(unit, ReceivedBroadcast))
    return next((unit.span.last for unit in units), inf)
