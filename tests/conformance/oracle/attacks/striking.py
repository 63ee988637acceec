"""One thing in a correct run is spoilt: what, and which requirements that may be attributed to.

An attack takes a run and draws where to strike. It returns what it knows: that a requirement is
broken, and which; that none is; or that it cannot tell, the history leaving it open. It knows
that from what the server told everybody, never from the oracle.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from hypothesis import assume
from hypothesis import strategies as st

from tests.conformance.known_run import Run, Told

HEADER: Final = b"20210703 17:45:39 "


@dataclass(frozen=True)
class Verdict:
    """`broken`: whether a requirement is; None if the history leaves that open. `ids`: the
    requirements that any finding may be attributed to; one of those `named` must be found if it is
    broken."""

    broken: bool | None
    ids: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()


LEGAL: Final = Verdict(broken=False)

Attack = Callable[[Run, st.DataObject], Verdict]
BREAKING: Final[dict[str, Attack]] = {}
HARMLESS: Final[dict[str, Attack]] = {}


def breaking(attack: Attack) -> Attack:
    BREAKING[attack.__name__.replace("_", "-")] = attack
    return attack


def harmless(attack: Attack) -> Attack:
    HARMLESS[attack.__name__.replace("_", "-")] = attack
    return attack


def broken(named: str, also: str = "") -> Verdict:
    return Verdict(True, frozenset(f"{named} {also}".split()), frozenset(named.split()))


def one_of(candidates: Iterable[Told], data: st.DataObject) -> Told:
    """Return a unit to attack, if there is any."""
    found = list(candidates)
    assume(found)
    return found[data.draw(st.integers(0, len(found) - 1))]


def words(run: Run) -> list[Told]:
    """Return every broadcast that differs from all others."""
    return [told for name in run.told for told in run.broadcasts(name) if told.nonce]


def neighbours(run: Run, told: Told) -> tuple[Told | None, Told | None]:
    units = run.broadcasts(told.client)
    at = units.index(told)
    return units[at - 1] if at else None, units[at + 1] if at + 1 < len(units) else None


def way_out(run: Run, name: str) -> str:
    """Return the requirement of how a client left (a violation's lines precede it)."""
    lines = run.lines(name)
    if any(line.strip() == b"quit" for line in lines):
        return "QUIT-3"
    if any(b"\xff" in line for line in lines):
        return "ERR-2"
    return "QUIT-5" if name in run.half_closed else "ROOM-1"


def losses(run: Run, told: Told) -> str:
    """Return the requirements of a loss: ROOM-1 or ROOM-2, since each member receives each message.
    A message that precedes its sender's leaving, or comes while others leave, may be attributed to
    that."""
    return f"ROOM-1 ROOM-2 ROOM-7 {way_out(run, run.sender(told))}".replace("ERR-2", "ERR-1")


def leaver(run: Run, data: st.DataObject) -> str:
    names = [name for name in run.ended if way_out(run, name) != "ROOM-1"]
    assume(names)
    return data.draw(st.sampled_from(names))


def next_word(run: Run, told: Told) -> Told | None:
    after = neighbours(run, told)[1]
    return after if after is not None and after.nonce else None
