"""Controls: how plain lines fared, compared with those that were sent to exercise something.

A line that is lost or cut is attributed to what it was sent to exercise only if plain lines of the
same member, before and after it, fared well. A scenario need not mark plain lines: clients say them
to join, and to wait for each other.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import Final

from conformance.oracle.case import Case
from conformance.oracle.cuts import Cuts
from conformance.oracle.facts import Fact, Kind, Sign
from conformance.oracle.reading.history import ClientHistory
from conformance.oracle.reading.lines import NONCE, Line

TREATMENTS: Final = ("FRM-", "TXT-", "QUIT-1", "QUIT-2", "QUIT-4", "LIM-1", "LIM-2", "HB-1")
"""Requirements about how a line is treated, no matter who receives it."""
_LONG: Final = 900
_Pattern = tuple[bytes, tuple[int, ...]]


def treatment_of(line: Line) -> str:
    """Return the first treatment that a line was sent to exercise; empty if there is none."""
    theme = line.exercises[0] if line.exercises else ""
    return theme if theme.startswith(TREATMENTS) else ""


class Controls:
    """The controls of one case. `facts` has everything that was detected in it."""

    def __init__(self, case: Case, facts: Iterable[Fact]) -> None:
        self._case = case
        self._facts = list(facts)
        lost = (fact for fact in self._facts if fact.kind is Kind.LOST)
        self._lost = {fact.line: fact for fact in lost if fact.line is not None}
        self.cuts = Cuts(case, self._facts)

    def of(self, kind: Kind) -> list[Fact]:
        """Return the facts of one kind that were detected."""
        return [fact for fact in self._facts if fact.kind is kind]

    def is_plain(self, line: Line) -> bool:
        """Whether a message is plain: one word, alone in one segment."""
        if treatment_of(line) or not line.nonces or len(line.octets) > _LONG:
            return False
        return self._case.segments(line) == (line.octets + b"\n",) and line.octets == line.text

    @cached_property
    def _plain_lost(self) -> list[Line]:
        """Plain messages that were lost for all although later ones of the same sender came. If
        there are any, any message may get lost."""
        last = self._case.last_own
        return [
            line
            for line, fact in self._lost.items()
            if Sign.FOR_ALL in fact.signs
            and Sign.FIRST_LINE not in fact.signs
            and line.number < last.get(line.client, 0)
            and self.is_plain(line)
        ]

    @property
    def first_lines_fare_worse(self) -> bool:
        """Whether no plain message was lost for all except its sender's first."""
        return not self._plain_lost

    def plain_fared_well(self, line: Line, *, is_last: bool) -> bool:
        """Whether the sender's nearest plain messages before and after a line came to all, and the
        same text failed again if it was repeated.

        Only the message before it counts if nothing of its sender's came after it. A line about
        framing (FRM-*), or one that was sent alone, is compared with lines that were sent alone.
        """
        alone = treatment_of(line).startswith("FRM-") or self._case.is_alone(line)
        if any(not alone or self._case.is_alone(one) for one in self._plain_lost):
            return False
        if self._fared_better_elsewhere(line):
            return False
        lines = self._case.history.clients[line.client].messages
        place = bisect_left([one.number for one in lines], line.number)
        before = next((one for one in reversed(lines[:place]) if self.is_plain(one)), None)
        after = next(
            (
                one
                for one in lines[place:]
                if one is not line
                and self.is_plain(one)
                and (not alone or self._case.is_alone(one))
            ),
            None,
        )
        if before is None:
            others = (one for client in self._case.clients for one in client.messages)
            before = next((one for one in others if self.is_plain(one)), None)
        if before is None or not self.fared_well(before):
            return False
        if after is None:
            return is_last or alone
        return is_last or self.fared_well(after)

    def fared_well_in_one_segment(self, line: Line) -> bool:
        """Whether a line lay in several segments, and another that says the same, its nonces apart,
        lay in one and came to all."""
        said = NONCE.sub(b"", line.octets)
        return len(self._case.segments(line)) > 1 and any(
            NONCE.sub(b"", other.octets) == said
            and len(self._case.segments(other)) == 1
            and self.fared_well(other)
            for alike in self._said_alike.values()
            for other in alike
        )

    def is_repeated(self, line: Line) -> bool:
        """Whether everybody who sent the same as this line fared as its sender did, of which
        nothing came after it."""
        if self._fared_better_elsewhere(line):
            return False
        pattern = self._pattern(line)
        broken = [one for one in self._broken_off if one.client != line.client]
        if treatment_of(line).startswith("FRM-"):
            return all(treatment_of(one) == treatment_of(line) for one in broken)
        return all(self._pattern(one) == pattern for one in broken)

    @cached_property
    def _broken_off(self) -> list[Line]:
        """For each member that was no longer heard, or was disconnected, the first line of which
        nothing came, if it was sent to exercise how lines are treated."""
        first: dict[str, Line] = {}
        for fact in self._facts:
            line = fact.line
            if fact.kind not in (Kind.LOST, Kind.PUT_OUT) or line is None:
                continue
            if treatment_of(line) and self._case.is_after_all_heard(line):
                known = first.get(line.client)
                if known is None or line.number < known.number:
                    first[line.client] = line
        return list(first.values())

    def _pattern(self, line: Line) -> _Pattern:
        """Describe a line: what it says, without its nonces, and how it lay in segments."""
        segments = self._case.segments(line)
        shape = tuple(segment.count(b"\n") for segment in segments)
        return NONCE.sub(b"", line.octets), shape

    def bursts_fare_well(self, line: Line) -> bool:
        """Whether members that stayed lost nothing of several lines in one segment, if there were
        any. A line alone in its segment whose sender had been answered needs no control."""
        case = self._case
        if any(case.history.clients[one.client].cause is None for one in self._plain_lost):
            return False
        if self.is_plain(line) and self._case.is_alone(line):
            return True
        return not any(
            case.history.clients[one.client].cause is None
            and (not self._case.is_alone(one) or len(case.segments(one)[0].split(b"\n")) > 2)
            for one, fact in self._lost.items()
            if Sign.FOR_ALL in fact.signs
        )

    def fared_well(self, line: Line) -> bool:
        """Whether a message came as it should, and was lost for nobody."""
        ties = self._case.came.get(line, {}).values()
        return line not in self._lost and any(tie.exact for tie in ties)

    def _fared_better_elsewhere(self, line: Line) -> bool:
        pattern = self._pattern(line)
        if not pattern[0].strip() and line.octets == line.text:
            return False
        return any(
            other is not line and self.fared_well(other)
            for other in self._said_alike.get((pattern, line.exercises), ())
        )

    @cached_property
    def _said_alike(self) -> dict[tuple[_Pattern, tuple[str, ...]], list[Line]]:
        """Messages that exercise how lines are treated, by what they say and exercise."""
        alike: dict[tuple[_Pattern, tuple[str, ...]], list[Line]] = defaultdict(list)
        for client in self._case.clients:
            for line in client.messages:
                if treatment_of(line):
                    alike[self._pattern(line), line.exercises].append(line)
        return alike

    def left_meanwhile(self, line: Line) -> ClientHistory | None:
        """Return another client that left, or was let go, between the fence before a line and the
        one after it."""
        return self._left_between(*self._between_settlements(line), line.client)

    def _left_between(self, since: int, until: int, but: str = "") -> ClientHistory | None:
        for client in self._case.clients:
            if client.name == but:
                continue
            ends = (client.left, client.aborted, client.half_closed, client.ended)
            if any(at is not None and since <= at <= until for at in ends):
                return client
        return None

    @cached_property
    def losses_need_leavers(self) -> bool:
        """Whether messages were lost only while somebody left."""
        return all(self.left_meanwhile(line) is not None for line in self._lost)

    @cached_property
    def doubles_need_leavers(self) -> bool:
        """Whether messages came twice only where somebody had left before they came again."""
        doubled = ((fact, fact.line) for fact in self.of(Kind.DOUBLED))
        return all(
            self._left_between(self._between_settlements(line)[0], fact.evidence[-1])
            for fact, line in doubled
            if line is not None
        )

    @cached_property
    def _settled(self) -> list[int]:
        return [at for at, _ in self._case.history.settled]

    def _between_settlements(self, line: Line) -> tuple[int, int]:
        place = bisect_left(self._settled, line.begun)
        since = self._settled[place - 1] if place else 0
        after = bisect_left(self._settled, line.done)
        until = self._settled[after] if after < len(self._settled) else 1 << 62
        return since, until
