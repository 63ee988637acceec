"""Is it a unit? TRN-2, MSG-1, MSG-2, MSG-3, and what a stream may end within."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, partial
from math import inf
from typing import Final

from chatproto.text import make_safe
from conformance.oracle import attribution
from conformance.oracle.case import Case
from conformance.oracle.findings import Finding, Outcome
from conformance.oracle.reading.history import Cause, ClientHistory, Ending
from conformance.oracle.reading.units import (
    Junk,
    ReceivedBroadcast,
    ReceivedHeartbeat,
    ReceivedNotice,
    Rest,
)

HEADER_INSIDE: Final = re.compile(rb"\d{8} \d\d:\d\d:\d\d \S+:\d+")
_HEADER_SHAPE: Final = b"00000000 00:00:00 "
_CODE: Final = re.compile(r"[a-z0-9-]+")
_FRAGMENT: Final = 3
_SHOWN: Final = 40
_TORN: Final = {
    None: "ROOM-6",
    Cause.QUIT: "QUIT-3",
    Cause.END_OF_STREAM: "QUIT-5",
    Cause.VIOLATION: "ERR-2",
    Cause.RESET: "ROOM-6",
}


def check_units(case: Case) -> Iterator[Finding]:
    """Every octet that came belongs to a unit, and every unit has its form."""
    tied = {id(tie.unit) for tie in case.matching.ties() if isinstance(tie.unit, Junk)}
    is_fragment = cache(partial(_is_fragment, case))
    sound: set[bytes] = set()
    for client in case.clients:
        for unit in client.units:
            match unit:
                case ReceivedBroadcast(header=header):
                    if header not in sound:
                        finding = _header(case, client, unit)
                        if finding is None:
                            sound.add(header)
                        else:
                            yield finding
                case ReceivedNotice(span=span, octets=octets, code=code):
                    if _CODE.fullmatch(code) is None:
                        yield Finding(
                            "TRN-2",
                            "a notice: !CODE, CODE of lower-case letters, digits and hyphens",
                            f"the code {code!r}",
                            (span.first, span.last),
                            client.name,
                            octets,
                        )
                    elif case.history.start.dialect is None:
                        yield from _explanation(client, unit)
                case Junk(span=span, octets=octets):
                    if id(unit) in tied:
                        continue
                    torn = HEADER_INSIDE.search(octets) is not None or is_fragment(octets)
                    yield Finding(
                        "ROOM-6" if torn else "TRN-2",
                        "a broadcast, a notice or a heartbeat: a digit, '!' or LF first",
                        "a line that is none of them"
                        + (", but a part of a broadcast" if torn else ""),
                        (span.first, span.last),
                        client.name,
                        octets,
                        b"",
                    )
                case Rest():
                    yield from _rest(case, client, unit)
                case ReceivedHeartbeat():
                    pass
    yield from _headers_agree(case)
    yield from _labels(case)


def _explanation(client: ClientHistory, notice: ReceivedNotice) -> Iterator[Finding]:
    """What explains a notice is a text, as all that is shown."""
    _, parted, octets = notice.octets.partition(b" ")
    where = (notice.span.first, notice.span.last)
    if not parted:
        return
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        requirement, wanted = "TXT-1", "an explanation in UTF-8"
    else:
        if make_safe(text) != text:
            requirement, wanted = "TXT-4", "an explanation that drives no terminal"
        else:
            return
    yield Finding(requirement, wanted, "a notice with another", where, client.name, notice.octets)


def _is_fragment(case: Case, octets: bytes) -> bool:
    """Whether this is a part of what somebody said."""
    piece = octets.strip()
    return len(piece) > _FRAGMENT and piece in case.lines_sent


def _header(case: Case, client: ClientHistory, unit: ReceivedBroadcast) -> Finding | None:
    where = (unit.span.first, unit.span.last)
    if not (unit.sender and case.is_sender(unit.sender)) and _is_torn(unit.header):
        return Finding(
            "ROOM-6",
            "a broadcast's octets with nothing else between them",
            "a header begun, and another within it",
            where,
            client.name,
            unit.header,
        )
    if unit.time is None and case.shows_times:
        return Finding(
            "MSG-1",
            "a header YYYYMMDD HH:MM:SS SENDER: a real date, a 24-hour time, single spaces",
            f"the header {unit.header.decode('latin-1')!r}",
            where,
            client.name,
            unit.header,
            _nearest_header(unit.header),
        )
    if unit.sender is None or not case.is_sender(unit.sender):
        more = unit.sender is not None and any(map(case.is_sender, unit.sender.split()))
        return Finding(
            "MSG-1" if more else "MSG-2",
            "the sender's address: 127.0.0.1:52012, [2001:db8::1]:52012 or unix:N",
            f"{unit.header[18:].decode('latin-1')!r}",
            where,
            client.name,
            unit.header,
        )
    return None


def _is_torn(header: bytes) -> bool:
    """Whether a header begins as another does, and then that other begins."""
    inner = HEADER_INSIDE.search(header, 1)
    if inner is None:
        return False
    begun = header[: min(inner.start(), len(b"YYYYMMDD"))]
    return inner[0].startswith(begun)


def _nearest_header(header: bytes) -> bytes:
    """A header of the right shape that agrees with this one as far as it can."""
    nearest = bytearray()
    for index, shape in enumerate(_HEADER_SHAPE):
        came = header[index : index + 1]
        fits = came.isdigit() if chr(shape).isdigit() else came == bytes([shape])
        if not fits:
            return bytes(nearest) + _HEADER_SHAPE[index:]
        nearest += came
    return header if header[18:19].strip() else bytes(nearest) + b"127.0.0.1:52012"


def _rest(case: Case, client: ClientHistory, unit: Rest) -> Iterator[Finding]:
    where = (unit.span.first, client.ended or unit.span.last)
    if not unit.is_unit:
        yield Finding(
            "TRN-2",
            "a broadcast, a notice or a heartbeat: a digit, '!' or LF first",
            "octets that start none of them, without an LF",
            where,
            client.name,
            unit.octets,
            b"",
        )
        return
    if unit.begun is not None and (finding := _header(case, client, unit.begun)) is not None:
        yield finding
    sound = all(
        one.sender is not None and case.is_sender(one.sender)
        for one in client.units
        if isinstance(one, ReceivedBroadcast)
    )
    whole = client.ending is Ending.ORDERLY and not client.stalls and sound
    if whole and case.died is None:
        yield Finding(
            "STOP-1" if case.stopping is not None and client.cause is None else _TORN[client.cause],
            "a stream that ends where a unit ends",
            "an end of stream within a unit",
            where,
            client.name,
            unit.octets,
        )


def _headers_agree(case: Case) -> Iterator[Finding]:
    for ties in case.came.values():
        first: ReceivedBroadcast | None = None
        for tie in ties.values():
            unit = tie.unit
            if not isinstance(unit, ReceivedBroadcast) or tie.line.text is None:
                continue
            if first is None:
                first = unit
            elif unit.octets != first.octets and attribution.is_about_text(tie, unit.text):
                one, other = first.header, unit.header
                if one == other:
                    one, other = _parting(first.text, unit.text)
                yield Finding(
                    "MSG-3",
                    "the same octets for every recipient",
                    f"{one.decode('latin-1')!r} for one and "
                    f"{other.decode('latin-1')!r} for {tie.client}",
                    (first.span.last, unit.span.last),
                    tie.client,
                    unit.octets,
                    first.octets,
                    case.segments(tie.line),
                )
                break


def _parting(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """A few octets of two texts from where they part, or a little before."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    start = max(0, same - _SHOWN // 2)
    return one[start : start + _SHOWN], other[start : start + _SHOWN]


