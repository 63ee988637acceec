"""What is known of each specimen, and the decorators by which a server class becomes one."""

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from conformance.standard.requirements import requirements


class SpecimenServer(Protocol):
    """What every specimen's class offers."""

    def __init__(self, port: int) -> None: ...

    def serve(self) -> int: ...


S = TypeVar("S", bound=SpecimenServer)


class Specimen(NamedTuple):
    """A server with a known fault, or a strange one with none.

    A run of the suite against it must report every id in `breaks`, and none outside `breaks` and
    `may_break`: those follow from the fault, or are the SHOULDs that a strange server departs from.
    `capacity` is what it holds, where the suite needs to know it.
    `profile` names the shipped profile whose dialect it speaks, and is judged in.
    """

    name: str
    breaks: frozenset[str]
    may_break: frozenset[str]
    summary: str
    start: Callable[[int], int]
    capacity: int | None = None
    profile: str | None = None

    @property
    def legal(self) -> bool:
        """Whether the server is strange, not broken: the suite must let it pass."""
        return not self.breaks


SPECIMENS: dict[str, Specimen] = {}

ALL = " ".join(one.id for one in requirements().values() if one.kind.binds_servers)
"""Every requirement for servers: what a server with many faults, or none that lasts, may break."""
UNHEARD = " ".join(
    one for one in ALL.split() if not one.startswith(("MSG-", "HB-2", "LIM-5", "RES-1", "STOP-2"))
)
"""What one may break whose broadcasts are right, but do not come to all."""
LOSS = "ROOM-1 ROOM-2 ROOM-3"
ORDER = "ROOM-1 ROOM-2 ROOM-3 ROOM-4 ROOM-5 ROOM-7 FRM-1 QUIT-3 QUIT-5 ERR-1"
LOST = f"{LOSS} ROOM-7 FRM-1 TRN-1 QUIT-3 QUIT-5 ERR-1 LIM-4"
WHICHEVER = f"{LOST} FRM-2 FRM-3 HB-1 HB-3 LIM-1 LIM-3 LIM-6 QUIT-2 STOP-1 TXT-1 TXT-3 TXT-4 TXT-5"
SHAPE = "TRN-2 MSG-1 MSG-2 MSG-3 ROOM-2 ROOM-6"
MIXTURE = f"{SHAPE} {LOSS} ROOM-4 MSG-5"
VIOLATION = "TXT-2 LIM-2 ERR-1 ERR-2 ERR-3"


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def enter(
    server: type[SpecimenServer],
    breaks: str,
    may_break: str,
    summary: str,
    profile: str | None = None,
    name: str = "",
) -> None:
    def start(port: int) -> int:
        return server(port).serve()

    name = name or kebab(server.__name__)
    if name in SPECIMENS:
        raise ValueError(f"two specimens are named {name}")
    unknown = {*breaks.split(), *may_break.split()}.difference(ALL.split())
    if unknown:
        raise ValueError(f"{name} names requirements there are none of: {sorted(unknown)}")
    certain = frozenset(breaks.split())
    SPECIMENS[name] = Specimen(
        name=name,
        breaks=certain,
        may_break=frozenset(may_break.split()) - certain,
        summary=summary,
        start=start,
        capacity=getattr(server, "known_capacity", None),
        profile=profile,
    )


def fault(breaks: str, summary: str, *, may_break: str = "") -> Callable[[type[S]], type[S]]:
    """Enter a broken server; ids are separated by spaces."""

    def decorate(server: type[S]) -> type[S]:
        enter(server, breaks, may_break, summary)
        return server

    return decorate


def strange(summary: str, *, shoulds: str = "") -> Callable[[type[S]], type[S]]:
    """Enter a strange but legal server, with the SHOULDs it departs from."""

    def decorate(server: type[S]) -> type[S]:
        enter(server, "", shoulds, summary)
        return server

    return decorate


def speaks(profile: str) -> Callable[[type[S]], type[S]]:
    """Enter a server that is correct in the dialect of this shipped profile, under its name."""

    def decorate(server: type[S]) -> type[S]:
        enter(server, "", "", f"correct in the dialect {profile}", profile, profile)
        return server

    return decorate


def fault_in(
    profile: str, breaks: str, summary: str, *, may_break: str = ""
) -> Callable[[type[S]], type[S]]:
    """Enter a server that is broken beyond the dialect of this shipped profile."""

    def decorate(server: type[S]) -> type[S]:
        enter(server, breaks, may_break, f"in the dialect of {profile}: {summary}", profile)
        return server

    return decorate
