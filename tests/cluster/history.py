"""What every client of a simulated cluster saw, and the checker that judges it as one room.

The checker knows no replica and no engine. It reads what was sent and received, by whom and at
which step of the run, and names the first clause that is broken.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import Final

from chatproto import Broadcast, Code, Heartbeat, Notice, UnitReader

EXCUSED: Final = (Code.LOG_UNAVAILABLE, Code.SHUTTING_DOWN)
"""With these a server decides to close, and may drop what it has not accepted."""


class End(Enum):
    """How a client's connection ended."""

    ORDERLY = "an end of stream"
    RESET = "the client reset it, or the server did"
    KILLED = "its node died"


@dataclass(slots=True)
class History:
    """One client's part: each item of `sent` and `received` begins with the step it happened at."""

    sender: str
    connected: int
    sent: list[tuple[int, str]] = field(default_factory=list)
    received: list[tuple[int, str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    left: int | None = None
    end: End | None = None
    reader: UnitReader = field(default_factory=UnitReader)

    def take(self, step: int, octets: bytes) -> None:
        """Read what came at a step."""
        for unit in self.reader.receive(octets):
            match unit:
                case Broadcast(sender=sender, text=text):
                    self.received.append((step, sender, text))
                case Notice(code=code):
                    self.notices.append(code)
                case Heartbeat():
                    pass
                case _:
                    raise Broken("ROOM-6", f"{self.sender} received {unit}")


class Broken(Exception):
    """A clause that a run broke, and how."""

    def __init__(self, clause: str, what: str) -> None:
        super().__init__(f"{clause}: {what}")
        self.clause = clause


def check(histories: list[History]) -> None:
    """Judge all clients together; `Broken` names the first clause that does not hold."""
    senders = [history.sender for history in histories]
    for sender in senders:
        if senders.count(sender) > 1:
            raise Broken("CLU-2", f"two members were {sender}")
    sent = _sent(histories)
    for history in histories:
        _check_what_came(history, sent)
    places = _order(histories)
    first = _first_receptions(histories)
    for history in histories:
        _check_own(history)
        _check_each_sender(history, histories)
        _check_causes(history, places)
        _check_membership(history, places, first)


Message = tuple[str, str]
Place = tuple[int, int]


def _sent(histories: Iterable[History]) -> dict[Message, int]:
    return {(each.sender, text): step for each in histories for step, text in each.sent}


def _check_what_came(history: History, sent: dict[Message, int]) -> None:
    seen: set[Message] = set()
    for step, *message in history.received:
        who, text = message
        if sent.get((who, text), step + 1) > step:
            raise Broken("ROOM-2", f"{history.sender} received {text!r}, which {who} never said")
        if (who, text) in seen:
            raise Broken("CLU-3", f"{history.sender} received {text!r} of {who} twice")
        seen.add((who, text))
    if history.end is End.ORDERLY and not history.reader.complete:
        raise Broken("ROOM-6", f"{history.sender} was ended within a unit")


def _order(histories: Iterable[History]) -> dict[Message, Place]:
    """Give each message its place: the run of the one order that it is in, and the position there.

    Each client received a contiguous run of one order if and only if no message has two successors
    or two predecessors, and none precedes itself (ROOM-3, CLU-4).
    """
    after: dict[Message, Message] = {}
    before: dict[Message, Message] = {}
    messages: dict[Message, None] = {}
    for history in histories:
        run = [(who, text) for _, who, text in history.received]
        messages.update(dict.fromkeys(run))
        for one, two in pairwise(run):
            if after.setdefault(one, two) != two or before.setdefault(two, one) != one:
                raise Broken(
                    "CLU-4",
                    f"{history.sender} received {two} right after {one}; others {one}, "
                    f"{after[one]}, or {before.get(two)}, {two}",
                )
    places: dict[Message, Place] = {}
    for number, start in enumerate(each for each in messages if each not in before):
        message: Message | None = start
        at = 0
        while message is not None:
            places[message] = number, at
            message = after.get(message)
            at += 1
    if len(places) < len(messages):
        raise Broken("ROOM-3", "messages follow each other in a circle")
    return places


def _first_receptions(histories: Iterable[History]) -> dict[Message, int]:
    first: dict[Message, int] = {}
    for history in histories:
        for step, who, text in history.received:
            first[who, text] = min(step, first.get((who, text), step))
    return first


def _check_own(history: History) -> None:
    """Check that a client that stayed, or left in order, received all its own words; any other
    client the first of them."""
    own = [text for _, who, text in history.received if who == history.sender]
    said = [text for _, text in history.sent]
    if own != said[: len(own)]:
        raise Broken("ROOM-4", f"{history.sender} said {said} and received {own}")
    is_owed_all = history.end is None or (
        history.end is End.ORDERLY and not any(code in EXCUSED for code in history.notices)
    )
    if is_owed_all and len(own) < len(said):
        raise Broken("QUIT-3", f"{history.sender} said {said} and received only {own}")


def _check_each_sender(history: History, histories: Iterable[History]) -> None:
    """Check that a client received consecutive words of each sender, from the first on if it was
    there before."""
    by_sender: dict[str, list[str]] = {}
    for _, who, text in history.received:
        by_sender.setdefault(who, []).append(text)
    since = history.received[0][0] if history.received else 0
    for other in histories:
        got = by_sender.get(other.sender, [])
        if got:
            said = [text for _, text in other.sent]
            start = said.index(got[0])
            if got != said[start : start + len(got)] or (start and since < other.connected):
                raise Broken(
                    "CLU-3", f"of {other.sender}, which said {said}, {history.sender} got {got}"
                )


def _check_causes(history: History, places: dict[Message, Place]) -> None:
    """Check that what a client had received when it spoke comes before what it said (ROOM-5)."""
    received = iter(history.received)
    latest = next(received, None)
    cause: Place | None = None
    for step, text in history.sent:
        while latest is not None and latest[0] < step:
            cause = places[latest[1:]]
            latest = next(received, None)
        effect = places.get((history.sender, text))
        if cause is not None and effect is not None and cause[0] == effect[0] and cause > effect:
            raise Broken("ROOM-5", f"{text!r} of {history.sender} came before what caused it")


def _check_membership(
    history: History, places: dict[Message, Place], first: dict[Message, int]
) -> None:
    """Check that a client received nothing that was known before it connected, and, if it stayed or
    left in order, all that was known before it left (ROOM-1)."""
    for _, who, text in history.received:
        if first[who, text] < history.connected:
            raise Broken("ROOM-1", f"{history.sender} received {text!r} from before it joined")
    left_early = any(code in EXCUSED for code in history.notices) or history.end not in (
        None,
        End.ORDERLY,
    )
    if not history.received or left_early:
        return
    last = places[history.received[-1][1:]]
    for message, step in first.items():
        place = places[message]
        is_known = history.left is None or step < history.left
        if is_known and place[0] == last[0] and place > last:
            raise Broken("ROOM-1", f"{history.sender} missed {message[1]!r} before it left")