def _labels(case: Case) -> Iterator[Finding]:
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
                    yield Finding(
                        "MSG-2",
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
                yield Finding(
                    "MSG-2", "unix:N on a Unix-domain socket", sender, where, name, unit.header
                )
        for sender, unit in senders.items():
            owner = owners.setdefault(sender, name)
            if owner != name and _together(case.history.clients[owner], client):
                yield Finding(
                    "MSG-2",
                    "labels that differ between members",
                    f"{sender} for {owner} and for {name}",
                    (client.connected, unit.span.first, unit.span.last),
                    name,
                    unit.header,
                )
        if len(senders) > 1 and client.label is None:
            yield Finding(
                "MSG-2",
                "one label for one member",
                f"{', '.join(sorted(senders))} for {name}",
                (client.connected,),
                name,
            )


def _together(one: ClientHistory, other: ClientHistory) -> bool:
    """Whether two clients were certainly members at the same time: the one was when the other is
    first seen to be. Which is when it receives a broadcast, not when it connects (ROOM-1)."""
    seen = [(_first_broadcast(client), client) for client in (one, other)]
    (_, earlier), (later, _) = sorted(seen, key=lambda pair: pair[0])
    gone = earlier.left or earlier.ended
    return later < (inf if gone is None else gone)


def _first_broadcast(client: ClientHistory) -> float:
    units = (unit for unit in client.units if isinstance(unit, ReceivedBroadcast))
    return next((unit.span.last for unit in units), inf)
